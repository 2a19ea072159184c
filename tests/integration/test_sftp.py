"""The portal's files from an SFTP server over the real protocol: log-in, host keys, losses, and the whole way in."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import paramiko
import pytest

from onestop import config
from onestop.errors import ConfigurationError, OnestopError, SourceUnavailable
from onestop.pipeline import file_folders
from onestop.pipeline.doctor import examine
from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.portal_files import dossier_row, file_name, write_csv, write_manifest, write_xlsx
from onestop.sandbox.sftp_server import SftpServer
from onestop.sources.portal_export import fetch, list_files, wait_until_settled
from onestop.sources.sftp import SftpFolder
from worlds import AS_OF, World, dossier, make_world

USER, PASSWORD = "exports", "a-Secret-of-the-test"
FIRST, LAST = AS_OF.date().replace(month=8, day=1), AS_OF.date().replace(month=8, day=31)
NAME = "DVCQG_HoSo_H15_20240801_20240831.csv"


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "served" / "exports"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def server(exports: Path) -> Iterator[SftpServer]:
    with SftpServer(exports.parent, USER, PASSWORD) as running:
        yield running


class Client:
    """A province.yml with one SFTP source; `open` is what a run and the doctor use."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._environment = monkeypatch
        for name in ("USER", "PASSWORD", "KEY_FILE", "KNOWN_HOSTS", "PASSWORD_FILE"):
            monkeypatch.delenv(f"DVCQG_{name}", raising=False)
        self.set(USER=USER, PASSWORD=PASSWORD)

    def set(self, **variables: str | None) -> None:
        for name, value in variables.items():
            if value is None:
                self._environment.delenv(f"DVCQG_{name}", raising=False)
            else:
                self._environment.setenv(f"DVCQG_{name}", value)

    def settings(self, url: str) -> config.Settings:
        file = self.folder / "province.yml"
        file.write_text(
            "province: {code: H15, name_vi: Đắk Lắk}\n"
            f'sources: [{{id: dvcqg, kind: portal_export, path: "{url}", credentials: DVCQG}}]\n',
            encoding="utf-8",
        )
        return config.load(file)

    def names(self, url: str) -> list[str]:
        settings = self.settings(url)
        with file_folders.file_system(settings, settings.sources[0]) as (fs, path):  # type: ignore[arg-type]
            return [file.name for file in list_files(fs, path).files]

    def fault(self, url: str) -> OnestopError:
        with pytest.raises(OnestopError) as raised:
            self.names(url)
        said = str(raised.value)
        assert PASSWORD not in said and "dvcqg" in said and raised.value.next_step
        return raised.value

    @property
    def kept(self) -> Path:
        return self.folder / ".local" / "known_hosts"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    folder = tmp_path / "province"
    folder.mkdir()
    return Client(folder, monkeypatch)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits end after a second."""
    original = SftpFolder.__init__
    monkeypatch.setattr(
        SftpFolder, "__init__", lambda self, *args, **named: original(self, *args, **{**named, "timeout": 1.0})
    )


def opened(server: SftpServer, client: Client) -> SftpFolder:
    settings = client.settings(f"{server.url}exports")
    source = settings.sources[0]
    assert isinstance(source, config.PortalExportSource)
    return SftpFolder("dvcqg", file_folders.SftpAddress.parse(source.path), file_folders.sftp_login(settings, source))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_size_time_and_bytes_are_the_servers(server: SftpServer, exports: Path, client: Client) -> None:
    body = os.urandom(3_000_001)
    (exports / NAME).write_bytes(body)
    os.utime(exports / NAME, (1_724_900_000, 1_724_900_000))
    (exports / "DVCQG_HoSo_H15_20240901_20240930.csv").symlink_to(exports / NAME)
    with closing(opened(server, client)) as fs:
        file, link = list_files(fs, "/exports").files
        assert (file.size, file.modified.timestamp()) == (len(body), 1_724_900_000)
        assert (link.size, link.modified) == (file.size, file.modified)  # what it leads to
        assert b"".join(fetch(fs, file)) == body == b"".join(fetch(fs, link))
        assert wait_until_settled(fs, file, sleep=lambda seconds: None) == file
        (exports / NAME).write_bytes(body[:10])
        looks = iter([b"half", b"whole!", None])

        def writer(_: float) -> None:
            if (more := next(looks)) is not None:
                (exports / NAME).write_bytes(more)

        assert wait_until_settled(fs, file, sleep=writer).size == len(b"whole!")
        assert server.connections == 1
    assert server.writes == []


def test_the_connection_ends_with_the_run(server: SftpServer, exports: Path, client: Client) -> None:
    (exports / NAME).write_text("x")
    assert client.names(f"{server.url}exports") == [NAME]
    end = time.monotonic() + 5
    while server.connections and time.monotonic() < end:
        time.sleep(0.02)
    assert server.connections == 0


def test_nothing_is_written_there(server: SftpServer, exports: Path, client: Client) -> None:
    (exports / NAME).write_text("x")
    with closing(opened(server, client)) as fs:
        for mode in ("wb", "ab", "r+b", "xb"):
            with pytest.raises(OSError, match="only read"):
                fs.open(f"/exports/{NAME}", mode)
        for change in (lambda: fs.rm_file(f"/exports/{NAME}"), lambda: fs.cp_file(f"/exports/{NAME}", "/exports/b")):
            with pytest.raises(NotImplementedError):
                change()
        # The server does note what would change something:
        assert fs._sftp is not None
        with pytest.raises(PermissionError):
            fs._sftp.remove(f"/exports/{NAME}")
        assert server.writes == [f"remove /exports/{NAME}"]
    assert [path.name for path in exports.iterdir()] == [NAME]


def test_the_first_host_key_is_kept_and_a_change_refused(server: SftpServer, exports: Path, client: Client) -> None:
    assert client.names(f"{server.url}exports") == []
    line = client.kept.read_text()
    assert line.startswith(f"[127.0.0.1]:{server.port} ecdsa-sha2-nistp256 ")
    assert stat.S_IMODE(client.kept.stat().st_mode) == 0o600
    client.names(f"{server.url}exports")
    assert client.kept.read_text() == line  # kept once
    port, old = server.port, server.host_key
    server.stop()
    for key in (paramiko.ECDSAKey.generate(), paramiko.RSAKey.generate(2048)):  # of the same kind, and of another
        with SftpServer(exports.parent, USER, PASSWORD, port, host_key=key) as other:
            problem = client.fault(f"{other.url}exports")
            assert isinstance(problem, ConfigurationError)
            assert key.fingerprint in problem.message and old.fingerprint in problem.message
            assert str(client.kept) in (problem.next_step or "")
            client.kept.write_text(line)
    with SftpServer(exports.parent, USER, PASSWORD, port, host_key=old) as same:
        assert client.names(f"{same.url}exports") == []
    assert client.kept.read_text() == line


def test_known_hosts_decide_where_they_are_given(server: SftpServer, exports: Path, client: Client) -> None:
    listed = client.folder / "hosts"
    client.set(KNOWN_HOSTS=str(listed))
    assert "cannot be read" in client.fault(f"{server.url}exports").message
    listed.write_text("")
    problem = client.fault(f"{server.url}exports")
    assert isinstance(problem, ConfigurationError) and server.host_key.fingerprint in problem.message
    assert listed.read_text() == "" and not client.kept.exists()
    name = paramiko.HostKeys.hash_host(f"[127.0.0.1]:{server.port}")
    listed.write_text(f"{name} {server.host_key.get_name()} {server.host_key.get_base64()}\n")
    assert client.names(f"{server.url}exports") == []
    listed.write_text(f"{name} ecdsa-sha2-nistp256 {paramiko.ECDSAKey.generate().get_base64()}\n")
    assert "another host key" in client.fault(f"{server.url}exports").message
    listed.write_bytes(b"\xff\xfe\x00")
    assert "not a text file" in client.fault(f"{server.url}exports").message


def test_wrong_credentials(server: SftpServer, client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{server.url}exports"
    for variables in ({"PASSWORD": "not-it"}, {"USER": "somebody", "PASSWORD": PASSWORD}):
        client.set(**variables)
        problem = client.fault(url)
        assert isinstance(problem, ConfigurationError) and "refused the user or the password" in problem.message
        assert "not-it" not in str(problem) and "DVCQG_PASSWORD" in (problem.next_step or "")
    client.set(USER=USER, PASSWORD=None)
    assert "neither DVCQG_PASSWORD nor DVCQG_KEY_FILE" in client.fault(url).message
    with pytest.raises(ConfigurationError, match="DVCQG_USER"):
        client.set(USER=None)
        client.names(url)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""  # the library's tracebacks and logs stay off the screen
    secret = client.folder / "password"
    secret.write_text(PASSWORD + "\n")
    client.set(USER=USER, PASSWORD_FILE=str(secret))
    assert client.names(url) == []


def test_key_files(exports: Path, client: Client) -> None:
    key, other = paramiko.ECDSAKey.generate(), paramiko.RSAKey.generate(2048)
    path = client.folder / "key"
    client.set(KEY_FILE=str(path), PASSWORD=None)
    with SftpServer(exports.parent, USER, None, user_key=key) as server:
        url = f"{server.url}exports"
        assert "not there or cannot be read" in client.fault(url).message
        key.write_private_key_file(str(path))
        assert client.names(url) == []
        path.unlink()
        key.write_private_key_file(str(path), password="of the key")
        assert "has a passphrase" in client.fault(url).message
        client.set(PASSWORD="wrong")
        assert "not its passphrase" in client.fault(url).message
        client.set(PASSWORD="of the key")
        assert client.names(url) == []
        path.write_text("no key at all, very private")
        problem = client.fault(url)
        assert "no key that can be read" in problem.message and "very private" not in str(problem)
        path.unlink()
        other.write_private_key_file(str(path))
        problem = client.fault(url)
        assert isinstance(problem, ConfigurationError) and "refused the user or the key" in problem.message
        client.set(KEY_FILE=None, PASSWORD=PASSWORD)
        assert "it takes: publickey" in client.fault(url).message


def test_no_server_there(client: Client) -> None:
    problem = client.fault(f"sftp://127.0.0.1:{free_port()}/exports")
    assert isinstance(problem, SourceUnavailable) and "refused the connection" in problem.message
    problem = client.fault("sftp://no-such-host.invalid/exports")
    assert isinstance(problem, SourceUnavailable) and "a name that nobody knows" in problem.message


def test_a_server_that_says_nothing_or_speaks_something_else(client: Client, impatient: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        problem = client.fault(f"sftp://127.0.0.1:{silent.getsockname()[1]}/exports")
        assert isinstance(problem, SourceUnavailable) and time.monotonic() - started < 10


def test_a_server_that_stops_answering(
    server: SftpServer, exports: Path, client: Client, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (exports / NAME).write_bytes(bytes(100_000))
    with closing(opened(server, client)) as fs:
        (file,) = list_files(fs, "/exports").files
        original = paramiko.SFTPHandle.read

        def stalled(self: paramiko.SFTPHandle, offset: int, length: int) -> bytes | int:
            time.sleep(3)
            return original(self, offset, length)

        monkeypatch.setattr(paramiko.SFTPHandle, "read", stalled)
        started = time.monotonic()
        with pytest.raises(SourceUnavailable, match=f"{NAME} could not be read to its end: TimeoutError"):
            b"".join(fetch(fs, file))
        assert time.monotonic() - started < 2.5
        monkeypatch.setattr(paramiko.SFTPHandle, "read", original)
        assert b"".join(fetch(fs, file)) == bytes(100_000)  # over a new connection


def test_a_lost_connection_is_made_again_once(server: SftpServer, exports: Path, client: Client) -> None:
    (exports / NAME).write_bytes(bytes(100_000))
    with closing(opened(server, client)) as fs:
        (file,) = list_files(fs, "/exports").files
        server.drop_connections()
        with pytest.raises(SourceUnavailable, match="could not be read to its end: ConnectionError"):
            b"".join(fetch(fs, file))
        assert b"".join(fetch(fs, file)) == bytes(100_000)
        server.stop()
        with pytest.raises(SourceUnavailable):
            b"".join(fetch(fs, file))
        for _ in range(2):  # a server that is gone is not waited for again with every file
            with pytest.raises(SourceUnavailable, match="refused the connection"):
                b"".join(fetch(fs, file))


def test_folders_that_are_not_there(server: SftpServer, client: Client) -> None:
    settings = client.settings(f"{server.url}elsewhere")
    with (
        file_folders.file_system(settings, settings.sources[0]) as (fs, path),  # type: ignore[arg-type]
        pytest.raises(SourceUnavailable, match="the folder /elsewhere does not exist"),
    ):
        list_files(fs, path)


def test_a_name_that_is_not_utf_8_is_said(
    server: SftpServer, exports: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    (exports / NAME).write_text("x")
    packed = paramiko.Message.add_string

    def legacy(message: paramiko.Message, text: str | bytes) -> paramiko.Message:
        return packed(message, b"b\xe1o.csv" if text == NAME else text)  # as a server passes on what its disk holds

    monkeypatch.setattr(paramiko.Message, "add_string", legacy)
    assert "not UTF-8" in client.fault(f"{server.url}exports").message


@pytest.mark.integration
def test_files_come_in_over_sftp(
    tmp_path: Path, warehouse: str, server: SftpServer, exports: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onestop.sources.portal_export.SECONDS_BETWEEN_LOOKS", 0.01)
    made = make_world(client.folder, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)
    with made.settings.file.open("a", encoding="utf-8") as file:
        file.write(f'  - {{id: dvcqg, kind: portal_export, path: "{server.url}exports", credentials: DVCQG}}\n')
    world = World(client.folder, warehouse, config.load(made.settings.file))
    ingest_reference(world.settings, as_of=AS_OF)
    rows = [dossier_row(dossier(number), number) for number in range(1, 4)]
    first = write_xlsx(exports / file_name("HoSo", "H15", FIRST, LAST), "HoSo", rows)
    write_manifest(first, 3)
    write_csv(exports / file_name("HoSo", "H15", FIRST, LAST, 2, "csv"), "HoSo", [dossier_row(dossier(9), 1)])
    before = {path.name: path.stat().st_mtime_ns for path in exports.iterdir()}

    result = ingest(world.settings, "dvcqg", as_of=AS_OF)
    assert (result.state, result.received, result.accepted, result.quarantined) == ("loaded", 4, 4, 0)
    again = ingest(world.settings, "dvcqg", as_of=AS_OF)
    assert (again.received, again.accepted) == (0, 0)  # size and time are the same: nothing is new
    assert {path.name: path.stat().st_mtime_ns for path in exports.iterdir()} == before
    assert server.writes == []
    only = world.settings.model_copy(update={"sources": (world.settings.source("dvcqg"),)})
    (found,) = [f for f in examine(only) if f.check == "source dvcqg"]
    assert (found.ok, found.says) == (True, "2 exports in its folder")
    server.stop()
    (found,) = [f for f in examine(only) if f.check == "source dvcqg"]
    assert not found.ok and "refused the connection" in found.says
