"""Wrong files of every kind: other formats, no pictures, cut and damaged ones, and bombs."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from painted import (
    Odd,
    chunk,
    commented,
    flipped,
    many_scans,
    noise,
    png,
    quarters,
    resized_jpeg,
    saved,
    squeezed_zeros,
    tiff,
)

KINDS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")
PIXELS = ("pixels",)
DAMAGE = ("truncated", "corrupt")
ANY = ("pixels", *DAMAGE, "format_not_allowed", "bad_size", "too_many_pixels", "too_little_data", "too_many_scans", "not_an_image")
GREYS = ((76,) * 3, (150,) * 3, (29,) * 3, (128,) * 3)
WHITE_RIGHT = ((255, 0, 0), (255,) * 3, (0, 0, 255), (255,) * 3)
Rng = np.random.Generator


def other_formats(rng: Rng) -> Iterator[Odd]:
    """Formats that nobody asked for, also behind a photo's name."""
    for kind in ("PPM", "PCX", "ICO", "DDS", "EPS", "PDF", "JPEG2000", "SGI", "ICNS", "QOI", "TGA"):
        try:
            data = saved(quarters(), kind)
        except (KeyError, OSError):
            continue
        yield Odd("other formats", f"{kind}.jpg", data, ("format_not_allowed",))
    yield Odd("other formats", "XBM.jpg", saved(quarters().convert("1"), "XBM"), ("format_not_allowed",))
    for name, head in OTHERS.items():
        yield Odd("other formats", f"{name}.jpg", head + rng.bytes(400), ("format_not_allowed",))
    for name, text in TEXTS.items():
        yield Odd("other formats", f"{name}.jpg", text, ("format_not_allowed",))
    raw = tiff(64, 64, bytes(4096), {254: (4, 1)})
    yield Odd("other formats", "raw.dng", raw, ("format_not_allowed",))


OTHERS = {
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "heix": b"\0\0\0\x18ftypheix\0\0\0\0mif1heix",
    "heif-mif1": b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf",
    "jxl": b"\xff\x0a",
    "jxl-box": b"\0\0\0\x0cJXL \r\n\x87\n",
    "jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
    "j2k": b"\xff\x4f\xff\x51\0\x2f",
    "psd": b"8BPS\0\1",
    "ico": b"\0\0\1\0\1\0",
    "xcf": b"gimp xcf v011",
    "exr": b"v/1\1\2\0\0\0",
    "cr2": b"II*\0\x10\0\0\0CR\2\0",
    "orf": b"IIRO\x08\0\0\0",
    "rw2": b"IIU\0\x08\0\0\0",
    "raf": b"FUJIFILMCCD-RAW 0201",
    "fits": b"SIMPLE  =                    T",
    "djvu": b"AT&TFORM\0\0\1\0DJVU",
    "hdr": b"#?RADIANCE\n",
}
TEXTS = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "svg-xml": b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg/>',
    "pbm": b"P1\n2 2\n0 1 1 0\n",
    "pfm-like": b"P6 2 2 255 " + bytes(12),
    "ps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "pdf": b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n",
    "xpm": b"/* XPM */\nstatic char *x[] = {",
}


def no_picture(rng: Rng) -> Iterator[Odd]:
    yield Odd("no picture", "empty.jpg", b"", ("empty",))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "text")
    contents = {
        "space": b" ",
        "zero": b"\0",
        "zeros": bytes(5000),
        "text": b"Image_Name,Label\n1.jpg,2\n",
        "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "json": b'{"error": "not found"}',
        "zip": packed.getvalue(),
        "gzip": b"\x1f\x8b\x08\0" + bytes(60),
        "elf": b"\x7fELF\2\1\1" + bytes(60),
        "exe": b"MZ\x90\0" + bytes(60),
        "mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(90),
        "wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
        "bm-text": b"BMW is no bitmap, and neither is this line of text.",
        "mm-text": b"MMORPG",
        "ii-text": b"II. Chapter the second",
        "script": b"#!/bin/sh\nrm -rf /\n",
        "ff": b"\xff" * 100,
        "utf16": "Image_Name".encode("utf-16"),
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    }
    for name, data in contents.items():
        yield Odd("no picture", f"{name}.jpg", data, ("not_an_image",))
    for number in range(10):
        yield Odd("no picture", f"random-{number}.jpg", rng.bytes(1 << number), ("not_an_image",))


def cut(rng: Rng) -> Iterator[Odd]:
    """A file whose end is missing says so."""
    picture = noise(rng)
    for kind in KINDS:
        data = saved(picture, kind)
        may = DAMAGE if kind == "TIFF" else ("truncated",)
        for share in (0.3, 0.45, 0.6, 0.75, 0.9, 0.97):
            yield Odd("cut", f"{kind}-{share}.jpg", data[: int(len(data) * share)], may)
        for length in (3, 12, 20, 26):
            yield Odd("cut", f"{kind}-{length}-bytes.jpg", data[:length], (*DAMAGE, "not_an_image"))
    progressive = saved(picture, "JPEG", progressive=True)
    for share in (0.2, 0.5, 0.8, 0.99):
        yield Odd("cut", f"progressive-{share}.jpg", progressive[: int(len(progressive) * share)], ("truncated",))
    yield Odd("cut", "no-end-marker.jpg", saved(picture, "JPEG")[:-2], ("truncated",))
    yield Odd("cut", "no-IEND.png", saved(picture, "PNG")[:-12], ("truncated",))
    for squeeze in ("tiff_lzw", "tiff_adobe_deflate", "jpeg"):
        data = saved(picture, "TIFF", compression=squeeze)
        yield Odd("cut", f"tiff-{squeeze}.tif", data[: len(data) * 2 // 3], DAMAGE)
    lossless = saved(picture, "WEBP", lossless=True)
    yield Odd("cut", "lossless.webp", lossless[: len(lossless) // 2], ("truncated",))


def damaged(rng: Rng) -> Iterator[Odd]:
    """Bytes flipped behind the header: a reason, or a picture where the format cannot tell."""
    picture = noise(rng)
    for kind in KINDS:
        data = saved(picture, kind)
        for number in range(6):
            bent = flipped(data, rng, 1 + number, min(200, len(data) // 2))
            yield Odd("damaged", f"{kind}-{number}.jpg", bent, DAMAGE if kind == "PNG" else ANY)
    for number in range(4):
        data = flipped(saved(picture, "JPEG", progressive=True), rng, 3, 300)
        yield Odd("damaged", f"progressive-{number}.jpg", data, ANY)
    for squeeze in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "zstd", "lzma"):
        yield Odd("damaged", f"{squeeze}.tif", flipped(saved(picture, "TIFF", compression=squeeze), rng, 5, 8), ANY)
    data = saved(picture, "JPEG")
    middle = len(data) // 2
    yield Odd("damaged", "hole.jpg", data[:middle] + bytes(200) + data[middle + 200 :], (*DAMAGE, "pixels"))
    yield Odd("damaged", "gone.jpg", data[:middle] + data[middle + 200 :], (*DAMAGE, "pixels"))
    yield Odd("damaged", "marker.jpg", data[:middle] + b"\xff\xd3" + data[middle + 2 :], DAMAGE)
    yield Odd("damaged", "no-frame.jpg", data[:2] + data[data.find(b"\xff\xda") :], DAMAGE)
    yield Odd("damaged", "no-tables.jpg", data[:2] + data[data.find(b"\xff\xc0") :], DAMAGE)
    whole = saved(picture, "PNG")
    yield Odd("damaged", "checksum.png", whole[:-20] + b"\0\0\0\0" + whole[-16:], ("corrupt",))


def bombs(rng: Rng) -> Iterator[Odd]:
    """Small files that ask for very much: refused before they are decoded, or decoded in bounds."""
    jpeg, progressive = saved(noise(rng, 256, 256), "JPEG"), saved(noise(rng), "JPEG", progressive=True)
    small = saved(noise(rng, 64, 64), "JPEG", quality=30)
    yield Odd("bombs", "60000.jpg", resized_jpeg(jpeg, 60000, 60000), ("too_many_pixels",))
    yield Odd("bombs", "169-megapixels.jpg", resized_jpeg(small, 13000, 13000), ("too_many_pixels",))
    yield Odd("bombs", "30-megapixels.jpg", resized_jpeg(small, 6000, 5000), ("too_little_data",))
    yield Odd("bombs", "30-megapixels-progressive.jpg", resized_jpeg(progressive, 6000, 5000), ("too_little_data",))
    yield Odd("bombs", "30-megapixels-cut.jpg", resized_jpeg(small, 6000, 5000)[:-2], ("truncated",))
    for count in (101, 1000, 5000):
        yield Odd("bombs", f"{count}-scans.jpg", many_scans(progressive, count), ("too_many_scans",))
    yield Odd("bombs", "40-scans.jpg", many_scans(progressive, 40), ("pixels", "corrupt"))
    bitmap = bytearray(saved(quarters(), "BMP"))
    for name, side in {"60000": 60000, "2-31": 2**31 - 1, "10001": 10001}.items():
        bitmap[18:26] = struct.pack("<ii", side, side)
        yield Odd("bombs", f"{name}.bmp", bytes(bitmap), ("too_many_pixels", "bad_size"))
    yield Odd("bombs", "60000.png", png(60000, 60000, b"\0"), ("too_many_pixels",))
    yield Odd("bombs", "2-31.png", png(2**31 - 1, 2**31 - 1, b"\0"), ("bad_size", "corrupt"))
    yield Odd("bombs", "zlib.png", png(64, 64, b"", colour=0, squeezed=squeezed_zeros(500)), ("pixels", "corrupt"))
    for name in (b"zTXt", b"iCCP"):
        for megabytes in (2, 300):
            body = b"name\0\0" + squeezed_zeros(megabytes)
            data = png(64, 64, (b"\0" + bytes(192)) * 64, extra=chunk(name, body))
            yield Odd("bombs", f"{name.decode()}-{megabytes}.png", data, ("pixels", "corrupt"))
    text = chunk(b"iTXt", b"name\0\1\0\0\0" + squeezed_zeros(300))
    yield Odd("bombs", "iTXt.png", png(64, 64, (b"\0" + bytes(192)) * 64, extra=text), ("pixels", "corrupt"))
    texts = chunk(b"tEXt", b"a\0" + bytes(60)) * 30_000
    yield Odd("bombs", "30000-texts.png", png(64, 64, (b"\0" + bytes(192)) * 64, extra=texts), ("pixels", "corrupt"))
    small_png = png(64, 64, (b"\0" + bytes(192)) * 64)
    for count, may in ((5000, PIXELS), (1_000_000, ("corrupt",))):
        yield Odd("bombs", f"{count}-fills.jpg", jpeg[:2] + b"\xff" * count + jpeg[2:], may)
        yield Odd("bombs", f"{count}-comments.jpg", commented(jpeg, b"", count), may)
        yield Odd("bombs", f"{count}-chunks.png", small_png[:33] + chunk(b"abCd", b"") * count + small_png[33:], may)
    late = jpeg.index(b"\xff\xda")
    yield Odd("bombs", "late-fills.jpg", jpeg[:late] + b"\xff" * 1_000_000 + jpeg[late:], ("corrupt",))
    gif = saved(quarters(), "GIF")
    yield Odd("bombs", "60000.gif", gif[:6] + struct.pack("<HH", 60000, 60000) + gif[10:], ("too_many_pixels",))
    yield Odd("bombs", "60000.tif", tiff(60000, 60000, b"\0"), ("too_many_pixels",))
    yield Odd("bombs", "2-32.tif", tiff(2**32 - 1, 2**32 - 1, b"\0"), ("bad_size", "too_many_pixels", "corrupt"))
    yield Odd("bombs", "strips.tif", tiff(5000, 5000, bytes(64), {259: (3, 8)}), DAMAGE)
    yield Odd("bombs", "zlib.tif", tiff(64, 64, zlib.compress(bytes(1 << 20)), {259: (3, 8)}), ("pixels", *DAMAGE))
    webp = saved(quarters(mode="RGBA", corners=((0, 0, 0, 0),) * 4), "WEBP", lossless=True, exif=b"Exif\0\0II*\0")
    at = webp.find(b"VP8X")
    yield Odd("bombs", "16000.webp", webp[: at + 12] + b"\x7f\x3e\0\x7f\x3e\0" + webp[at + 18 :], ("too_many_pixels", "corrupt"))
    avif = saved(quarters(), "AVIF")
    at = avif.find(b"ispe")
    yield Odd("bombs", "60000.avif", avif[: at + 8] + struct.pack(">II", 60000, 60000) + avif[at + 16 :], ("too_many_pixels", "corrupt"))


WRONG = (other_formats, no_picture, cut, damaged, bombs)
