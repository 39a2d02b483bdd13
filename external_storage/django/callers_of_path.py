"""Find code of the site that asks a file for its path, which only a file on this machine's disk has."""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

from django.apps import apps

from .references import file_fields

# Where a package of somebody else's is installed: its owner cannot mend that, and rarely runs it on these files.
OF_OTHERS = frozenset(Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib"))
A_PATH = re.compile(r"\.[\s\\]*path\b")
"""What all code that asks has in it. To look for it first saves a second of parsing each time."""
NOT_RUN_BY_VISITORS = frozenset({"migrations", "tests"})


def callers_of_path(alias: str) -> Iterator[str]:
    """Yield where the site's own code asks for the path of a file of *alias*, such as ``books/views.py:12``.

    It is read, not run: an attribute ``path`` of what is named like one of the file fields, or of a file in the
    default storage. What goes other ways is not seen; `SiteStorage.path` raises there.
    """
    names = frozenset(field.name for field in file_fields(alias))
    for folder in sorted({Path(config.path).resolve() for config in apps.get_app_configs()}):
        if not any(folder.is_relative_to(installed) for installed in OF_OTHERS):
            yield from _in_folder(folder, names)


def _in_folder(folder: Path, names: frozenset[str]) -> Iterator[str]:
    for file in sorted(folder.rglob("*.py")):
        within = file.relative_to(folder)
        if NOT_RUN_BY_VISITORS.isdisjoint(within.parts):
            now = file.stat()
            for line in _lines_in(file, (now.st_mtime_ns, now.st_size), names):
                yield f"{folder.name}/{within}:{line}"


@lru_cache(maxsize=16_384)
def _lines_in(file: Path, _version: tuple[int, int], names: frozenset[str]) -> list[int]:
    """Read a file once for as long as it stays the same: the page in the admin asks again and again."""
    return lines_that_ask(file.read_text(encoding="utf-8", errors="replace"), names)


def lines_that_ask(code: str, names: Collection[str]) -> list[int]:
    """Return the numbers of the lines of *code* that ask for the path of a file in a field called one of *names*."""
    if not A_PATH.search(code) or not any(name in code for name in (*names, "default_storage")):
        return []
    try:
        found = ast.walk(ast.parse(code))
    except SyntaxError:
        return []  # it does not run either
    return sorted({node.lineno for node in found if isinstance(node, ast.Attribute) and _asks(node, names)})


def _asks(node: ast.Attribute, names: Collection[str]) -> bool:
    if node.attr != "path":
        return False
    owner = node.value
    return (isinstance(owner, ast.Attribute) and owner.attr in names) or (
        isinstance(owner, ast.Name) and owner.id == "default_storage"
    )
