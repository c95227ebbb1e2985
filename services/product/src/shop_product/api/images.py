"""A product's pictures: shown to everyone, kept by the staff."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from shop_product.api import views
from shop_product.api.visibility import VisibleProduct
from shop_product.images.encoder import MAX_BYTES, MEDIA_TYPES
from shop_product.models import Alt, ImageOrder, ImagePatch, ProductImage, ProductImages
from shop_product.repository import images as stored
from shop_product.repository import products
from shop_product.service import images
from shop_product.state import Encoder, Lists, Store
from shop_shared.http.auth import Principal, permit
from shop_shared.http.etag import IfMatch, IfNoneMatch, etag, not_modified, set_etag
from shop_shared.http.openapi import documented, sends
from shop_shared.http.problems import NotFound, UnsupportedMediaType
from shop_shared.http.request_limits import BodyLimits

PATH = "/v1/products/*/images"
LIMITS = BodyLimits(max_bytes=MAX_BYTES, media_types=MEDIA_TYPES | {"application/json"})

router = APIRouter(prefix="/v1/products/{product_id}", tags=["pictures"])

ImageId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["0123456789abcdef"])]
Staff = Annotated[Principal, permit("update", "product")]

# A picture is shown, never run: should someone open it by itself, its scripts stay dead.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_SHORTLY = "public, max-age=60"
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in sorted(MEDIA_TYPES)
        }
    },
    304: {"description": "Not modified"},
}


@router.get("/image", response_class=Response, responses=_CONTENT)
async def get_image(
    product_id: UUID,
    store: Store,
    v: Annotated[
        str | None, Query(max_length=64, description="Which picture; from image_url")
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read a product's main picture."""
    product = await products.find(store.database, product_id, hidden=True)
    main: str | None = product["image"] if product is not None else None
    if product is None or main is None or not (product["active"] or v == main):
        raise NotFound("No such picture.")
    lifetime = _FOR_EVER if v == main else _SHORTLY
    return await _content(store, product_id, main, if_none_match, lifetime)


@router.get("/images", responses=documented(404) | sends(200, "ETag"))
async def list_images(product: VisibleProduct) -> ProductImages:
    """List a product's pictures in order; the first is the main one."""
    return ProductImages(items=views.images(product))


@router.get("/images/{image_id}", response_class=Response, responses=_CONTENT)
async def get_one_image(
    product_id: UUID, image_id: ImageId, store: Store, if_none_match: IfNoneMatch = None
) -> Response:
    """Read a picture. Its address is of its content: what it answers never changes."""
    product = await products.find(store.database, product_id, hidden=True)
    if product is None or all(known["id"] != image_id for known in stored.listed(product)):
        raise NotFound("No such picture.")
    return await _content(store, product_id, image_id, if_none_match, _FOR_EVER)


@router.post(
    "/images",
    status_code=201,
    responses={
        200: {"model": ProductImage, **sends(200, "Location")[200]},
        **sends(201, "Location"),
        **documented(404, 409, 412, 413, 415, 422, 429),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The picture: at most 8 MiB and 16 million pixels",
            "content": {
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in sorted(MEDIA_TYPES)
            },
        }
    },
)
async def add_image(  # noqa: PLR0913 - a parameter a part of the request
    product_id: UUID,
    request: Request,
    _: Staff,
    store: Store,
    encoder: Encoder,
    lists: Lists,
    *,
    response: Response,
    alt: Annotated[Alt, Query(description="What the picture shows, for who cannot see it")] = "",
    if_match: IfMatch = None,
) -> ProductImage:
    """Add a picture behind the others (staff).

    PNG, JPEG and WebP are encoded anew, without metadata or animation; an SVG is checked. A picture
    that the product has already answers 200 and stays as it is.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"Send {' or '.join(sorted(MEDIA_TYPES))}.")
    image = await encoder.encode(await request.body(), media_type)
    product, is_new = await images.add(store, product_id, image, alt=alt, if_match=if_match)
    lists.clear()
    made = next(each for each in views.images(product) if each.id == image.digest)
    set_etag(response, product["version"])
    response.headers["Location"] = made.url
    response.status_code = 201 if is_new else 200
    return made


@router.put("/images", responses=documented(404))
async def arrange_images(  # noqa: PLR0913 - a parameter a part of the request
    product_id: UUID,
    wanted: ImageOrder,
    _: Staff,
    store: Store,
    lists: Lists,
    *,
    response: Response,
    if_match: IfMatch = None,
) -> ProductImages:
    """Put the pictures in order (staff): name each once. ``If-Match`` is required."""
    product = await images.arrange(store, product_id, wanted.ids, if_match=if_match)
    lists.clear()
    set_etag(response, product["version"])
    return ProductImages(items=views.images(product))


@router.patch("/images/{image_id}")
async def describe_image(  # noqa: PLR0913 - a parameter a part of the request
    product_id: UUID,
    image_id: ImageId,
    patch: ImagePatch,
    _: Staff,
    store: Store,
    *,
    response: Response,
    if_match: IfMatch = None,
) -> ProductImages:
    """Say what a picture shows (staff). ``If-Match`` is required."""
    product = await images.describe(store, product_id, image_id, alt=patch.alt, if_match=if_match)
    set_etag(response, product["version"])
    return ProductImages(items=views.images(product))


@router.delete("/images/{image_id}", status_code=204)
async def remove_image(
    product_id: UUID,
    image_id: ImageId,
    _: Staff,
    store: Store,
    lists: Lists,
    *,
    if_match: IfMatch = None,
) -> None:
    """Take a picture away (staff). ``If-Match`` is required."""
    await images.remove(store, product_id, image_id, if_match=if_match)
    lists.clear()


async def _content(
    store: Store, product_id: UUID, image_id: str, if_none_match: str | None, lifetime: str
) -> Response:
    headers = {**_HEADERS, "ETag": etag(image_id), "Cache-Control": lifetime}
    if not_modified(if_none_match, image_id):
        return Response(status_code=304, headers=headers)
    found = await stored.find(store.database, product_id, image_id)
    if found is None:
        raise NotFound("No such picture.")
    content, media_type = found
    return Response(content, headers=headers, media_type=media_type)
