"""Right files of every kind: formats, modes, depths, turns, inks, sizes, pages and metadata."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from painted import (
    CORNERS,
    Odd,
    chunk,
    commented,
    deep_png,
    flipped,
    png,
    quarters,
    resized_jpeg,
    saved,
    tiff,
    turned,
)
from PIL import Image

KINDS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")
PIXELS = ("pixels",)
DAMAGE = ("truncated", "corrupt")
ANY = ("pixels", *DAMAGE, "format_not_allowed", "bad_size", "too_many_pixels", "too_little_data", "too_many_scans", "not_an_image")
GREYS = ((76,) * 3, (150,) * 3, (29,) * 3, (128,) * 3)
WHITE_RIGHT = ((255, 0, 0), (255,) * 3, (0, 0, 255), (255,) * 3)
Rng = np.random.Generator


def plain(rng: Rng) -> Iterator[Odd]:
    """The control: every format in every mode it has reads right."""
    for kind in KINDS:
        yield Odd("plain", f"{kind}.jpg", saved(quarters(), kind), PIXELS, CORNERS)
        for size in ((16, 16), (33, 47), (96, 32), (500, 300), (1200, 900)):
            yield Odd("plain", f"{kind}-{size[0]}x{size[1]}.{kind.lower()}", saved(quarters(*size), kind), PIXELS, CORNERS)
        grey = quarters().convert("L")
        yield Odd("plain", f"{kind}-grey.x", saved(grey, kind), PIXELS, GREYS)
    for name, options in {
        "progressive": {"progressive": True},
        "full": {"subsampling": 0},
        "half": {"subsampling": 1},
        "q5": {"quality": 20},
    }.items():
        yield Odd("plain", f"jpeg-{name}.jpg", saved(quarters(), "JPEG", **options), PIXELS, CORNERS, 40)
    yield Odd("plain", "jpeg-restarts.jpg", saved(quarters(), "JPEG", restart_marker_blocks=1), PIXELS, CORNERS)
    yield Odd("plain", "webp-lossless.webp", saved(quarters(), "WEBP", lossless=True), PIXELS, CORNERS)
    for squeeze in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"):
        yield Odd("plain", f"tiff-{squeeze}.tif", saved(quarters(), "TIFF", compression=squeeze), PIXELS, CORNERS)
    for mode in ("1", "L", "P"):
        black = quarters(corners=((0,) * 3, (255,) * 3, (255,) * 3, (0,) * 3)).convert(mode)
        for kind in ("PNG", "GIF", "TIFF", "BMP"):
            corners = ((0,) * 3, (255,) * 3, (255,) * 3, (0,) * 3)
            yield Odd("plain", f"{kind}-mode-{mode}.{kind.lower()}", saved(black, kind), PIXELS, corners)
    yield Odd("plain", "trailing.jpg", saved(quarters(), "JPEG") + rng.bytes(5000).replace(b"\xff", b"\0"), PIXELS, CORNERS)
    yield Odd("plain", "comment.jpg", commented(saved(quarters(), "JPEG"), b"\xff\xda" * 2000), PIXELS, CORNERS)
    grey_22 = bytearray(saved(quarters().convert("L"), "JPEG"))
    grey_22[grey_22.find(b"\xff\xc0") + 11] = 0x22
    yield Odd("plain", "grey-sampled-2x2.jpg", bytes(grey_22), PIXELS, GREYS)


def orientation(_rng: Rng) -> Iterator[Odd]:
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        for number in range(1, 9):
            yield Odd("orientation", f"{kind}-{number}.jpg", turned(kind, number), PIXELS, CORNERS)
    for squeeze in ("tiff_lzw", "jpeg"):
        yield Odd("orientation", f"TIFF-{squeeze}-6.tif", turned("TIFF", 6, compression=squeeze), PIXELS, CORNERS)
    exif = Image.Exif()
    for number in (0, 9, 255):
        exif[0x0112] = number
        yield Odd("orientation", f"JPEG-{number}.jpg", saved(quarters(), "JPEG", exif=exif), PIXELS, CORNERS)
    for number, broken in enumerate(
        (b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12", b"Exif\0\0II*\0\xff\xff\xff\xff")
    ):
        yield Odd("orientation", f"broken-note-{number}.jpg", saved(quarters(), "JPEG", exif=broken), PIXELS, CORNERS)


def alpha(_rng: Rng) -> Iterator[Odd]:
    """The right half is transparent and hides red and green: white shows."""
    hidden = quarters(corners=((255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 255, 255), (0, 255, 0, 0)), mode="RGBA")
    for kind in ("PNG", "WEBP", "TIFF", "AVIF", "GIF"):
        yield Odd("alpha", f"RGBA-{kind}.jpg", saved(hidden, kind), PIXELS, WHITE_RIGHT, 40)
    half = Image.new("RGBA", (64, 64), (0, 0, 0, 128))
    for kind in ("PNG", "WEBP", "TIFF", "AVIF"):
        yield Odd("alpha", f"half-{kind}.jpg", saved(half, kind), PIXELS, ((127,) * 3,) * 4)
    greys = ((76,) * 3, (255,) * 3, (29,) * 3, (255,) * 3)
    yield Odd("alpha", "LA.png", saved(hidden.convert("LA"), "PNG"), PIXELS, greys)
    yield Odd("alpha", "LA.tif", saved(hidden.convert("LA"), "TIFF"), PIXELS, greys)
    palette = hidden.quantize(8)
    yield Odd("alpha", "PA.png", saved(palette, "PNG"), PIXELS, WHITE_RIGHT, 40)
    keyed = quarters(corners=((255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 0)))
    yield Odd("alpha", "colour-key.png", saved(keyed, "PNG", transparency=(0, 255, 0)), PIXELS, WHITE_RIGHT)
    grey = quarters(corners=((10,), (200,), (20,), (200,)), mode="L")
    yield Odd("alpha", "grey-key.png", saved(grey, "PNG", transparency=200), PIXELS, ((10,) * 3, (255,) * 3, (20,) * 3, (255,) * 3))
    key = chunk(b"tRNS", struct.pack(">H", 30000))
    deep = deep_png(((1000,), (30000,), (60000,), (30000,)), 0, key)
    yield Odd("alpha", "deep-grey-key.png", deep, PIXELS, ((4,) * 3, (255,) * 3, (233,) * 3, (255,) * 3))
    key = chunk(b"tRNS", struct.pack(">HHH", 0, 65535, 0))
    deep = deep_png(tuple(tuple(257 * part for part in colour) for colour in keyed_corners()), 2, key)
    yield Odd("alpha", "deep-colour-key.png", deep, PIXELS, WHITE_RIGHT)


def keyed_corners() -> tuple[tuple[int, int, int], ...]:
    return ((255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 0))


def deep(_rng: Rng) -> Iterator[Odd]:
    """16 bits and more a channel are scaled, not clipped."""
    steps = (0, 16384, 32768, 65535)
    shown = tuple((round(step / 257),) * 3 for step in steps)
    values = np.array(steps, np.uint16).reshape(2, 2).repeat(32, 0).repeat(32, 1)
    for kind in ("PNG", "TIFF"):
        yield Odd("deep", f"grey16-{kind}.jpg", saved(Image.fromarray(values), kind), PIXELS, shown, 2)
    for squeeze in ("tiff_lzw", "tiff_adobe_deflate"):
        yield Odd("deep", f"grey16-{squeeze}.tif", saved(Image.fromarray(values), "TIFF", compression=squeeze), PIXELS, shown, 2)
    big = tiff(64, 64, values.astype(">u2").tobytes(), {258: (3, 16)})
    yield Odd("deep", "grey16-big-endian.tif", b"MM\0*" + swapped(big), PIXELS, shown, 2)
    yield Odd("deep", "grey32.tif", saved(Image.fromarray(values.astype(np.int32)), "TIFF"), PIXELS, shown, 2)
    few = (values // 257).astype(np.int32)
    yield Odd("deep", "grey32-255.tif", saved(Image.fromarray(few), "TIFF"), PIXELS, shown, 2)
    for name, top in {"one": 1.0, "255": 255.0, "65535": 65535.0}.items():
        floats = Image.fromarray((values / 65535 * top).astype(np.float32))
        yield Odd("deep", f"float-{name}.tif", saved(floats, "TIFF"), PIXELS, shown, 2)
    nan = (values / 65535).astype(np.float32)
    nan[:32, :32] = np.nan
    yield Odd("deep", "float-nan.tif", saved(Image.fromarray(nan), "TIFF"), PIXELS, shown, 2)
    colours = tuple(tuple(257 * part for part in colour) for colour in CORNERS)
    yield Odd("deep", "rgb16.png", deep_png(colours, 2), PIXELS, CORNERS, 2)
    yield Odd("deep", "rgba16.png", deep_png(tuple((*colour, 65535) for colour in colours), 6), PIXELS, CORNERS, 2)
    through = deep_png(tuple((*colour, 0) for colour in colours), 6)
    yield Odd("deep", "rgba16-through.png", through, PIXELS, ((255,) * 3,) * 4, 2)
    yield Odd("deep", "la16.png", deep_png(tuple((step, 65535) for step in steps), 4), PIXELS, shown, 2)
    yield Odd("deep", "la16-through.png", deep_png(tuple((step, 0) for step in steps), 4), PIXELS, ((255,) * 3,) * 4, 2)


def swapped(little: bytes) -> bytes:
    """A one-strip TIFF of `tiff` with its numbers the other way round; the pixels stay."""
    count = struct.unpack_from("<H", little, 8)[0]
    out = struct.pack(">IH", 8, count)
    for number in range(count):
        tag, kind, many, value = struct.unpack_from("<HHII", little, 10 + 12 * number)
        out += struct.pack(">HHI", tag, kind, many) + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
    return out + bytes(4) + little[10 + 12 * count + 4 :]


def inks(_rng: Rng) -> Iterator[Odd]:
    cmyk = quarters().convert("CMYK")
    for name, options in {"plain": {}, "progressive": {"progressive": True}, "full": {"subsampling": 0}}.items():
        yield Odd("inks", f"cmyk-{name}.jpg", saved(cmyk, "JPEG", **options), PIXELS, CORNERS)
    ycck = saved(ycck_of(cmyk), "JPEG", subsampling=0, quality=95)
    at = ycck.index(b"Adobe")
    yield Odd("inks", "ycck.jpg", ycck[: at + 11] + b"\2" + ycck[at + 12 :], PIXELS, CORNERS, 40)
    for squeeze in ("raw", "tiff_lzw"):
        yield Odd("inks", f"cmyk-{squeeze}.tif", saved(cmyk, "TIFF", compression=squeeze), PIXELS, CORNERS)
    yield Odd("inks", "ycbcr.tif", saved(quarters().convert("YCbCr"), "TIFF"), PIXELS, CORNERS)
    lab = Image.merge("LAB", [Image.new("L", (64, 64), value) for value in (136, 208, 195)])  # L 53, a 80, b 67: red
    yield Odd("inks", "lab.tif", saved(lab, "TIFF"), (*PIXELS,), ((255, 0, 0),) * 4, 40)
    yield Odd("inks", "large-cmyk.jpg", saved(quarters(1600, 1600).convert("CMYK"), "JPEG"), PIXELS, CORNERS)


def ycck_of(cmyk: Image.Image) -> Image.Image:
    """Inks whose C, M, Y are stored as Y, Cb, Cr, as Photoshop does; Pillow writes its four bands as they are, inverted."""
    *coloured, black = cmyk.split()
    bands = Image.merge("RGB", coloured).convert("YCbCr").split()
    return Image.merge("CMYK", [*(Image.eval(band, lambda value: 255 - value) for band in bands), black])


def sizes(_rng: Rng) -> Iterator[Odd]:
    for kind in KINDS:
        red = Image.new("RGB", (1, 1), "red")
        yield Odd("sizes", f"{kind}-1x1.jpg", saved(red, kind), PIXELS, ((255, 0, 0),) * 4, 30)
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "GIF"):
        for size in ((1, 20000), (20000, 1), (3, 3000)):
            yield Odd(
                "sizes", f"{kind}-{size[0]}x{size[1]}.jpg", saved(Image.new("RGB", size, "red"), kind), PIXELS, ((255, 0, 0),) * 4, 30
            )
    yield Odd("sizes", "zero-wide.jpg", resized_jpeg(saved(quarters(), "JPEG"), 0, 64), ("bad_size",))
    yield Odd("sizes", "zero-high.jpg", resized_jpeg(saved(quarters(), "JPEG"), 64, 0), ("bad_size",))
    yield Odd("sizes", "zero.png", png(0, 0, b""), ("bad_size", "corrupt"))
    yield Odd("sizes", "zero.tif", tiff(0, 0, b""), ("bad_size", "corrupt"))
    yield Odd("sizes", "long.png", png(100_000, 1, bytes(300_001)), ("bad_size",))
    yield Odd("sizes", "fits.png", png(60_000, 1, bytes(180_001)), PIXELS, ((0, 0, 0),) * 4)
    down = bytearray(saved(quarters(), "BMP"))
    down[22:26] = struct.pack("<i", -64)
    yield Odd("sizes", "top-down.bmp", bytes(down), PIXELS, (*CORNERS[2:], *CORNERS[:2]))


def several(_rng: Rng) -> Iterator[Odd]:
    """Animations and many pages: the first alone counts."""
    frames = [quarters(), *(Image.new("RGB", (64, 64), colour) for colour in ("black", "white", "black"))]
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "AVIF", "MPO"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        yield Odd("several", f"{kind}.jpg", data, PIXELS, CORNERS, 40)
    many = saved(frames[0], "GIF", save_all=True, append_images=frames[1:] * 300)
    yield Odd("several", "900-frames.gif", many, PIXELS, CORNERS, 40)
    yield Odd("several", "later-frames-cut.gif", many[: len(many) // 2], PIXELS, CORNERS, 40)
    loop = bytearray(tiff(64, 64, bytes(4096)))
    count = struct.unpack_from("<H", loop, 8)[0]
    loop[10 + 12 * count : 14 + 12 * count] = struct.pack("<I", 8)
    yield Odd("several", "pages-in-a-ring.tif", bytes(loop), PIXELS, ((0, 0, 0),) * 4)
    yield Odd("several", "big.tif", tiff(64, 64, bytes([200]) * 4096, big=True), PIXELS, ((200,) * 3,) * 4)


def profiles(rng: Rng) -> Iterator[Odd]:
    """Metadata of all kinds, right and wrong, changes nothing."""
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        for name, profile in {"junk": rng.bytes(3000), "empty": b"\0", "large": bytes(200_000)}.items():
            may = PIXELS if kind != "AVIF" else ("pixels", "corrupt")
            yield Odd("profiles", f"{kind}-{name}.jpg", saved(quarters(), kind, icc_profile=profile), may, CORNERS)
    for number in range(4):
        exif = b"Exif\0\0" + flipped(exif_of(), rng, 4, 0)
        yield Odd("profiles", f"exif-{number}.jpg", saved(quarters(64, 64), "JPEG", exif=exif), PIXELS)
    many = saved(quarters(), "JPEG")
    for _ in range(60):
        many = commented(many, bytes(60_000))
    yield Odd("profiles", "comments.jpg", many, PIXELS, CORNERS)


def exif_of() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x8769] = "A camera", 1, {0x9003: "2020:01:01 00:00:00"}
    return exif.tobytes()[6:]


def large(_rng: Rng) -> Iterator[Odd]:
    """All but 50 megapixels: read within the memory that a worker may have."""
    side = 7000
    picture = quarters(side, side)
    for kind, options in {
        "JPEG": {"quality": 50},
        "PNG": {"compress_level": 1},
        "GIF": {},
        "WEBP": {"lossless": True, "quality": 0, "method": 0},
    }.items():
        yield Odd("large", f"{kind}.jpg", saved(picture, kind, **options), PIXELS, CORNERS)
    yield Odd("large", "progressive.jpg", saved(picture, "JPEG", quality=50, progressive=True), PIXELS, CORNERS)
    yield Odd("large", "cmyk.jpg", saved(picture.convert("CMYK"), "JPEG", quality=50), PIXELS, CORNERS)
    yield Odd("large", "AVIF.avif", saved(picture, "AVIF", speed=10, quality=40), PIXELS, CORNERS)
    yield Odd("large", "turned.jpg", saved(picture, "JPEG", quality=50, exif=b"Exif\0\0" + turned_note()), PIXELS)
    yield Odd("large", "turned.tif", saved(picture, "TIFF", compression="tiff_adobe_deflate", tiffinfo={274: 6}), PIXELS)
    clear = quarters(side, side, corners=((255, 0, 0, 255), (9, 9, 9, 0), (0, 0, 255, 255), (9, 9, 9, 0)), mode="RGBA")
    yield Odd("large", "RGBA.png", saved(clear, "PNG", compress_level=1), PIXELS, WHITE_RIGHT)
    yield Odd("large", "RGBA.webp", saved(clear, "WEBP", lossless=True, quality=0, method=0), ("pixels", "out_of_memory"), WHITE_RIGHT)
    values = np.zeros((side, side), np.uint16)
    values[: side // 2] = 65535
    bright = ((255,) * 3,) * 2 + ((0,) * 3,) * 2
    yield Odd("large", "grey16.png", saved(Image.fromarray(values), "PNG", compress_level=1), PIXELS, bright)
    yield Odd("large", "grey16.tif", saved(Image.fromarray(values), "TIFF", compression="tiff_adobe_deflate"), PIXELS, bright)
    floats = Image.fromarray(values.astype(np.float32))
    yield Odd("large", "float.tif", saved(floats, "TIFF", compression="tiff_adobe_deflate"), PIXELS, bright)


def turned_note() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()[6:]


RIGHT = (plain, orientation, alpha, deep, inks, sizes, several, profiles)
