"""The landing store: every page of every pull as the source sent it, compressed, encrypted, never changed.

A run is one folder, `<source>/<entity>/<yyyymm>/<run id>/`, of numbered pages and a manifest that is
written last: a run without one was interrupted. A file is bound to its place by encryption, its
content to the manifest by SHA-256, and the manifest to the key by a seal.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

import orjson
import zstandard

from onestop.clock import system_now
from onestop.crypto import DataKeys
from onestop.errors import ConfigurationError, DataRefused, OnestopError
from onestop.landing.files import Files, files_at

MANIFEST = "manifest.json"
COMPRESSION_LEVEL = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+:-]{0,99}", re.ASCII)
_PULL_AGAIN = "pull the data from the source again, or restore the landing from the backup"


@dataclass(frozen=True, slots=True)
class LandedPage:
    """One page in landing: its number, file name, SHA-256 (hex) and bytes as received, and its records."""

    number: int
    name: str
    sha256: str
    size: int
    records: int


class LandingStore:
    """All runs below one address.

    Args:
        url: a path, file://..., memory://... or any other fsspec address.
        keys: the current one encrypts.
        now: says in which month's folder a new run goes.
        options: what the address wants beside itself, such as a log-in.

    Raises:
        ConfigurationError: no such kind of address.
    """

    def __init__(
        self,
        url: str,
        keys: DataKeys,
        *,
        now: Callable[[], datetime] = system_now,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._files = files_at(url, options)
        self._keys = keys
        self._now = now

    def open_run(self, source_id: str, entity: str, run_id: str) -> LandingRun:
        """A new run, or one that was interrupted, to go on with. Nothing is written yet.

        Raises:
            OnestopError: the run is closed.
            ConfigurationError: a name that is none.
        """
        path = "/".join(_part(p) for p in (source_id, entity, f"{self._now():%Y%m}", run_id))
        if self._files.exists(f"{path}/{MANIFEST}"):
            raise OnestopError(
                f"the landing's run {path} is closed already", next_step="start a run with an id of its own"
            )
        return LandingRun(self._files, self._keys, path)

    def run(self, path: str) -> LandingRun:
        """A closed run by its path below the store (`LandingRun.path`), to be read.

        Raises:
            DataRefused: it is missing, was never closed, or its manifest was changed.
            ConfigurationError: it was written with a key that is not at hand, or the path is none.
        """
        run = LandingRun(self._files, self._keys, "/".join(_part(p) for p in path.strip("/").split("/")))
        run.load()
        return run


class LandingRun:
    """One run: its pages, and its manifest once it is closed. Made by LandingStore."""

    def __init__(self, files: Files, keys: DataKeys, path: str) -> None:
        self.path = path
        self._files = files
        self._keys = keys
        self._pages: dict[int, LandedPage] = {}
        self._manifest: dict[str, Any] | None = None

    @property
    def manifest(self) -> dict[str, Any]:
        """What `close` wrote. Raises OnestopError before that."""
        if self._manifest is None:
            raise OnestopError(f"the landing's run {self.path} is not closed")
        return self._manifest

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) over the pages' SHA-256 in their order: equal for the same delivery."""
        digests = "".join(page.sha256 for page in self.pages())
        return hashlib.sha256(digests.encode("ascii")).hexdigest()

    def pages(self) -> list[LandedPage]:
        """The pages in the order of their numbers."""
        return [self._pages[number] for number in sorted(self._pages)]

    def put(self, number: int, body: bytes, *, records: int = 0) -> LandedPage:
        """Keeps one page; once this returns it outlives a crash. The same page again changes nothing.

        Args:
            number: its 1-based place.
            body: the bytes as received.
            records: how many records it holds, for the manifest.

        Raises:
            OnestopError: the run is closed, or holds another page of that number.
            WarehouseUnavailable: no room, or no rights.
        """
        if self._manifest is not None:
            raise OnestopError(f"the landing's run {self.path} is closed; page {number} comes too late")
        name = f"page-{number:06d}.zst.enc"
        page = LandedPage(number, name, hashlib.sha256(body).hexdigest(), len(body), records)
        packed = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(body)
        place = self._place(name)
        try:
            self._files.write_new(place, self._keys.encrypt(packed, place))
        except FileExistsError:
            if hashlib.sha256(self._unpacked(name)).hexdigest() != page.sha256:
                raise OnestopError(
                    f"{place} exists with another content", next_step="start a run with an id of its own"
                ) from None
        self._pages[number] = page
        return page

    def read(self, page: LandedPage) -> bytes:
        """A page's bytes as received, checked.

        Raises:
            DataRefused: the file is missing, changed or cut short.
            ConfigurationError: it was written with a key that is not at hand.
        """
        body = self._unpacked(page.name)
        if len(body) != page.size or hashlib.sha256(body).hexdigest() != page.sha256:
            raise DataRefused(f"{self._place(page.name)} is not what was landed", next_step=_PULL_AGAIN)
        return body

    def close(self, manifest: Mapping[str, Any]) -> str:
        """Writes the manifest: from now on the run can be replayed and not be added to.

        Args:
            manifest: what the run was (source, entity, range ...); JSON values, no personal data.

        Returns:
            the run's `sha256`.

        Raises:
            OnestopError: it is closed already.
            WarehouseUnavailable: no room, or no rights.
        """
        content = {
            **manifest,
            "format": 1,
            "path": self.path,
            "pages": [asdict(page) for page in self.pages()],
            "sha256": self.sha256,
        }
        content["seal"] = self._keys.seal(canonical(content))
        try:
            text = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            self._files.write_new(self._place(MANIFEST), text)
        except FileExistsError:
            raise OnestopError(
                f"the landing's run {self.path} is closed already", next_step="start a run with an id of its own"
            ) from None
        self._manifest = content
        return self.sha256

    def load(self) -> None:
        """Reads the manifest. See `LandingStore.run` for what it raises."""
        place = self._place(MANIFEST)
        try:
            content = orjson.loads(self._files.read(place))
            pages = [LandedPage(**page) for page in content["pages"]]
            seal = content.pop("seal")
            sealed = canonical(content)
        except FileNotFoundError:
            raise DataRefused(
                f"the landing's run {self.path} is missing or was never finished (no {MANIFEST})", next_step=_PULL_AGAIN
            ) from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise DataRefused(f"{place} was changed or cut short", next_step=_PULL_AGAIN) from None
        self._keys.check_seal(str(seal), sealed, place)
        if content["path"] != self.path:
            raise DataRefused(f"{place} is the manifest of another run", next_step=_PULL_AGAIN)
        self._pages = {page.number: page for page in pages}
        self._manifest = {**content, "seal": seal}

    def _place(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _unpacked(self, name: str) -> bytes:
        place = self._place(name)
        try:
            sealed = self._files.read(place)
        except FileNotFoundError:
            raise DataRefused(f"{place} is missing in the landing", next_step=_PULL_AGAIN) from None
        try:
            return zstandard.ZstdDecompressor().decompress(self._keys.decrypt(sealed, place))
        except zstandard.ZstdError:
            raise DataRefused(f"{place} cannot be unpacked", next_step=_PULL_AGAIN) from None


class LandedContent:
    """The pages of a run as one file; memory holds one of them. What it raises: `LandingRun.read`."""

    def __init__(self, run: LandingRun) -> None:
        self._run = run
        self._pages = run.pages()
        self._ends = list(accumulate(page.size for page in self._pages))
        self._at_hand: tuple[int, bytes] = (-1, b"")

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._landed

    @property
    def _landed(self) -> int:
        return self._ends[-1] if self._ends else 0

    def read(self, at: int, size: int) -> bytes:
        """The bytes from a place on, so many or up to the end."""
        parts = []
        while size > 0 and at < self._landed:
            place = bisect_right(self._ends, at)
            held = self._at_hand
            if held[0] != place:
                held = self._at_hand = place, self._run.read(self._pages[place])
            start = at - (self._ends[place] - self._pages[place].size)
            parts.append(held[1][start : start + size])
            at += len(parts[-1])
            size -= len(parts[-1])
        return b"".join(parts)


def unsealed(manifest: Mapping[str, Any], keys: DataKeys, name: str) -> dict[str, Any]:
    """A manifest without its seal, once that was checked.

    Raises:
        DataRefused: it was changed. ConfigurationError: sealed with a key that is not at hand.
    """
    content = dict(manifest)
    keys.check_seal(str(content.pop("seal", "")), canonical(content), name)
    return content


def canonical(content: Mapping[str, Any]) -> bytes:
    """What of a manifest is sealed."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _part(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} cannot be part of a landing path: letters, digits and _ . + : - only",
            next_step="take the path from ops.load_batch.landing_path",
        )
    return name
