"""PNG, JPEG and WebP, decoded and encoded anew, so that nothing but the picture is kept.

What is dropped: EXIF (place, time, camera, a thumbnail of what was cut away), XMP, comments, text,
animation, and whatever was appended. Turned by its EXIF orientation first, and its colours taken to
sRGB, so that the picture looks as it did.
"""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, get_args

from PIL import Image, ImageCms, ImageFile, ImageOps

RasterType = Literal["image/png", "image/jpeg", "image/webp"]
RASTER_TYPES: frozenset[str] = frozenset(get_args(RasterType))
MAX_PIXELS = 16_000_000
"""4,000 x 4,000: 64 MB in memory, whatever a file of a few bytes may claim to be."""
MAX_SIDE = 10_000
MAX_ENCODED_BYTES = 12 * 1024 * 1024
"""MongoDB keeps 16 MiB in a document."""

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_SAVE: dict[str, dict[str, int | bool]] = {
    "PNG": {},
    "JPEG": {"quality": 88, "progressive": True},
    "WEBP": {"quality": 88},
}
_GREY_STEPS = {"L;2": 85, "L;4": 17}
"""Grey of 2 and of 4 bits: what one of them is of 255."""
_HAS_ALPHA = frozenset({"RGBA", "LA", "La", "PA", "RGBa"})
# What Pillow's decoders raise for a file that is none, is cut off, or was made to break them.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class BadImageError(ValueError):
    """No picture of its type, or one that is too large."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Raster:
    """An encoded picture; width and height in pixels."""

    content: bytes
    media_type: RasterType
    width: int
    height: int


def reencode(content: bytes, media_type: RasterType) -> Raster:
    """Return the picture in the same format with nothing else in it. Raises BadImageError.

    The size that the header states is checked before anything is decoded. CPU-bound: seconds for
    the largest.
    """
    format_ = _FORMATS[media_type]
    try:
        with Image.open(BytesIO(content), formats=[format_]) as opened:
            _check_size(*opened.size)
            _fit_transparency(opened)
            opened.load()
            image = _plain(opened, alpha=format_ != "JPEG")
        encoded = BytesIO()
        image.save(encoded, format_, **_SAVE[format_])
    except BadImageError:
        raise
    except _BROKEN as error:
        raise BadImageError(f"not a {format_} picture that can be read") from error
    if encoded.tell() > MAX_ENCODED_BYTES:
        raise BadImageError(
            f"{encoded.tell()} bytes once encoded, {MAX_ENCODED_BYTES} at most;"
            " JPEG and WebP are smaller"
        )
    return Raster(
        content=encoded.getvalue(), media_type=media_type, width=image.width, height=image.height
    )


def _check_size(width: int, height: int) -> None:
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise BadImageError(
            f"{width} x {height} pixels; {MAX_PIXELS} at most, {MAX_SIDE} on a side"
        )


def _plain(opened: Image.Image, *, alpha: bool) -> Image.Image:
    """Return the first frame, upright, in sRGB, in a new image that has no metadata."""
    profile = opened.info.get("icc_profile")
    upright = ImageOps.exif_transpose(opened)
    has_alpha = upright.mode in _HAS_ALPHA or "transparency" in upright.info
    mode = "RGBA" if alpha and has_alpha else "RGB"
    if upright.mode == "I;16":
        upright = _grey_of_8_bits(upright)
    if profile and upright.mode in {"RGB", "RGBA", "CMYK"}:
        upright = _in_srgb(upright, profile, mode)
    plain = upright.convert(mode)
    plain.info = {}
    return plain


def _fit_transparency(opened: ImageFile.ImageFile) -> None:
    """Take a PNG's transparent colour to 8 bits, as its pixels will be: Pillow does it not."""
    transparent = opened.info.get("transparency")
    if opened.format != "PNG" or not opened.tile or transparent is None:
        return
    rawmode = str(opened.tile[0].args)
    if rawmode == "RGB;16B":
        opened.info["transparency"] = tuple(each >> 8 for each in transparent)
    elif rawmode in _GREY_STEPS:
        opened.info["transparency"] = transparent * _GREY_STEPS[rawmode]


def _grey_of_8_bits(image: Image.Image) -> Image.Image:
    """Return grey of 16 bits in 8, of which `convert` would make white."""
    wide = image.convert("I")
    grey = wide.point([value >> 8 for value in range(1 << 16)], "L")
    transparent = image.info.get("transparency")
    if transparent is None:
        return grey
    opaque = wide.point([255 * (value != transparent) for value in range(1 << 16)], "L")
    return Image.merge("LA", (grey, opaque))


def _in_srgb(image: Image.Image, profile: bytes, mode: str) -> Image.Image:
    """Return the image in sRGB; unchanged where its profile cannot be read or is not its own."""
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB" if image.mode == "CMYK" else mode,
        )
    except (ImageCms.PyCMSError, *_BROKEN):
        return image
    return image if converted is None else converted
