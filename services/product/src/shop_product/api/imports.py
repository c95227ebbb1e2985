"""The bulk import: NDJSON in, NDJSON out."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from shop_product.models import EXAMPLE, ImportLine, ProductCreate
from shop_product.service import imports
from shop_product.state import Lists, Store
from shop_shared.http.auth import Principal, permit
from shop_shared.http.openapi import documented
from shop_shared.http.request_limits import MEBIBYTE, BodyLimits

PATH = "/v1/products/import"
NDJSON = "application/x-ndjson"
NAMES = frozenset({NDJSON, "application/ndjson", "application/jsonl"})
"""What clients call it; none is registered with IANA."""
LIMITS = BodyLimits(max_bytes=16 * MEBIBYTE, media_types=NAMES, check_json=False)

router = APIRouter(tags=["catalogue"])


@router.post(
    PATH,
    response_class=Response,
    responses={
        200: {
            "description": "A line of JSON for each line sent, in order",
            "content": {NDJSON: {"schema": ImportLine.model_json_schema()}},
        },
        **documented(409),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "One product a line, found by its SKU",
            "content": {NDJSON: {"schema": ProductCreate.model_json_schema(), "example": EXAMPLE}},
        }
    },
)
async def import_products(
    request: Request,
    caller: Annotated[Principal, permit("import", "product")],
    store: Store,
    lists: Lists,
) -> Response:
    """Make or update many products (staff). Send at most 16 MiB at a time.

    The answer goes out when the whole body is read: a client that sends before it reads would
    otherwise wait for us while we wait for it.
    """
    answer = bytearray()
    try:
        async for line in imports.run(store, request.stream(), by=caller.user_id):
            answer += line.__pydantic_serializer__.to_json(line, exclude_none=True) + b"\n"
    finally:
        lists.clear()
    return Response(bytes(answer), media_type=NDJSON)
