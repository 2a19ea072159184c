"""The two keys of an installation: one for keyed hashes, one for encryption of landing and quarantine.

They come from the environment. Beside the embedded server they are made at the first use and kept
under .local; with any other warehouse they must be given, since losing them loses the landing.
Each has former keys beside it (`..._FORMER`, oldest first): what they encrypted is still read, and hashes go on from theirs.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from onestop.config import Settings, required_secrets, secret
from onestop.crypto import SHORTEST_KEY, DataKeys, HashKey
from onestop.errors import ConfigurationError

HASH_KEY, DATA_KEY = "ONESTOP_HASH_KEY", "ONESTOP_DATA_KEY"
FORMER = "_FORMER"
KEPT = "keys.json"
_PAYLOAD = "quarantine payload"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Keys:
    """The keys of one run.

    Attributes:
        hash: what hashes are made with: of all keys at hand, until onestop.pipeline.hash_keys says which are in force.
        data: keys of encryption, the current one first.
        ring: every key of hashes at hand, oldest first.
    """

    hash: HashKey
    data: DataKeys
    ring: tuple[bytes, ...] = ()

    def encrypt_payload(self, value: str) -> str:
        """One personal part of a quarantined payload, sealed."""
        return self.data.encrypt_text(value, _PAYLOAD)

    def decrypt_payload(self, sealed: str) -> str:
        """The reverse: for the memory of a replay only."""
        return self.data.decrypt_text(sealed, _PAYLOAD)


def load_keys(settings: Settings) -> Keys:
    """The installation's keys.

    Raises:
        ConfigurationError: a key is missing beside a warehouse that is not the embedded one, or those kept under
            .local cannot be read or made.
    """
    if settings.warehouse_dsn is not None:
        required_secrets(HASH_KEY, DATA_KEY)
        kept: Mapping[str, object] = {}
    else:
        kept = _kept(settings.local / KEPT)
    ring = tuple(text.encode() for text in _texts(HASH_KEY, kept))
    return Keys(hash=chain(ring), data=DataKeys(_texts(DATA_KEY, kept)[::-1]), ring=ring)


def chain(ring: tuple[bytes, ...]) -> HashKey:
    """The keys of a ring as what hashes."""
    return ring[0] if len(ring) == 1 else ring


def _texts(name: str, kept: Mapping[str, object]) -> list[str]:
    """A key and those before it, oldest first. The environment wins, key and former keys together."""
    given = secret(name)
    if given:
        former = (secret(f"{name}{FORMER}") or "").splitlines()
    else:
        given, listed = str(kept[name]), kept.get(f"{name}{FORMER}", [])
        former = [str(one) for one in listed] if isinstance(listed, list) else []
    texts = dict.fromkeys(text.strip() for text in (*former, given) if text.strip())
    texts.pop(given, None)  # the current one is the last, also where somebody left it among the former
    return [_long_enough(name, text) for text in (*texts, given)]


def renew(settings: Settings, name: str) -> None:
    """A new key beside the embedded server; the one until now becomes a former one.

    Raises:
        ConfigurationError: the keys come from the environment, or cannot be read or written.
    """
    if settings.warehouse_dsn is not None or secret(name):
        raise ConfigurationError(
            f"{name} comes from the environment, which onestop does not change",
            next_step=f"append the old key to {name}{FORMER} as a line of its own, set {name} to a new one",
        )
    file = settings.local / KEPT
    kept = _kept(file)
    listed = kept.get(f"{name}{FORMER}", [])
    former = [*(listed if isinstance(listed, list) else []), kept[name]]
    _write(file, {**kept, name: secrets.token_urlsafe(32), f"{name}{FORMER}": former}).replace(file)


def _long_enough(name: str, text: str) -> str:
    """A short key works, with a warning: whoever set it may have data under it already."""
    if len(text) >= SHORTEST_KEY:
        return text
    _log.warning("%s has fewer than %d characters: it can be guessed; use a long random text", name, SHORTEST_KEY)
    return hashlib.sha256(text.encode()).hexdigest()


def _kept(file: Path) -> dict[str, object]:
    """The keys under .local, made if there are none."""
    try:
        _make(file)
        keys = json.loads(file.read_text())
        return {**keys, **{name: str(keys[name]) for name in (HASH_KEY, DATA_KEY)}}
    except OSError as problem:
        raise ConfigurationError(
            f"the keys in {file} can be neither read nor made: {problem.strerror}",
            next_step="make its folder readable and writable for the account that runs onestop",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            f"{file} is damaged; what lies in the landing cannot be read without the keys in it",
            next_step=f"put it back from a copy, or set {HASH_KEY} and {DATA_KEY} to the keys that it held",
        ) from None


def _make(file: Path) -> None:
    """Two starts at once agree on the same keys."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        made = _write(file, {name: secrets.token_urlsafe(32) for name in (HASH_KEY, DATA_KEY)})
        try:
            os.link(made, file)  # fails if another start was first: its keys are the ones
        except FileExistsError:
            pass
        finally:
            made.unlink()


def _write(file: Path, content: Mapping[str, object]) -> Path:
    """The content in a file beside, on the disk, to be moved to its name."""
    made = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(content, out)
        out.flush()
        os.fsync(out.fileno())
    return made
