"""Where a student stands: told by the checks, kept over restarts, silent elsewhere."""

import json

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from mlelabs import progress
from mlelabs.instructor import build

CHECK = 'assert add(1, 2) == 3, "a line before\\n1 + 2 is 3"'
ANSWER = "def add(a, b):\n    return a + b"


def cell(kind, name="", source="", **grader):
    """A cell as in a released lab."""
    new = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
    found = {"grade_id": name, "grade": False, "solution": False, **grader}
    return new(source=source, id=name or "own", metadata={"nbgrader": found} if name else {})


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The notebook file of a small lab, which this process takes for its own."""
    stub = "def add(a, b):\n    raise NotImplementedError('not attempted yet')"
    cells = [
        cell("markdown", "a-1", "# Lab 9: Count"),
        cell("markdown", "a-2", "## Exercise 1: Add <two> numbers (2 points, about 5 minutes)"),
        cell("code", "add", stub, solution=True),
        cell("code", "add-check", CHECK, grade=True, points=2),
        cell("markdown", "a-3", "## Decision memo (3 points, about 5 minutes)"),
        cell("markdown", "memo", "*Write here*", grade=True, solution=True, points=3),
    ]
    path = tmp_path / "09-count.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    return path


@pytest.fixture
def kernel(monkeypatch):
    """Runs cells as a kernel does; kernel("source", "cell-id") returns the outputs as text."""
    shell = InteractiveShell(config=Config({"HistoryManager": {"hist_file": ":memory:"}}))
    monkeypatch.setattr(progress, "get_ipython", lambda: shell)
    monkeypatch.setattr(progress, "_watcher", progress._Watcher())

    def run(source, cell_id=None):
        with capture_output() as captured:
            shell.run_cell(source, cell_id=cell_id)
        tables = [output.data["text/plain"] for output in captured.outputs]
        return "\n".join([captured.stdout, *tables])

    return run


SHOW = "from mlelabs.progress import show_progress\nshow_progress()"


def test_table_follows_the_checks(lab, kernel):
    shown = kernel(SHOW)
    assert "0 of 2 points by the visible checks: 0 of 1 exercises pass." in shown
    assert "Exercise 1: Add <two> numbers (2 points): not run yet" in shown
    assert "Decision memo (3 points): read by a person" in shown
    kernel("def add(a, b):\n    raise NotImplementedError('not attempted yet')", "add")
    assert "numbers (2 points): not attempted yet" in kernel(CHECK, "add-check")
    kernel("def add(a, b):\n    return a - b", "add")
    assert "numbers (2 points): fails: 1 + 2 is 3" in kernel(CHECK, "add-check")
    assert "changed since its check: run the check again" in kernel(ANSWER, "add")
    shown = kernel(CHECK, "add-check")
    assert "numbers (2 points): passes" in shown and "2 of 2 points" in shown


@pytest.mark.parametrize(
    "answer, words",
    [("add = 3", "fails: TypeError: 'int' object is not callable"), ("del add", "NameError")],
)
def test_accidents_are_named(answer, words, lab, kernel):
    kernel(SHOW)
    kernel(ANSWER, "add")
    kernel(answer, "add")
    assert words in kernel(CHECK, "add-check")


def test_verdicts_outlive_the_kernel_and_age_with_the_answer(lab, kernel, monkeypatch):
    kernel(SHOW)
    kernel(ANSWER, "add")
    kernel(CHECK, "add-check")
    notebook = nbformat.read(lab, 4)
    notebook.cells[2].source = ANSWER
    nbformat.write(notebook, lab)
    monkeypatch.setattr(progress, "_watcher", progress._Watcher())  # a new kernel
    assert "numbers (2 points): passes" in kernel(SHOW)
    notebook.cells[2].source = "def add(a, b):\n    return 3"
    nbformat.write(notebook, lab)
    assert "run the check again" in kernel(SHOW.replace("show_progress\n", "show_progress as s\n"))


def test_an_edited_check_earns_nothing(lab, kernel):
    kernel(SHOW)
    kernel(ANSWER, "add")
    kernel("pass", "add-check")
    assert "0 of 2 points" in kernel("show_progress()")


def test_without_cell_ids_the_checks_still_count(lab, kernel):
    kernel(SHOW)
    kernel(ANSWER)
    assert "numbers (2 points): passes" in kernel(CHECK)


@pytest.mark.parametrize("damage", ["no session", "no file", "no notebook", "no lab"])
def test_elsewhere_one_fixed_line(damage, lab, kernel, monkeypatch):
    if damage == "no session":
        monkeypatch.delenv("JPY_SESSION_NAME")
    elif damage == "no file":
        lab.unlink()
    elif damage == "no notebook":
        lab.write_text("[1]")
    else:
        nbformat.write(nbformat.v4.new_notebook(), lab)
    assert kernel(SHOW).strip() == progress.ELSEWHERE


def test_faults_of_ours_never_reach_the_students(lab, kernel):
    lab.with_name(progress.FILE).write_text("{broken")
    kernel(SHOW)
    kernel(ANSWER, "add")
    lab.with_name(progress.FILE).unlink()
    lab.with_name(".progress.partial").mkdir()  # cannot be written
    assert "Error" not in kernel(CHECK, "add-check")


def test_html_holds_words_and_no_markup_of_the_lab(lab):
    page = progress.Progress(lab).as_html()
    assert "Add &lt;two&gt; numbers" in page and "<caption" in page and "scope='col'" in page


@pytest.mark.parametrize("name", build.labs())
def test_every_lab_shows_it(name):
    notebook = nbformat.read(build.notebook_path("labs", name), 4)
    sources = [c.source for c in notebook.cells if c.cell_type == "code"]
    assert sources[0] == SHOW.replace("\n", "\n\n"), "the first code cell shows where you stand"
    path = build.notebook_path("labs", name)
    found = progress.read_exercises(json.loads(path.read_text(encoding="utf-8")))
    assert [e.points for e in found] == [points for _, points in build.graded_cells(notebook)]
    assert all(e.title and (e.answer or e.check) for e in found)
