"""Files of the portal: reading a workbook beside pandas.read_excel, loading a CSV file beside a server-side COPY.

The reader has its own process, its limits and its checks; pandas has none of them. For the COPYs see `bench.loading`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from bench.loading import BARE, COPY, emptied, no_verdict, server_side_copies
from bench.place import Place, place
from bench.rates import Rate, against, median, median_of
from bench.sample_files import delivered, rows
from onestop import config
from onestop.pipeline.file_loading import FileLoader
from onestop.pipeline.ingest import ingest
from onestop.pipeline.loading import Loader
from onestop.pipeline.reference import ingest_reference
from onestop.quality.judge import Judge
from onestop.quality.rules import rules_for
from onestop.sandbox.portal_files import write_csv, write_xlsx
from onestop.sources.spreadsheet import read_table

XLSX_SHARE = 0.5  # of the rows, for what pandas takes for them
PANDAS = "pandas.read_excel (openpyxl)"


def measure(count: int) -> dict[str, list[Rate]]:
    """Section -> rates, in one run.

    Args:
        count: rows of the CSV file.
    """
    with place(6_000) as here:
        ingest_reference(here.settings, as_of=here.as_of)
        ingest(here.settings, "igate", as_of=here.as_of)
        return {"XLSX": _xlsx(here, int(count * XLSX_SHARE)), "CSV": _csv(here, count)}


def _xlsx(here: Place, count: int) -> list[Rate]:
    with tempfile.TemporaryDirectory(prefix="onestop-bench-") as folder:
        file = write_xlsx(Path(folder) / "a.xlsx", "HoSo", rows(here, count))
        seconds = {
            PANDAS: median(lambda: pd.read_excel(file, engine="openpyxl"), rounds=2),
            "onestop.sources.spreadsheet": median(lambda: _read(file, count)),
        }
    return against(PANDAS, count, seconds)


def _read(file: Path, count: int) -> None:
    read = sum(len(chunk.records) for chunk in read_table(file, file.name, "dossier", stamp="20240914235959"))
    assert read == count


def _csv(here: Place, count: int) -> list[Rate]:
    write_csv(delivered(here, "csv"), "HoSo", rows(here, count))
    Judge(rules_for("portal", "dossier"))  # importing GX is not loading
    seconds = {
        "file to raw with verdicts": median_of(lambda: _load(here, count)),
        "file to raw without verdicts": median_of(lambda: _load(here, count, judged=False)),
        "the same of a later file": median_of(lambda: _load_after_another(here, count)),
        **server_side_copies(here, "portal_dossier"),
    }
    return against(COPY, count, seconds, bare=BARE)


def _load_after_another(here: Place, count: int) -> float:
    """The same where a file was loaded before: it is asked which of the keys have rows."""
    with patch.object(FileLoader, "_follows_another", True):
        return _load(here, count, judged=False)


def _load(here: Place, count: int, *, judged: bool = True) -> float:
    """Seconds from the file to committed rows, into an emptied table; without the two looks, 2 s apart, at the file."""
    emptied(here, "raw.portal_dossier, ops.portal_file")
    settings = config.load(here.settings.file)
    with patch("onestop.pipeline.files.wait_until_settled", lambda fs, file, **_: file):
        began = time.perf_counter()
        if judged:
            result = ingest(settings, "portal", as_of=here.as_of)
        else:
            with patch.object(Loader, "verdict", no_verdict):
                result = ingest(settings, "portal", as_of=here.as_of)
        taken = time.perf_counter() - began
    assert result.received == count
    assert result.accepted > 0.9 * count
    return taken
