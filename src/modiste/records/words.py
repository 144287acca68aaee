"""Numbers in words, as people are told them."""

from __future__ import annotations


def counted(count: int, what: str) -> str:
    """So many of something.

    >>> counted(1, "photo"), counted(1200, "photo")
    ('1 photo', '1,200 photos')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"
