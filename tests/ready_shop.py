"""The shop on a cluster: brought up by `make up` before, or by the first test that needs it."""

import asyncio

from rich.console import Console
from shop_journey.place import Place, here
from shop_journey.steps import View, run
from shop_journey.up import steps


def ready_shop() -> Place:
    """Return where the shop is, once it is ready there.

    Each step of `make up` finds its work done where the shop is up already: seconds, then.

    Raises StepFailedError when the shop cannot be brought up.
    """
    place = here()
    todo = steps(place)
    asyncio.run(run(todo, View([step.name for step in todo], Console())))
    return place
