"""Is this file an .xlsx workbook that may be opened? Judged from its bytes, before any reader sees them.

The zip's directory is held against the limits first; then every part is inflated once, and counted, since a
directory can lie. Parts with a DTD, macros, a password, or links to other files refuse the workbook.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import BinaryIO

from onestop.sources.portal_table import FileRefused

LONGEST_MESSAGE = 64 << 20  # bytes that the reader's child may hand over at once
_BLOCK = 1 << 18
_MOST_PARTS = 2_000
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DTD = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
_OVERLAP = max(map(len, _DTD)) - 1
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_MARKUP = (".xml", ".rels", ".vml")
_SAVE_AS_XLSX = "open it in Excel or LibreOffice and save it as .xlsx (Excel Workbook)"


@dataclass(frozen=True)
class Limits:
    """What a file may cost. packed, unpacked: bytes; ratio: unpacked to packed; seconds, memory (bytes): to read it."""

    packed: int = 50_000_000
    unpacked: int = 500_000_000
    ratio: int = 100
    sheets: int = 20
    seconds: int = 120
    memory: int = 1 << 30

    def as_dict(self) -> dict[str, int]:
        """For the child's order."""
        return asdict(self)


def check_workbook(file: BinaryIO, size: int, limits: Limits) -> None:
    """Let an .xlsx workbook pass.

    Args:
        file: seekable; size: its length in bytes.

    Raises:
        FileRefused: it is something else, over a limit, or holds what no export needs; the text says which.
    """
    file.seek(0)
    start = file.read(512)
    if start.startswith(_OLE):
        _refuse_ole(file)
    if not start.startswith(b"PK"):
        _refuse_text(start)
    try:
        directory = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError, OSError):
        raise FileRefused("the file is cut short or damaged", next_step="export or copy it again") from None
    parts = directory.infolist()
    _check_directory(parts, size, limits)
    unpacked = 0
    for part in parts:
        unpacked += _check_part(file, part, limits.unpacked - unpacked)
    if unpacked > limits.ratio * size:
        raise _too_big(f"unpacks to {unpacked // size} times its size; {limits.ratio} is the limit")


def _check_directory(parts: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    names = [part.filename.replace("\\", "/").lower() for part in parts]
    if "xl/workbook.bin" in names:
        raise FileRefused("the file is a binary workbook (.xlsb)", next_step=_SAVE_AS_XLSX)
    if "xl/workbook.xml" not in names or "[content_types].xml" not in names:
        raise FileRefused("the file is a zip archive, but no Excel workbook", next_step=_SAVE_AS_XLSX)
    if any(part.flag_bits & 1 for part in parts):
        raise FileRefused("the file is protected with a password", next_step="save it without a password")
    declared = sum(part.file_size for part in parts)
    if len(parts) > _MOST_PARTS:
        raise _too_big(f"has {len(parts)} parts; {_MOST_PARTS} is the limit")
    if declared > limits.unpacked:
        raise _too_big(f"unpacks to {declared // 10**6} MB; {limits.unpacked // 10**6} MB is the limit")
    if declared > limits.ratio * size:
        raise _too_big(f"unpacks to {declared // size} times its size; {limits.ratio} is the limit")
    sheets = sum(name.startswith("xl/worksheets/") and name.endswith(".xml") for name in names)
    if sheets > limits.sheets:
        raise _too_big(f"has {sheets} sheets; {limits.sheets} is the limit")
    if len(names) != len(set(names)):
        raise FileRefused("the file holds a part twice", next_step="export it again")
    for name in names:
        if name.endswith("vbaproject.bin") or name.startswith("xl/macrosheets/"):
            raise FileRefused("the workbook holds macros", next_step=_SAVE_AS_XLSX)
        if name.startswith("xl/externallinks/") or name == "xl/connections.xml":
            raise _linked()


def _check_part(file: BinaryIO, part: zipfile.ZipInfo, most: int) -> int:
    """Inflate one part and look through it. Returns its real length in bytes."""
    name = part.filename.lower()
    kept = bytearray()
    tail, length = b"", 0
    for block in _inflated(file, part):
        length += len(block)
        if length > most:
            raise _too_big("unpacks to more than it says, and more than the limit")
        if name.endswith(_MARKUP):
            window = tail + block
            if any(mark in window for mark in _DTD):
                raise FileRefused("a part of the workbook holds a DTD, which no export needs", next_step=_SAVE_AS_XLSX)
            tail = window[-_OVERLAP:]
        if name.endswith(".rels") or name == "[content_types].xml":
            kept += block
    if length != part.file_size:
        raise FileRefused("a part of the file is not of the size that it says", next_step="export or copy it again")
    if b"macroEnabled" in kept:
        raise FileRefused("the workbook is one with macros (.xlsm)", next_step=_SAVE_AS_XLSX)
    for relation in _RELATION.findall(kept) if name.endswith(".rels") else ():
        if re.search(rb"""TargetMode\s*=\s*["']External""", relation) and b"/hyperlink" not in relation:
            raise _linked()
    return length


def _inflated(file: BinaryIO, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """What a part really holds: zipfile itself stops at the length that the directory declares."""
    file.seek(part.header_offset)
    head = file.read(_LOCAL_HEADER.size)
    damaged = FileRefused("the file is cut short or damaged", next_step="export or copy it again")
    if len(head) < _LOCAL_HEADER.size or not head.startswith(b"PK\x03\x04"):
        raise damaged
    _, name_length, extra_length = _LOCAL_HEADER.unpack(head)
    file.seek(name_length + extra_length, 1)
    left = part.compress_size
    if part.compress_type == zipfile.ZIP_STORED:
        while left and (block := file.read(min(left, _BLOCK))):
            left -= len(block)
            yield block
        return
    if part.compress_type != zipfile.ZIP_DEFLATED:
        raise FileRefused("the file is packed in a way that Excel does not use", next_step=_SAVE_AS_XLSX)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while not inflater.eof:
            block = inflater.unconsumed_tail
            if not block:
                block = file.read(min(left, _BLOCK))
                left -= len(block)
                if not block:
                    raise damaged
            yield inflater.decompress(block, _BLOCK)
    except zlib.error:
        raise damaged from None


def _refuse_ole(file: BinaryIO) -> None:
    file.seek(0)
    if "EncryptedPackage".encode("utf-16-le") in file.read(1 << 20):
        raise FileRefused("the file is protected with a password", next_step="save it without a password")
    raise FileRefused("the file is in the old .xls format", next_step=_SAVE_AS_XLSX)


def _refuse_text(start: bytes) -> None:
    text = start.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if not start:
        raise FileRefused("the file is empty", next_step="export or copy it again")
    if text.startswith(b"<"):
        raise FileRefused("the file is a web page (HTML or XML) under an Excel name", next_step=_SAVE_AS_XLSX)
    raise FileRefused("the file is no Excel workbook", next_step=_SAVE_AS_XLSX)


def _too_big(how: str) -> FileRefused:
    return FileRefused(f"the file {how}", next_step="export a shorter span of days, without pictures or other sheets")


def _linked() -> FileRefused:
    return FileRefused(
        "the workbook holds links to other files or to data connections",
        next_step="break the links (Data > Edit Links > Break Link), save it and deliver it again",
    )
