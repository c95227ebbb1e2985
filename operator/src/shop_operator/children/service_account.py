"""The ServiceAccount of the pods. Its token is mounted only if Vault logs in with it."""

from shop_operator.metadata import Manifest, owned
from shop_operator.spec import ShopService


def service_account(service: ShopService) -> Manifest:
    """Return the service's ServiceAccount."""
    needs_token = service.spec.secrets.provider == "vault"
    return owned(service, "v1", "ServiceAccount", automountServiceAccountToken=needs_token)
