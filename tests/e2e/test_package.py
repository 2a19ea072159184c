"""The wheel: built without the network, installed without the source tree, it has all that the program runs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CARRIED = ("dags", "dbt_project", "expectations")
LEFT_BEHIND = {"target", "logs", "dbt_packages", "__pycache__", "README.md", ".sqlfluff"}

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the wheel, and of this one only the libraries, not the source tree."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    python = folder / "bin/python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True, timeout=120,
    )  # fmt: skip
    (own,) = folder.glob("lib/python3*/site-packages")
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    # Put on the path as a line, a folder's own .pth files are not read: so the editable installation stays out.
    (own / "libraries.pth").write_text("\n".join(sorted(libraries)) + "\n", encoding="utf-8")
    return python


def run(python: Path, *arguments: str, cwd: Path) -> str:
    done = subprocess.run([python, "-I", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def source_files(folder: Path) -> set[str]:
    return {
        str(file.relative_to(ROOT))
        for file in folder.rglob("*")
        if file.is_file() and not LEFT_BEHIND & set(file.relative_to(ROOT).parts)
    }


def test_it_has_what_the_program_runs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in CARRIED:
        wanted = {f"onestop/_bundled/{name}" for name in source_files(ROOT / folder)}
        assert wanted
        assert wanted <= names
    package = {name.removeprefix("src/") for name in source_files(ROOT / "src/onestop")}
    assert {Path(name).suffix for name in package} >= {".py", ".sql", ".yml", ".j2", ".css", ".js", ".typed"}
    assert package <= names
    known = package | {f"onestop/_bundled/{n}" for f in CARRIED for n in source_files(ROOT / f)}
    known.add("onestop/_bundled/requirements-superset.lock")  # of an environment of its own
    assert known <= names
    more = {name for name in names - known if ".dist-info/" not in name and Path(name).name not in LEFT_BEHIND}
    assert more == set()
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_it_runs_without_the_source_tree(installed: Path, tmp_path: Path) -> None:
    version = run(installed, str(installed.with_name("onestop")), "--version", cwd=tmp_path)
    assert version == run(installed, "-c", "import onestop; print('onestop', onestop.__version__)", cwd=tmp_path)
    code = (
        "import onestop; from onestop.resources import resource\n"
        f"print(onestop.__file__, *(resource(n) for n in {CARRIED!r}), sep='\\n')"
    )
    places = run(installed, "-c", code, cwd=tmp_path).splitlines()
    own = str(installed.parents[1].resolve())
    assert len(places) == 4
    assert all(str(Path(place).resolve()).startswith(own) for place in places), places


def test_it_finds_its_own_files(installed: Path, tmp_path: Path) -> None:
    code = (
        "from onestop.quality.rules import rules_for; from onestop.specs import load_spec\n"
        "from onestop.warehouse.migrations import read; from onestop.reporting.strings import Words\n"
        "from onestop.reporting import page, workbook; from onestop.sandbox.procedures import catalogue\n"
        "print(len(rules_for('one_stop', 'dossier').row_rules), load_spec('one_stop_dossier').entity, read()[0].name)\n"
        "print(Words('vi')('headline'), len(catalogue()))"
    )
    first, second = run(installed, "-c", code, cwd=tmp_path).splitlines()
    assert first == "19 dossier 0001_schemas"
    assert second


def test_commands_answer(installed: Path, tmp_path: Path) -> None:
    onestop = str(installed.with_name("onestop"))
    assert "--period" in run(installed, onestop, "run", "--help", cwd=tmp_path)
    wrong = subprocess.run(
        [onestop, "run", "--period", "2024-Q3"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={name: value for name, value in os.environ.items() if not name.startswith(("ONESTOP_", "PYTHON"))},
    )  # fmt: skip
    assert wrong.returncode == 2
    assert "province.example.yml" in wrong.stderr
