from typing import Any

from shop_journey.development import without_tilt

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
POLICY = "tilt.dev/down-policy"


def field(manager: str, *annotations: str) -> dict[str, Any]:
    own: dict[str, Any] = {"f:annotations": {f"f:{name}": {} for name in annotations}}
    return {"manager": manager, "fieldsV1": {"f:metadata": own, "f:spec": {"f:image": {}}}}


def test_what_tilt_added_is_taken_away_and_nothing_else() -> None:
    kubectl, other = field("kubectl"), field("Go-http-client", "note")
    patch = without_tilt(
        {
            "annotations": {APPLIED: "{}", POLICY: "keep", "note": "ours"},
            "managedFields": [kubectl, field("Go-http-client", APPLIED, POLICY), other],
        }
    )
    assert patch == {
        "annotations": {APPLIED: None, POLICY: None},
        "managedFields": [kubectl, other],
    }
