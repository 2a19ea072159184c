"""The sample catalogue of administrative procedures: about 400 real-looking ones, the same for every seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

UNLISTED = tuple(f"1.099{n:03d}" for n in range(100, 108))
"""Well-formed procedure codes that the catalogue lacks."""


@dataclass(frozen=True)
class Procedure:
    """One row of procedures.csv, and what dossiers of the procedure are like.

    Attributes:
        level: online-service level, 2 information, 3 partial, 4 full.
        fee: VND, 0 for none.
        days: processing days, of working days.
        owner: which units resolve it, as in procedure_titles.yml.
        weight: its share of its owner's dossiers, relative.
    """

    code: str
    name: str
    field_code: str
    field_name: str
    level: int
    fee: int
    days: int
    owner: str
    weight: float
    announced_on: str
    published_on: str
    content_complete: bool


def catalogue() -> list[Procedure]:
    """Every procedure, by code; each owner has several, one of them above level 2."""
    draw = random.Random(20240615)  # noqa: S311  (the catalogue is the same for every seed)
    codes = draw.sample(range(1_000, 12_999), 700)
    made: list[Procedure] = []
    for topic, position, title in _titles():
        level = 4 if position == 0 else draw.choices((4, 3, 2), (0.45, 0.38, 0.17))[0]
        announced = date(2019, 1, 7) + timedelta(days=draw.randrange(600))
        published = announced + timedelta(days=draw.choice((1, 2, 3, 4, 6, 12)))
        made.append(
            Procedure(
                code=f"{draw.choice((1, 1, 1, 2))}.{codes[len(made)]:06d}",
                name=title,
                field_code=topic["code"],
                field_name=topic["field"],
                level=level,
                fee=topic["fee"],
                days=topic["days"] + (draw.randrange(3) if topic["days"] > 1 else 0),
                owner=topic["owner"],
                weight=topic["share"] / (position + 1) ** 0.8,
                announced_on=announced.isoformat(),
                published_on="" if draw.random() < 0.04 else published.isoformat(),
                content_complete=draw.random() < 0.96,
            )
        )
    return sorted(made, key=lambda p: p.code)


def _titles() -> Iterator[tuple[dict[str, Any], int, str]]:
    """Every topic with the positions and texts of its titles."""
    for entry in yaml.safe_load((Path(__file__).parent / "procedure_titles.yml").read_text(encoding="utf-8")):
        actions, things = entry["actions"].split(" | "), entry["things"].split(" | ")
        for position, title in enumerate(f"{action} {thing}" for thing in things for action in actions):
            yield entry["topic"], position, title
