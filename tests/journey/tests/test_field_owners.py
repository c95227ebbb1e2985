from typing import Any

from shop_journey.field_owners import without_flux


def entry(manager: str, operation: str = "Apply", **fields: Any) -> dict[str, Any]:
    spec = {f"f:{name}": value for name, value in fields.items()}
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "minishop.dev/v1alpha1",
        "fieldsV1": {"f:spec": spec},
    }


def test_what_flux_alone_applied_is_taken_over() -> None:
    others = entry("shop-operator", image={}), entry("kustomize-controller", "Update", status={})
    flux = entry("kustomize-controller", replicas={})
    assert without_flux({"managedFields": [flux, *others]}) == {
        "managedFields": [entry("kubectl", replicas={}), *others]
    }


def test_what_both_applied_is_of_one_owner_with_the_fields_of_both() -> None:
    before = entry("kubectl", image={}, secrets={"f:provider": {}})
    flux = entry("kustomize-controller", replicas={}, secrets={"f:files": {}})
    [merged] = without_flux({"managedFields": [before, flux]})["managedFields"]
    both: dict[str, Any] = {"f:provider": {}, "f:files": {}}
    assert merged == entry("kubectl", image={}, replicas={}, secrets=both)


def test_another_version_of_the_kind_stays_an_owner_of_its_own() -> None:
    older = {**entry("kubectl", image={}), "apiVersion": "minishop.dev/v1alpha0"}
    flux = entry("kustomize-controller", image={})
    found = without_flux({"managedFields": [older, flux]})["managedFields"]
    assert found == [older, entry("kubectl", image={})]
