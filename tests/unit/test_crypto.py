from __future__ import annotations

import pytest

from onestop.crypto import (
    HEADER_BYTES,
    MAGIC,
    DataKey,
    DataKeys,
    keyed_hash,
    record_hash,
)
from onestop.errors import ConfigurationError, DataRefused

TEXT = "a key of more than sixteen characters"
HASH_KEY = b"a hash key of some length"


def test_what_is_encrypted_can_be_read_and_never_looks_the_same() -> None:
    keys = DataKeys([TEXT])
    first, second = keys.encrypt(b"body", "igate/1"), keys.encrypt(b"body", "igate/1")
    assert first != second and b"body" not in first and first.startswith(MAGIC)
    assert keys.decrypt(first, "igate/1") == keys.decrypt(second, "igate/1") == b"body"
    assert DataKeys([TEXT]).decrypt(keys.encrypt(b"", "x"), "x") == b""


def test_any_changed_byte_is_noticed() -> None:
    keys = DataKeys([TEXT])
    sealed = keys.encrypt(b"body", "igate/1")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises((DataRefused, ConfigurationError), match="igate/1"):
            keys.decrypt(bytes(changed), "igate/1")


@pytest.mark.parametrize("keep", [0, 3, len(MAGIC), HEADER_BYTES, HEADER_BYTES + 15, HEADER_BYTES + 17, -1])
def test_a_cut_file_is_noticed(keep: int) -> None:
    keys = DataKeys([TEXT])
    with pytest.raises(DataRefused, match="igate/1"):
        keys.decrypt(keys.encrypt(b"body", "igate/1")[:keep], "igate/1")


def test_a_file_in_another_files_place_is_noticed() -> None:
    keys = DataKeys([TEXT])
    with pytest.raises(DataRefused, match="igate/2 was changed, cut short or swapped"):
        keys.decrypt(keys.encrypt(b"body", "igate/1"), "igate/2")


def test_a_wrong_key_is_named() -> None:
    sealed = DataKeys([TEXT]).encrypt(b"body", "igate/1")
    other = DataKeys(["another key of enough characters"])
    with pytest.raises(ConfigurationError) as caught:
        other.decrypt(sealed, "igate/1")
    assert DataKey(TEXT).key_id in str(caught.value) and other.current.key_id in str(caught.value)
    assert TEXT not in str(caught.value)


def test_older_keys_still_decrypt_and_no_longer_encrypt() -> None:
    old, new = DataKeys([TEXT]), DataKeys(["a newer key of enough characters", TEXT])
    assert new.decrypt(old.encrypt(b"body", "x"), "x") == b"body"
    assert new.decrypt_text(old.encrypt_text("chữ")) == "chữ"
    new.check_seal(old.seal(b"manifest"), b"manifest", "m")
    with pytest.raises(ConfigurationError):
        old.decrypt(new.encrypt(b"body", "x"), "x")


@pytest.mark.parametrize("texts", [["short"], [TEXT, "fifteen letters"]])
def test_keys_that_are_none(texts: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="ONESTOP_DATA_KEY is shorter"):
        DataKeys(texts)
    with pytest.raises(ConfigurationError, match="no encryption key"):
        DataKeys([])


def test_a_key_id_is_stable_and_reveals_no_key() -> None:
    assert DataKey(TEXT).key_id == DataKey(TEXT).key_id != DataKey(TEXT + ".").key_id
    assert len(DataKey(TEXT).key_id) == 8
    assert TEXT not in repr(DataKey(TEXT))


def test_texts_are_encrypted_and_bound_to_their_purpose() -> None:
    keys = DataKeys([TEXT])
    sealed = keys.encrypt_text("Nguyễn Văn A", "ChuHoSo")
    assert "Nguy" not in sealed and sealed.isascii() and sealed != keys.encrypt_text("Nguyễn Văn A", "ChuHoSo")
    assert keys.decrypt_text(sealed, "ChuHoSo") == "Nguyễn Văn A"
    with pytest.raises(DataRefused):
        keys.decrypt_text(sealed, "DiaChi")


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: s[:-6], lambda s: s[:20], lambda s: "Nguyễn", lambda s: s[:-4] + "ữ"]
)
def test_a_changed_text_is_noticed_and_not_quoted(change: object) -> None:
    keys = DataKeys([TEXT])
    with pytest.raises(DataRefused) as caught:
        keys.decrypt_text(change(keys.encrypt_text("Nguyễn Văn A")))  # type: ignore[operator]
    assert "Nguyễn" not in str(caught.value)


def test_a_file_and_a_text_have_different_keys() -> None:
    key = DataKey(TEXT)
    sealed = key.encrypt(b"body", b"")
    with pytest.raises(Exception):  # noqa: B017  (InvalidTag)
        key.decrypt_text(sealed[len(MAGIC) + 4 :], b"")


def test_a_seal_proves_what_was_sealed() -> None:
    keys = DataKeys([TEXT])
    seal = keys.seal(b"manifest")
    keys.check_seal(seal, b"manifest", "m")
    for wrong in (seal[:-1], seal[:9] + "ữ", seal[:9]):
        with pytest.raises(DataRefused, match="m was changed"):
            keys.check_seal(wrong, b"manifest", "m")
    with pytest.raises(DataRefused):
        keys.check_seal(seal, b"manifesto", "m")


def test_keyed_hashes_link_equal_values_under_one_key_and_purpose() -> None:
    link = keyed_hash("040123456789", HASH_KEY)
    assert link == keyed_hash("040123456789", HASH_KEY) and len(link) == 32
    others = {
        keyed_hash("040123456788", HASH_KEY),
        keyed_hash("040123456789", HASH_KEY + b"s"),
        keyed_hash("040123456789", HASH_KEY, "phone"),
        record_hash(b"040123456789", HASH_KEY).hex(),
    }
    assert len(others) == 4 and link not in others


def test_hash_keys_of_any_length_count_whole() -> None:
    assert keyed_hash("a", b"k" * 100) != keyed_hash("a", b"k" * 99)
    for short in (b"", b"k" * 15):
        with pytest.raises(ValueError, match="16"):
            keyed_hash("a", short)


def test_a_record_hash_has_16_bytes() -> None:
    assert record_hash(b"{}", HASH_KEY) == record_hash(b"{}", HASH_KEY) != record_hash(b"{ }", HASH_KEY)
    assert len(record_hash(b"{}", HASH_KEY)) == 16
