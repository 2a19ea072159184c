"""What every process of Onestop leaves out at its start, and that nothing else is lost with it."""

from __future__ import annotations

import subprocess
import sys

from onestop.transform.dbt import executable


def test_no_process_builds_the_grammars_of_a_format_that_nobody_asks_about() -> None:
    asked = (
        "import onestop, sys, jsonschema\n"
        "checker = jsonschema.Draft202012Validator.FORMAT_CHECKER\n"
        "print('lark' in sys.modules, checker.conforms('2024-13-01', 'date'), checker.conforms('2024-12-01', 'date'))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True"]


def test_dbt_starts_without_them_too() -> None:
    *start, code = executable()
    watched = code.replace("sys.exit(cli())", "print('lark' in sys.modules); sys.exit(cli())")
    done = subprocess.run([*start, watched, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "False" and "postgres" in done.stdout
