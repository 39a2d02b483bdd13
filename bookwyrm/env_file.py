"""Change lines of ``.env`` and leave all others as they are: comments, order, line ends, a byte order mark."""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from dotenv.parser import Binding, parse_stream

BYTE_ORDER_MARK = "\ufeff"
LINE_END = re.compile(r"(?:\r\n|\n|\r)?\Z")

# A setting as it is written: what stands before its value, the value, and a comment behind it.
ASSIGNMENT = re.compile(
    r"(?P<before>\s*(?:export[^\S\r\n]+)?)[^\s=]+[^\S\r\n]*=[^\S\r\n]*"
    r"(?:'(?:\\'|[^'])*'|\"(?:\\\"|[^\"])*\"|[^\r\n]*?)"
    r"(?P<comment>(?:[^\S\r\n]+#[^\r\n]*)?)[^\S\r\n]*(?P<end>\r\n|\n|\r)?\Z"
)
# What can stand without quotes and means itself: no space, no quote, no $, no #, no backslash.
PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,-]+")


class CannotEdit(Exception):
    """The file is written in a way that does not let the change be made safely; it was left as it was."""


def change(path: Path, values: Mapping[str, str | None]) -> None:
    """Set each variable to its value, or comment it out where the value is None, in one step.

    A reader sees the file as it was or as it is to be, never half of it, and nobody but its owner sees it at any time.
    Raise `CannotEdit` if that cannot be done, and `OSError` if the disk says no; nothing is changed then.
    """
    real = path.resolve()
    try:
        text = real.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise CannotEdit(f"{path} holds bytes that are not UTF-8.") from None
    changed = with_values(text, values)
    if changed != text or real.stat().st_mode & 0o077:
        _replace(real, changed.encode("utf-8"))


def with_values(text: str, values: Mapping[str, str | None]) -> str:
    """Return *text* with the values in place.

    The last line that sets a variable is the one that counts, so that one is changed. A variable that no line sets
    takes the place of an empty example (``# NAME=``), or goes behind one that holds a value, or else to the end.
    """
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    bindings = list(parse_stream(io.StringIO(text.removeprefix(mark))))
    pieces = [binding.original.string for binding in bindings]
    line_end = "\r\n" if "\r\n" in text else "\n"
    added = ""
    for name, value in values.items():
        places = [number for number, binding in enumerate(bindings) if _sets(binding, name)]
        if value is None:
            for place in places:
                pieces[place] = _commented_out(pieces[place])
        elif places:
            pieces[places[-1]] = _assigned(pieces[places[-1]], name, value)
        elif (place := _example_of(name, pieces)) is not None:
            pieces[place] = _beside_example(pieces[place], name, value, line_end)
        else:
            added += f"{name}={quoted(value)}{line_end}"
    changed = mark + _ended("".join(pieces), line_end if added else "") + added
    _check(changed, values)
    return changed


def quoted(value: str) -> str:
    """Return *value* as a line of the file means it: bare where that is clear, else in single quotes."""
    if PLAIN.fullmatch(value):
        return value
    if not value.isprintable():
        raise CannotEdit("A value with control characters cannot stand in the file.")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _sets(binding: Binding, name: str) -> bool:
    return binding.key == name and binding.value is not None and not binding.error


def _assigned(piece: str, name: str, value: str) -> str:
    match = ASSIGNMENT.fullmatch(piece)
    if match is None:
        raise CannotEdit(f"The line that sets {name} is written in a way that cannot be changed safely.")
    return f"{match['before']}{name}={quoted(value)}{match['comment']}{match['end'] or ''}"


def _commented_out(piece: str) -> str:
    """Return the piece, which may have several lines (a quoted value can), as comments."""
    body = piece.lstrip()
    blank = piece[: len(piece) - len(body)]
    return blank + re.sub(r"^(?=[^\r\n])", "# ", body, flags=re.MULTILINE)


def _example_of(name: str, pieces: Iterable[str]) -> int | None:
    example = re.compile(rf"\s*#[^\S\r\n]*{name}=[^\r\n]*(?:\r\n|\n|\r)?\Z")
    return next((number for number, piece in enumerate(pieces) if example.fullmatch(piece)), None)


def _beside_example(piece: str, name: str, value: str, line_end: str) -> str:
    if not re.search(r"=[^\S\r\n]*(?:\r\n|\n|\r)?\Z", piece):
        return f"{_ended(piece, line_end)}{name}={quoted(value)}{line_end}"
    blank = piece[: len(piece) - len(piece.lstrip())]
    return f"{blank}{name}={quoted(value)}{LINE_END.search(piece)[0]}"


def _ended(text: str, line_end: str) -> str:
    """Return *text* with a line end behind its last line, if it has one and lacks it."""
    return text if not text or not line_end or text.endswith(("\n", "\r")) else text + line_end


def _check(text: str, values: Mapping[str, str | None]) -> None:
    """Raise `CannotEdit` unless the site would read the values out of the text: an open quote may swallow them."""
    found: dict[str, str | None] = {}
    for binding in parse_stream(io.StringIO(text.removeprefix(BYTE_ORDER_MARK))):
        if binding.key and not binding.error:
            found[binding.key] = binding.value
    if any(found.get(name) != value for name, value in values.items()):
        raise CannotEdit(
            "The file has lines that are no settings, such as an open quote; ./bw-dev check_settings names them."
        )


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    before = path.stat()
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                # Root may edit the file of the account that runs the site, which must still be able to read it.
                with contextlib.suppress(PermissionError):
                    os.chown(file.fileno(), before.st_uid, before.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
