"""What main.py wires, read by routes as one typed and frozen dataclass a service.

A service's `state.py` has the dataclass and the dependencies that read it:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class OrderState(EngineState):
        tracker: Tracker


    State = Annotated[OrderState, Depends(state_dependency(OrderState))]

main.py calls `set_state(app, OrderState(engine=engine, tracker=tracker))`; a test reads it by
`get_state`.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import FastAPI, Request

StateT = TypeVar("StateT")


def set_state(app: FastAPI, state: object) -> None:
    """Give the app the state of its service; main.py calls it once."""
    app.state.service = state


def get_state(app: FastAPI, kind: type[StateT]) -> StateT:
    """Return the app's state. Raises TypeError when it has none, or one of another kind."""
    state = getattr(app.state, "service", None)
    if not isinstance(state, kind):
        raise TypeError(f"the app's state is no {kind.__name__} but {type(state).__name__}")
    return state


def state_dependency(kind: type[StateT]) -> Callable[[Request], Awaitable[StateT]]:
    """Make the FastAPI dependency that returns the app's state. Raises TypeError as get_state."""

    # A coroutine: FastAPI would run a plain function in a thread each time.
    async def get(request: Request) -> StateT:
        return get_state(request.app, kind)

    return get
