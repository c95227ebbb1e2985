"""What the provisionings of one process share."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from shop_operator.settings import Settings
from shop_operator.spec import Key, ShopService
from shop_operator.stores.access import PasswordMemory
from shop_operator.stores.capture import CaptureWatch
from shop_operator.stores.external import External, Found, Identity
from shop_operator.stores.maker import Maker
from shop_operator.stores.platform import Platform


class Shared(Protocol):
    """What provisionings share."""

    settings: Settings
    services: Iterable[ShopService]
    platform: Platform
    captures: CaptureWatch
    passwords: PasswordMemory
    maker: Maker

    def trusted(self, key: Key, externals: Sequence[External]) -> dict[Identity, Found] | None:
        """Return what was found a moment ago, if all of it was as declared."""
        ...

    def trust(self, key: Key, externals: Sequence[External], found: dict[Identity, Found]) -> None:
        """Remember that all was found as declared."""
        ...
