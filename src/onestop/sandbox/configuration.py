"""The province.yml of a warehouse that reads the sandbox's source systems."""

from __future__ import annotations

from pathlib import Path

from onestop.errors import ConfigurationError
from onestop.sandbox.scenarios import Scenario
from onestop.sandbox.sources import EXPORTS, FEEDBACK, ONE_STOP, PORTAL, TREASURY

CREDENTIALS, FEEDBACK_CREDENTIALS, PORTAL_CREDENTIALS, TREASURY_DSN = "IGATE", "PAKN", "DVCQG", "TREASURY_DSN"
_HEADER = "# Made by onestop sandbox; written anew each time it starts.\n"


def province_yml(
    chosen: Scenario,
    url: str,
    feedback_url: str | None = None,
    *,
    with_treasury: bool = False,
    exports_url: str | None = None,
) -> str:
    """The configuration of a warehouse of the province.

    Args:
        url: the one-stop system's.
        feedback_url: the feedback system's; None: there are neither it nor the portal's exports.
        with_treasury: whether the State Treasury's dossiers lie in a database.
        exports_url: of the SFTP folder of the portal's files; None: they are read from exports/.
    """
    sources = [
        f'{{id: {ONE_STOP}, kind: one_stop_api, base_url: "{url}", credentials: {CREDENTIALS}, every: "0 2 * * *"}}'
    ]
    if with_treasury:
        sources.append(f'{{id: {TREASURY}, kind: one_stop_sql, dsn_env: {TREASURY_DSN}, every: "15 2 * * *"}}')
    if feedback_url:
        where = f'"{exports_url}", credentials: {PORTAL_CREDENTIALS}' if exports_url else EXPORTS
        sources.append(f'{{id: {PORTAL}, kind: portal_export, path: {where}, every: "30 2 * * *"}}')
        sources.append(
            f'{{id: {FEEDBACK}, kind: feedback_api, base_url: "{feedback_url}", credentials: {FEEDBACK_CREDENTIALS},'
            ' every: "45 2 * * *"}'
        )
    return (
        f"{_HEADER}"
        f"province: {{code: {chosen.code}, name_vi: {chosen.name_vi}, timezone: Asia/Ho_Chi_Minh}}\n"
        "landing: {url: .local/landing}\n"
        "reference: {path: reference}\n"
        "reports: {path: .local/reports, language: vi}\n"
        "sources:\n" + "".join(f"  - {source}\n" for source in sources)
    )


def check_ours(path: Path) -> None:
    """Raises ConfigurationError where the file was written by somebody else."""
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(_HEADER):
        raise ConfigurationError(
            f"{path} was not written by the sandbox, which would replace it", next_step="choose another folder"
        )
