from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel

from shop_shared.http import openapi
from shop_shared.http.auth import Principal, permit
from shop_shared.http.openapi import documented


class Body(BaseModel):
    name: str


def test_an_operation_names_the_problems_it_can_answer() -> None:
    app = FastAPI()
    openapi.install(app)

    @app.get("/public")
    async def public() -> None: ...

    @app.post("/own/{number}", responses=documented(404))
    async def own(
        number: int, body: Body, caller: Annotated[Principal, permit("ask", "decision")]
    ) -> None: ...

    document = app.openapi()
    assert app.openapi() is document
    assert set(document["paths"]["/public"]["get"]["responses"]) == {"200", "400", "503"}
    operation = document["paths"]["/own/{number}"]["post"]
    statuses = {"200", "400", "401", "403", "404", "408", "413", "415", "422", "503"}
    assert set(operation["responses"]) == statuses
    scopes = ["decision:ask", "admin", "customer", "service", "staff"]
    assert operation["security"] == [{"bearer": scopes}]
    for status in statuses - {"200"}:
        [(media_type, content)] = operation["responses"][status]["content"].items()
        assert media_type == "application/problem+json"
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
    headers = {
        status: set(answer["headers"])
        for status, answer in operation["responses"].items()
        if "headers" in answer
    }
    assert headers == {"401": {"WWW-Authenticate"}, "503": {"Retry-After"}}
    assert "HTTPValidationError" not in document["components"]["schemas"]
