"""Opens provisionings, one a reconcile, and releases what a ShopService no longer declares."""

import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.cache import Cache
from shop_operator.api.write_gate import WriteGate
from shop_operator.children.access_secret import Access
from shop_operator.settings import Settings
from shop_operator.spec import Key, ShopService
from shop_operator.stores.access import PasswordMemory
from shop_operator.stores.capture import CaptureWatch
from shop_operator.stores.declared import declared, made_before, of_record
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import External, Found, Identity, Record
from shop_operator.stores.kafka_topics import KafkaTopics
from shop_operator.stores.maker import Maker
from shop_operator.stores.ownership import DATABASES, KAFKA, in_release_order, recorded
from shop_operator.stores.platform import Platform
from shop_operator.stores.provisioning import Provisioning
from shop_operator.stores.sessions import Resources, Servers, Sessions
from shop_operator.stores.vault.session import VaultLogin

_TRUST_SECONDS: Final = 3.0
"""How long stores that were found as declared are not read again."""
_CAPTURE_SECONDS: Final = 5.0
_STORES_SECONDS: Final = 60.0
_CAPTURES_PER_SECOND: Final = 4


class Provisioner:
    """What is shared by all provisionings of this process."""

    def __init__(
        self,
        *,
        client: ApiClient,
        cache: Cache,
        gate: WriteGate,
        settings: Settings,
        services: Iterable[ShopService] = (),
    ) -> None:
        self.settings = settings
        self.services = services
        self.platform = Platform(client, settings)
        self.captures = CaptureWatch()
        self.passwords = PasswordMemory()
        self.maker = Maker()
        self._servers = Servers(
            postgres=self.platform.postgres,
            mongodb=self.platform.mongodb,
            redis=self.platform.redis,
            rabbitmq=self.platform.rabbitmq,
            vault=VaultLogin(settings),
            topics=KafkaTopics(settings.kafka_bootstrap),
        )
        self._resources = Resources(client, cache, gate)
        self._trusted: dict[Key, tuple[float, tuple[External, ...], dict[Identity, Found]]] = {}

    @contextlib.asynccontextmanager
    async def open(self, service: ShopService) -> AsyncIterator[Provisioning]:
        """Open the provisioning of one reconcile; its sessions with the stores end with it."""
        async with Sessions(service, self._servers, self._resources) as sessions:
            yield Provisioning(self, sessions)

    def recheck_seconds(self, service: ShopService) -> float | None:
        """Return when to look at the stores again, which nothing reports changes of."""
        spec = service.spec
        if spec.database is None:
            has_login = spec.cache or spec.queue or spec.secrets.keeps_vault
            return _STORES_SECONDS if has_login else None
        if service.spec.outbox_table is None:
            return _STORES_SECONDS
        return max(_CAPTURE_SECONDS, len(self.captures) / _CAPTURES_PER_SECOND)

    def records(self, service: ShopService) -> list[Record]:
        """Return what a ShopService has outside its namespace, as it is to be released now."""
        externals = declared(service, self.settings, Access())
        current = {external.record.identity: external.record for external in externals}
        before = made_before(service, self.settings)
        return [current.get(record.identity, record) for record in recorded(service, before)]

    async def release(
        self, service: ShopService, records: Iterable[Record]
    ) -> tuple[list[Record], StoreError | None]:
        """Release things that are recorded; return those that are left, and why.

        What does not exist, or no longer carries the service's mark, is forgotten.
        """
        left: list[Record] = []
        blocked: dict[str, StoreError] = {}
        self._trusted.pop(service.key, None)
        if service.deleting:
            self.passwords.forget(service.key)
        async with Sessions(service, self._servers, self._resources, fresh=True) as sessions:
            for record in in_release_order(records):
                error = blocked.get(record.store)
                if error is None:
                    error = await self._release(sessions, record)
                if error is not None:
                    left.append(record)
                    blocked.setdefault(record.store, error)
                if error is not None and record.kind == "KafkaConnector":
                    blocked |= dict.fromkeys(DATABASES, error)  # it still reads there
                if error is not None and record.kind == "LoginRole":
                    blocked |= dict.fromkeys(DATABASES, error)  # its logins are still there
        return left, next(iter(blocked.values()), None)

    def trusted(self, key: Key, externals: Sequence[External]) -> dict[Identity, Found] | None:
        """Return what was found a moment ago, if all of it was as declared."""
        at, before, found = self._trusted.get(key, (float("-inf"), (), {}))
        recent = time.monotonic() - at < _TRUST_SECONDS
        return found if recent and before == tuple(externals) else None

    def trust(self, key: Key, externals: Sequence[External], found: dict[Identity, Found]) -> None:
        """Remember that all was found as declared; Kafka's resources are in the cache anyway."""
        stores = {i: live for i, live in found.items() if i[0] != KAFKA}
        self._trusted[key] = time.monotonic(), tuple(externals), stores

    async def _release(self, sessions: Sessions, record: Record) -> StoreError | None:
        try:
            external = of_record(record, self.settings)
            sessions.resources.gate.require()
            found = await external.read(sessions)
            if found is None or found.owner != sessions.owner:
                return None
            if not await external.release(sessions):
                return StoreError("Releasing", f"{record} is not gone yet")
        except StoreError as error:
            return StoreError(error.reason, f"{record} waits to be released: {error}")
        if record.kind == "ReplicationSlot":
            self.captures.forget(record.name)
        return None
