"""Expectation files checked whole, before anything is loaded by them: `make lint` runs it, a test breaks files on purpose.

Each file must be one that something reads, and each of its rules: known keys, owner, messages, an id of its own,
expectations that exist with arguments that they take, columns and facts that exist, examples that do what they say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from onestop.errors import OnestopError
from onestop.quality.batch import BatchFacts, reason_to_stop
from onestop.quality.delivery import ShareCheck, SizeCheck
from onestop.quality.examples import ANOTHER, READERS_OWN, Played, examples_of
from onestop.quality.rules import (
    BatchNumbers,
    BatchRule,
    DeliveryRule,
    ReferenceBook,
    RuleBook,
    read_reference_rules,
    read_rules,
)
from onestop.specs import EntitySpec, load_spec

Play = Callable[[RuleBook], tuple[frozenset[str], Callable[[list[Played]], list[set[str]]]]]
"""For a book: the columns and facts of its table, and what judges examples (the ids that each record breaks)."""


def lint(folder: Path, specs: Mapping[str, EntitySpec], reference_files: Mapping[str, str], play: Play) -> list[str]:
    """Every mistake of the expectation files of a folder, each with its file.

    Args:
        specs: what is loaded and judged, by "<family>/<entity>".
        reference_files: file name by entity.
    """
    problems: list[str] = []
    ids: dict[str, list[tuple[str, str]]] = {}
    files = sorted(folder.glob("*/*.yml"))
    names = {f"{file.parent.name}/{file.stem}" for file in files}
    problems += [f"{name}.yml is missing: nothing would be judged" for name in sorted(set(specs) - names)]
    for file in files:
        name = f"{file.parent.name}/{file.stem}"
        try:
            if file.parent.name == "reference":
                book: RuleBook | ReferenceBook = read_reference_rules(file)
                found = _reference(file.stem, book, reference_files)  # type: ignore[arg-type]
            elif name in specs:
                book = read_rules(file)
                found = _book(book, specs[name], play)
            else:
                problems.append(f"{name}.yml: nothing reads it")
                continue
        except OnestopError as problem:
            problems.append(f"{name}.yml: {problem.message}")
            continue
        problems += [f"{name}.yml: {mistake}" for mistake in found]
        for rule in book.rules:
            ids.setdefault(rule.id, []).append((name, type(rule).__name__))
    for rule_id, places in sorted(ids.items()):
        # PT-000 is one rule about every kind of file of a family; any other id names one rule.
        shared = {kind for _, kind in places} == {"BatchRule"} and len({n.split("/")[0] for n, _ in places}) == 1
        if len(places) > 1 and not shared:
            problems.append(f"{rule_id} is used twice: {', '.join(f'{n}.yml' for n, _ in places)}")
    if not files:
        problems.append(f"{folder} holds no expectation file")
    return problems


def _reference(entity: str, book: ReferenceBook, reference_files: Mapping[str, str]) -> list[str]:
    problems = _deliveries(book.delivery_rules)
    if reference_files.get(entity) != book.file:
        problems.append(f"{book.file} is not the file of {entity}")
    for rule in book.delivery_rules:
        if not isinstance(rule.check, SizeCheck):
            problems.append(f"{rule.id}: of a reference file only the size is compared")
    return problems


def _book(book: RuleBook, spec: EntitySpec, play: Play) -> list[str]:
    from onestop.quality.judge import mistakes  # GX takes seconds to import

    if load_spec(book.spec) is not spec:
        return [f"spec {book.spec} is another entity's"]
    problems = _fields(book, spec) + _deliveries(book.delivery_rules)
    problems += [mistake for batch_rule in book.batch_rules for mistake in _batch(batch_rule)]
    for rule in book.delivery_rules:
        if isinstance(rule.check, SizeCheck):
            problems.append(f"{rule.id}: a size is compared of reference files only")
        if isinstance(rule.check, ShareCheck) and rule.check.column not in spec.raw_columns:
            problems.append(f"{rule.id}: there is no column {rule.check.column}")
    columns, judged = play(book)
    wrong = [mistake for row_rule in book.row_rules for mistake in mistakes(row_rule, columns)]
    return problems + (wrong or _examples(book, judged))


def _fields(book: RuleBook, spec: EntitySpec) -> list[str]:
    known = {item.field for item in spec.fields} | READERS_OWN | {ANOTHER}
    changed = [(r.id, c) for r in book.row_rules for c in (r.passing, r.failing, *r.also_failing)]
    return [
        f"{where}: there is no field {name}"
        for where, change in (("example", book.example.record), *changed)
        for name in change
        if name not in known
    ]


def _examples(book: RuleBook, judged: Callable[[list[Played]], list[set[str]]]) -> list[str]:
    problems = []
    played = examples_of(book)
    barring = {rule.id for rule in book.row_rules if rule.action == "quarantine"}
    for example, broken in zip(played, judged(played), strict=True):
        if example.rule is None and broken:
            problems.append(f"the example record breaks {', '.join(sorted(broken))}")
        elif example.rule and example.keeps and broken:
            problems.append(f"{example.rule.id}: its passing example breaks {', '.join(sorted(broken))}")
        elif example.rule and not example.keeps and broken & (barring | {example.rule.id}) != {example.rule.id}:
            problems.append(f"{example.rule.id}: a failing example breaks {', '.join(sorted(broken)) or 'no rule'}")
    return problems


def _batch(rule: BatchRule) -> list[str]:
    return [
        f"{rule.id}: its {word} example {'stops' if stops else 'does not stop'}"
        for word, example, wanted in (("passing", rule.passing, False), ("failing", rule.failing, True))
        if (stops := batch_stops(example)) != wanted
    ]


def batch_stops(example: BatchNumbers) -> bool:
    """Whether a delivery of these numbers is refused whole."""
    facts = BatchFacts(judged=example.judged, failed=example.failed, received=example.received)
    return reason_to_stop(facts, limit=example.limit, some_were_due=True, failed_by_rule=Counter()) is not None


def _deliveries(rules: tuple[DeliveryRule, ...]) -> list[str]:
    problems = []
    for rule in rules:
        for word, example, wanted in (("passing", rule.passing, "kept"), ("failing", rule.failing, "broken")):
            try:
                state: str = rule.check.judge(example.now, example.before).state
            except (TypeError, AttributeError, IndexError):
                state = "no example of this check"
            if state != wanted:
                problems.append(f"{rule.id}: its {word} example is {state.replace('_', ' ')}")
    return problems
