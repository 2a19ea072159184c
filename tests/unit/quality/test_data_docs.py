"""GX Data Docs from counts: each rule with its counts and messages, and nothing that a browser would fetch."""

from __future__ import annotations

import re
from datetime import date

from onestop.quality.data_docs import SuiteDay, data_docs, self_contained
from onestop.quality.rules import rules_for


def test_a_page_per_suite_and_an_index() -> None:
    book = rules_for("one_stop", "dossier")
    counts = {rule.id: (100, 0) for rule in book.row_rules} | {"OS-004": (100, 7), "OS-012": (0, 0)}
    pages = data_docs(date(2024, 9, 25), [SuiteDay("igate", "dossier", book, counts)])
    assert set(pages) == {"index.html", "igate_dossier.html"}
    page = pages["igate_dossier.html"]
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)))
    for rule in book.row_rules:
        assert (f"{rule.id} ({rule.action}): {rule.message_vi}" in said) == (rule.id != "OS-012"), rule.id
    assert "7 unexpected values found" in said and "with 2 more of the same rule" in said
    assert '<a href="igate_dossier.html">igate</a>' in pages["index.html"]
    for content in pages.values():
        assert not re.search(
            r"""(src|href)\s*=\s*["'](https?:)?//|<script|<link|<img|url\(\s*["']?(https?:)?//""", content
        )


def test_what_is_fetched_from_elsewhere_is_taken_out() -> None:
    page = (
        '<html><head><link rel="stylesheet" href="https://x/y.css"><script src="//x/y.js"></script><style>@import url(http://x/z.css);'
        "</style></head><body><img src='http://x/p.png'><a href='https://x'>here</a><footer>x</footer></body></html>"
    )
    assert re.findall(r"\bx/|https?:", self_contained(page)) == []
