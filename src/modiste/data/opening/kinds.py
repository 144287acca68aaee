"""Which format a file's bytes are in, whatever its name says, and whether its end is missing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from modiste.data.opening.refusals import MOST_PARTS


def kind_of(data: bytes) -> str:
    """The name of a picture format, allowed or not, from the first bytes; '' for anything else.

    >>> kind_of(b"%PDF-1.7"), kind_of(b"GIF89a"), kind_of(b"Image_Name,Label")
    ('PDF', 'GIF', '')
    """
    if data[4:8] == b"ftyp":
        return iso_media(data)
    if data[:4] == b"RIFF":
        return "WEBP" if data[8:12] == b"WEBP" else ""
    if data[:2] == b"BM":
        return "BMP" if data[14:18] in BMP_HEADERS else ""
    if data[:2] in (b"II", b"MM"):
        return tiff_kin(data)
    head = data[:300].lstrip(b"\xef\xbb\xbf \t\r\n")
    return next((name for opening, name in OPENINGS if data.startswith(opening)), "") or late_mark(data) or text_format(head)


def tiff_kin(data: bytes) -> str:
    """TIFF, BigTIFF, and the cameras' raw files that open like them."""
    if data[8:10] == b"CR" or data[2:4] in (b"U\0", b"RO", b"RS"):
        return "RAW"
    return "TIFF" if data[2:4] in (b"*\0", b"\0*", b"+\0", b"\0+") else ""


def iso_media(data: bytes) -> str:
    """AVIF, HEIC and their kin share one container and differ by its brands."""
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[at : at + 4] for at in (8, *range(16, length, 4))}
    return next((name for brand, name in BRANDS if brand in brands), "")


def late_mark(data: bytes) -> str:
    """TGA has its mark at the end."""
    return "TGA" if data[-18:-2] == b"TRUEVISION-XFILE" else ""


def text_format(head: bytes) -> str:
    """Pictures that are text: SVG behind an XML declaration too, XBM, XPM, and the numbers of PPM.

    >>> text_format(b'<?xml version="1.0"?><svg xmlns=')
    'SVG'
    """
    if head.startswith(b"<svg") or (head.startswith(b"<?xml") and b"<svg" in head):
        return "SVG"
    if head.startswith(b"#define") and b"_width" in head:
        return "XBM"
    return "PPM" if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace() else ""


def is_cut(data: bytes, kind: str) -> bool:
    """Whether the end of a file is missing, as far as its format tells."""
    return ENDINGS[kind](data) if kind in ENDINGS else False


def jpeg_cut(data: bytes) -> bool:
    """No end marker behind the last segment that opens a scan or describes the picture."""
    return data.rfind(b"\xff\xd9") < max(data.rfind(b"\xff\xda"), data.rfind(b"\xff\xc4"), data.rfind(b"\xff\xdb"))


def png_damage(data: bytes) -> str:
    """'truncated' or 'corrupt' where a chunk that the picture needs is cut or fails its checksum, 'too many parts', or ''.

    Pillow looks at few of the checksums, so a damaged PNG would pass with wrong colours.
    """
    at, view = 8, memoryview(data)
    for _ in range(MOST_PARTS):
        if at + 12 > len(data):
            return "truncated"
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            return "truncated"
        if name[0] < 97 and zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):  # a capital: needed
            return "corrupt"
        if name == b"IEND":
            return ""
        at = end
    return "too many parts"


def avif_cut(data: bytes) -> bool:
    """A box at the top that is longer than the file."""
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:  # up to the end of the file, or a length of 64 bits, which no photo needs
            return False
        at += length
    return at > len(data) or at < len(data)


OPENINGS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"8BPS", "PSD"),
    (b"\0\0\1\0", "ICO"),
    (b"DDS ", "DDS"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"icns", "ICNS"),
    (b"qoif", "QOI"),
    (b"\x01\xda", "SGI"),
    (b"\x59\xa6\x6a\x95", "Sun raster"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "HDR"),
    (b"SIMPLE  =", "FITS"),
    (b"gimp xcf", "XCF"),
    (b"FUJIFILM", "RAW"),
    (b"FOVb", "RAW"),
    (b"\0MRM", "RAW"),
    (b"BLP", "BLP"),
    (b"AT&TFORM", "DjVu"),
    (b"/* XPM", "XPM"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    (b"\x0a\x05\x01", "PCX"),
    (b"\x0a\x03\x01", "PCX"),
    (b"\x0a\x02\x01", "PCX"),
    (b"\x0a\x00\x01", "PCX"),
)
BRANDS = (
    (b"avif", "AVIF"),
    (b"avis", "AVIF"),
    (b"heic", "HEIC"),
    (b"heix", "HEIC"),
    (b"hevc", "HEIC"),
    (b"heim", "HEIC"),
    (b"heis", "HEIC"),
    (b"mif1", "HEIF"),
    (b"msf1", "HEIF"),
    (b"crx ", "RAW"),
    (b"jxl ", "JPEG XL"),
    (b"jp2 ", "JPEG 2000"),
)
BMP_HEADERS = tuple(length.to_bytes(4, "little") for length in (12, 16, 40, 52, 56, 64, 108, 124))
ENDINGS: dict[str, Callable[[bytes], bool]] = {  # how a format tells that its end is missing
    "JPEG": jpeg_cut,
    "PNG": lambda data: png_damage(data) == "truncated",
    "GIF": lambda data: not data.rstrip(b"\0").endswith(b";"),
    "WEBP": lambda data: int.from_bytes(data[4:8], "little") + 8 > len(data),
    "BMP": lambda data: int.from_bytes(data[2:6], "little") > len(data),
    "AVIF": avif_cut,
}
