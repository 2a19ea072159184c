"""Reads an export, XLSX or CSV, as chunks of records: in a child process that may use so much and no more.

What the file holds can at worst end the child. Its messages are JSON, and plain lines of a CSV file, of which nothing is
believed (`table_columns`); so nothing of it runs here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from onestop.sources.plain_lines import LINE_END
from onestop.sources.portal_columns import LAYOUTS, Layout
from onestop.sources.portal_table import VERSION, FileRefused
from onestop.sources.served_file import Content, HeldContent, LocalContent, Served
from onestop.sources.table_columns import columns_of, stamps_of_days
from onestop.sources.table_parts import Chunk
from onestop.sources.table_records import TableRecords
from onestop.sources.workbook_guard import LONGEST_MESSAGE, Limits

__all__ = ["FileFacts", "FileRefused", "Limits", "TableChunk", "TableReading", "read_table"]

ROWS = 20_000  # that are handed on at once: judging costs half a second however few they are
_PLAIN = b'{"plain":'  # a message that so many bytes of plain lines follow
Message = tuple[dict[str, Any], bytes]
AHEAD = 16 << 20  # bytes of messages that wait to be taken
_ENVIRONMENT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "TMPDIR")
_ADVICE = {
    "xls": "open it in Excel or LibreOffice and save it as .xlsx (Excel Workbook)",
    "xlsm": "save it as .xlsx (Excel Workbook), without macros",
}


@dataclass(frozen=True)
class TableChunk:
    """Some records in the file's order. numbers: the sheet's row of each (1-based), or the line of a CSV file."""

    numbers: list[int]
    records: TableRecords


@dataclass(frozen=True)
class FileFacts:
    """What reading a file showed. layout_rows: totals, signatures and the like below the header."""

    records: int
    layout_rows: int
    blank_rows: int
    unknown_headings: tuple[str, ...]
    sheet: str | None = None
    encoding: str | None = None
    separator: str | None = None


class TableReading:
    """The chunks of one file: iterate, then ask for `facts`. Close it (contextlib.closing) to end early."""

    def __init__(self, messages: Generator[Message, None, None], layout: Layout) -> None:
        self._messages = messages
        self._layout = layout
        self._facts: FileFacts | None = None
        self._refused: FileRefused | None = None

    def begin(self) -> None:
        """Let the child begin now, not when the first chunk is asked for. Of a file that is refused the chunks tell."""
        try:
            next(self._messages)
        except FileRefused as problem:
            self._refused = problem

    def __iter__(self) -> TableReading:
        return self

    def __next__(self) -> TableChunk:
        """The next chunk: of ROWS rows or a little more, or the last one."""
        if self._refused:
            raise self._refused
        parts: list[Chunk | TableRecords] = []
        lines: list[bytes] = []  # since the last chunk of another kind
        numbers: list[int] = []
        told: dict[str, Any] = {}
        for message, text in self._messages:
            if not message:
                continue
            if found := message.get("facts"):
                self._facts = FileFacts(**(found | {"unknown_headings": tuple(found["unknown_headings"])}))
            elif "plain" in message:
                told = message
                lines.append(text)
                numbers += range(message["first"], message["first"] + message["rows"])
            else:
                parts += self._taken_apart(lines, told)
                parts.append(_dated(Chunk(**message)))
                numbers += message["numbers"]
            if len(numbers) >= ROWS:
                break
        parts += self._taken_apart(lines, told)
        if not parts:
            raise StopIteration
        return TableChunk(numbers, TableRecords.joined(parts))

    def _taken_apart(self, lines: list[bytes], told: Mapping[str, Any]) -> list[TableRecords]:
        """Plain lines as records, none where there are none; `lines` is empty then."""
        if not lines:
            return []
        text = b"".join(lines)
        lines.clear()
        rows = text.count(LINE_END)
        columns = columns_of(text, rows, told["columns"], self._layout)
        if told["stamp"]:
            columns[VERSION] = pa.repeat(pa.scalar(told["stamp"]), rows)
        return [TableRecords(columns, rows, {})]

    @property
    def facts(self) -> FileFacts:
        """Known when the last chunk has been taken. Raises ValueError before."""
        if self._facts is None:
            raise ValueError("the file has not been read to its end")
        return self._facts

    def close(self) -> None:
        """Ends the child, if it still runs."""
        self._messages.close()


def _dated(chunk: Chunk) -> Chunk:
    """With dates as fourteen digits that came as days."""
    for name, begin in chunk.begins.items():
        place = chunk.fields.index(name)
        chunk.values[place] = stamps_of_days(chunk.values[place], begin)  # type: ignore[arg-type]
    return chunk


def read_table(
    content: bytes | Path | Content,
    name: str,
    entity: str,
    *,
    stamp: str | None = None,
    limits: Limits | None = None,
) -> TableReading:
    """Read one export.

    Args:
        content: the file's bytes, where it lies locally, or what reads them.
        name: what to call it in errors; its suffix says what it should be.
        entity: dossier, payment or rating.
        stamp: NgayCapNhat that every record gets, 14 digits.

    Returns:
        chunks of records with the entity's field names, every column of the file present in each
        record; columns the contract does not name under their heading; cells beyond the last heading
        of a CSV file under "_surplus".

    Raises:
        FileRefused: (when it is iterated) the file is refused whole: kind, limits, columns, quoting.
    """
    return TableReading(_read(content, name, entity, stamp, limits or Limits()), LAYOUTS[entity])


def _read(
    content: bytes | Path | Content, name: str, entity: str, stamp: str | None, limits: Limits
) -> Generator[Message, None, None]:
    suffix = name.rsplit(".", 1)[-1].lower()
    if suffix not in ("xlsx", "csv"):
        raise FileRefused(
            f"{name}: .{suffix} files are not read", next_step=_ADVICE.get(suffix, "deliver .xlsx or .csv")
        )
    if isinstance(content, bytes):
        content = HeldContent(content)
    elif isinstance(content, Path):
        content = LocalContent(content)
    most = limits.packed if suffix == "xlsx" else limits.unpacked
    if content.size > most:
        raise FileRefused(
            f"{name}: the file has more than {most // 10**6} MB",
            next_step="export a shorter span of days",
        )
    if not content.size:
        raise FileRefused(f"{name}: the file is empty", next_step="export or copy it again")
    order = {"entity": entity, "suffix": suffix, "stamp": stamp, "size": content.size, "limits": limits.as_dict()}
    with closing(_Child(content, order, limits.seconds)) as child:
        yield {}, b""  # it has begun
        while found := child.message():
            message, _ = found
            if "refused" in message:
                raise FileRefused(f"{name}: {message['refused']}", next_step=message["next_step"], rows=message["rows"])
            yield found
            if "facts" in message:
                return
        if child.served.problem:
            raise child.served.problem
        raise FileRefused(f"{name}: {child.why_it_ended(limits)}", next_step="export a shorter span of days")


class _Child:
    """The reading process. Its messages are taken ahead, so that it reads on while those before are judged and loaded.

    Only the time that is spent waiting for it counts, not that of whoever takes its chunks.
    """

    def __init__(self, content: Content, order: dict[str, Any], seconds: float) -> None:
        self._left = seconds
        self._out_of_time = False
        self._lines: deque[tuple[bytes, bytes]] = deque()
        self._held = 0
        self._closed = False
        self._turn = threading.Condition()
        self.served = Served(content)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "onestop.sources.spreadsheet_child", orjson.dumps(order).decode()],
                stdin=self.served.asking.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a traceback could quote cells
                env={k: v for k, v in os.environ.items() if k in _ENVIRONMENT},
                close_fds=True,
            )
        except BaseException:
            self.served.close()
            raise
        self.served.asking.close()  # the child has its own
        self._taker = threading.Thread(target=self._take, name="spreadsheet", daemon=True)
        try:
            self._taker.start()
        except RuntimeError:  # no more threads
            self._process.kill()
            self._process.wait()
            self.served.close()
            raise

    def _take(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  (it is a pipe)
        stdout = self._process.stdout
        line = b"\n"
        while line.endswith(b"\n"):
            line, lines = stdout.readline(LONGEST_MESSAGE), b""
            if line.startswith(_PLAIN):
                told = int(line[len(_PLAIN) :].partition(b",")[0])
                lines = stdout.read(max(0, min(told, LONGEST_MESSAGE)))
            with self._turn:
                self._turn.wait_for(lambda: self._held < AHEAD or self._closed)
                self._lines.append((line, lines))
                self._held += len(line) + len(lines)
                self._turn.notify_all()

    def message(self) -> Message | None:
        """The next one; None when the process has ended without another."""
        began = time.monotonic()
        with self._turn:
            if not self._turn.wait_for(lambda: self._lines, max(self._left, 0)):
                self._out_of_time = True
                return None
            line, lines = self._lines.popleft()
            self._held -= len(line) + len(lines)
            self._turn.notify_all()
        self._left -= time.monotonic() - began
        if not line.endswith(b"\n"):
            return None
        found: dict[str, Any] = orjson.loads(line)
        return (found, lines) if len(lines) == found.get("plain", 0) else None

    def why_it_ended(self, limits: Limits) -> str:
        """What to say of a process that sent no last message."""
        too_long = f"reading the file takes longer than {limits.seconds} s"
        if self._out_of_time or self._process.wait() in (-9, -24):
            return too_long
        return f"the file is damaged, or reading it takes more than {limits.memory // 2**20} MB of memory"

    def close(self) -> None:
        """Ends the process and waits for it."""
        self._process.kill()
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        self._taker.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()
        self.served.close()
