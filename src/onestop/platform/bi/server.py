"""Superset beside the local platform: `onestop bi up`, `down`, `status`, and the connections of units.

Superset's own tables lie in `.local/superset`, or where ONESTOP_SUPERSET_DSN says. Every secret stands in a file that its
owner alone may read; none is in the bundle, in Superset's tables or on a command line.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from onestop import config
from onestop.config import Settings
from onestop.errors import ConfigurationError, WarehouseUnavailable
from onestop.pipeline import roles
from onestop.platform.bi import bundle, environment
from onestop.platform.bi.bundle import Connection
from onestop.platform.bi.datasets import BUNDLE
from onestop.platform.bi.service import service
from onestop.platform.processes import Service, alone, port_is_free, port_to_keep, stop, wait_until
from onestop.resources import resource
from onestop.warehouse.bi_logins import login_of
from onestop.warehouse.connection import connect, warehouse_dsn
from onestop.warehouse.local_state import make_folder, write_private

PROVINCE_LOGIN = "bi_superset"
ADMIN, VIEWER = "admin", "province"
START_SECONDS = 120
_PASSED_ON = ("ONESTOP_SUPERSET_HTTPS", "ONESTOP_SUPERSET_RATE_STORE")
INSIDE = Path(__file__).parent / "inside"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Started:
    """Where Superset is, and the files with its accounts' passwords, by user name."""

    url: str
    accounts: dict[str, Path]


class Bi:
    """The Superset of one project folder."""

    def __init__(self, settings: Settings, progress: Progress = lambda _: None) -> None:
        self.settings = settings
        self.home = settings.local / "superset"
        self._progress = progress

    @property
    def service(self) -> Service:
        """The web server."""
        return service(self.settings)

    @property
    def units(self) -> list[str]:
        """The units that have a connection."""
        return list(self._state().get("units", []))

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self._state()['port']}"

    def up(self, *, by: str, port: int | None = None, folder: Path | None = None) -> Started:
        """Bring Superset to what is declared, and start it.

        Args:
            by: who does it, for the audit.
            port: of 127.0.0.1; None: the one it had, at first a free one.
            folder: with other charts and dashboards than the package's own; None: as before.

        Raises:
            OnestopError: another command is at it.
            ConfigurationError: the folder is none that `onestop bi export` wrote.
        """
        if folder and not (folder / "dashboards").is_dir():
            raise ConfigurationError(
                f"{folder} has no folder dashboards", next_step="name a folder that onestop bi export wrote"
            )
        with self._alone():
            return self._up(by=by, port=port, folder=folder)

    def _up(self, *, by: str, port: int | None = None, folder: Path | None = None) -> Started:
        python = environment.python_of(self.settings.local, self._progress)
        state = self._state()
        wanted = port or state.get("port") or port_to_keep(self.home)
        if self.service.running and wanted != state.get("port"):
            stop([self.service])
        if not self.service.running and not port_is_free(wanted):
            raise WarehouseUnavailable(f"port {wanted} of 127.0.0.1 is taken", next_step="name another with --port")
        self._remember(port=wanted, **({"bundle": str(folder.resolve())} if folder else {}))
        self._provision(python, by)
        self._progress("Superset")
        command = [
            "-m",
            "gunicorn",
            "--workers",
            "1",
            "--worker-class",
            "gthread",
            "--threads",
            "8",
            "--timeout",
            "120",
        ]
        bind = ["--bind", f"127.0.0.1:{wanted}", "--access-logfile", "-", "superset.app:create_app()"]
        self.service.start([str(python), *command, *bind], self.environment())
        wait_until(self._healthy, [self.service], what="Superset", timeout_seconds=START_SECONDS)
        return Started(self.url, {name: self._account_file(name) for name in self._accounts(self.units)})

    def connect(self, units: list[str], *, by: str) -> Started:
        """Give units a connection, a role and an account of their own; those that have one keep theirs."""
        with self._alone():
            self._connect(units, by)
            return self._up(by=by)

    def _connect(self, units: list[str], by: str) -> None:
        known = {login.login for login in roles.logins(self.settings)}
        for unit in units:
            if login_of(unit) in known and not self._password_file(login_of(unit)).is_file():
                raise ConfigurationError(
                    f"the password of {login_of(unit)} is not in {self._password_file(login_of(unit))}",
                    next_step=f"put it there, or give it a new one: onestop roles add --unit {unit}",
                )
            if login_of(unit) not in known:
                roles.add(self.settings, unit, None, by=by)
        for unit in sorted({*units} - {*self.units}):
            with roles.audited(self.settings, "bi connection made", f"{login_of(unit)}: {unit}", by=by):
                self._remember(units=sorted({*self.units, unit}))

    def disconnect(self, units: list[str], *, by: str) -> None:
        """Take units' connections, dashboards and accounts away; their logins in the warehouse stay."""
        with self._alone():
            if strange := set(units) - set(self.units):
                raise ConfigurationError(
                    f"no connection: {', '.join(sorted(strange))}", next_step="see onestop bi status"
                )
            for unit in units:
                with roles.audited(self.settings, "bi connection removed", f"{login_of(unit)}: {unit}", by=by):
                    self._remember(units=[one for one in self.units if one != unit])
            self._provision(environment.python_of(self.settings.local), by, gone=units)
            for unit in units:
                self._account_file(login_of(unit)).unlink(missing_ok=True)

    def all_units(self) -> list[str]:
        """The units of today, but for the province itself."""
        with closing(connect(warehouse_dsn(self.settings), autocommit=True)) as connection:
            found = connection.execute(
                "select agency_code from mart.dim_agency where is_valid_now and tree_depth > 1 order by tree_path"
            )
            return [code for (code,) in found]

    def inside(self, python: Path, script: str, *words: str) -> None:
        """Run a script of ours in Superset's environment."""
        done = subprocess.run(
            [str(python), str(INSIDE / script), *words],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        log = self.settings.local / "logs" / "superset-setup.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(done.stderr, encoding="utf-8")
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["(no output)"])[-1]
            raise WarehouseUnavailable(f"Superset was not set up: {last}", next_step=f"read the end of {log}")

    def environment(self) -> dict[str, str]:
        """The environment of Superset's processes: paths of secrets, not the secrets, where they lie in files."""
        key, database = "ONESTOP_SUPERSET_SECRET_KEY", "ONESTOP_SUPERSET_DSN"
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TZ", "TMPDIR", *_PASSED_ON)}
        for name in (key, database):
            if given := config.secret(name):
                kept[name] = given
        if key not in kept:
            kept[f"{key}_FILE"] = str(self._made_up(self.home / "secret_key", 48))
        kept.setdefault(database, f"sqlite:///{self.home / 'superset.db'}")
        return kept | {
            "SUPERSET_CONFIG_PATH": str(INSIDE / "superset_config.py"),
            "SUPERSET_HOME": str(self.home),
            "ONESTOP_SUPERSET_PASSWORDS": str(self.settings.local / "bi"),
            "FLASK_APP": "superset",
            "PYTHONWARNINGS": "ignore",
        }

    def plan(self, by: str, gone: list[str] | None = None) -> dict[str, Any]:
        """What Superset should have: accounts, roles, connections, dashboards; see inside/provision.py."""
        dsn = warehouse_dsn(self.settings)
        names = self._unit_names(dsn)
        if not self._password_file(PROVINCE_LOGIN).is_file():
            roles.add(self.settings, None, PROVINCE_LOGIN, by=by)
        province = Connection(PROVINCE_LOGIN, dsn)
        units = [Connection(login_of(unit), dsn, (unit, names.get(unit, unit))) for unit in self.units]
        folder = Path(self._state().get("bundle") or BUNDLE)
        files = {"metadata.yaml": bundle.metadata()}
        for one in (province, *units):
            files |= bundle.assets(one, folder)
        left = [Connection(login_of(unit), dsn, (unit, unit)) for unit in gone or []]
        return {
            "accounts": [
                {
                    "username": name,
                    "password": self._account_file(name).read_text(encoding="utf-8").strip(),
                    "roles": wanted,
                    "first_name": first,
                    "last_name": name,
                }
                for name, (first, wanted) in self._accounts(self.units, names).items()
            ],
            "roles": {one.role: [one.uuid] for one in (province, *units)},
            "assets": files,
            "gone": {
                "connections": [one.uuid for one in left],
                "roles": [one.role for one in left],
                "accounts": [one.login for one in left],
            },
        }

    def _alone(self) -> AbstractContextManager[None]:
        return alone(self.home / "bi.lock", f"Superset in {self.settings.local}")

    def _provision(self, python: Path, by: str, gone: list[str] | None = None) -> None:
        plan, state = self.plan(by, gone), self._state()
        lock = resource(environment.LOCK).read_bytes()
        database = self.environment()["ONESTOP_SUPERSET_DSN"].encode()
        made_by = hashlib.sha256(lock + database + (INSIDE / "provision.py").read_bytes()).hexdigest()
        digest = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()
        if state.get("made_by") == made_by and state.get("digest") == digest:
            return
        self._progress("Superset's tables, accounts and dashboards")
        file = self.home / "plan.json"
        try:
            write_private(file, json.dumps(plan | {"upgrade": state.get("made_by") != made_by}))
            self.inside(python, "provision.py", str(file))
        finally:
            file.unlink(missing_ok=True)
        self._remember(made_by=made_by, digest=digest)

    def _accounts(self, units: list[str], names: dict[str, str] | None = None) -> dict[str, tuple[str, list[str]]]:
        """User names, with first name and roles; each has a password of its own in a file."""
        viewer = "Onestop viewer"
        found = {
            ADMIN: ("Admin", ["Admin"]),
            VIEWER: ("Toàn tỉnh", [viewer, Connection(PROVINCE_LOGIN, "").role]),
        }
        for unit in units:
            login = login_of(unit)
            found[login] = ((names or {}).get(unit, unit)[:64], [viewer, Connection(login, "").role])
        for name in found:
            self._made_up(self._account_file(name), 18)
        return found

    def _unit_names(self, dsn: str) -> dict[str, str]:
        with closing(connect(dsn, autocommit=True)) as connection:
            if connection.execute("select to_regclass('report.form_ii_06a')").fetchone() == (None,):
                raise ConfigurationError("nothing is built yet", next_step="run onestop transform first")
            found = connection.execute("select agency_code, agency_name_vi from mart.dim_agency where is_latest")
            return {str(code): str(name or code) for code, name in found}

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _account_file(self, name: str) -> Path:
        return self.home / "accounts" / f"{name}.password"

    def _password_file(self, login: str) -> Path:
        return self.settings.local / "bi" / f"{login}.password"

    def _made_up(self, file: Path, size: int) -> Path:
        if not file.is_file():
            make_folder(file.parent)
            write_private(file, secrets.token_urlsafe(size) + "\n")
        return file

    def _state(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.home / "onestop.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def _remember(self, **changes: Any) -> None:
        make_folder(self.home)
        write_private(self.home / "onestop.json", json.dumps(self._state() | changes, indent=1) + "\n")
