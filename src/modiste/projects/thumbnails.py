"""Small pictures of a project's photos: made once, re-encoded without metadata, kept on disk up to so many bytes."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from PIL import Image

from modiste.data.opening.hashed import content_hash
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.thumbnails import as_jpeg, framed
from modiste.data.opening.workers import one_photo

SIDES = (160, 320, 640, 1280)  # px of the longer side
MOST_BYTES = 1_000_000_000
COLUMNS = "sha BLOB, side INTEGER, asked INTEGER, mark INTEGER, jpeg BLOB"
AT_ONCE = 0.1  # of them are thrown away together, those that were not asked for longest


@dataclass(eq=False)
class Thumbnails:
    """A file of pictures, by the hash of a photo's bytes and its size; where the disk has no room, they are made each time."""

    path: Path
    most_bytes: int = MOST_BYTES
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.base = self.opened()
        except (sqlite3.Error, UnicodeDecodeError):  # damaged: nothing is lost but time
            for left in self.path.parent.glob(f"{self.path.name}*"):
                left.unlink()
            self.base = self.opened()

    def opened(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        try:
            for setting in ("journal_mode = WAL", "synchronous = OFF"):
                base.execute(f"PRAGMA {setting}")
            base.execute(f"CREATE TABLE IF NOT EXISTS pictures ({COLUMNS}, PRIMARY KEY (sha, side)) WITHOUT ROWID")
            told = base.execute("SELECT coalesce(max(asked), 0), coalesce(sum(length(jpeg)), 0), count(mark) FROM pictures").fetchone()
        except BaseException:
            base.close()
            raise
        self.clock, self.bytes = map(int, told[:2])
        return base

    def close(self) -> None:
        with self.lock, suppress(sqlite3.Error):
            self.base.close()

    def jpeg(self, root: Path, path: str, sha: bytes, side: int) -> bytes:
        """A photo as JPEG, its longer side at most `side` px; `PhotoRefused` says why there is none."""
        if (found := self.kept(sha, side)) is not None:
            return found
        made = one_photo(root, path, framed, {"side": side, "fit": "squash"})
        if isinstance(made, PhotoRefused):
            raise made
        jpeg = as_jpeg(Image.fromarray(made))
        if content_hash(root, path) == sha:  # a photo that was changed since is shown, and not kept as what it was
            self.keep(sha, side, jpeg)
        return jpeg

    def has(self, sha: bytes, side: int) -> bool:
        """Whether a picture of these very bytes is kept."""
        with self.lock, suppress(sqlite3.Error):
            return self.base.execute("SELECT 1 FROM pictures WHERE sha = ? AND side = ?", (sha, side)).fetchone() is not None
        return False

    def kept(self, sha: bytes, side: int) -> bytes | None:
        """The picture that is kept, as it was made; None where there is none, or it is damaged."""
        with self.lock, suppress(sqlite3.Error):
            row = self.base.execute("SELECT jpeg, mark FROM pictures WHERE sha = ? AND side = ?", (sha, side)).fetchone()
            if row is not None and isinstance(row[0], bytes) and crc32(row[0]) == row[1]:
                self.clock += 1
                self.base.execute("UPDATE pictures SET asked = ? WHERE sha = ? AND side = ?", (self.clock, sha, side))
                return row[0]
        return None

    def keep(self, sha: bytes, side: int, jpeg: bytes) -> None:
        """Keep it, and make room where there is none; a full disk costs time alone."""
        with self.lock, suppress(sqlite3.Error):
            self.clock += 1
            before = self.base.execute("SELECT length(jpeg) FROM pictures WHERE sha = ? AND side = ?", (sha, side)).fetchone()
            self.base.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?)", (sha, side, self.clock, crc32(jpeg), jpeg))
            self.bytes += len(jpeg) - (before[0] if before else 0)
            if self.bytes > self.most_bytes:
                self.make_room()

    def make_room(self) -> None:
        """Throw away those that were not asked for longest."""
        least = self.bytes - (1 - AT_ONCE) * self.most_bytes
        for sha, side, size in self.base.execute("SELECT sha, side, length(jpeg) FROM pictures ORDER BY asked").fetchall():
            if least <= 0:
                break
            self.base.execute("DELETE FROM pictures WHERE sha = ? AND side = ?", (sha, side))
            least, self.bytes = least - size, self.bytes - size
