"""Archives that nobody should read, made here: each a few kilobytes, however much it claims to hold."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

BLOCK = 512


def packed(*members: tuple[tarfile.TarInfo, bytes] | tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar.gz of *members*."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", format=form) as archive:
        for member, data in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(data) if isinstance(member, str) else info.size
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def described(**changed: Any) -> bytes:
    """Return the description of a person with one book, with some things otherwise."""
    book = {
        "work": {"title": "The Lighthouse"},
        "edition": {"title": "The Lighthouse", "isbn13": "9782070368228", "cover": {"url": "images/covers/a.png"}},
        "authors": [{"name": "Ada Quill"}],
        "shelves": [{"name": "Read", "id": "https://elsewhere.test/user/ada/books/read"}],
        "reviews": [{"name": "Bright", "content": "<p>A lamp &amp; a rock.</p>", "rating": 4.5}],
    }
    return json.dumps({"type": "Person", "preferredUsername": "ada", "books": [book], **changed}).encode()


def archive_of(description: bytes, *files: tuple[str, bytes]) -> bytes:
    return packed(("archive.json", description), *files)


def _special(kind: bytes, name: str = "images/a.png", target: str = "/etc/passwd") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return packed(("archive.json", described()), (info, b""))


def _named(name: str) -> bytes:
    return archive_of(described(), (name, b"root"))


def _bomb() -> bytes:
    """Two gigabytes of nothing in two megabytes, of which no more is unpacked than may be."""
    info = tarfile.TarInfo("images/a.png")
    info.size = 2 * 2**30
    packed_zeros = gzip.compress(bytes(2**24))
    return gzip.compress(info.tobuf()) + packed_zeros * 128


def _many() -> bytes:
    """A million files without content."""
    header = tarfile.TarInfo("a").tobuf()
    return gzip.compress(header * 4000) * 250


def _long_name() -> bytes:
    """A name of half a gigabyte, as a header claims."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**29
    return gzip.compress(info.tobuf()) + gzip.compress(bytes(2**22))


def _sparse() -> bytes:
    info = tarfile.TarInfo("images/a.png")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(2 * BLOCK))


def _sparse_by_pax() -> bytes:
    info = tarfile.TarInfo("images/a.png")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**60)}
    return packed(("archive.json", described()), (info, b""))


def _wrong_sum() -> bytes:
    header = bytearray(tarfile.TarInfo("archive.json").tobuf())
    header[0] ^= 1
    return gzip.compress(bytes(header) + bytes(2 * BLOCK))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "climbs": (lambda: _named("../../outside.txt"), "leads out"),
    "climbs in the middle": (lambda: _named("images/../../outside.txt"), "leads out"),
    "climbs with backslashes": (lambda: _named("..\\outside.txt"), "leads out"),
    "absolute": (lambda: _named("/tmp/outside.txt"), "leads out"),
    "control character": (lambda: _named("images/a\nb.png"), "leads out"),
    "symlink": (lambda: _special(tarfile.SYMTYPE), "not a file"),
    "hard link": (lambda: _special(tarfile.LNKTYPE), "not a file"),
    "link in place of the description": (lambda: _special(tarfile.SYMTYPE, "archive.json"), "not a file"),
    "character device": (lambda: _special(tarfile.CHRTYPE), "not a file"),
    "block device": (lambda: _special(tarfile.BLKTYPE), "not a file"),
    "pipe": (lambda: _special(tarfile.FIFOTYPE), "not a file"),
    "sparse": (_sparse, "not a file"),
    "sparse by extension": (_sparse_by_pax, "not a file"),
    "bomb": (_bomb, "too large"),
    "a million files": (_many, "too many"),
    "long name": (_long_name, "damaged"),
    "wrong sum": (_wrong_sum, "damaged"),
    "cut off": (lambda: archive_of(described())[:-40], "damaged"),
    "cut off between files": (lambda: gzip.compress(tarfile.TarInfo("a").tobuf()), "damaged"),
    "no archive": (lambda: b"PK\x03\x04" + bytes(100), "damaged"),
    "nothing": (lambda: gzip.compress(b""), "damaged"),
    "no description": (lambda: packed(("images/a.png", b"x")), "no person"),
    "description without books": (lambda: archive_of(b'{"name": "ada"}'), "no person"),
    "books that are no list": (lambda: archive_of(described(books={"a": 1})), "no person"),
    "a list": (lambda: archive_of(b"[]"), "no person"),
    "no JSON": (lambda: archive_of(b"{"), "damaged"),
    "deep JSON": (lambda: archive_of(b"[" * 100_000 + b"]" * 100_000), "damaged"),
    "no text": (lambda: archive_of(b"\xff\xfe{}"), "damaged"),
    "large JSON": (lambda: archive_of(b" " * (17 * 2**20)), "too large"),
    "JSON of many values": (lambda: archive_of(b"[" + b"[]," * 2_100_000 + b"1]"), "too large"),
    "huge number": (lambda: archive_of(b'{"books": [], "x": ' + b"9" * 10_000 + b"}"), "damaged"),
    "many books": (lambda: archive_of(described(books=[1] * 20_001)), "too many"),
}
"""What is wrong with each archive, how it is made, and why it is refused."""
