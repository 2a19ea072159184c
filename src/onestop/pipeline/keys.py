"""The two keys of an installation: one for keyed hashes, one for encryption of landing and quarantine.

They come from the environment. Beside the embedded server they are made at the first use and kept
under .local; with any other warehouse they must be given, since losing them loses the landing.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from onestop.config import Settings, required_secrets, secret
from onestop.crypto import DataKeys, encrypt_text, hash_key

HASH_KEY, DATA_KEY = "ONESTOP_HASH_KEY", "ONESTOP_DATA_KEY"
_PAYLOAD = "quarantine payload"


@dataclass(frozen=True, repr=False)
class Keys:
    """hash: key of keyed hashes; data: keys of encryption, the current one first."""

    hash: bytes
    data: DataKeys

    def encrypt_payload(self, value: str) -> str:
        """One personal part of a quarantined payload, sealed."""
        return encrypt_text(value, self.data, purpose=_PAYLOAD)


def load_keys(settings: Settings) -> Keys:
    """The installation's keys.

    Raises:
        ConfigurationError: a key is missing beside a warehouse that is not the embedded one, or is too short.
    """
    if settings.warehouse_dsn is not None:
        hash_text, data_text = required_secrets(HASH_KEY, DATA_KEY)
    else:
        kept = _kept(settings.local / "keys.json")
        hash_text, data_text = (secret(name) or kept[name] for name in (HASH_KEY, DATA_KEY))
    return Keys(hash=hash_key(hash_text), data=DataKeys.from_texts(data_text))


def _kept(file: Path) -> dict[str, str]:
    """The keys under .local, made if there are none. Two starts at once agree on the same ones."""
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
    keys: dict[str, str] = json.loads(file.read_text())
    return keys
