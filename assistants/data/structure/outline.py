"""Lines, and the path of headings under which each block stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistants.data.blocks import Block, BlockKind


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end: `start` and `end` are offsets into the text."""

    start: int
    end: int
    text: str

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip())

    @property
    def blank(self) -> bool:
        return not self.text.strip()


def split_lines(text: str) -> list[Line]:
    lines = []
    start = 0
    for line in text.split("\n"):
        lines.append(Line(start, start + len(line), line))
        start += len(line) + 1
    return lines


@dataclass(slots=True)
class Outline:
    """Collects blocks; knows which headings are open. `level` 1 is the outermost."""

    text: str
    title: str = ""
    blocks: list[Block] = field(default_factory=list)
    _open: list[tuple[int, str]] = field(default_factory=list)

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(name for _, name in self._open)

    def open(self, level: int, name: str) -> None:
        """A heading begins: it closes all of its own level and below."""
        self.close(level)
        self._open.append((level, name))

    def close(self, level: int) -> None:
        while self._open and self._open[-1][0] >= level:
            self._open.pop()

    @property
    def level(self) -> int:
        """Of the innermost open heading; -1 if none is."""
        return self._open[-1][0] if self._open else -1

    def add(self, kind: BlockKind, start: int, end: int) -> None:
        """A block without the blanks around it; nothing, if it is only blanks."""
        piece = self.text[start:end]
        stripped = piece.strip()
        if not stripped:
            return
        start += piece.index(stripped[0])
        self.blocks.append(Block(kind, start, start + len(stripped), self.path))

    def add_lines(self, kind: BlockKind, lines: list[Line]) -> None:
        """A block of whole lines, the first one's indentation included (code)."""
        while lines and lines[-1].blank:
            lines = lines[:-1]
        while lines and lines[0].blank:
            lines = lines[1:]
        if lines:
            self.blocks.append(Block(kind, lines[0].start, lines[-1].end, self.path))
