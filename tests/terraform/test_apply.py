"""The module applied to a real API server: no pod runs there, but each object is as it would be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shop_cluster import opentofu
from shop_cluster.control_plane import ControlPlane, control_plane
from shop_cluster.ports import NODE_PORTS
from terraform.opentofu_cli import tofu

ROOT = Path(__file__).resolve().parents[2]
CHANGED = 2  # what `plan -detailed-exitcode` says of a plan with changes
MAIN = """
terraform {{
  required_providers {{
    kustomization = {{ source = "kbst/kustomization", version = "0.9.8" }}
    kubectl       = {{ source = "gavinbunney/kubectl", version = "1.19.0" }}
  }}
  backend "kubernetes" {{
    secret_suffix = "minishop"
    namespace     = "default"
    config_path   = "{kubeconfig}"
  }}
}}
variable "crds" {{ type = set(string) }}
provider "kustomization" {{ kubeconfig_path = "{kubeconfig}" }}
provider "kubectl" {{ config_path = "{kubeconfig}" }}
module "shop" {{
  source      = "{root}/terraform/modules/shop"
  repository  = "{root}"
  platform    = "{root}/kustomize/overlays/embedded"
  operator    = "{root}/kustomize/base/operator"
  services    = "{root}/kustomize/overlays/shop-kubernetes"
  kubeconfig  = "{kubeconfig}"
  crds        = var.crds
  development = true
  wait        = false
}}
"""
SERVICES = {
    "auth",
    "gateway",
    "notification",
    "order",
    "payment",
    "payment-simulator",
    "product",
    "shipping",
    "storefront",
    "user",
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("control-plane")
    flags = {"service-node-port-range": NODE_PORTS}
    with control_plane(folder, api_server_flags=flags) as running:
        yield running


def names(plane: ControlPlane, *words: str) -> set[str]:
    found = plane.kubectl("get", *words, "-o", "name").split()
    return {each.rpartition("/")[2] for each in found}


def test_the_shop_is_applied_drift_is_repaired_and_data_outlive_its_end(
    plane: ControlPlane, tmp_path: Path
) -> None:
    (tmp_path / "main.tf").write_text(MAIN.format(kubeconfig=plane.kubeconfig, root=ROOT))
    environment = dict(opentofu.environment())
    tofu(tmp_path, "init", environment=environment)
    tofu(tmp_path, "apply", "-auto-approve", environment=environment)
    assert names(plane, "shopservices", "-n", "shop") == SERVICES
    assert names(plane, "statefulsets", "-n", "platform") >= {"postgres", "mongodb", "redis"}
    assert "tfstate-default-minishop" in names(plane, "secrets", "-n", "default")
    plan = ("plan", "-detailed-exitcode")
    tofu(tmp_path, *plan, environment=environment)

    by_hand = '{"spec": {"replicas": 3}}'
    shipping = ("shopservice", "shipping", "-n", "shop")
    plane.kubectl("patch", *shipping, "--type=merge", f"--patch={by_hand}")
    told = tofu(tmp_path, *plan, "-no-color", environment=environment, ends_with=CHANGED)
    assert "0 to add, 1 to change, 0 to destroy" in told
    tofu(tmp_path, "apply", "-auto-approve", environment=environment)
    assert plane.kubectl("get", *shipping, "-o", "jsonpath={.spec.replicas}") == "1"

    tofu(tmp_path, "destroy", "-auto-approve", environment=environment)
    assert names(plane, "shopservices,deployments,statefulsets", "-A") == set()
    # With them go volumes, and all objects of a kind.
    assert names(plane, "namespaces") >= {"platform", "minishop-system", "shop"}
    assert "shopservices.minishop.dev" in names(plane, "crds")
