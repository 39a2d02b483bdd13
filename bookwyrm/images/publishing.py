"""Decide which files may become public: pictures, recognised by name and by content, and nothing else."""

from __future__ import annotations

from external_storage.objects import IMMUTABLE, Headers, HoldBack, Publish
from external_storage.sentences import say

CONTENT_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
}
ARCHIVES = frozenset({"zip", "tar", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "csv", "json", "sql", "sqlite3"})
SCRIPTABLE = frozenset({"svg", "svgz", "html", "htm", "xhtml", "xml", "js", "mjs", "swf", "pdf", "eps", "ps"})


def may_publish(key: str, first_bytes: bytes | None) -> Publish | HoldBack:
    """Answer for uploads and for copies alike whether *key* may become public, and with which headers.

    ============================  =======================  ==========
    the name ends in              the first bytes are      answer
    ============================  =======================  ==========
    a picture's extension         not read yet             publish
    a picture's extension         that kind of picture     publish
    a picture's extension         anything else            hold back
    anything else                 whatever they are        hold back
    ============================  =======================  ==========
    """
    name = key.rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    named_as = CONTENT_TYPES.get(extension.lower()) if stem.strip(".") else None
    if named_as is None:
        return HoldBack(_why_not_a_picture(extension.lower() if stem else ""))
    if first_bytes is not None and (found := recognise(first_bytes)) != named_as:
        return HoldBack(_why_they_disagree(extension, found, first_bytes))
    return Publish(Headers(content_type=named_as, cache_control=IMMUTABLE, public=True))


def recognise(first_bytes: bytes) -> str | None:
    """Return the content type of the picture that begins with *first_bytes* (16 are enough), or None."""
    if first_bytes.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if first_bytes.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if first_bytes.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if first_bytes.startswith(b"RIFF") and first_bytes[8:12] == b"WEBP":
        return "image/webp"
    if first_bytes[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return None


def _why_not_a_picture(extension: str) -> str:
    if extension in ARCHIVES:
        return say("An archive or a data file may hold private data and is never published.")
    if extension in SCRIPTABLE:
        return say("A file that a browser could run as a program is never published.")
    return say("Its name is not that of a picture (PNG, JPEG, GIF, WebP, AVIF).")


def _why_they_disagree(extension: str, found: str | None, first_bytes: bytes) -> str:
    if not first_bytes:
        return say("The file is empty.")
    if found is None:
        return say("It is named .{extension}, but its content is not a picture.", extension=extension)
    return say("It is named .{extension}, but its content is {found}.", extension=extension, found=found)
