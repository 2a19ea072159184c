from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from onestop.crypto import DataKeys
from onestop.errors import ConfigurationError, DataRefused, OnestopError, WarehouseUnavailable
from onestop.landing.store import LandedContent, LandingRun, LandingStore

KEYS = DataKeys(["a key of more than sixteen characters"])
BODIES = {1: b'{"data": [{"HoTen": "Nguyen Van A"}], "next_cursor": "x"}' * 50, 2: b"", 3: os.urandom(5000)}


@pytest.fixture(params=["path", "file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "with space" / "landing"
    if request.param == "memory":
        url = f"memory://landing-{secrets.token_hex(4)}"
        yield url
        fsspec.filesystem("memory").rm(url.removeprefix("memory://"), recursive=True)
    else:
        yield str(folder) if request.param == "path" else f"file://{folder}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "landing"


def new_store(url: str | Path, keys: DataKeys = KEYS) -> LandingStore:
    return LandingStore(str(url), keys, now=lambda: datetime(2024, 9, 30, 23, tzinfo=UTC))


def landed(store: LandingStore, run_id: str = "run-1") -> LandingRun:
    run = store.open_run("igate", "dossier", run_id)
    for number, body in BODIES.items():
        run.put(number, body, records=number)
    run.close({"source": "igate", "entity": "dossier", "from": "20240901000000", "to": "20240925000000"})
    return run


def test_a_run_is_read_as_one_file(url: str) -> None:
    content, whole = LandedContent(landed(new_store(url))), b"".join(BODIES.values())
    assert content.size == len(whole)
    for at, size in (
        (0, 10),
        (0, len(whole) + 9),
        (len(BODIES[1]) - 3, 7),
        (len(whole) - 1, 5),
        (len(whole), 1),
        (100, 0),
    ):
        assert content.read(at, size) == whole[at : at + size]
    empty = new_store(url).open_run("igate", "dossier", "run-2")
    empty.close({})
    assert (LandedContent(empty).size, LandedContent(empty).read(0, 5)) == (0, b"")


def test_what_was_landed_is_read_back(url: str) -> None:
    run = landed(new_store(url))
    assert run.path == "igate/dossier/202409/run-1"
    again = new_store(url).run(run.path)
    assert {page.number: again.read(page) for page in again.pages()} == BODIES
    assert again.sha256 == run.sha256
    assert [(p.number, p.sha256, p.size, p.records) for p in again.pages()] == [
        (n, hashlib.sha256(b).hexdigest(), len(b), n) for n, b in BODIES.items()
    ]


def test_the_manifest_says_what_the_run_was(folder: Path) -> None:
    run = landed(new_store(folder))
    manifest = json.loads((folder / run.path / "manifest.json").read_text())
    assert manifest == run.manifest == new_store(folder).run(run.path).manifest
    assert (manifest["source"], manifest["entity"], manifest["from"]) == ("igate", "dossier", "20240901000000")
    digests = "".join(hashlib.sha256(b).hexdigest() for b in BODIES.values())
    assert manifest["sha256"] == hashlib.sha256(digests.encode()).hexdigest()
    assert [p["records"] for p in manifest["pages"]] == [1, 2, 3]


def test_the_same_delivery_has_the_same_sum_in_every_run(url: str) -> None:
    store = new_store(url)
    first = landed(store)
    assert landed(store, "run-2").sha256 == first.sha256
    other = store.open_run("igate", "dossier", "run-3")
    other.put(1, BODIES[1])
    assert other.close({}) not in ("", first.sha256)


def test_files_are_compressed_encrypted_and_private(folder: Path) -> None:
    old = os.umask(0)
    try:
        run = landed(new_store(folder))
    finally:
        os.umask(old)
    files = sorted((folder / run.path).iterdir())
    assert [f.name for f in files] == ["manifest.json", *(f"page-00000{n}.zst.enc" for n in BODIES)]
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
    folders = [folder, *(p for p in folder.rglob("*") if p.is_dir())]
    assert len(folders) == 5 and {stat.S_IMODE(f.stat().st_mode) for f in folders} == {0o700}
    content = files[1].read_bytes()
    assert b"Nguyen" not in content and len(content) < len(BODIES[1]) / 5


def test_a_folder_that_exists_keeps_its_permissions(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    landed(new_store(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_page_is_never_overwritten(url: str) -> None:
    store = new_store(url)
    run = store.open_run("igate", "dossier", "run-1")
    page = run.put(1, b"one")
    assert run.put(1, b"one") == page
    with pytest.raises(OnestopError, match=r"page-000001.* exists with another content"):
        run.put(1, b"two")
    resumed = store.open_run("igate", "dossier", "run-1")  # interrupted, and gone on with
    with pytest.raises(OnestopError, match="another content"):
        resumed.put(1, b"two")
    assert run.read(page) == b"one"


def test_a_closed_run_stays_as_it_is(url: str) -> None:
    store = new_store(url)
    run = landed(store)
    for action in (
        lambda: run.put(9, b"late"),
        lambda: run.close({}),
        lambda: store.open_run("igate", "dossier", "run-1"),
    ):
        with pytest.raises(OnestopError, match="closed"):
            action()
    resumed = LandingRun(run._files, KEYS, run.path)
    with pytest.raises(OnestopError, match="closed already"):
        resumed.close({})
    assert len(store.run(run.path).pages()) == 3


def test_a_run_that_was_never_closed_is_refused(url: str) -> None:
    store = new_store(url)
    run = store.open_run("igate", "dossier", "run-1")
    run.put(1, b"one")
    with pytest.raises(OnestopError):
        _ = run.manifest
    for path in (run.path, "igate/dossier/202409/other"):
        with pytest.raises(DataRefused, match="missing or was never finished"):
            store.run(path)


@pytest.mark.parametrize("path", ["../elsewhere", "igate/../../x", "igate/dossier/.hidden", "", "a//b", "a/b c"])
def test_paths_cannot_leave_the_store(folder: Path, path: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be part"):
        new_store(folder).run(path)
    with pytest.raises(ConfigurationError, match="cannot be part"):
        new_store(folder).open_run("igate", "dossier", path)


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def swap(path: Path) -> None:
    other = path.with_name("page-000001.zst.enc")
    path.write_bytes(other.read_bytes())


def swap_with_another_run(path: Path) -> None:
    path.write_bytes((path.parent.parent / "run-2" / path.name).read_bytes())


@pytest.mark.parametrize("harm", [change, truncate, swap, swap_with_another_run, Path.unlink])
def test_a_harmed_page_is_refused_by_name(folder: Path, harm: object) -> None:
    store = new_store(folder)
    run = landed(store)
    landed(store, "run-2")
    harm(folder / run.path / "page-000003.zst.enc")  # type: ignore[operator]
    again = store.run(run.path)
    one, _, three = again.pages()
    assert again.read(one) == BODIES[1]
    with pytest.raises(DataRefused, match=r"igate/dossier/202409/run-1/page-000003\.zst\.enc"):
        again.read(three)


def test_a_page_that_was_not_the_one_landed_is_refused(folder: Path) -> None:
    store = new_store(folder)
    run = landed(store)
    place = f"{run.path}/page-000001.zst.enc"
    import zstandard

    (folder / place).write_bytes(KEYS.encrypt(zstandard.compress(b"another"), place))  # by someone with the key
    with pytest.raises(DataRefused, match="is not what was landed"):
        store.run(run.path).read(run.pages()[0])
    (folder / place).write_bytes(KEYS.encrypt(b"not zstd", place))
    with pytest.raises(DataRefused, match="cannot be unpacked"):
        store.run(run.path).read(run.pages()[0])


def drop_last_page(manifest: dict) -> None:
    manifest["pages"].pop()


def other_range(manifest: dict) -> None:
    manifest["to"] = "20250101000000"


def no_seal(manifest: dict) -> None:
    del manifest["seal"]


def odd_pages(manifest: dict) -> None:
    manifest["pages"] = [{"number": 1}]


@pytest.mark.parametrize("edit", [drop_last_page, other_range, no_seal, odd_pages])
def test_an_edited_manifest_is_refused(folder: Path, edit: object) -> None:
    store = new_store(folder)
    path = landed(store).path
    file = folder / path / "manifest.json"
    manifest = json.loads(file.read_text())
    edit(manifest)  # type: ignore[operator]
    file.write_text(json.dumps(manifest))
    with pytest.raises(DataRefused, match=r"run-1/manifest\.json was changed"):
        store.run(path)
    file.write_text("{")
    with pytest.raises(DataRefused, match=r"manifest\.json"):
        store.run(path)


def test_another_runs_manifest_is_refused(folder: Path) -> None:
    store = new_store(folder)
    first, second = landed(store), landed(store, "run-2")
    (folder / first.path / "manifest.json").write_bytes((folder / second.path / "manifest.json").read_bytes())
    with pytest.raises(DataRefused, match="manifest of another run"):
        store.run(first.path)


def test_a_wrong_key_says_so(url: str) -> None:
    path = landed(new_store(url)).path
    other = DataKeys(["another key of enough characters"])
    with pytest.raises(ConfigurationError, match="ONESTOP_DATA_KEY"):
        new_store(url, other).run(path)
    assert new_store(url, DataKeys(["another key of enough characters", "a key of more than sixteen characters"])).run(
        path
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    run = new_store(folder).open_run("igate", "dossier", "run-1")
    run.put(1, b"one")

    def full(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WarehouseUnavailable, match=r"the landing .*landing has no room"):
            run.put(2, b"two")
    assert [f.name for f in (folder / run.path).iterdir()] == ["page-000001.zst.enc"]
    assert [p.number for p in run.pages()] == [1]
    run.put(2, b"two")


def test_a_landing_that_is_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("")
    with pytest.raises(WarehouseUnavailable, match="cannot be used"):
        new_store(tmp_path / "landing").open_run("igate", "dossier", "run-1").put(1, b"one")


def test_an_unknown_kind_of_address_says_so() -> None:
    with pytest.raises(ConfigurationError, match="nosuch://"):
        new_store("nosuch://user:pass@host/landing")


def test_a_killed_writer_leaves_whole_pages_only(folder: Path) -> None:
    """Killed between writing a page and giving it its name, which is the worst moment."""
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from onestop.crypto import DataKeys\n"
        "from onestop.landing.store import LandingStore\n"
        "run = LandingStore(sys.argv[1], DataKeys(['a key of more than sixteen characters'])).open_run('i', 'd', 'r')\n"
        "run.put(1, b'one')\n"
        "Path.rename = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "run.put(2, b'two')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], check=False)
    assert done.returncode == -9
    (path,) = folder.glob("i/d/*/r")
    assert [f.name for f in path.iterdir() if not f.name.startswith(".")] == ["page-000001.zst.enc"]
    run = LandingStore(str(folder), KEYS).open_run("i", "d", "r")
    assert [run.put(1, b"one").number, run.put(2, b"two").number] == [1, 2]
    run.close({})
