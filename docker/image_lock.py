"""The lock without what only development wants: `python docker/image_lock.py requirements.lock > image.lock`.

requirements.lock says of each package who wanted it ("# via"). Kept is what `pyproject.toml` wants for itself and for the
extra `cluster`, and whatever those want in turn; with their hashes, so that an image holds what the tests ran on.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ("hatchling", "editables")  # build onestop's own wheel, without build isolation
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def plain(requirement: str) -> str:
    """The normalised name in a requirement."""
    found = _NAME.match(requirement)
    assert found is not None, requirement  # noqa: S101
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def blocks(lock: str) -> dict[str, tuple[str, set[str]]]:
    """Each package: its lines, of all its versions (one per Python), and who wanted it."""
    found: dict[str, tuple[str, set[str]]] = {}
    for text in re.split(r"(?m)^(?=[A-Za-z0-9])", lock)[1:]:
        said = text.partition("# via")[2].replace("#", " ")
        wanted_by = {plain(word) for word in said.split() if _NAME.match(word)}
        before, by_others = found.get(plain(text), ("", set()))
        found[plain(text)] = (before + text, wanted_by | by_others)
    return found


def without_development(lock: str) -> str:
    """The blocks that are kept, as they stand."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    roots = [*project["dependencies"], *project["optional-dependencies"]["cluster"], *BUILD]
    every, kept = blocks(lock), {plain(name) for name in roots}
    while more := {name for name, (_, wanted_by) in every.items() if name not in kept and wanted_by & kept}:
        kept |= more
    return "".join(text for name, (text, _) in every.items() if name in kept)


if __name__ == "__main__":
    sys.stdout.write(without_development(Path(sys.argv[1]).read_text(encoding="utf-8")))
