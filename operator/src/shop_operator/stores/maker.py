"""Makes what was absent when a reconcile read it, unless another's reconcile was faster."""

import asyncio
from weakref import WeakValueDictionary

from shop_operator.stores.external import External
from shop_operator.stores.ownership import not_owned
from shop_operator.stores.sessions import Sessions


class Maker:
    """Has one reconcile of this process at a time make a thing of a name."""

    def __init__(self) -> None:
        self._making: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def make(self, external: External, sessions: Sessions) -> None:
        """Make a thing that was absent; two ShopServices may ask for it at the same moment.

        Raises StoreError, NotOwned if it is another's by now.
        """
        record = external.record
        # By name without the kind: a login may be a Role of one and a MemberRole of another.
        lock = self._making.setdefault((record.store, record.name), asyncio.Lock())
        async with lock:
            live = await external.read(sessions)
            if live is not None and live.owner != sessions.owner:
                raise not_owned(external, live, sessions.owner)
            await external.ensure(sessions)
