"""The two keys of an installation: one for keyed hashes, one for encryption of landing and quarantine.

They come from the environment. Beside the embedded server they are made at the first use and kept
under .local; with any other warehouse they must be given, since losing them loses the landing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from onestop.config import Settings, required_secrets, secret
from onestop.crypto import SHORTEST_KEY, DataKeys
from onestop.errors import ConfigurationError

HASH_KEY, DATA_KEY = "ONESTOP_HASH_KEY", "ONESTOP_DATA_KEY"
_PAYLOAD = "quarantine payload"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Keys:
    """hash: key of keyed hashes; data: keys of encryption, the current one first."""

    hash: bytes
    data: DataKeys

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
        hash_text, data_text = required_secrets(HASH_KEY, DATA_KEY)
    else:
        kept = _kept(settings.local / "keys.json")
        hash_text, data_text = (secret(name) or kept[name] for name in (HASH_KEY, DATA_KEY))
    return Keys(hash=_long_enough(HASH_KEY, hash_text).encode(), data=DataKeys([_long_enough(DATA_KEY, data_text)]))


def _long_enough(name: str, text: str) -> str:
    """A short key works, with a warning: whoever set it may have data under it already."""
    if len(text) >= SHORTEST_KEY:
        return text
    _log.warning("%s has fewer than %d characters: it can be guessed; use a long random text", name, SHORTEST_KEY)
    return hashlib.sha256(text.encode()).hexdigest()


def _kept(file: Path) -> dict[str, str]:
    """The keys under .local, made if there are none."""
    try:
        _make(file)
        keys = json.loads(file.read_text())
        return {name: str(keys[name]) for name in (HASH_KEY, DATA_KEY)}
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
        made = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            json.dump({name: secrets.token_urlsafe(32) for name in (HASH_KEY, DATA_KEY)}, out)
        try:
            os.link(made, file)  # fails if another start was first: its keys are the ones
        except FileExistsError:
            pass
        finally:
            made.unlink()
