"""Where in province.yml a mistake stands: pydantic's errors turned into lines a person can mend."""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a known key",
}


def line_of(tree: yaml.Node | None, place: Sequence[str | int]) -> int:
    """The 1-based line of a place such as ('sources', 0, 'every'); of its nearest parent if it is absent."""
    node, line = tree, 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def mistakes(problem: ValidationError, tree: yaml.Node | None) -> list[str]:
    """One line per mistake, in the file's order: `  line 7: sources[0].every: ...`."""
    found = []
    errors = problem.errors()
    for error in errors:
        place = _place(error["loc"])
        if error["type"] == "too_short" and _wrong_inside(place, errors):
            continue  # a list counts as empty once each of its entries is wrong: those are the mistakes
        line = line_of(tree, place)
        words = _words(error)
        given = error.get("input")
        shown = f", not {given!r}" if error["type"] not in _WORDS and isinstance(given, str | int | float) else ""
        found.append((line, f"  line {line}: {_name(place)}{words}{shown}"))
    return [text for _, text in sorted(found)]


def _place(location: Sequence[str | int]) -> list[str | int]:
    """Where the mistake stands in the file: pydantic puts our own field, and a source's kind after its index, in between."""
    steps = [step for before, step in zip((None, *location), location, strict=False) if not isinstance(before, int)]
    return [step for step in steps if step != "file"]


def _words(error: ErrorDetails) -> str:
    if error["type"] == "union_tag_invalid":
        return f"kind should be one of {error['ctx']['expected_tags']}"
    if error["type"] == "union_tag_not_found":
        return "kind is missing"
    return _WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, ")


def _wrong_inside(place: Sequence[str | int], errors: Sequence[ErrorDetails]) -> bool:
    return any(len(e["loc"]) > len(place) and list(e["loc"][: len(place)]) == list(place) for e in errors)


def _name(place: Sequence[str | int]) -> str:
    name = ""
    for step in place:
        name += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if name else step
    return f"{name}: " if name else ""
