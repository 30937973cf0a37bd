"""Which cells need not run for grading: never one on which a mark could depend."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mlelabs.instructor import build
from mlelabs.instructor.engine.idle import idle_cells, names_bound, names_read

GIVEN = {"nbgrader": {"locked": True, "solution": False, "grade": False}}
EXERCISE = {"nbgrader": {"locked": False, "solution": True, "grade": False}}
CHECK = {"nbgrader": {"locked": True, "solution": False, "grade": True}}
SETUP = "import numpy as np\nlog = [3, 1, 2]"
FIGURE = "figure = sorted(log)\nfor row in figure:\n    print(row)"
TABLE = "counts = len(log)\ncounts"


def tiny(answer="def answer():\n    return np.max(log)", free="print(answer())"):
    cells = [
        new_markdown_cell("# Tiny"),
        new_code_cell(SETUP, metadata=GIVEN),
        new_code_cell(FIGURE, metadata=GIVEN),
        new_code_cell(answer, metadata=EXERCISE),
        new_code_cell(free),
        new_code_cell("assert answer() == 3", metadata=CHECK),
        new_code_cell(TABLE, metadata=GIVEN),
    ]
    return new_notebook(cells=cells)


RELEASED = [SETUP, FIGURE, "print(answer())", TABLE]


def test_cells_that_only_show_are_idle():
    assert idle_cells(tiny(), RELEASED) == {2, 4, 6}
    assert idle_cells(tiny(), []) == set()


@pytest.mark.parametrize(
    "answer, idle",
    [
        ("def answer():\n    return max(figure)", {4, 6}),  # reads what a figure binds
        ("def answer():\n    return max(log, key=lambda x: figure[x])", {4, 6}),
        ("def answer():\n    figure = log\n    return max(figure)", {2, 4, 6}),  # its own
        ("for row in figure:\n    best = row\ndef answer():\n    return best", {4, 6}),
        ("figure = [*figure, 1]\ndef answer():\n    return 3", {4, 6}),
        ("counts += 1\ndef answer():\n    return 3", {2, 4}),
        ("def answer():\n    return max(globals()['figure'])", set()),
        ("def answer():\n    return eval('max(figure)')", set()),
        ("def answer():\n    return _4", set()),
        ("%time\ndef answer():\n    return 3", set()),
        ("def answer(:", set()),
        ("x = '\0'", set()),
        ("x = " + "1 + " * 20_000 + "1", set()),  # too deep for Python's parser
    ],
)
def test_what_students_read_is_run(answer, idle):
    assert idle_cells(tiny(answer), RELEASED) == idle


def test_changed_free_cell_is_run():
    assert idle_cells(tiny(free="print(answer(), figure)"), RELEASED) == {6}


@pytest.mark.parametrize(
    "source, read, bound",
    [
        ("x = y", {"y"}, {"x"}),
        ("x = 1\nprint(x)", {"print"}, {"x"}),
        ("for a in b:\n    c = a\n    print(c)", {"b", "print"}, {"a", "c"}),
        ("for a in b:\n    pass\nprint(a)", {"a", "b", "print"}, {"a"}),
        ("with f() as g:\n    x = g\nprint(x)", {"f", "print"}, {"g", "x"}),
        ("if t:\n    x = 1\nprint(x)", {"t", "x", "print"}, {"x"}),
        ("try:\n    x = f()\nexcept E:\n    pass\nx", {"f", "E", "x"}, {"x"}),
        ("x += 1", {"x"}, {"x"}),
        ("[i for i in n if i > k]", {"n", "k"}, {"i"}),
        ("def f(a, b=c):\n    d = a\n    return d + e", {"c", "e"}, {"f", "d"}),
        ("import os.path\nos.sep", set(), {"os"}),
        ("t['x'] = 1", {"t"}, None),
        ("t.x[0] = 1", {"t"}, None),
        ("t = {}\nt['x'] = 1", set(), {"t"}),
        ("del t", None, None),
        ("from math import *", None, None),
    ],
)
def test_names(source, read, bound):
    if read is not None:
        assert names_read(source) == read
    assert names_bound(source) == (bound if bound is None else frozenset(bound))


@pytest.mark.parametrize("lab", build.labs())
def test_a_solved_lab_runs_its_checks_and_little_else(lab):
    notebook = nbformat.read(build.notebook_path("solutions", lab), 4)
    code = [number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    kinds = {n: notebook.cells[n].metadata.get("nbgrader", {}) for n in code}
    graded = {n for n in code if kinds[n].get("grade") or kinds[n].get("solution")}
    idle = idle_cells(notebook, [notebook.cells[n].source for n in code if n not in graded])
    assert not idle & graded
    assert len(idle) > len(code) / 3
