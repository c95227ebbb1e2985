"""The things outside the service's namespace that a spec declares, in the order of making."""

from collections.abc import Callable, Iterator
from typing import Final

from shop_operator.api.kinds import KAFKA_CONNECTOR, KAFKA_TOPIC
from shop_operator.children.access_secret import Access, Login, store_urls
from shop_operator.children.kafka_topic import declared_topics
from shop_operator.children.vault import MONGODB_SECRET, login_path
from shop_operator.names import (
    alternate,
    capture_role,
    connector_name,
    database_name,
    key_prefix,
    login_name,
    queue_prefix,
    store_user,
    vault_folder,
    vault_name,
)
from shop_operator.settings import Settings
from shop_operator.spec import Outbox, ShopService
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import External, Record
from shop_operator.stores.kafka import KINDS, KafkaResource
from shop_operator.stores.mongodb.database import Database as MongoDatabase
from shop_operator.stores.mongodb.database import User
from shop_operator.stores.postgres.capture import Publication, ReplicationSlot
from shop_operator.stores.postgres.database import Database, Role
from shop_operator.stores.postgres.login_maker import LoginMaker
from shop_operator.stores.postgres.member_role import MemberRole
from shop_operator.stores.rabbitmq.user import QueueUser
from shop_operator.stores.redis.user import CacheUser
from shop_operator.stores.vault.database import Connection, LoginRole, login_maker
from shop_operator.stores.vault.policy import AuthRole, Policy
from shop_operator.stores.vault.secret import WrittenSecret

_OF_RECORD: Final[dict[tuple[str, str], Callable[[Record], External]]] = {
    ("postgres", "Role"): lambda record: Role(
        name=record.name, database=record.database, on_delete=record.on_delete
    ),
    ("postgres", "CaptureRole"): lambda record: Role(
        name=record.name, database=record.database, replication=True, on_delete=record.on_delete
    ),
    ("postgres", "Database"): lambda record: Database(name=record.name, on_delete=record.on_delete),
    ("postgres", "Publication"): lambda record: Publication(database=record.database),
    ("postgres", "ReplicationSlot"): lambda record: ReplicationSlot(database=record.database),
    ("mongodb", "User"): lambda record: User(
        name=record.name, database=record.database, on_delete=record.on_delete
    ),
    ("mongodb", "CaptureUser"): lambda record: User(
        name=record.name, database=record.database, capture=True, on_delete=record.on_delete
    ),
    ("mongodb", "Database"): lambda record: MongoDatabase(
        name=record.name, on_delete=record.on_delete
    ),
    ("postgres", "LoginMaker"): lambda record: LoginMaker(
        name=record.name, database=record.database
    ),
    ("postgres", "MemberRole"): lambda record: MemberRole(
        name=record.name, database=record.database
    ),
    ("redis", "CacheUser"): lambda record: CacheUser(name=record.name),
    ("rabbitmq", "QueueUser"): lambda record: QueueUser(name=record.name),
    ("vault", "DatabaseConnection"): lambda record: Connection(
        name=record.name, database=record.database
    ),
    ("vault", "LoginRole"): lambda record: LoginRole(name=record.name, database=record.database),
    ("vault", "Secret"): lambda record: WrittenSecret(name=record.name),
    ("vault", "Policy"): lambda record: Policy(name=record.name),
    ("vault", "AuthRole"): lambda record: AuthRole(name=record.name),
}


def declared(service: ShopService, platform: Settings, access: Access) -> list[External]:
    """Return everything outside the namespace that the service asks for.

    Later things may need earlier ones; they are released in the opposite order. The passwords in
    `access` are those to be set.
    """
    found: list[External] = []
    if service.spec.database is not None:
        postgres = service.spec.database.kind == "postgres"
        found += (_postgres if postgres else _mongodb)(service, platform, access)
    found += _users(service, platform, access)
    if service.spec.secrets.keeps_vault:
        found += _vault(service, platform, access)
    found += _kafka(service, platform)
    return found


def made_before(service: ShopService, platform: Settings) -> list[External]:
    """Return what the version of the operator that did not record may have made for the service.

    A connector in the status means a capture, even if the spec no longer has an outbox.
    """
    children = service.status.get("children") or ()
    captured = any(child["kind"] == KAFKA_CONNECTOR.kind for child in children)
    if captured and service.spec.outbox_table is None:
        events = service.spec.events.model_copy(update={"outbox": Outbox()})
        spec = service.spec.model_copy(update={"events": events})
        service = service.model_copy(update={"spec": spec})
    return declared(service, platform, Access())


def of_record(record: Record, platform: Settings) -> External:
    """Return the thing of a record, to be read and released.

    Raises StoreError UnknownExternal: a newer version of the operator made it.
    """
    if record.store == "kafka" and record.kind in KINDS:
        namespace = platform.kafka_namespace
        kept = record.on_delete
        return KafkaResource(
            kind=KINDS[record.kind], name=record.name, namespace=namespace, on_delete=kept
        )
    make = _OF_RECORD.get((record.store, record.kind))
    if make is not None:
        return make(record)
    raise StoreError(
        "UnknownExternal",
        f"this version of the operator does not know {record}; run the version that made it, or "
        "set spec.managementPolicy to Paused to leave it behind",
    )


def _postgres(service: ShopService, platform: Settings, access: Access) -> Iterator[External]:
    database = service.spec.database
    if database is None:
        return
    name, kept = database_name(service, platform), database.on_delete
    owner, capture = access.owner or "", access.capture or ""
    login = Login(login_name(name, is_alternate=access.is_alternate), owner)
    if access.is_alternate:
        yield Role(name=name, database=name, on_delete=kept, is_locked=True)
        yield MemberRole(name=login.username, database=name, password=owner)
    else:
        yield Role(name=name, database=name, on_delete=kept, password=owner)
    yield Database(name=name, on_delete=kept, login=login)
    outbox = service.spec.outbox_table
    if outbox is not None:
        yield Role(
            name=capture_role(name),
            database=name,
            replication=True,
            on_delete="Drop",
            password=capture,
        )
        yield Publication(database=name, outbox=outbox, login=login)
        yield ReplicationSlot(database=name)


def _mongodb(service: ShopService, platform: Settings, access: Access) -> Iterator[External]:
    database = service.spec.database
    if database is None:
        return
    name, kept = database_name(service, platform), database.on_delete
    owner = access.owner or ""
    if access.is_alternate:
        yield User(name=name, database=name, on_delete=kept, is_locked=True)
        yield User(name=alternate(name), database=name, on_delete="Drop", password=owner)
    else:
        yield User(name=name, database=name, on_delete=kept, password=owner)
    yield MongoDatabase(name=name, on_delete=kept)
    if service.spec.outbox_table is not None:
        yield User(
            name=capture_role(name),
            database=name,
            capture=True,
            on_delete="Drop",
            password=access.capture or "",
        )


def _users(service: ShopService, platform: Settings, access: Access) -> Iterator[External]:
    name, spec = login_name(store_user(service), is_alternate=access.is_alternate), service.spec
    if spec.cache is not None:
        prefix = key_prefix(service, platform)
        scope = prefix.removesuffix(f"{service.name}:")
        reads = tuple(f"{scope}{pattern}" for pattern in spec.cache.reads)
        password = access.redis.password if access.redis else ""
        yield CacheUser(name=name, prefix=prefix, reads=reads, password=password)
    if spec.queue:
        vhost = platform.rabbitmq_vhosts.get(service.namespace, "/")
        password = access.rabbitmq.password if access.rabbitmq else ""
        prefix = queue_prefix(service)
        yield QueueUser(name=name, vhost=vhost, prefix=prefix, password=password)


def _vault(service: ShopService, platform: Settings, access: Access) -> Iterator[External]:
    """Yield what gives out logins before the policy and the role that let the pods ask for them."""
    name, database = vault_name(service), service.spec.database
    folder, logins = vault_folder(service), []
    if database is not None and database.kind == "postgres":
        own = database_name(service, platform)
        at = f"{platform.postgres_host}:{platform.postgres_port}"
        yield LoginMaker(name=login_maker(own), database=own)
        yield Connection(name=name, database=own, at=at, rotated=access.rotated or "")
        role = login_name(name, is_alternate=access.is_alternate)
        yield LoginRole(name=role, database=own, connection=name)
        # Both: a policy that changed with the login would keep pods of the other from their own.
        logins += [login_path(service, platform, is_alternate=second) for second in (False, True)]
    elif database is not None:
        content = {"url": store_urls(service, platform, access).get("database_url", "")}
        yield WrittenSecret(name=f"{folder}/{MONGODB_SECRET}", content=content)
    yield Policy(name=name, paths=(f"{platform.vault_kv_mount}/data/{folder}/*", *logins))
    yield AuthRole(name=name)


def _kafka(service: ShopService, platform: Settings) -> Iterator[External]:
    namespace = platform.kafka_namespace
    for topic in declared_topics(service, platform):
        yield KafkaResource(
            kind=KAFKA_TOPIC,
            name=topic.resource,
            namespace=namespace,
            topic=topic.topic,
            on_delete=topic.on_delete,
            is_named_by_user=topic.is_named_by_user,
        )
    if service.spec.outbox_table is not None:
        name = connector_name(service, platform)
        yield KafkaResource(kind=KAFKA_CONNECTOR, name=name, namespace=namespace)
