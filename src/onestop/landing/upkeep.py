"""What is done to a landing that never changes otherwise: files under a new key, and records that must be erased.

Both may be killed at any moment and called again: every file is whole, and what was done already is passed over.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import zstandard

from onestop.crypto import DataKeys
from onestop.errors import DataRefused
from onestop.landing.files import files_at
from onestop.landing.store import COMPRESSION_LEVEL, MANIFEST, LandedPage, canonical, unsealed

Drops = Callable[[Mapping[str, Any]], bool]
"""Whether a record, as delivered, is one to erase."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was taken out of one run: how many records, and the SHA-256 of each page before and after."""

    path: str
    records: int
    pages: tuple[tuple[str, str], ...]


class Upkeep:
    """A landing, to be re-encrypted or to have records taken out.

    Args:
        url, options: as of LandingStore.
        keys: the current one encrypts, all decrypt.
    """

    def __init__(self, url: str, keys: DataKeys, *, options: Mapping[str, Any] | None = None) -> None:
        self._files = files_at(url, options)
        self._keys = keys

    def counts(self) -> Counter[str]:
        """How many files there are under each key, by the key's name."""
        return Counter(key for name in self._files.names() if (key := self._key_of(name)))

    def reencrypt(self, progress: Callable[[int], None] = lambda done: None) -> int:
        """Bring every file under the current key; how many were not.

        Raises:
            DataRefused: a file was changed. ConfigurationError: its key is not at hand.
        """
        done = 0
        for name in self._files.names():
            if self._key_of(name) in (None, self._keys.current.key_id):
                continue
            content = self._files.read(name)
            if name.endswith(f"/{MANIFEST}"):
                self._write_manifest(name, unsealed(orjson.loads(content), self._keys, name))
            else:
                self._files.replace(name, self._keys.encrypt(self._keys.decrypt(content, name), name))
            done += 1
            progress(done)
        return done

    def erase(self, sources: Collection[str], drops: Drops) -> Iterator[Erased]:
        """Take records out of the pages of polled sources, a run at a time.

        A page is written anew under another name, then the manifest names it, then the old one is removed.
        """
        runs: dict[str, list[str]] = {}
        for name in self._files.names():
            if name.split("/")[0] in sources:
                runs.setdefault(name.rpartition("/")[0], []).append(name)
        for path, names in runs.items():
            place = f"{path}/{MANIFEST}"
            if place not in names:
                yield from self._of_unfinished(path, names, drops)
                continue
            manifest = unsealed(orjson.loads(self._files.read(place)), self._keys, place)
            old = {f"{path}/{page['name']}" for page in manifest["pages"]}
            self._remove(set(names) - old - {place})  # left by an erasure that was killed
            found = self._without(path, manifest, drops)
            if found.records:
                self._write_manifest(place, manifest)
                self._remove(old - {f"{path}/{page['name']}" for page in manifest["pages"]})
                yield found

    def remove_run(self, path: str) -> Erased | None:
        """Remove a run of files whole; None where it is gone already."""
        name = f"{path}/{MANIFEST}"
        if not self._files.exists(name):
            return None
        manifest = unsealed(orjson.loads(self._files.read(name)), self._keys, name)
        for one in [n for n in self._files.names() if n.startswith(f"{path}/")]:
            self._files.remove(one)
        return Erased(path, 0, tuple((page["sha256"], "") for page in manifest["pages"]))

    def _key_of(self, name: str) -> str | None:
        if name.endswith(f"/{MANIFEST}"):
            try:
                return str(orjson.loads(self._files.read(name))["seal"]).partition(":")[0]
            except (ValueError, KeyError, TypeError):
                return None
        return self._keys.key_of(self._files.read(name))

    def _write_manifest(self, name: str, content: Mapping[str, Any]) -> None:
        sealed = {**content, "seal": self._keys.seal(canonical(content))}
        self._files.replace(name, orjson.dumps(sealed, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._files.remove(name)

    def _of_unfinished(self, path: str, names: Iterable[str], drops: Drops) -> Iterator[Erased]:
        """Of a pull that broke off nothing can be replayed: its pages with such a record are removed whole."""
        for name in names:
            body = self._unpacked(name)
            _, gone = _filtered(_parsed(body, name), drops)
            if gone:
                self._files.remove(name)
                yield Erased(path, gone, ((hashlib.sha256(body).hexdigest(), ""),))

    def _unpacked(self, name: str) -> bytes:
        return zstandard.ZstdDecompressor().decompress(self._keys.decrypt(self._files.read(name), name))

    def _without(self, path: str, manifest: dict[str, Any], drops: Drops) -> Erased:
        """The manifest's pages without the records; those that held some are written beside."""
        taken, changed = 0, []
        for place, page in enumerate(manifest["pages"]):
            at = f"{path}/{page['name']}"
            left, gone = _filtered(_parsed(self._unpacked(at), at), drops)
            if not gone:
                continue
            new = json.dumps(left, ensure_ascii=False).encode()
            sha256 = hashlib.sha256(new).hexdigest()
            name = f"page-{page['number']:06d}.{sha256[:8]}.zst.enc"
            packed = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(new)
            self._files.replace(f"{path}/{name}", self._keys.encrypt(packed, f"{path}/{name}"))
            manifest["pages"][place] = asdict(
                LandedPage(page["number"], name, sha256, len(new), page["records"] - gone)
            )
            changed.append((page["sha256"], sha256))
            taken += gone
        manifest["sha256"] = hashlib.sha256("".join(page["sha256"] for page in manifest["pages"]).encode()).hexdigest()
        manifest["erased"] = manifest.get("erased", 0) + taken
        return Erased(path, taken, tuple(changed))


def _parsed(body: bytes, name: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise DataRefused(f"{name} is no JSON", next_step="remove this run from the landing by hand") from None


def _filtered(content: Any, drops: Drops) -> tuple[Any, int]:
    """A page's content without the records to erase, wherever in it they stand."""
    if isinstance(content, list):
        parts = [_filtered(one, drops) for one in content if not (isinstance(one, dict) and drops(one))]
        return [left for left, _ in parts], len(content) - len(parts) + sum(gone for _, gone in parts)
    if isinstance(content, dict):
        inner = {name: _filtered(value, drops) for name, value in content.items()}
        return {name: left for name, (left, _) in inner.items()}, sum(gone for _, gone in inner.values())
    return content, 0
