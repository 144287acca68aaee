"""JPEG files: what the markers tell before anything is decoded, and a decoder that says when a picture is damaged."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from PIL import Image

from modiste.data.opening.kinds import jpeg_cut
from modiste.data.opening.refusals import MOST_PARTS, MOST_SCANS, PhotoRefused, check_size

ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length behind them
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
READ = {0xC0: 2, 0xC1: 2, 0xC2: 1, 0xC9: 0, 0xCA: 0}  # frames we decode -> the fewest bits a block can take; arithmetic coding: none
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


@dataclass(frozen=True)
class Frame:
    """What a JPEG says of itself: size in px, blocks of 8 x 8 in all components, its coding, bits a sample, bytes that follow."""

    width: int
    height: int
    blocks: int
    coding: int  # the second byte of its SOF marker
    bits: int
    rest: int


def frame(data: bytes) -> Frame | None:
    """The frame that stands before the first scan; None where there is none, or so much before it that reading on would take long."""
    found, at = None, 2
    for _ in range(MOST_PARTS):
        marker = data[at + 1] if at + 4 <= len(data) and data[at] == 0xFF else 0xDA
        if marker == 0xDA:
            return found
        if marker == 0xFF or marker in ALONE:  # filling, or nothing behind it
            at += 1 if marker == 0xFF else 2
            continue
        if marker in FRAMES:
            found = found or described(data, at)
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def described(data: bytes, at: int) -> Frame | None:
    """The frame whose marker stands at a place."""
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    if length < 8 or at + 2 + length > len(data):
        return None
    bits, height, width, count = struct.unpack_from(">BHHB", data, at + 4)
    factors = [(data[place] >> 4, data[place] & 15) for place in range(at + 11, at + 2 + length, 3)][:count]
    across, down = (max((factor[way] for factor in factors), default=0) for way in (0, 1))
    if not across or not down:
        return None
    blocks = sum(-(-width * wide // (8 * across)) * -(-height * high // (8 * down)) for wide, high in factors)
    return Frame(width, height, blocks, data[at + 1], bits, len(data) - at)


def check(data: bytes, where: str, strict: bool) -> None:
    """Refuse what should not be decoded; a file without an end marker is called truncated, whatever else is wrong with it."""
    found = frame(data)
    if found is None:
        raise PhotoRefused(where, "truncated" if jpeg_cut(data) else "corrupt", "no size before its first scan")
    check_size(found.width, found.height, where)
    if found.coding not in READ or found.bits != 8:
        raise PhotoRefused(where, "format_not_allowed", "this is a lossless JPEG, or one of more than 8 bits")
    if data.count(b"\xff\xda") > MOST_SCANS and scans(data) > MOST_SCANS:
        raise PhotoRefused(where, "too_many_scans")
    if strict and found.blocks * READ[found.coding] > 8 * found.rest:
        size = f"{found.width} x {found.height} px in {found.rest:,} bytes"
        raise PhotoRefused(where, "truncated" if jpeg_cut(data) else "too_little_data", size)


def scans(data: bytes) -> int:
    """Scans up to the picture's end; the same two bytes in metadata or behind the end are none."""
    count, at = 0, 2
    while 0 <= at < len(data) - 3:
        marker = data[at + 1]
        if marker == 0xD9:
            break
        count += marker == 0xDA
        if marker not in ALONE:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        else:
            at += 2
        found = MARKER.search(data, at)
        at = found.start() if found else -1
    return count


def decoded(data: bytes, least: int, grey: bool, inks: bool, strict: bool) -> Image.Image:
    """A JPEG's pixels, `least` px or more a side where it has them; several times faster for a large photo, which is scaled on the way.

    `strict` raises ValueError at any damage that libjpeg notices; else what is missing stays grey.
    """
    colours = "CMYK" if inks else "GRAY" if grey else "RGB"
    pixels = simplejpeg.decode_jpeg(data, colours, min_height=least, min_width=least, min_factor=2, strict=strict)
    if inks:  # as Photoshop writes them, and everybody after it: inverted
        return Image.frombuffer("CMYK", pixels.shape[1::-1], pixels, "raw", "CMYK;I", 0, 1)
    return Image.fromarray(np.squeeze(pixels, 2) if grey else pixels)
