"""Lines of a CSV file that are written plainly, as one block of bytes: no letter of them is looked at one by one.

The child that opens the file resolves quotation marks and shows that every line is a record as wide as the header;
`table_columns` takes the block apart, column by column.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

CELL_END, LINE_END = b"\x1f", b"\n"
_EDGES = frozenset((CELL_END, LINE_END))


@dataclass(frozen=True)
class PlainLines:
    """Lines as UTF-8, CELL_END between their cells and LINE_END behind each. first: the number of the first one."""

    text: bytes
    first: int

    @cached_property
    def numbers(self) -> range:
        """The number of each line."""
        return range(self.first, self.first + self.text.count(LINE_END))

    def rows(self) -> list[list[str]]:
        """Each line's cells."""
        end = CELL_END.decode()
        return [line.split(end) for line in self.text.decode().split(LINE_END.decode())[:-1]]


def unquoted(text: bytes, separator: bytes, longest: int) -> bytes | None:
    """Whole lines of CSV, as `PlainLines.text`: what Python's csv module reads in them, cell by cell.

    Args:
        longest: bytes that no line may exceed.

    Returns:
        None where quotation marks are doubled, stand inside a cell or go around a line's end; for odd line ends; and
        where a line may be too long.
    """
    if b"\r" in text:
        text = text.replace(b"\r\n", LINE_END)
    if b"\r" in text or CELL_END in text:
        return None
    if _may_exceed(text, longest):
        return None
    if b'"' in text:
        parts = text.split(b'"')
        outside = [part.replace(separator, CELL_END) for part in parts[::2]]
        if len(parts) % 2 == 0 or LINE_END in b"".join(parts[1::2]) or not _at_the_edges(outside):
            return None
        parts[::2] = outside
        text = b"".join(parts)
    else:
        text = text.replace(separator, CELL_END)
    return text if text.endswith(LINE_END) else text + LINE_END


def _may_exceed(text: bytes, longest: int) -> bool:
    """Whether no line's end stands in some half of that length: a line that is longer would hold one."""
    half = longest // 2
    return len(text) > longest and any(
        text.find(LINE_END, at, at + half) < 0 for at in range(0, len(text) - half, half)
    )


def _at_the_edges(outside: list[bytes]) -> bool:
    """Whether what stands outside of quotation marks begins and ends with the edge of a cell."""
    between = outside[1:-1]
    inner = {part[-1:] for part in between} | {part[:1] for part in between}
    return inner <= _EDGES and {outside[0][-1:], outside[-1][:1]} <= {*_EDGES, b""}
