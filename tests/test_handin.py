"""The hand-in check: the right file, complete, and what it shows from the top in a fresh kernel."""

import copy
import json
import subprocess
import sys

import nbformat
import pytest

from mlelabs import handin, validate
from mlelabs.instructor import build
from tests.test_progress import cell

STUB = "# YOUR CODE HERE\nraise NotImplementedError('not attempted yet')"
ADD = "assert add(start, 2) == 3, '1 + 2 is 3'"
TAKE = "assert take(3, 2) == 1, '3 - 2 is 1'"
LAB = nbformat.v4.new_notebook(
    cells=[
        cell("markdown", "opening-1", "# Lab 9: Count", locked=True),
        cell("code", "opening-2", "start = 1", locked=True),
        cell("markdown", "add-0", "## Exercise 1: Add (2 points, about 5 minutes)", locked=True),
        cell("code", "add", f"def add(a, b):\n    {STUB}", solution=True, locked=False),
        cell("code", "add-check", ADD, grade=True, locked=True, points=2),
        cell("markdown", "add-1", "## Exercise 2: Take (1 point, about 5 minutes)", locked=True),
        cell("code", "take", f"def take(a, b):\n    {STUB}", solution=True, locked=False),
        cell("code", "take-check", TAKE, grade=True, locked=True, points=1),
        cell("markdown", "take-1", "## Decision memo (3 points, about 5 minutes)", locked=True),
        cell("markdown", "memo", "*Write here*", grade=True, solution=True, points=3),
        cell("markdown", "", handin.SOURCES),
    ]
)
SOLVED = {
    "add": "def add(a, b):\n    return a + b",
    "take": "def take(a, b):\n    return a - b",
    "memo": "We go ahead.",
}


@pytest.fixture(autouse=True)
def released(tmp_path, monkeypatch):
    """The digests of a small lab and of another one."""
    known = {"09-count": handin.digests(LAB), "10-other": {"x-1": "", "x-2": ""}}
    (tmp_path / "labs.json").write_text(json.dumps(known))
    monkeypatch.setattr(handin, "RELEASED", tmp_path / "labs.json")


def written(folder, answers=SOLVED, change=None, name="09-count.ipynb"):
    """A solved notebook, changed by a function, as a file."""
    notebook = copy.deepcopy(LAB)
    for one in notebook.cells:
        one.source = answers.get(one.id, one.source)
    notebook.cells[-1].source = "none"
    if change:
        change(notebook.cells)
    nbformat.write(notebook, folder / name)
    return folder / name


def without_run(path, monkeypatch):
    monkeypatch.setattr(handin, "_run", lambda *_: None)
    return handin.check_handin(path)


def test_ready(tmp_path):
    report = handin.check_handin(written(tmp_path))
    assert report.as_text().startswith("09-count.ipynb is ready: hand in this file.")
    assert "2 of 2 exercises pass their visible checks: 3 of 3 points" in report.summary
    assert "hidden tests" in report.summary


def test_blank_lab_costs_all_but_can_be_handed_in(tmp_path):
    path = tmp_path / "09-count.ipynb"
    nbformat.write(LAB, path)
    report = handin.check_handin(path)
    assert report.costs[0] == "Not attempted (6 points): Exercise 1, Exercise 2, Decision memo."
    assert "not declared" in report.costs[1] and len(report.costs) == 2 and not report.wrong


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda cells: cells.pop(4), "1 cell of the lab is missing (add-check). Take a fresh copy"),
        (lambda cells: cells.append(copy.deepcopy(cells[3])), "1 cell occurs more than once (add)"),
        (lambda cells: cells[1].update(source="start = 2"), "1 locked cell is changed (opening-2)"),
        (lambda cells: [c.update(metadata={}) for c in cells], "This is not one of the labs"),
        (lambda cells: cells.clear(), "The notebook is empty"),
    ],
)
def test_wrong_notebook(change, message, tmp_path, monkeypatch):
    report = without_run(written(tmp_path, change=change), monkeypatch)
    assert message in " ".join(report.wrong)
    assert report.as_text().startswith("Not yet: 09-count.ipynb cannot be handed in")


def test_wrong_files(tmp_path, monkeypatch):
    renamed = written(tmp_path, name="09-count (1).ipynb")
    assert "must be 09-count.ipynb" in without_run(renamed, monkeypatch).wrong[0]
    for content in (b"", b"{broken", b"[1]", b"<html>", b"\xff\xfe\x00", b'{"cells": 3}'):
        (tmp_path / "09-count.ipynb").write_bytes(content)
        report = without_run(tmp_path / "09-count.ipynb", monkeypatch)
        assert "damaged, or it is no notebook" in report.wrong[0], content
    assert "no file" in without_run(tmp_path / "gone.ipynb", monkeypatch).wrong[0]


def test_input_is_refused_in_words(tmp_path):
    answers = SOLVED | {"add": "def add(a, b):\n    return int(input('sum? '))"}
    report = handin.check_handin(written(tmp_path, answers))
    assert "Exercise 1: Add calls input()" in report.costs[0]
    assert "Exercise 1: Add (2 points) fails: StdinNotImplementedError" in report.costs[1]


def test_hidden_state_is_named(tmp_path):
    def change(cells):
        cells[3].source = "def add(a, b):\n    return a + b + offset"
        cells[4].execution_count = 7  # and no error: it passed
        cells[6].source = "def take(a, b):\n    return b"

    report = handin.check_handin(written(tmp_path, change=change))
    assert "Exercise 1: Add (2 points) passed in your notebook, but fails" in report.costs[0]
    assert "NameError: name 'offset' is not defined" in report.costs[0]
    assert report.costs[1] == "Exercise 2: Take (1 point) fails: 3 - 2 is 1."


def test_endless_loops_end(tmp_path, monkeypatch):
    monkeypatch.setattr(handin, "CELL_SECONDS", 2)
    answers = SOLVED | {"add": "def add(a, b):\n    while True:\n        pass"}
    report = handin.check_handin(written(tmp_path, answers))
    assert "Exercise 1: Add (2 points) does not come to an end" in report.costs[0]
    assert "1 of 2 exercises pass" in report.summary


def test_kernel_that_ends_is_named(tmp_path):
    answers = SOLVED | {"take": "import os\nos._exit(1)"}
    report = handin.check_handin(written(tmp_path, answers))
    assert "Exercise 2: Take ends the kernel" in report.wrong[0]


def test_given_cells_that_fail_and_own_cells_that_fail(tmp_path):
    def change(cells):
        cells[1].source = "start = 1 / 0"  # as if an own cell had broken it
        cells.insert(9, nbformat.v4.new_code_cell("print(nothing)"))

    report = handin.check_handin(written(tmp_path, change=change))
    assert "in “Lab 9: Count”, fails, although it is given: ZeroDivisionError" in report.costs[0]
    assert "costs no points" in report.notes[0]


def test_command_line_and_html(tmp_path):
    path = tmp_path / "<b>.ipynb"
    path.write_text("{broken")
    command = [sys.executable, "-m", "mlelabs.handin", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout.startswith("Not yet: <b>.ipynb cannot")
    page = validate.report_on(path)
    assert "<h2>Not yet: &lt;b&gt;.ipynb cannot" in page and "<li>The file is damaged" in page
    assert "was stopped" in validate.report_on(path, seconds=0.01)


def test_digests_are_those_of_the_released_labs():
    path = build.ROOT / "mlelabs" / "labs.json"
    assert set(json.loads(path.read_text(encoding="utf-8"))) == set(build.labs())


@pytest.mark.parametrize("lab", build.labs())
def test_released_lab_is_the_right_file(lab, monkeypatch):
    monkeypatch.setattr(handin, "RELEASED", build.ROOT / "mlelabs" / "labs.json")
    report = without_run(build.notebook_path("labs", lab), monkeypatch)
    assert report.wrong == []
