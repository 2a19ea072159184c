"""GX Data Docs of one day, from the counts that were kept: nothing is judged again, and no value of a record is known.

GX renders each suite; what its pages would fetch from elsewhere (styles, scripts, pictures) is taken out, so that they
open without a network and tell nobody that they were opened.
"""

from __future__ import annotations

import html
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from onestop.quality.rules import RowRule, RuleBook

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE)
_LINK = re.compile(r"<link\b[^>]*>", re.IGNORECASE)
_PICTURE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_OUTSIDE = re.compile(r"""(href|src)\s*=\s*(["'])(?:https?:)?//.*?\2""", re.IGNORECASE)
_OUTSIDE_STYLE = re.compile(r"(?:@import\s+)?url\(\s*[\"']?(?:https?:)?//[^)]*\)", re.IGNORECASE)
_FOOTER = re.compile(r"<footer\b.*?</footer>", re.DOTALL | re.IGNORECASE)
_STYLE = """<style>
body { font: 15px/1.5 "Segoe UI", "Noto Sans", Arial, sans-serif; margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
td, th { border: 1px solid #ccd3da; padding: .35rem .6rem; text-align: left; vertical-align: top; }
ul { padding-left: 1.2rem; }
.col-lg-2, .navbar, .modal, .collapse, a[data-toggle="collapse"], .ge-walkthrough-modal { display: none; }
.fa-check-circle::before { content: "✓"; color: #14663a; } .fa-times::before { content: "✗"; color: #b3261e; font-weight: 700; }
</style>"""


@dataclass(frozen=True)
class SuiteDay:
    """What the rules of one source and entity counted on a day: rows checked and failed, by rule."""

    source_id: str
    entity: str
    book: RuleBook
    counts: Mapping[str, tuple[int, int]]

    @property
    def page(self) -> str:
        """The page's file name."""
        return f"{self.source_id}_{self.entity}.html"


def data_docs(day: date, suites: Sequence[SuiteDay]) -> dict[str, str]:
    """File name -> HTML: a page per suite, and an index."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    pages = {suite.page: _suite_page(day, suite) for suite in suites}
    return {"index.html": _index(day, suites), **pages}


def _suite_page(day: date, suite: SuiteDay) -> str:
    results = [
        _result(rule, *suite.counts[rule.id]) for rule in suite.book.row_rules if suite.counts.get(rule.id, (0, 0))[0]
    ]
    kept = sum(result.success for result in results)
    validation = ExpectationSuiteValidationResult(
        success=kept == len(results),
        results=results,
        suite_name=f"{suite.source_id}.{suite.entity}",
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": kept,
            "unsuccessful_expectations": len(results) - kept,
            "success_percent": 100 * kept / len(results) if results else None,
        },
        meta={"run_id": {"run_name": str(day), "run_time": f"{day}T00:00:00+00:00"}},
    )
    content = ValidationResultsPageRenderer().render(validation)
    return self_contained(str(DefaultJinjaPageView().render(content)))


def _result(rule: RowRule, checked: int, failed: int) -> Any:
    """A rule as one result: the counts are the rule's, whichever of its expectations failed."""
    shown = next((e for e in rule.expectations if not e.type.endswith("not_be_null")), rule.expectations[0])
    others = len(rule.expectations) - 1
    said = f"{rule.id} ({rule.action}): {rule.message_vi} / {rule.message_en} [{shown.type}"
    said += f" with {others} more of the same rule; the counts are those of all together]" if others else "]"
    arguments = shown.arguments | ({"condition_parser": "pandas"} if "row_condition" in shown.arguments else {})
    return ExpectationValidationResult(
        success=not failed,
        expectation_config=ExpectationConfiguration(
            type=shown.type, kwargs=arguments, meta={"rule": rule.id}, description=said
        ),
        result={
            "element_count": checked,
            "unexpected_count": failed,
            "unexpected_percent": 100 * failed / checked,
            "missing_count": 0,
            "missing_percent": 0.0,
            "partial_unexpected_list": [],
        },
    )


def self_contained(page: str) -> str:
    """The page without anything that it would fetch from elsewhere."""
    page = _PICTURE.sub("", _LINK.sub("", _SCRIPT.sub("", page)))
    page = _OUTSIDE.sub(r"\1=\2#\2", _OUTSIDE_STYLE.sub("none", _FOOTER.sub("", page)))
    return page.replace("</head>", f"{_STYLE}</head>", 1)


def _index(day: date, suites: Sequence[SuiteDay]) -> str:
    rows = "".join(
        f'<tr><td><a href="{html.escape(s.page)}">{html.escape(s.source_id)}</a></td><td>{html.escape(s.entity)}</td>'
        f"<td>{sum(1 for checked, _ in s.counts.values() if checked)}</td>"
        f"<td>{sum(1 for _, failed in s.counts.values() if failed)}</td></tr>"
        for s in suites
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data Docs {day}</title>{_STYLE}</head><body>'
        f"<h1>Data Docs {day}</h1><table><thead><tr><th>Source</th><th>Entity</th><th>Rules judged</th><th>Rules broken</th>"
        f"</tr></thead><tbody>{rows}</tbody></table></body></html>"
    )
