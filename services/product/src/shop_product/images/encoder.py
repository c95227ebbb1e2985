"""Encodes pictures off the event loop, one at a time, with few that wait."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from shop_product.images.raster import RASTER_TYPES, BadImageError, RasterType, reencode
from shop_product.images.svg import check_svg
from shop_shared.http.problems import TooManyRequests, Unprocessable

SVG_TYPE = "image/svg+xml"
MEDIA_TYPES = RASTER_TYPES | {SVG_TYPE}
MAX_BYTES = 8 * 1024 * 1024
"""Of a picture as it is sent."""
MAX_SVG_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedImage:
    """A picture as it is kept; width and height in pixels, None of an SVG, which has none."""

    content: bytes
    media_type: str
    width: int | None = None
    height: int | None = None

    @property
    def digest(self) -> str:
        """What tells one picture from another: its id, and its ETag."""
        return digest(self.content)


def digest(content: bytes) -> str:
    """Return the digest of a picture's content."""
    return hashlib.sha256(content).hexdigest()[:16]


class ImageEncoder:
    """Makes pictures harmless. One takes up to 200 MB while it is decoded, so they take turns."""

    def __init__(self, *, waiting: int = 8) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="images")
        self._free = waiting

    async def encode(self, content: bytes, media_type: str) -> EncodedImage:
        """Return the picture to keep.

        Raises Unprocessable for what is no picture of its type or too large, and TooManyRequests
        when others wait already.
        """
        try:
            if media_type == SVG_TYPE:
                return checked_svg(content)
            return await self._raster(content, cast("RasterType", media_type))
        except BadImageError as error:
            raise Unprocessable(
                "The picture cannot be used.", errors=[{"pointer": "", "message": str(error)}]
            ) from error

    async def close(self) -> None:
        """Let the thread end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _raster(self, content: bytes, media_type: RasterType) -> EncodedImage:
        if self._free == 0:
            raise TooManyRequests("Too many pictures at once.", retry_after=2)
        self._free -= 1
        try:
            made = await asyncio.get_running_loop().run_in_executor(
                self._pool, reencode, content, media_type
            )
        finally:
            self._free += 1
        return EncodedImage(
            content=made.content,
            media_type=made.media_type,
            width=made.width,
            height=made.height,
        )


def checked_svg(content: bytes) -> EncodedImage:
    """Return an SVG as it was sent. Raises BadImageError, saying what is wrong."""
    if len(content) > MAX_SVG_BYTES:
        raise BadImageError(f"an SVG picture has at most {MAX_SVG_BYTES} bytes")
    try:
        check_svg(content.decode())
    except ValueError as error:  # UnicodeDecodeError is one
        raise BadImageError(str(error)) from error
    return EncodedImage(content=content, media_type=SVG_TYPE)
