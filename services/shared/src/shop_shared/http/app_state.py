"""What main.py put on the app, as dependencies of its routes."""

from typing import Any

from fastapi import Depends, Request


def wired(name: str) -> Any:  # noqa: ANN401 - FastAPI's own type of what Depends returns
    """Make a dependency of what is at `app.state.<name>`.

    Engine = Annotated[AsyncEngine, wired("engine")]
    """

    # A coroutine: FastAPI would run a plain function in a thread each time.
    async def get(request: Request) -> object:
        return getattr(request.app.state, name)

    return Depends(get)
