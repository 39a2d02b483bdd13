"""Where private files may be kept, by the lines of ``.env``: apart from everything that visitors are served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

BUCKET, KEY_ID, SECRET = "EXPORTS_STORAGE_BUCKET_NAME", "EXPORTS_ACCESS_KEY_ID", "EXPORTS_SECRET_ACCESS_KEY"
URL, FOLDER = "EXPORTS_URL", "EXPORTS_FOLDER"
OF_A_BUCKET = (BUCKET, KEY_ID, SECRET, "EXPORTS_S3_REGION_NAME", "EXPORTS_S3_ENDPOINT_URL")

Wrong = tuple[str, str, str]
"""The variable, what was found, and what is expected."""


def contradictions(text: Callable[[str], str], *, served: dict[str, Path], has_bucket: bool) -> Iterator[Wrong]:
    """Yield what keeps the site from starting. *text* gives a variable's value, *served* the public files' folders."""
    if any(map(text, OF_A_BUCKET)):
        yield from (
            (name, "nothing", f"a value, because {BUCKET} is set") for name in (KEY_ID, SECRET) if not text(name)
        )
        if not text(BUCKET):
            yield BUCKET, "nothing", "a bucket's name, because other lines describe one for private files"
        elif has_bucket and text(BUCKET) == text("AWS_STORAGE_BUCKET_NAME") and _is_one_service(text):
            yield BUCKET, f"{text(BUCKET)!r}, which holds the public files", "a bucket of its own, closed to strangers"
    written = [name for name in (BUCKET, URL, FOLDER) if text(name)]
    for name in written[1:]:
        yield name, "a second place for private files", f"nothing, because {written[0]} is set"
    if "public_url" in text(URL):
        yield URL, "a URL with public_url in it", "one without: private files are sent by the site alone"
    if folder := text(FOLDER):
        yield from _in_the_way(Path(folder), served)


def same_key(text: Callable[[str], str]) -> bool:
    """Return whether whoever gets the key of the public files can read the private ones."""
    return bool(text(KEY_ID)) and text(KEY_ID) == text("AWS_ACCESS_KEY_ID")


def _is_one_service(text: Callable[[str], str]) -> bool:
    own = text("EXPORTS_S3_ENDPOINT_URL").rstrip("/").lower()
    return not own or own == text("AWS_S3_ENDPOINT_URL").rstrip("/").lower()


def _in_the_way(folder: Path, served: dict[str, Path]) -> Iterator[Wrong]:
    own = folder.resolve()
    for what, other in served.items():
        root = other.resolve()
        if own.is_relative_to(root) or root.is_relative_to(own):
            expected = f"a folder apart from {root}, where the {what} are"
            yield FOLDER, repr(str(folder)), expected
            return
