"""Annotations for the Vault Agent Injector, which belong on the pod template.

Source: developer.hashicorp.com/vault/docs/platform/k8s/injector/annotations
"""

from shop_operator.spec import ShopService

_PREFIX = "vault.hashicorp.com"


def annotations(service: ShopService) -> dict[str, str]:
    """Return the annotations that name the files for the injector to write."""
    secrets = service.spec.secrets
    found = {
        f"{_PREFIX}/agent-inject": "true",
        f"{_PREFIX}/role": secrets.role or service.name,
        # The migration's container needs the files before the sidecar runs.
        f"{_PREFIX}/agent-init-first": "true",
    }
    for file in secrets.files:
        found[f"{_PREFIX}/agent-inject-secret-{file.name}"] = file.path
        if file.template:
            found[f"{_PREFIX}/agent-inject-template-{file.name}"] = file.template
    return found
