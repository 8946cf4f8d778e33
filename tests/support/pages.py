"""The Markdown pages of the repository, taken apart for tests: headings, links, code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^( *)```(\w*) *(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of code: its language, the file name beside it if there is one, and the heading above it."""

    language: str
    file: str
    text: str
    heading: str


@dataclass(frozen=True)
class Page:
    """One Markdown file; `name` is its path in the repository."""

    name: str
    text: str

    @property
    def folder(self) -> Path:
        return (ROOT / self.name).parent

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """The headings as GitHub names them: lower case, no punctuation, hyphens for spaces."""
        titles = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    @property
    def links(self) -> list[str]:
        """The targets of all links and pictures, without their titles."""
        return re.findall(r"\]\(([^) ]+)[^)]*\)", self.prose)

    @property
    def spans(self) -> list[str]:
        """What stands between backticks in the prose."""
        return re.findall(r"`([^`]+)`", self.prose)

    def blocks(self, *languages: str) -> list[Block]:
        """The blocks of some languages, without the indentation that a list gives them."""
        return [block for block in self._blocks() if block.language in languages]

    def _blocks(self) -> Iterator[Block]:
        for found in _FENCE.finditer(self.text):
            indent, language, file, text = found.groups()
            above = re.findall(r"^#+ (.+)$", self.text[: found.start()], re.MULTILINE)
            yield Block(language, file, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE), above[-1] if above else "")


def pages() -> list[Page]:
    """Every page that people read: in the root, in `docs`, and the README of a folder."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]
    return [Page(str(file.relative_to(ROOT)), file.read_text("utf-8")) for file in sorted({*files})]


def page(name: str) -> Page:
    """The page of a name, such as docs/alerts.md."""
    return Page(name, (ROOT / name).read_text("utf-8"))
