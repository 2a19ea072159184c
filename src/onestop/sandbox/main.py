"""What `onestop sandbox` does: make a sample province, write what a warehouse of it needs, serve its source systems.

Beside the servers' addresses a folder gets reference/*.csv, expected.json (what the sandbox itself counts), exports/ (the
national portal's files, which an SFTP server hands out; its host key stands in known_hosts) and a province.yml that a run
can be started with. The secrets are in no file: who starts the sandbox passes them on.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from types import TracebackType

from onestop.errors import ConfigurationError
from onestop.sandbox.configuration import (
    CREDENTIALS,
    FEEDBACK_CREDENTIALS,
    PORTAL_CREDENTIALS,
    TREASURY_DSN,
    check_ours,
    province_yml,
)
from onestop.sandbox.counting import form, periods, read_feed
from onestop.sandbox.faults import FaultPlan
from onestop.sandbox.feed import Record, read_jsonl
from onestop.sandbox.feedback_faults import FeedbackFaults
from onestop.sandbox.feedback_server import FeedbackServer
from onestop.sandbox.province import Province, generate, write_reference
from onestop.sandbox.scenarios import Scenario, scenario
from onestop.sandbox.server import OneStopServer
from onestop.sandbox.sftp_server import SftpServer
from onestop.sandbox.sources import EXPORTS, Division, Share, agency_rows, divide
from onestop.sandbox.sources import shares as shares_of

SFTP_USER, KNOWN_HOSTS = "exports", "known_hosts"


@dataclass
class Sandbox:
    """The running sample source systems; a context manager that stops them.

    Attributes:
        server: the one-stop system.
        scenario: what it was made from; None when it serves a file.
        folder: where province.yml and its reference files are; None when it serves a file.
        environment: the variables that a client needs: IGATE_CLIENT_ID and IGATE_CLIENT_SECRET, and with a source of
            every kind PAKN_API_KEY and, where there is a database, TREASURY_DSN, where there is an SFTP server, DVCQG_USER,
            DVCQG_PASSWORD and DVCQG_KNOWN_HOSTS.
        feedback: the feedback system; None unless there is a source of every kind.
        exports: the SFTP server of the portal's files; None where they are read from their folder.
    """

    server: OneStopServer
    scenario: Scenario | None
    folder: Path | None
    environment: dict[str, str]
    feedback: FeedbackServer | None = None
    exports: SftpServer | None = None

    @property
    def url(self) -> str:
        """The one-stop system's base address."""
        return self.server.url

    def stop(self) -> None:
        """Stop the servers."""
        for server in (self.server, self.feedback, self.exports):
            if server:
                server.stop()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def expected(province: Province, division: Division | None = None) -> dict[str, object]:
    """What a warehouse must find in the province: rows, verdicts, and form II.06a of every period and unit.

    Figures are counted from the records as served. `forms` has, by `statutory/2024-Q3` and unit code, the form's
    columns, suspended_total, period_from and period_to. `sources` has the records and quarantined_by_rule of each
    source; the verdicts beside it are those of all dossiers of one-stop systems.

    Args:
        division: how the province is spread over its sources; None: over one.
    """
    procedures = [p.code for p in province.procedures]
    found = read_feed(province.records, agency_rows(province), procedures, province.scenario.as_of)
    whole = Share(found.served, found.by_rule)
    sources = shares_of(province, division or Division(province.records), whole)
    earliest = date.fromordinal(int(found.facts.received.min()))
    forms = {
        name: {
            unit: {"period_from": first.isoformat(), "period_to": last.isoformat(), **row}
            for unit, row in form(found.facts, first, last).items()
        }
        for name, first, last in periods(earliest, province.scenario.as_of.date())
    }
    return {
        "scenario": province.scenario.name,
        "seed": province.seed,
        "as_of": province.scenario.as_of.isoformat(),
        "period": province.scenario.period,
        "province": province.scenario.code,
        "records_served": found.served,
        "quarantined_rows": found.quarantined,
        "quarantined_by_rule": found.by_rule,
        "warnings_by_rule": found.warnings,
        "dossiers_counted": found.dossiers,
        "sources": {name: asdict(share) for name, share in sources.items()},
        "forms": forms,
    }


def start(
    name: str | None,
    folder: Path | None,
    *,
    port: int = 8801,
    faults: FaultPlan | None = None,
    seed: int = 1,
    file: Path | None = None,
    client_id: str = "sandbox",
    client_secret: str | None = None,
    token_seconds: float = 3600,
    with_expected: bool = True,
    every_kind: bool = False,
    feedback_port: int = 0,
    api_key: str | None = None,
    sql_dsn: str | None = None,
    sftp_port: int | None = None,
    sftp_password: str | None = None,
) -> Sandbox:
    """Make a province, write its folder and serve it in the background; or serve the records of a file.

    Without `every_kind` there is one source: the one-stop system with every dossier.

    Args:
        name: a scenario of `scenarios.SCENARIOS`; None with `file`.
        folder: gets reference/, expected.json and province.yml; None with `file`.
        port: on 127.0.0.1; 0 is a free one.
        file: one dossier a line, JSON.
        client_secret: None: a random one, in `Sandbox.environment`.
        with_expected: whether to count, and to write expected.json (seconds at full size).
        every_kind: also write the national portal's exports and serve a feedback system; not with `file`.
        feedback_port, api_key: of the feedback system; 0 and None as above.
        sql_dsn: with every_kind, an SQLAlchemy URL of the database for the State Treasury's table; None: no such source.
        sftp_port, sftp_password: with every_kind, of the SFTP server of the portal's files; None: no server, and a random one.

    Raises:
        ConfigurationError: there is no such scenario, the file cannot be read, a port is taken, the folder has a
            province.yml that the sandbox did not write, or the database cannot be written.
    """
    if (file is None) == (name is None) or (name is not None and folder is None):
        raise ConfigurationError("a scenario with a folder, or a file", next_step="name one of the two")
    secret = client_secret or secrets.token_urlsafe(24)
    environment = {f"{CREDENTIALS}_CLIENT_ID": client_id, f"{CREDENTIALS}_CLIENT_SECRET": secret}

    def served(records: Iterable[Record]) -> OneStopServer:
        return OneStopServer(records, client_id, secret, port, faults, token_seconds).start()

    if file is not None:
        return Sandbox(served(read_jsonl(file)), None, None, environment)
    assert name is not None and folder is not None  # noqa: S101  (checked above)
    chosen = scenario(name)
    check_ours(folder / "province.yml")
    province = generate(chosen, seed)
    write_reference(province, folder / "reference")
    division = divide(province, folder, sql_dsn) if every_kind else Division(province.records)
    (folder / "expected.json").unlink(missing_ok=True)
    if with_expected:
        text = json.dumps(expected(province, division), ensure_ascii=False, indent=1)
        (folder / "expected.json").write_text(text + "\n", encoding="utf-8")
    feedback: FeedbackServer | None = None
    if division.cases:
        key = environment[f"{FEEDBACK_CREDENTIALS}_API_KEY"] = api_key or secrets.token_urlsafe(24)
        trouble = FeedbackFaults(seed=faults.seed) if faults else None
        feedback = FeedbackServer(division.cases.records, key, feedback_port, trouble).start()
    if every_kind and sql_dsn:
        environment[TREASURY_DSN] = sql_dsn
    exports: SftpServer | None = None
    try:
        if every_kind and sftp_port is not None:
            exports = _serve_exports(folder, sftp_port, sftp_password, environment)
        server = served(division.one_stop)  # last: once it answers, all of the others are there
        text = province_yml(
            chosen,
            server.url,
            feedback.url if feedback else None,
            with_treasury=bool(division.treasury),
            exports_url=exports.url if exports else None,
        )
        (folder / "province.yml").write_text(text, encoding="utf-8")
    except BaseException:
        for started in (feedback, exports):
            if started:
                started.stop()
        raise
    return Sandbox(server, chosen, folder, environment, feedback, exports)


def _serve_exports(folder: Path, port: int, password: str | None, environment: dict[str, str]) -> SftpServer:
    """Serve exports/ over SFTP; the host key goes into known_hosts, what a client needs into the environment."""
    password = password or secrets.token_urlsafe(24)
    server = SftpServer(folder / EXPORTS, SFTP_USER, password, port).start()
    hosts = folder / KNOWN_HOSTS
    key = server.host_key
    hosts.write_text(f"[127.0.0.1]:{server.port} {key.get_name()} {key.get_base64()}\n", encoding="ascii")
    environment[f"{PORTAL_CREDENTIALS}_USER"] = SFTP_USER
    environment[f"{PORTAL_CREDENTIALS}_PASSWORD"] = password
    environment[f"{PORTAL_CREDENTIALS}_KNOWN_HOSTS"] = str(hosts.absolute())
    return server


def serve(
    name: str | None,
    folder: Path | None,
    *,
    port: int = 8801,
    faults: FaultPlan | None = None,
    seed: int = 1,
    file: Path | None = None,
    client_id: str = "sandbox",
    client_secret: str | None = None,
    every_kind: bool = False,
    feedback_port: int = 0,
    api_key: str | None = None,
    sql_dsn: str | None = None,
    sftp_port: int | None = None,
    sftp_password: str | None = None,
    ready: Callable[[Sandbox], None] | None = None,
    until: threading.Event | None = None,
) -> None:
    """As `start`, then wait until `until` is set or the user interrupts, and stop.

    Args:
        ready: called once the server answers, with its address and the variables that a client needs.

    Raises:
        ConfigurationError: see `start`.
    """
    stop = until or threading.Event()
    running = start(
        name,
        folder,
        port=port,
        faults=faults,
        seed=seed,
        file=file,
        client_id=client_id,
        client_secret=client_secret,
        every_kind=every_kind,
        feedback_port=feedback_port,
        api_key=api_key,
        sql_dsn=sql_dsn,
        sftp_port=sftp_port,
        sftp_password=sftp_password,
    )
    with running:
        if ready:
            ready(running)
        try:
            while not stop.wait(1.0):
                pass
        except KeyboardInterrupt:
            return
