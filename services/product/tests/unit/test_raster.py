"""Rasters are encoded anew: the picture stays, all else goes; bombs are never decoded."""

import struct
import zlib
from io import BytesIO
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from shop_product.images.encoder import ImageEncoder
from shop_product.images.raster import MAX_PIXELS, MAX_SIDE, BadImageError, RasterType, reencode
from shop_shared.http.problems import TooManyRequests, Unprocessable

TYPES: dict[RasterType, str] = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
SECRET = b"51.5074N 0.1278W"


def picture(format_: str, size: tuple[int, int] = (40, 30), **save: Any) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    encoded = BytesIO()
    image.save(encoded, format_, **save)
    return encoded.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def is_red(image: Image.Image, at: tuple[int, int]) -> bool:
    red, green, blue = cast("tuple[int, int, int]", image.convert("RGB").getpixel(at))
    return red > 200 and green < 60 and blue < 60


def exif(orientation: int = 1) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    data[0x013B] = SECRET.decode()  # artist
    data.get_ifd(0x8825)[1] = SECRET.decode()  # GPS
    return data


@pytest.mark.parametrize("media_type", TYPES)
def test_the_picture_stays_and_its_metadata_goes(media_type: RasterType) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more: dict[str, Any] = {"icc_profile": profile}
    if media_type == "image/png":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", SECRET.decode(), zip=True)
        text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        more["pnginfo"] = text
    if media_type == "image/jpeg":
        more["comment"] = SECRET
    if media_type == "image/webp":
        more["xmp"] = SECRET
    sent = picture(TYPES[media_type], exif=exif(), **more) + b"<script>" + SECRET
    assert SECRET in sent
    made = reencode(sent, media_type)
    assert (made.media_type, made.width, made.height) == (media_type, 40, 30)
    assert SECRET not in made.content
    assert b"<script>" not in made.content
    kept = opened(made.content)
    assert kept.format == TYPES[media_type]
    assert not kept.getexif()
    assert not {"icc_profile", "exif", "xmp", "comment"} & kept.info.keys()
    assert is_red(kept, (5, 15))
    assert not is_red(kept, (35, 15))


@pytest.mark.parametrize("media_type", TYPES)
def test_a_picture_that_was_turned_by_its_metadata_stays_upright(media_type: RasterType) -> None:
    made = reencode(picture(TYPES[media_type], exif=exif(orientation=6)), media_type)
    assert (made.width, made.height) == (30, 40)
    assert is_red(opened(made.content), (15, 5))
    assert not is_red(opened(made.content), (15, 35))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png(mode: str) -> None:
    encoded = BytesIO()
    Image.new(mode, (8, 8)).save(encoded, "PNG")
    kept = opened(reencode(encoded.getvalue(), "image/png").content)
    assert kept.mode == ("RGBA" if mode in {"LA", "RGBA"} else "RGB")


def test_grey_of_16_bits_stays_grey() -> None:
    encoded = BytesIO()
    shades = [0, 255, 256, 0x4080, 0xFFFF]
    image = Image.new("I;16", (len(shades), 1))
    for x, shade in enumerate(shades):
        image.putpixel((x, 0), shade)
    image.save(encoded, "PNG")
    kept = opened(reencode(encoded.getvalue(), "image/png").content)
    seen = [kept.getpixel((x, 0)) for x in range(len(shades))]
    assert seen == [(grey, grey, grey) for grey in (0, 0, 1, 0x40, 0xFF)]


def _png(depth: int, *, colours: int, samples: bytes, transparent: bytes) -> bytes:
    """A PNG of four grey pixels, or two coloured ones, with a transparent value: Pillow writes
    neither 16 bits of colour nor fewer than 8 of grey with one."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 4 // colours, 1, depth, colours // 2 * 2, 0, 0, 0)),
        (b"tRNS", transparent),
        (b"IDAT", zlib.compress(b"\0" + samples)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


@pytest.mark.parametrize(
    ("content", "alphas"),
    [
        (
            _png(
                16,
                colours=1,
                samples=struct.pack(">4H", 0x1234, 0xFFFF, 0, 0x1235),
                transparent=b"\x12\x34",
            ),
            [0, 255, 255, 255],
        ),
        (
            _png(4, colours=1, samples=b"\xf1\x2f", transparent=b"\0\x0f"),
            [0, 255, 255, 0],
        ),
        (_png(2, colours=1, samples=b"\xe4", transparent=b"\0\2"), [255, 0, 255, 255]),
        (
            _png(16, colours=2, samples=bytes(range(12)), transparent=bytes(range(6))),
            [0, 255],
        ),
    ],
    ids=["grey of 16 bits", "grey of 4 bits", "grey of 2 bits", "colour of 16 bits"],
)
def test_what_is_transparent_stays_so(content: bytes, alphas: list[int]) -> None:
    kept = opened(reencode(content, "image/png").content)
    assert list(kept.getchannel("A").tobytes()) == alphas


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "YCbCr"])
def test_every_mode_of_jpeg(mode: str) -> None:
    encoded = BytesIO()
    Image.new(mode, (8, 8)).save(encoded, "JPEG")
    assert opened(reencode(encoded.getvalue(), "image/jpeg").content).mode == "RGB"


def test_transparency_stays() -> None:
    for media_type in ("image/png", "image/webp"):
        encoded = BytesIO()
        Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(encoded, TYPES[media_type])
        kept = opened(reencode(encoded.getvalue(), media_type).content)
        assert cast("tuple[int, ...]", kept.convert("RGBA").getpixel((4, 4)))[3] == 0


def test_of_an_animation_the_first_picture_stays() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    for media_type in ("image/png", "image/webp"):
        encoded = BytesIO()
        frames[0].save(encoded, TYPES[media_type], save_all=True, append_images=frames[1:])
        kept = opened(reencode(encoded.getvalue(), media_type).content)
        assert getattr(kept, "n_frames", 1) == 1
        assert is_red(kept, (4, 4))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes = b"", *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (MAX_SIDE + 1, 1),
        (1, MAX_SIDE + 1),
        (4001, 4000),
        (10_000, 10_000),
        (13_000, 13_000),
        (65_535, 65_535),
        (2**31 - 1, 2**31 - 1),
        (0, 5),
    ],
)
def test_a_bomb_is_refused_by_what_its_header_says(width: int, height: int) -> None:
    bomb = png(width, height, zlib.compress(b"\0" * 1_000_000, 9))
    with pytest.raises(BadImageError):
        reencode(bomb, "image/png")


def test_a_bomb_in_a_text_is_refused() -> None:
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 100_000_000, 9))
    with pytest.raises(BadImageError):
        reencode(png(8, 8, zlib.compress(b"\0" * 200), bomb), "image/png")


def test_the_largest_is_taken() -> None:
    side = int(MAX_PIXELS**0.5)
    made = reencode(picture("PNG", (side, side)), "image/png")
    assert (made.width, made.height) == (side, side)


@pytest.mark.parametrize("media_type", TYPES)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg/>",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"%PDF-1",
    ],
)
def test_what_is_no_picture_is_refused(media_type: RasterType, content: bytes) -> None:
    with pytest.raises(BadImageError):
        reencode(content, media_type)


@pytest.mark.parametrize("said", TYPES)
@pytest.mark.parametrize("is_", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "ICO", "PPM"])
def test_a_picture_of_another_type_than_it_says_is_refused(said: RasterType, is_: str) -> None:
    if TYPES[said] != is_:
        with pytest.raises(BadImageError):
            reencode(picture(is_), said)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of EXIF that is broken
@settings(max_examples=150, deadline=None)
@given(
    media_type=st.sampled_from(sorted(TYPES)),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 10_000),
)
def test_a_broken_file_is_refused_or_read(
    media_type: RasterType, changes: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(picture(TYPES[media_type], exif=exif()))
    for position, byte in changes:
        content[position % len(content)] = byte
    try:
        made = reencode(bytes(content[: cut % len(content)] if cut % 2 else content), media_type)
    except BadImageError:
        return
    assert opened(made.content).size == (made.width, made.height)


async def test_who_would_wait_too_long_is_told_at_once() -> None:
    encoder = ImageEncoder(waiting=0)
    with pytest.raises(TooManyRequests):
        await encoder.encode(picture("PNG"), "image/png")
    with pytest.raises(Unprocessable):
        await encoder.encode(b"\xff\xfe<svg/>", "image/svg+xml")
    await encoder.close()
