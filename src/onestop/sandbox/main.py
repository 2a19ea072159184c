"""What `onestop sandbox` does: make a sample province, write what a warehouse of it needs, serve its source system.

Beside the server's address a folder gets reference/*.csv, expected.json (what the sandbox itself counts) and a
province.yml that a run can be started with. The client's secret is in no file: who starts the sandbox passes it on.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType

from onestop.errors import ConfigurationError
from onestop.sandbox.counting import form, periods, read_feed
from onestop.sandbox.faults import FaultPlan
from onestop.sandbox.feed import Record, read_jsonl
from onestop.sandbox.judging import AgencyRow
from onestop.sandbox.province import Province, generate, write_reference
from onestop.sandbox.scenarios import Scenario, scenario
from onestop.sandbox.server import OneStopServer

SOURCE_ID, CREDENTIALS = "igate", "IGATE"
_HEADER = "# Made by onestop sandbox; written anew each time it starts.\n"


@dataclass
class Sandbox:
    """A running sample source system; a context manager that stops it.

    Attributes:
        scenario: what it was made from; None when it serves a file.
        folder: where province.yml and its reference files are; None when it serves a file.
        environment: the variables that a client needs: IGATE_CLIENT_ID and IGATE_CLIENT_SECRET.
    """

    server: OneStopServer
    scenario: Scenario | None
    folder: Path | None
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """The source system's base address."""
        return self.server.url

    def stop(self) -> None:
        """Stop the server."""
        self.server.stop()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def expected(province: Province) -> dict[str, object]:
    """What a warehouse must find in the province's feed: rows, verdicts, and form II.06a of every period and unit.

    Figures are counted from the records as served. `forms` has, by `statutory/2024-Q3` and unit code, the form's
    columns, suspended_total, period_from and period_to.
    """
    found = read_feed(
        province.records,
        [AgencyRow(u.code, u.parent, u.valid_from, u.valid_to) for u in province.units],
        [p.code for p in province.procedures],
        province.scenario.as_of,
    )
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
) -> Sandbox:
    """Make a province, write its folder and serve its feed in the background; or serve the records of a file.

    Args:
        name: a scenario of `scenarios.SCENARIOS`; None with `file`.
        folder: gets reference/, expected.json and province.yml; None with `file`.
        port: on 127.0.0.1; 0 is a free one.
        file: one dossier a line, JSON.
        client_secret: None: a random one, in `Sandbox.environment`.
        with_expected: whether to count, and to write expected.json (seconds at full size).

    Raises:
        ConfigurationError: there is no such scenario, the file cannot be read, the port is taken, or the folder has a
            province.yml that the sandbox did not write.
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
    _check_ours(folder / "province.yml")
    province = generate(chosen, seed)
    write_reference(province, folder / "reference")
    (folder / "expected.json").unlink(missing_ok=True)
    if with_expected:
        text = json.dumps(expected(province), ensure_ascii=False, indent=1)
        (folder / "expected.json").write_text(text + "\n", encoding="utf-8")
    server = served(province.records)
    (folder / "province.yml").write_text(province_yml(chosen, server.url), encoding="utf-8")
    return Sandbox(server, chosen, folder, environment)


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
    )
    with running:
        if ready:
            ready(running)
        try:
            while not stop.wait(1.0):
                pass
        except KeyboardInterrupt:
            return


def province_yml(chosen: Scenario, url: str) -> str:
    """The configuration of a warehouse with this one source."""
    return (
        f"{_HEADER}"
        f"province: {{code: {chosen.code}, name_vi: {chosen.name_vi}, timezone: Asia/Ho_Chi_Minh}}\n"
        "landing: {url: .local/landing}\n"
        "reference: {path: reference}\n"
        "reports: {path: .local/reports, language: vi}\n"
        "sources:\n"
        f'  - {{id: {SOURCE_ID}, kind: one_stop_api, base_url: "{url}", credentials: {CREDENTIALS}, every: "0 2 * * *"}}\n'
    )


def _check_ours(path: Path) -> None:
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(_HEADER):
        raise ConfigurationError(
            f"{path} was not written by the sandbox, which would replace it", next_step="choose another folder"
        )
