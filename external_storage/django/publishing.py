"""Rules a site can use as they are: what may become public, and with which headers."""

from __future__ import annotations

import mimetypes
import posixpath
import re
from fnmatch import fnmatchcase, translate

from ..objects import IMMUTABLE, Headers, HoldBack, Publish
from ..sentences import say

# What the operating system's tables get wrong or leave out for files that pages link to.
CONTENT_TYPES = {
    ".avif": "image/avif",
    ".cjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".otf": "font/otf",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}

NEVER_PUBLISHED = (
    *(".*", "*~", "*.py", "*.py[co]", "*.env", "*.env.*", "*.sql", "*.sql.*", "*.dump", "*.sqlite*", "*.db"),
    *("*.bak", "*.log", "*.key", "*.pem", "*.p12", "*.pfx", "*.swp", "id_rsa*", "id_ed25519*"),
)
"""Patterns of file and folder names that hold secrets, code or data; no static file needs one."""

# All of them at once: to try one after the other took a tenth of a run in which nothing had changed.
_IS_NEVER_PUBLISHED = re.compile("|".join(map(translate, NEVER_PUBLISHED)))

HASHED = re.compile(r"\.[0-9a-f]{12}\.[^./]+$|\.[0-9a-f]{12}$")
"""How Django marks a name that stands for one content for ever: ``site.55e7cbb9ba48.css``."""

AS_A_FILE = Headers("application/octet-stream")
"""For a folder, which keeps no headers."""

SHORT = "public, max-age=300"
"""For names whose content changes with the next release."""


def static_files(key: str, first_bytes: bytes | None) -> Publish | HoldBack:
    """Publish a site's static files, hashed names for ever; hold back whatever is never meant to be seen."""
    for part in key.split("/"):
        if _IS_NEVER_PUBLISHED.match(part.lower()):
            pattern = next(p for p in NEVER_PUBLISHED if fnmatchcase(part.lower(), p))
            return HoldBack(
                say("{part!r} matches {pattern!r}, and such files are never published.", part=part, pattern=pattern)
            )
    cache_control = IMMUTABLE if HASHED.search(key) else SHORT
    return Publish(Headers(content_type(key), cache_control, public=True))


def content_type(key: str) -> str:
    """Return the MIME type of a static file by its name, with the charset that text needs."""
    extension = posixpath.splitext(key)[1].lower()
    found = CONTENT_TYPES.get(extension) or mimetypes.guess_type(key)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def nothing_public(key: str, first_bytes: bytes | None) -> Publish:
    """Store everything and open none of it: for a second copy in a bucket or folder of its own.

    A bucket whose policy opens it to strangers opens these objects too; only an ACL is theirs.
    """
    return Publish(Headers(content_type(key), "private, no-store", public=False))
