"""What README and documents promise is there: linked paths and headings, commands with their options, make targets."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from onestop.cli.app import app

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "docs/contracts"  # as their authors wrote them: they name files of other projects
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "dags/*.md", "dbt_project/*.md", "expectations/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
    if CONTRACTS not in path.parents
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
NOT_YET = "## What is not there yet"
COMMAND = typer.main.get_command(app)
TARGETS = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def headings(path: Path) -> set[str]:
    """The anchors that a page makes of its headings."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def spoken(text: str) -> list[str]:
    """The pieces of code in a text, a line each."""
    return [line.strip("`").strip() for piece in CODE.findall(text) for line in piece.splitlines()]


def commands(text: str) -> list[list[str]]:
    """Every `onestop ...` in the code of a text, as words without comments."""
    found = []
    for line in spoken(text):
        for said in re.findall(r"(?:^|[\s(/])onestop ((?:-{0,2}[a-z]\S*|[A-Z0-9<>:./-]+)(?:\s+[^\s|)#;,…]+)*)", line):
            found.append(shlex.split(said))
    return found


def unknown_parts(words: list[str]) -> list[str]:
    """What of a command and its options does not exist."""
    if words[0].startswith("--"):
        return [w for w in words[:1] if w != "--help" and not _takes(COMMAND, w)]
    command = COMMAND.commands.get(words[0])  # type: ignore[attr-defined]
    if command is None:
        return words[:1]
    if parts := getattr(command, "commands", None):  # a group: its commands have the options
        if words[1:2] and words[1] not in parts:
            return words[1:2]
        command = parts[words[1]] if words[1:2] else command
    return [w for w in words[1:] if w.startswith("--") and w not in ("--help", "--debug") and not _takes(command, w)]


def _takes(command: object, option: str) -> bool:
    return any(option in parameter.opts for parameter in command.params)  # type: ignore[attr-defined]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading of the README, without its head."""
    part = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    dead = []
    for target in LINK.findall(text):
        if target.startswith(("https://", "http://")):
            continue
        place, _, anchor = target.partition("#")
        file = (page.parent / place).resolve() if place else page
        if not file.exists() or (anchor and (file.suffix != ".md" or anchor not in headings(file))):
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8").split(NOT_YET)[0]
    assert {" ".join(words): parts for words in commands(text) if (parts := unknown_parts(words))} == {}
    targets = {m for line in spoken(text) for m in re.findall(r"(?:^|\s)make ([a-z]+)", line)}
    assert targets <= set(TARGETS)


def test_the_table_says_where_and_what() -> None:
    table = rows("I want to …")
    assert len(table) >= 12
    for want, place, command in table:
        assert LINK.search(place), want
        assert commands(command) or re.search(r"`make [a-z]+", command) or command == "the DAG again", want


def test_every_command_is_in_the_documents() -> None:
    said = {words[0] for page in DOCUMENTS for words in commands(page.read_text(encoding="utf-8"))}
    assert set(COMMAND.commands) <= said  # type: ignore[attr-defined]


def test_what_is_not_there_is_not_there() -> None:
    part = README.split(NOT_YET, 1)[1]
    assert commands(part) == []


def test_readers_of_commands_can_fail() -> None:
    assert commands("`onestop fly --high`, then `.venv/bin/onestop up`") == [["fly", "--high"], ["up"]]
    assert unknown_parts(["fly"]) == ["fly"]
    assert unknown_parts(["run", "--period", "2024-Q3", "--high"]) == ["--high"]
    assert unknown_parts(["quarantine", "list", "--unit", "--high"]) == ["--high"]
    assert unknown_parts(["quarantine", "burn"]) == ["burn"]


def test_rooms_have_short_readmes() -> None:
    for page in ROOT.glob("*/README.md"):
        assert len(page.read_text(encoding="utf-8").splitlines()) <= 41, page


def test_images_are_small() -> None:
    images = sorted((ROOT / "docs/images").glob("*.png"))
    assert images
    assert all(image.stat().st_size < 300_000 for image in images)
