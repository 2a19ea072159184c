"""Encryption of what is kept as received, and keyed hashes of what must only be linked.

AES-256-GCM for landing files and for single texts (quarantined payloads); BLAKE2b with a key for
hashes. Both keys are random texts (ONESTOP_DATA_KEY, ONESTOP_HASH_KEY), not passwords, so that nothing
slows their derivation down on purpose. It stands below landing, sources and quality, which all use it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from onestop.errors import ConfigurationError, DataRefused

SHORTEST_KEY = 16  # characters
HashKey = bytes | tuple[bytes, ...]
"""A key of keyed hashes; after a rotation a chain: the first key hashes the value, each later one the hash before it."""
MAGIC = b"1STP\x01"  # the last byte is the format's version
_KEY_ID, _NONCE, _TAG = 4, 12, 16  # bytes
HEADER_BYTES = len(MAGIC) + _KEY_ID + _NONCE
_TEXT_PREFIX = "enc1"
_RECORD = "record"
_RESTORE = "restore it from the backup, or pull the data from the source again"


def _checked(text: str) -> bytes:
    if len(text) < SHORTEST_KEY:
        raise ConfigurationError(
            f"ONESTOP_DATA_KEY is shorter than {SHORTEST_KEY} characters",
            next_step="set a long random text, as python -c 'import secrets; print(secrets.token_hex(32))' prints one",
        )
    return text.encode("utf-8", "surrogateescape")


class DataKey:
    """One encryption key. Files, texts and seals each have their own key derived from the text.

    Args:
        text: any text of at least 16 characters (ONESTOP_DATA_KEY).

    Raises:
        ConfigurationError: it is shorter.
    """

    def __init__(self, text: str) -> None:
        material = _checked(text)

        def derived(purpose: bytes) -> bytes:
            return HKDF(SHA256(), length=32, salt=None, info=b"onestop 1 " + purpose).derive(material)

        self._id = derived(b"key id")[:_KEY_ID]
        self._files = AESGCM(derived(b"landing files"))
        self._texts = AESGCM(derived(b"single texts"))
        self._seal = derived(b"manifest seals")

    @property
    def key_id(self) -> str:
        """Eight hex digits that name the key and do not reveal it."""
        return self._id.hex()

    def __repr__(self) -> str:
        return f"DataKey({self.key_id})"

    def encrypt(self, data: bytes, context: bytes) -> bytes:
        """A file's bytes: magic, version, key id, nonce, then AES-256-GCM bound to that head and to `context`."""
        head = MAGIC + self._id
        nonce = secrets.token_bytes(_NONCE)
        return head + nonce + self._files.encrypt(nonce, data, head + context)

    def decrypt(self, sealed: bytes, context: bytes) -> bytes:
        """The reverse of `encrypt`. Raises InvalidTag."""
        head, nonce = sealed[: len(MAGIC) + _KEY_ID], sealed[len(MAGIC) + _KEY_ID : HEADER_BYTES]
        return self._files.decrypt(nonce, sealed[HEADER_BYTES:], head + context)

    def encrypt_text(self, value: str, context: bytes) -> bytes:
        """Nonce and ciphertext of one text."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._texts.encrypt(nonce, value.encode(), self._id + context)

    def decrypt_text(self, sealed: bytes, context: bytes) -> str:
        """The reverse of `encrypt_text`. Raises InvalidTag."""
        return self._texts.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._id + context).decode()

    def seal(self, data: bytes) -> str:
        """A keyed digest (64 hex digits) that proves that holders of the key wrote `data`."""
        return hmac.new(self._seal, data, hashlib.sha256).hexdigest()


class DataKeys:
    """The key that encrypts, and older ones that still decrypt.

    Args:
        texts: the keys' texts, the current one first.

    Raises:
        ConfigurationError: there is none, or one is shorter than 16 characters.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        keys = [DataKey(text) for text in texts]
        if not keys:
            raise ConfigurationError("no encryption key", next_step="set ONESTOP_DATA_KEY")
        self.current = keys[0]
        self._by_id = {key.key_id: key for key in reversed(keys)}

    def encrypt(self, data: bytes, context: str) -> bytes:
        """A file's bytes, encrypted with the current key and bound to `context`."""
        return self.current.encrypt(data, context.encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """What `encrypt` was given, under the same context; `context` names the file in messages.

        Raises:
            DataRefused: not such a file, cut short, changed, or moved from another place.
            ConfigurationError: encrypted with a key that is not at hand.
        """
        if not sealed.startswith(MAGIC) or len(sealed) < HEADER_BYTES + _TAG:
            raise DataRefused(f"{context} is no landing file, or was cut short", next_step=_RESTORE)
        key = self._find(sealed[len(MAGIC) : len(MAGIC) + _KEY_ID].hex(), context)
        try:
            return key.decrypt(sealed, context.encode())
        except InvalidTag:
            raise DataRefused(f"{context} was changed, cut short or swapped", next_step=_RESTORE) from None

    def encrypt_text(self, value: str, purpose: str = "") -> str:
        """One text as `enc1:<key id>:<base64>`; the same text never gives the same result twice.

        Args:
            value: any text that UTF-8 can hold.
            purpose: bound to the result, which can only be decrypted under the same one.
        """
        sealed = self.current.encrypt_text(value, purpose.encode())
        return f"{_TEXT_PREFIX}:{self.current.key_id}:{base64.b64encode(sealed).decode('ascii')}"

    def decrypt_text(self, sealed: str, purpose: str = "") -> str:
        """The reverse of `encrypt_text`.

        Raises:
            DataRefused: no such text, changed, or of another purpose.
            ConfigurationError: encrypted with a key that is not at hand.
        """
        name = f"an encrypted text ({purpose})" if purpose else "an encrypted text"
        prefix, _, rest = sealed.partition(":")
        key_id, _, code = rest.partition(":")
        if prefix != _TEXT_PREFIX:
            raise DataRefused(f"{name} is none that was encrypted here", next_step=_RESTORE)
        key = self._find(key_id, name)
        try:
            data = base64.b64decode(code, validate=True)
            if len(data) < _NONCE + _TAG:
                raise InvalidTag
            return key.decrypt_text(data, purpose.encode())
        except (InvalidTag, ValueError):
            raise DataRefused(f"{name} was changed or cut short", next_step=_RESTORE) from None

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of all keys at hand."""
        return tuple(self._by_id)

    def key_of(self, sealed: bytes) -> str | None:
        """The name of the key that a file's bytes were encrypted with; None: no such file."""
        is_ours = sealed.startswith(MAGIC) and len(sealed) >= HEADER_BYTES
        return sealed[len(MAGIC) : len(MAGIC) + _KEY_ID].hex() if is_ours else None

    def seal(self, data: bytes) -> str:
        """`<key id>:<digest>` by the current key."""
        return f"{self.current.key_id}:{self.current.seal(data)}"

    def check_seal(self, seal: str, data: bytes, name: str) -> None:
        """Checks that `data` is what was sealed; `name` names it in messages.

        Raises:
            DataRefused: it is not.
            ConfigurationError: sealed with a key that is not at hand.
        """
        key_id, _, digest = seal.partition(":")
        if not hmac.compare_digest(self._find(key_id, name).seal(data).encode(), digest.encode()):
            raise DataRefused(f"{name} was changed", next_step=_RESTORE)

    def _find(self, key_id: str, name: str) -> DataKey:
        try:
            return self._by_id[key_id]
        except KeyError:
            raise ConfigurationError(
                f"{name} was encrypted with key {key_id[:8]!r}; at hand: {', '.join(self._by_id)}",
                next_step="set ONESTOP_DATA_KEY to the key that it was written with, or add that to ONESTOP_DATA_KEY_FORMER",
            ) from None


def keyed_hash(value: str, key: HashKey, purpose: str = "person") -> str:
    """A link to a value that does not reveal it: keyed BLAKE2b, 16 bytes as 32 hex digits.

    Args:
        value: compared exactly; normalise it first.
        key: ONESTOP_HASH_KEY, at least 16 bytes.
        purpose: at most 16 bytes; equal values under different purposes do not match.
    """
    return _chained(key, purpose)(value.encode()).hex()


def keyed_hashes(values: Iterable[str | None], key: HashKey, purpose: str = "person") -> list[str | None]:
    """`keyed_hash` of many values; null stays null."""
    digest = _chained(key, purpose)
    return [None if value is None else digest(value.encode()).hex() for value in values]


def record_hash(canonical: bytes, key: HashKey) -> bytes:
    """16 bytes that stand for a record's content: equal for a record that is served again unchanged.

    Keyed, because a record holds personal data that could otherwise be guessed from its hash.

    Args:
        canonical: the record as bytes, written the same way every time (onestop.sources.content).
        key: ONESTOP_HASH_KEY, at least 16 bytes.
    """
    return _chained(key, _RECORD)(canonical)


def record_hashes(canonical: Iterable[bytes | memoryview], key: HashKey) -> list[bytes]:
    """`record_hash` of many records."""
    return list(map(_chained(key, _RECORD), canonical))


def hashed_on(hashes: Iterable[bytes], keys: Iterable[bytes], purpose: str) -> list[bytes]:
    """What hashes become when keys are added to the chain that made them: no value is needed for it."""
    found = list(hashes)
    for key in keys:
        found = list(map(_keyed(key, purpose.encode()), found))
    return found


def hash_key_id(key: bytes) -> str:
    """Eight hex digits that name a key of hashes and do not reveal it."""
    return _keyed(key, b"key id")(b"").hex()[:8]


def _chained(key: HashKey, purpose: str) -> Callable[[bytes | memoryview], bytes]:
    if isinstance(key, bytes):
        return _keyed(key, purpose.encode())
    steps = [_keyed(one, purpose.encode()) for one in key]

    def digest(data: bytes | memoryview) -> bytes:
        for step in steps:
            data = step(data)
        return bytes(data)

    return digest


def _keyed(key: bytes, person: bytes) -> Callable[[bytes | memoryview], bytes]:
    """What hashes under a key: the state after the key is copied, which is half of the work for a short value."""
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a hash key has at least {SHORTEST_KEY} bytes")
    if len(key) > hashlib.blake2b.MAX_KEY_SIZE:
        key = hashlib.blake2b(key).digest()
    start = hashlib.blake2b(digest_size=16, key=key, person=person).copy

    def digest(data: bytes | memoryview) -> bytes:
        state = start()
        state.update(data)
        return state.digest()

    return digest
