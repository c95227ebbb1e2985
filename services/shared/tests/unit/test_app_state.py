"""A service's state: typed where a route reads it, and an error where it is another's."""

from dataclasses import dataclass
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI

from shop_shared.http.app_state import get_state, set_state, state_dependency


@dataclass(frozen=True, slots=True)
class Shelf:
    books: int


@dataclass(frozen=True, slots=True)
class Cellar:
    bottles: int


State = Annotated[Shelf, Depends(state_dependency(Shelf))]


async def _books(state: State) -> int:
    return state.books


async def test_a_route_reads_the_state_that_main_has_set() -> None:
    app = FastAPI()
    set_state(app, Shelf(3))

    @app.get("/books")
    async def books(state: State, number: Annotated[int, Depends(_books)]) -> list[int]:
        return [state.books, number]

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        assert (await client.get("/books")).json() == [3, 3]


def test_a_state_of_another_kind_or_none_is_an_error() -> None:
    app = FastAPI()
    with pytest.raises(TypeError, match="no Shelf but NoneType"):
        get_state(app, Shelf)
    set_state(app, Cellar(3))
    with pytest.raises(TypeError, match="no Shelf but Cellar"):
        get_state(app, Shelf)
