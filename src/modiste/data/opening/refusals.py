"""Why a photo has no pixels: a closed list of reasons, each with what to do."""

from __future__ import annotations

from modiste.records.errors import ModisteError

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")  # by content; a file's suffix says nothing
MOST_PIXELS = 50_000_000
LONGEST_SIDE = 65_535  # px: what a JPEG can have
MOST_BYTES = 256_000_000  # of one file: 50 megapixels of 16-bit colour, uncompressed, are 300 MB and not worth reading
MOST_SCANS = 100  # of one JPEG: 11 kB of progressive scans can take seconds
MOST_PARTS = 40_000  # segments before a JPEG's first scan, chunks of a PNG: MOST_BYTES in chunks of 8 kB have 31,250
SECONDS = 10  # for one photo, from its file to its pixels
REASONS = {
    "empty": "the file has no bytes. Export the photo again.",
    "not_an_image": "its content is no picture. Leave it out, or export the photo again.",
    "format_not_allowed": f"modiste reads {', '.join(FORMATS)}. Export the photo as JPEG.",
    "truncated": "the end of the picture is missing. Copy or export the photo again.",
    "corrupt": "the picture is damaged. Copy or export the photo again.",
    "bad_size": "its width or height is none that a photo can have. Export the photo again.",
    "too_many_pixels": f"modiste decodes {MOST_PIXELS // 1_000_000} megapixels at most. Export the photo smaller.",
    "too_many_scans": f"modiste decodes {MOST_SCANS} scans of a JPEG at most. Export the photo again, not progressive.",
    "too_little_data": "there are fewer bytes than a picture of its size can have. Copy or export the photo again.",
    "file_too_big": f"modiste reads {MOST_BYTES // 1_000_000} MB of one file at most. Export the photo smaller.",
    "missing": "no such file. Check the name, its capitals and the folder.",
    "unreadable": "the system refuses to read it. Check the file's permissions.",
    "outside_root": "it leads out of the catalogue's folder, and nothing outside is opened. Move the photo inside.",
    "not_a_regular_file": "it is a folder, a pipe, a link or a device. Leave it out.",
    "timeout": f"decoding took longer than {SECONDS} s and was ended. Export the photo again.",
    "out_of_memory": "decoding asked for more memory than one photo may have. Export the photo smaller.",
    "decoder_crashed": "the decoder died of it. Export the photo again, or leave it out.",
}
LASTING = (  # those that lie in the file, not in the machine or the moment
    "empty",
    "not_an_image",
    "format_not_allowed",
    "truncated",
    "corrupt",
    "bad_size",
    "too_many_pixels",
    "too_many_scans",
    "too_little_data",
    "file_too_big",
)


class PhotoRefused(ModisteError):
    """A photo that gives no pixels: which one, and why (a word of REASONS)."""

    def __init__(self, where: str, reason: str, detail: str = "") -> None:
        self.where, self.reason, self.detail = where, reason, detail
        super().__init__(f"{where}: {reason}: {REASONS[reason]}" + (f" ({detail})" if detail else ""))


def check_size(width: int, height: int, where: str) -> None:
    """Refuse sizes that no photo has, and more pixels than one may have, before anything is decoded."""
    if min(width, height) < 1 or max(width, height) > LONGEST_SIDE:
        raise PhotoRefused(where, "bad_size", f"{width} x {height} px")
    if width * height > MOST_PIXELS:
        raise PhotoRefused(where, "too_many_pixels", f"{width} x {height} px")
