"""What staff do with a button of a page."""

from typing import Any

from starlette.responses import Response

from shop_storefront.api_client import ApiError
from shop_storefront.visit import Visit


async def act(  # noqa: PLR0913 - the parts of a request, by name
    visit: Visit,
    method: str,
    path: str,
    *,
    back: str,
    done: str,
    refused: frozenset[int],
    **sent: Any,  # noqa: ANN401 - of Visit.call
) -> Response:
    """Call the API and go `back` to the page, which says `done` or why the API refused.

    Raises ApiError where its status is not one of `refused`.
    """
    try:
        await visit.call(method, path, **sent)
    except ApiError as error:
        if error.status not in refused:
            raise
        return await visit.redirect(back, problem=visit.explain(error))
    return await visit.redirect(back, notice=visit.say(done))
