"""The Secret with Debezium's login, and the Role that lets Connect's pods read only that Secret.

All three are in the service's namespace: the operator needs no right to write Secrets where the
administrators' Secrets are, and they are garbage-collected with the ShopService. See ADR 0026.
"""

from collections.abc import Iterator

from shop_operator.children.access_secret import Access, encode, with_rotated
from shop_operator.metadata import Manifest, owned
from shop_operator.names import capture_role, connector_login, database_name
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

_RBAC = "rbac.authorization.k8s.io"


def capture_login(service: ShopService, platform: Settings, access: Access) -> Iterator[Manifest]:
    """Yield the Secret, the Role that may read it, and its binding to Connect."""
    if service.spec.outbox_table is None or access.capture is None:
        return
    name, role = connector_login(service), capture_role(database_name(service, platform))
    login = {"username": role, "password": access.capture}
    data = {key: encode(value) for key, value in login.items()}
    secret = owned(service, "v1", "Secret", name=name, type="Opaque", data=data)
    yield with_rotated(secret, access.capture_rotated)
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["get"]}
    yield owned(service, f"{_RBAC}/v1", "Role", name=name, rules=[rule])
    # Strimzi's name for the ServiceAccount of a KafkaConnect.
    connect = {"name": f"{platform.kafka_connect}-connect", "namespace": platform.kafka_namespace}
    yield owned(
        service,
        f"{_RBAC}/v1",
        "RoleBinding",
        name=name,
        roleRef={"apiGroup": _RBAC, "kind": "Role", "name": name},
        subjects=[{"kind": "ServiceAccount", **connect}],
    )
