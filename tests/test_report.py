"""The report: figures checked by hand, pairs that are alike, one page that holds everything."""

import io
import re

import pandas as pd
import pytest

from mlelabs.instructor import report
from mlelabs.instructor.marks import Standing

PLAIN = """
def first(values):
    '''The first even value.'''
    values = sorted(values)
    for value in values:
        if value % 2 == 0:
            return value  # found
    return None
"""
RENAMED = """
def first(xs):
    "Evens."
    xs = sorted( xs )
    for  x  in xs :
        if x % 2 == 0 :
            return x
    return None
"""
OTHERS = [
    "def first(v):\n    return next((x for x in v if not x % 2), None)",
    "def first(v):\n    even = [x for x in v if x % 2 == 0]\n    return even[0] if even else None",
    "def first(v):\n    i = 0\n    while i < len(v):\n        if not v[i] & 1: return v[i]\n"
    "        i += 1",
    "import numpy as np\ndef first(v):\n    a = np.asarray(v)\n    return a[a % 2 == 0][0]",
    "def first(v):\n    return list(filter(lambda x: x % 2 == 0, v))[0]",
    "def first(v:",
]


def test_names_comments_and_layout_do_not_count():
    assert report.tokens(PLAIN) == report.tokens(RENAMED)
    assert report.tokens(PLAIN) != report.tokens(OTHERS[0])
    assert report.tokens("def first(v:") == ["def", "first", "(", "v", ":"]


def test_pairs_are_found_and_common_answers_are_not():
    sources = {f"s{n}": source for n, source in enumerate(OTHERS)} | {"a": PLAIN, "b": RENAMED}
    (pair,) = report.alike({"first": sources}, {"first": "code"})
    assert pair["students"] == ("a", "b")
    (shared,) = pair["exercises"]
    assert shared["similarity"] == 1 and shared["alike"] == 2 and shared["students"] == 8
    everybody = {f"s{n}": PLAIN for n in range(8)}
    assert report.alike({"first": everybody}, {"first": "code"}) == []
    short = {"a": "x = 3.14", "b": "y = 3.14", **{f"s{n}": s for n, s in enumerate(OTHERS)}}
    assert report.alike({"first": short}, {"first": "code"}) == [], "too little: it can be chance"


def test_discrimination_is_the_correlation_with_the_rest():
    points = pd.DataFrame({"a": [0, 0, 2, 2], "b": [0, 1, 2, 3], "c": [3.0, 3, 3, 3]})
    assert report._discrimination(points, "a") == pytest.approx(0.894, abs=0.001)
    assert report._discrimination(points, "c") is None, "all the same: it tells nothing"
    assert report._discrimination(points[:2], "b") is None, "two students tell nothing"


def test_a_dead_kernel_is_counted_once(monkeypatch):
    """It fails every check after it, and says nothing about them."""
    died = {"add-check": "GradingStopped: in cell add, the kernel died",
            "memo-check": "GradingStopped: not run: in cell add, the kernel died"}  # fmt: skip
    messages = {"a": died, "b": {"add-check": "AssertionError: expected 3"}}
    monkeypatch.setattr(report.feedback, "failed_messages", lambda *where: messages[where[-1]])
    cells = [("add-check", 2), ("memo-check", 2)]
    monkeypatch.setattr(report.build, "graded_cells", lambda release: cells)
    points = {"add-check": 0.0, "memo-check": 0.0}
    counted = {s: Standing(s, "graded", points) for s in "ab"}
    counted["a"].names = ["Ada Apfel"]
    rows = report.exercise_rows(None, "lab", None, counted)
    assert [row["messages"] for row in rows] == [[("expected 3", 1)], []]
    stopped = report.stopped_students(None, "lab", counted)
    assert stopped == [("Ada Apfel (a)", "in cell add, the kernel died")]


def test_messages_as_they_are_counted():
    assert report._short("AssertionError: expected 3\nmore") == "expected 3"
    assert report._short("NotImplementedError: not attempted yet") == "not attempted"
    assert report._short("AssertionError:") == "(no message)"
    assert report._short("KeyError: 'x'") == "KeyError: 'x'"


def test_the_page_holds_everything_and_quotes_safely(monkeypatch):
    rows = [
        {"exercise": "add", "points": 2, "students": 3, "solved": 1, "mean": 0.5,
         "discrimination": -0.1, "messages": [("<script>alert(1)</script>", 2)]},
        {"exercise": "memo", "points": 3, "students": 0, "solved": 0, "mean": None,
         "discrimination": None, "messages": []},
    ]  # fmt: skip
    counted = {
        s: Standing(s, "graded", {"add-check": 2.0}, time=f"2025-12-0{n} 10:00:00")
        for n, s in enumerate("abc", 1)
    }
    counted["a"].names = ["Ada Apfel"]
    missing = [Standing("d", "set aside", reason="is empty", names=["Dörte Dattel"])]
    shared = {"exercise": "add", "similarity": 1, "alike": 2, "students": 3, "sources": ("x", "x")}
    pairs = [{"students": ("a", "b"), "exercises": [shared], "surprise": 9}]
    stopped = [("Ada Apfel (a)", "The kernel died.")]
    page = report._page("01-count", rows, pairs, counted, missing, "3 submissions", stopped)
    assert "<b>Ada Apfel (a)</b> and <b>b</b>" in page and "Dörte Dattel (d)" in page
    assert page.count("The kernel died.") == 1
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert page.count("data:image/png;base64,") == 3 and 'class="weak"' in page
    assert not re.search(r'(src|href)="(?!data:)', page), "needs no other file, and no network"
    assert "is empty" in page and "1 of 3" in page
    table = pd.read_csv(io.StringIO(report._table(rows)))
    assert list(table["exercise"]) == ["add", "memo"] and table["mean"].isna()[1]
