"""Keys are rotated while all goes on, and what is kept of a person is erased: joins, replays and figures survive both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import zstandard
from typer.testing import CliRunner

from onestop.cli.app import app
from onestop.crypto import DataKeys, keyed_hash
from onestop.errors import ConfigurationError
from onestop.pipeline import erasure, key_rotation
from onestop.pipeline.ingest import ingest
from onestop.pipeline.keys import load_keys
from onestop.pipeline.quarantine_replay import replay
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world

pytestmark = pytest.mark.integration
HASH, DATA = "a hash key for tests only", "a data key for tests only"
NEW_HASH, NEW_DATA = "the hash key after it, as random", "the data key after it, as random"
LATER = AS_OF + timedelta(days=1)
PERSON = "066099000001"
NAME = "Nguyễn Thị Cần Xóa"


@pytest.fixture
def world(warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Forty dossiers, two of them one person's; the last is rejected."""
    with OneStopServer([], CLIENT, SECRET) as server:
        made = make_world(tmp_path, warehouse, {"igate": server.url}, monkeypatch)
        made.servers["igate"] = server
        ingest_reference(made.settings, as_of=AS_OF)
        records = [dossier(number) for number in range(1, 40)] + [dossier(40, DonViXuLy="H15.99")]
        for number in (3, 40):
            records[number - 1] |= {"SoDinhDanh": PERSON, "ChuHoSo": NAME}
        server.feed.commit(records)
        assert load(made) == (40, 39, 1, 0)
        yield made


def load(world: World, *records: dict[str, Any], **options: Any) -> tuple[int, int, int, int]:
    """One ingest; received, accepted, quarantined, duplicate."""
    world.servers["igate"].feed.commit(records)
    done = ingest(world.settings, "igate", as_of=LATER, **options)
    return done.received, done.accepted, done.quarantined, done.duplicate


def hash_of(world: World, number: int) -> str:
    return str(
        world.one(
            "select so_dinh_danh_hash from raw.one_stop_dossier where ma_ho_so = %s order by batch_id desc limit 1",
            f"H15.07-240823-{number:04d}",
        )
    )


def landed(world: World, *keys: str) -> bytes:
    """All that the landing holds, decrypted."""
    root, ring = Path(world.settings.landing_url), DataKeys(keys)
    return b"".join(
        zstandard.ZstdDecompressor().decompress(ring.decrypt(path.read_bytes(), path.relative_to(root).as_posix()))
        for path in root.rglob("*.enc")
        if "reference" not in path.parts
    )


def test_both_keys_are_rotated_without_a_restart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: world.folder / name for name in ("hash", "hash-former", "data", "data-former")}
    for name, file in files.items():
        kind, _, former = name.partition("-")
        variable = f"ONESTOP_{kind.upper()}_KEY{'_FORMER' if former else ''}"
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv(f"{variable}_FILE", str(file))
        file.write_text("" if former else {"hash": HASH, "data": DATA}[kind] + "\n")
    first = world.one("select landing_path from ops.load_batch where source_id = 'igate'")
    person = hash_of(world, 3)
    assert load(world)[3] > 30  # nothing is new

    files["hash"].write_text(NEW_HASH)  # the same process reads them at its next task
    with pytest.raises(ConfigurationError, match="hashes were made with key"):
        load(world)
    files["hash-former"].write_text(HASH)
    files["data"].write_text(NEW_DATA)
    files["data-former"].write_text(DATA)
    assert load(world)[3] > 30  # before the rotation: as ever
    assert load(world, dossier(50, SoDinhDanh=PERSON))[1] == 1 and hash_of(world, 50) == person
    assert load(world, replay_from=first)[3] == 40  # written with the former key
    assert not key_rotation.status(world.settings).is_done

    done = key_rotation.rotate(world.settings, by="Trần Thị B")
    assert done.files > 5 and done.sealed == 1 and done.hashes["raw.one_stop_dossier.so_dinh_danh_hash"] == 40
    state = key_rotation.status(world.settings)
    assert state.is_done and set(state.files) == {state.data_key} and len(state.hashes_in_force) == 2
    assert key_rotation.rotate(world.settings, by="Trần Thị B") == key_rotation.Rotated()

    assert hash_of(world, 3) == hash_of(world, 50) != person
    assert (
        keyed_hash(PERSON, NEW_HASH.encode()) != hash_of(world, 3) == keyed_hash(PERSON, load_keys(world.settings).hash)
    )
    assert load(world)[1:3] == (0, 0)  # still nothing is new
    assert load(world, dossier(51, SoDinhDanh=PERSON))[1] == 1 and hash_of(world, 51) == hash_of(world, 3)
    files["data-former"].write_text("")
    assert load(world, replay_from=first)[3] == 40 and NAME.encode() in landed(world, NEW_DATA)
    (result,) = replay(world.settings, as_of=LATER, by_whom="Trần Thị B")
    assert (result.judged, result.unreadable) == (1, 0)
    assert world.rows("select distinct action, by_whom from ops.audit where action = 'key rotated'") == [
        ("key rotated", "Trần Thị B")
    ]
    shown = CliRunner().invoke(app, ["keys", "status", "--config", str(world.settings.file)])
    assert "all is under the current keys" in shown.output
    assert not any(secret in shown.output for secret in (HASH, DATA, NEW_HASH, NEW_DATA))


KILLED = """
import os, signal, sys
from onestop import config
from onestop.landing import files
from onestop.pipeline import erasure, key_rotation
kept, calls = files.LocalFiles.replace, []
def replace(self, name, data):
    kept(self, name, data)
    calls.append(name)
    if len(calls) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
files.LocalFiles.replace = replace
settings = config.load(sys.argv[1])
if sys.argv[2] == "rotate":
    key_rotation.rotate(settings, by="B")
else:
    erasure.erase(settings, by="B", reason="r", identity=sys.argv[4])
"""


def killed(world: World, what: str, after: int, *more: str) -> None:
    """The command in a process that is killed after so many files."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(world.settings.file), what, str(after), *more],
        env=os.environ.copy(), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_rotation_that_was_killed_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTOP_DATA_KEY", NEW_DATA)
    monkeypatch.setenv("ONESTOP_DATA_KEY_FORMER", DATA)
    before = landed(world, NEW_DATA, DATA)
    killed(world, "rotate", 1)
    state = key_rotation.status(world.settings)
    assert len(state.files) == 2 and state.sealed == {state.data_key: 1}
    assert load(world)[1:3] == (0, 0) and landed(world, NEW_DATA, DATA).startswith(before[:100])
    assert key_rotation.rotate(world.settings, by="B").files == state.files[DataKeys([DATA]).current.key_id]
    assert key_rotation.status(world.settings).is_done and before in landed(world, NEW_DATA)


def test_a_person_is_erased(world: World) -> None:
    path = world.one("select landing_path from ops.load_batch where source_id = 'igate'")
    others = hash_of(world, 5)
    assert NAME.encode() in landed(world, DATA) and PERSON.encode() in landed(world, DATA)
    looked, found = erasure.erase(world.settings, by="B", reason="x", identity=PERSON, dry_run=True)
    assert [(one.found, one.removed) for one in found] == [(1, 0), (1, 0)] and hash_of(world, 3) != "None"
    killed(world, "erase", 1, PERSON)  # the page was written anew; the manifest names the old one

    subject, places = erasure.erase(world.settings, by="Trần Thị B", reason="Điều 14, yêu cầu số 5", identity=PERSON)
    assert subject == looked and PERSON not in subject.name
    assert {one.place.split()[0]: one.removed for one in places}["landing"] == 2
    kept = landed(world, DATA)
    assert NAME.encode() not in kept and PERSON.encode() not in kept and b"H15.07-240823-0005" in kept
    assert len(list((Path(world.settings.landing_url) / path).iterdir())) == 2  # a page and the manifest
    assert hash_of(world, 3) == "None" and hash_of(world, 5) == others
    assert "enc1" not in world.one("select payload::text from quarantine.rejected_row")
    assert load(world, replay_from=path)[:3] == (38, 0, 0)  # the others are read as ever
    proved = world.rows(
        "select subject, place, removed, proof from ops.erasure where by_whom = 'Trần Thị B' order by 1, 2"
    )
    assert len(proved) == 3 and " -> " in proved[0][3] and all(PERSON not in str(row) for row in proved)
    assert world.rows("select reason from ops.audit where action = 'erased' and by_whom = 'Trần Thị B'")
    with pytest.raises(psycopg.errors.RaiseException, match=r"ops\.erasure is append-only"):
        world.rows("delete from ops.erasure returning 1")
    again = erasure.erase(world.settings, by="B", reason="x", person_hash=keyed_hash(PERSON, HASH.encode()))[1]
    assert [one.removed for one in again] == [0, 0, 0]


def test_a_dossier_is_erased(world: World, tmp_path: Path) -> None:
    asked = ["--by", "B", "--reason", "r", "--config", str(world.settings.file)]
    done = CliRunner().invoke(app, ["erase", "--dossier", " h15.07-240823-0003", *asked])
    assert done.exit_code == 0, done.output
    assert hash_of(world, 3) == "None"
    assert landed(world, DATA).count(NAME.encode()) == 1  # the same person's other dossier
    number = tmp_path / "number"
    number.write_text(PERSON)
    assert CliRunner().invoke(app, ["erase", "--identity-file", str(number), *asked]).exit_code == 0
    assert NAME.encode() not in landed(world, DATA)
    with pytest.raises(ConfigurationError, match="give one of"):
        erasure.erase(world.settings, by="B", reason="r", dossier="a", identity="b")
