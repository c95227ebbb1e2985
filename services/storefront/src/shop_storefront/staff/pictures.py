"""A product's pictures: added, described, put in order, taken away."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from shop_storefront.api_client import Content
from shop_storefront.forms import PostedForm
from shop_storefront.staff.actions import act
from shop_storefront.visit import StaffVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
UPLOAD_PATH = "/staff/products/*/pictures"
MAX_UPLOAD_BYTES = 8 * 1024 * 1024 + 64 * 1024
"""What the API takes of a picture, and the form around it."""
MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp", "image/svg+xml")
_REFUSED = frozenset((400, 409, 412, 413, 415, 422, 429))
ImageId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


@router.post("/staff/products/{product_id}/pictures")
async def add(visit: StaffVisit, product_id: UUID, form: PostedForm) -> Response:
    """Add a picture behind the others."""
    content, media_type = await form.upload("picture")
    if not content or media_type not in MEDIA_TYPES:
        said = visit.say(N_("Choose a picture: PNG, JPEG, WebP or SVG."))
        return await visit.redirect(f"/staff/products/{product_id}", problem=said)
    return await _change(
        visit,
        product_id,
        "POST",
        "",
        N_("The picture is added."),
        query={"alt": form.text("alt")},
        content=Content(content, media_type),
    )


@router.post("/staff/products/{product_id}/pictures/{image_id}")
async def change(
    visit: StaffVisit, product_id: UUID, image_id: ImageId, form: PostedForm
) -> Response:
    """Say what a picture shows, make it the first, or take it away: the button says which."""
    etag = form.text("etag") or '"0"'
    match form.text("act"):
        case "remove":
            said = N_("The picture is taken away.")
            return await _change(visit, product_id, "DELETE", f"/{image_id}", said, etag=etag)
        case "first":
            known = (await visit.get(f"/v1/products/{product_id}"))["images"]
            ids = [image_id, *(each["id"] for each in known if each["id"] != image_id)]
            said = N_("The picture is the first now.")
            return await _change(visit, product_id, "PUT", "", said, etag=etag, body={"ids": ids})
        case _:
            said = N_("The picture is described.")
            body = {"alt": form.text("alt")}
            return await _change(
                visit, product_id, "PATCH", f"/{image_id}", said, etag=etag, body=body
            )


async def _change(  # noqa: PLR0913 - the parts of a request, by name
    visit: Visit,
    product_id: UUID,
    method: str,
    path: str,
    done: str,
    *,
    etag: str | None = None,
    **sent: Any,  # noqa: ANN401 - of Visit.call
) -> Response:
    return await act(
        visit,
        method,
        f"/v1/products/{product_id}/images{path}",
        back=f"/staff/products/{product_id}",
        done=done,
        refused=_REFUSED,
        headers={"If-Match": etag} if etag else {},
        **sent,
    )
