"""Read a page of the docs: its headings, its code blocks, its links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^]]+\]\(([^)\s]+)\)")
INLINE_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class CodeBlock:
    """A fenced block: its *kind* (``bash`` is run, ``ini`` goes into `.env`, …) and its text."""

    kind: str
    text: str


@dataclass(frozen=True)
class DocsPage:
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The page without its code blocks."""
        return FENCE.sub("", self.text)

    @property
    def blocks(self) -> list[CodeBlock]:
        return [CodeBlock(match["kind"], match["text"]) for match in FENCE.finditer(self.text)]

    @property
    def outline(self) -> list[int]:
        """The level of each heading, in order."""
        return [len(marks) for marks, _ in HEADING.findall(self.prose)]

    @property
    def anchors(self) -> set[str]:
        return {anchor_of(title) for _, title in HEADING.findall(self.prose)}

    @property
    def links(self) -> list[str]:
        return LINK.findall(self.prose)

    @property
    def mentions(self) -> set[str]:
        """Every piece of code the page names, in a sentence or in a block's lines."""
        lines = {line.strip() for block in self.blocks for line in block.text.splitlines()}
        return set(INLINE_CODE.findall(self.prose)) | lines


def anchor_of(title: str) -> str:
    """Return the fragment that Git hosts give a heading."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).strip().lower())
    return kept.replace(" ", "-")
