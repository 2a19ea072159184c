"""A MariaDB of one's own for tests: on 127.0.0.1, a free port, in a temporary folder, as an unprivileged account."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pymysql

PASSWORD = "p@ss/w:rd%1"


def missing_programs() -> str | None:
    """What is missing to run it; None: nothing."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    missing = [
        name for name in ("mariadbd", "mariadb-install-db", "my_print_defaults") if not shutil.which(name, path=path)
    ]
    return (
        f"{' and '.join(missing)} not installed (Debian: apt-get install mariadb-server-core mariadb-client-core)"
        if missing
        else None
    )


def _account() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("mysql", "nobody") if name in names)


@contextmanager
def running() -> Iterator[int]:
    """Runs a server whose root account has PASSWORD; yields its port."""
    folder = Path(tempfile.mkdtemp(prefix="onestop-mariadb-")).resolve()
    folder.chmod(0o755)
    account = _account()
    data = folder / "data"
    data.mkdir()
    if account:
        shutil.chown(data, account)
    program = shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
    install = shutil.which("mariadb-install-db", path="/usr/bin:/usr/sbin:" + os.environ["PATH"])
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []} if account else {}
    try:
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True, cwd="/", **own,
        )  # fmt: skip
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [program, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
                 f"--socket={data}/sock", f"--pid-file={data}/pid", "--innodb-flush-log-at-trx-commit=0",
                 "--innodb-buffer-pool-size=64M", "--skip-name-resolve", "--default-time-zone=+05:30"],
                stdout=log, stderr=log, cwd="/", **own,
            )  # fmt: skip
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    admin = pymysql.connect(host="127.0.0.1", port=port, user="root", password="")
                    break
                except pymysql.MySQLError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError((folder / "log").read_text(errors="replace")[-2000:]) from None
                    time.sleep(0.1)
            with closing(admin), admin.cursor() as cursor:
                cursor.execute("alter user root@localhost identified by %s", (PASSWORD,))
                cursor.execute("alter user root@'127.0.0.1' identified by %s", (PASSWORD,))
            yield port
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder)
