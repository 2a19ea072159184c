"""The SBOM names exactly what the lock can install."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("place", [1, 2])
def test_every_package_of_the_lock_is_in_it(tmp_path: Path, place: int) -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nsbom:")[1].split("\n\n")[0]
    options = recipe.split("cyclonedx-py ")[place].split(" -o ")[0].split()
    file = tmp_path / "sbom.json"
    program = [sys.executable, "-m", "cyclonedx_py", *options, "--no-validate", "-o", str(file)]
    subprocess.run(program, cwd=ROOT, check=True, capture_output=True)
    found = json.loads(file.read_text(encoding="utf-8"))
    named = {(one["name"], one["version"]) for one in found["components"]}
    lock = (ROOT / options[1]).read_text(encoding="utf-8")
    assert named == set(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock, re.MULTILINE)) and len(named) > 100
    if place == 1:
        assert found["metadata"]["component"]["name"] == "onestop"
    assert all(one["externalReferences"][0]["hashes"] for one in found["components"])
