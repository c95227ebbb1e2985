"""The webhook's handler: Kopf's server calls it before a ShopService is created or changed."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import kopf

from shop_operator.admission.review import review
from shop_operator.metadata import API_VERSION
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError, ShopService, parse

HANDLER: Final = "validate"
"""The handler's id, which is the path that the API server asks."""


def install(
    registry: kopf.OperatorRegistry,
    platform: Settings,
    *,
    services: Iterable[ShopService],
) -> None:
    """Answer admission reviews; `services` are all ShopServices that are known, at each time."""

    @kopf.on.validate(
        API_VERSION,
        "shopservices",
        id=HANDLER,
        operations=["CREATE", "UPDATE"],
        ignore_failures=True,
        registry=registry,
    )
    async def validate(
        *,
        body: kopf.Body,
        warnings: list[str],
        **more: Any,  # noqa: ANN401 - Kopf's own arguments
    ) -> None:
        """Refuse what another has; warn of likely mistakes. Raises AdmissionError."""
        try:
            new = parse(body)
            before = parse(more["old"]) if more.get("old") else None
        except InvalidSpecError as error:
            warnings.append(str(error))  # a newer version of this operator may read it
            return
        if new.deleting:
            return
        # Read here, in the loop that changes them; Kopf would call a plain function in a thread.
        known = list(services)
        found = await asyncio.to_thread(review, new, before, known, platform)
        warnings.extend(found.warnings)
        if found.refusals:
            raise kopf.AdmissionError("; ".join(found.refusals), code=409)
