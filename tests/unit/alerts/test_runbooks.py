"""Every kind of alert has its runbook, every runbook its kind; commands are pasted as they stand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from onestop.alerts.model import kinds

FOLDER = Path(__file__).parents[3] / "docs/runbooks"
PAGES = sorted(page for page in FOLDER.glob("*.md") if page.name != "README.md")
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_one_page_per_kind() -> None:
    assert {page.stem for page in PAGES} == set(kinds())
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"[{kind}]({kind}.md)" in index for kind in kinds())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_to_look_at_and_how_to_mend_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE) == [page.stem, "Look", "Mend", "Over"]
    look, mend = BLOCK.findall(text)
    for block in (look, mend):
        assert subprocess.run(["sh", "-n"], input=block, text=True, capture_output=True).stderr == ""
    # That commands and options exist is tested for all documents; here, that they are written to be pasted.
    assert ".venv/bin/onestop " in mend
    assert not re.search(r"(?<!bin/)\bonestop (?=[a-z])", re.sub(r"#.*", "", look + mend))
