"""nbgrader itself, from release to feedback, on four submissions.

Solved, half-solved (in another way, with a foreign kernel name), blank, and one without metadata.
"""

import shutil
import subprocess
import sys

import nbformat
import pytest
from nbgrader.api import Gradebook

from mlelabs.instructor import bank, build, feedback
from mlelabs.instructor.engine import sandbox
from mlelabs.instructor.engine.grade import grade_all
from tests.classroom import plain

LABS = build.labs()
COURSE = ["nbgrader_config.py", "solutions", "labs"]


def nbgrader(course, *arguments, expected=0):
    """Run nbgrader's command line in a course directory; return what it printed."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
    printed = done.stdout + done.stderr
    assert done.returncode == expected, printed[-3000:]
    return printed


def submission(lab, sources):
    """The released notebook with some cells' sources replaced (dict: cell id -> source)."""
    notebook = nbformat.read(build.notebook_path("labs", lab), 4)
    for cell in notebook.cells:
        cell.source = sources.get(cell.id, cell.source)
    return notebook


def solutions(lab):
    """Sources of all solution cells, by exercise; the memo's too."""
    cells = nbformat.read(build.notebook_path("solutions", lab), 4).cells
    return {c.id: c.source for c in cells if c.metadata.get("nbgrader", {}).get("solution")}


def other_answers(lab):
    """The first accepted answer of each exercise: right, but not the solution."""
    accepted = [answer for answer in bank.read_answers(lab) if answer.kind == "accept"]
    return {answer.exercise: answer.source for answer in reversed(accepted)}


@pytest.fixture(scope="module", params=LABS)
def graded(request, tmp_path_factory):
    """A course directory in which nbgrader has graded one lab of four students."""
    lab = request.param
    course = tmp_path_factory.mktemp("course with a space")
    for name in COURSE:
        copy = shutil.copytree if (build.ROOT / name).is_dir() else shutil.copy
        copy(build.ROOT / name, course / name)
    half = bank.exercises(build.read_lab(lab))[::2]
    students = {
        "solved": solutions(lab),
        "half": {name: other_answers(lab)[name] for name in half},
        "blank": {},
        "garbled": solutions(lab),  # and all metadata lost
    }
    for student, sources in students.items():
        path = course / "submitted" / student / lab / f"{lab}.ipynb"
        path.parent.mkdir(parents=True)
        notebook = submission(lab, sources)
        if student == "half":  # saved with a kernel that nobody else has
            notebook.metadata.kernelspec.name = "python-of-mars"
        if student == "garbled":
            for cell in notebook.cells:
                cell.metadata = {}
        nbformat.write(notebook, path)
    nbgrader(course, "generate_assignment", lab, "--force")
    # garbled fails, and says so; those who come after it are graded all the same
    log = nbgrader(course, "autograde", lab, expected=1)
    nbgrader(course, "generate_feedback", lab)
    return lab, course, half, log


def grades(course, lab, student):
    """Marks of a student, by grade id; None where a person must grade."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        notebook = gradebook.find_submission_notebook(lab, lab, student)
        return {
            grade.name: None if grade.needs_manual_grade else grade.score
            for grade in notebook.grades
        }


def test_marks(graded):
    lab, course, half, _ = graded
    points = dict(build.graded_cells(build.read_lab(lab)))
    checks = [name for name in points if name.endswith("-check")]
    memos = sorted(set(points) - set(checks))
    solved, blank = grades(course, lab, "solved"), grades(course, lab, "blank")
    assert {name: solved[name] for name in checks} == {name: points[name] for name in checks}
    assert [solved[name] for name in memos] == [None] * len(memos), (
        "a written memo waits for a person"
    )
    assert blank == dict.fromkeys(points, 0)
    expected = {name: points[name] * (name.removesuffix("-check") in half) for name in points}
    assert grades(course, lab, "half") == expected


@pytest.mark.skipif(bool(sandbox.missing()), reason=sandbox.missing())
def test_our_engine_gives_the_same_marks(graded, tmp_path):
    lab, course, _, _ = graded
    course = shutil.copytree(course, tmp_path / "course")
    students = ("solved", "half", "blank")
    before = {student: grades(course, lab, student) for student in students}
    records = list(grade_all(course, lab, students))
    assert [record["message"] for record in records] == [""] * len(students)
    assert {record["student"]: record["points"] for record in records} == before


def test_stripped_submission_is_named_and_kept(graded):
    lab, course, _, log = graded
    count = len(build.graded_cells(build.read_lab(lab)))
    assert f"garbled: {count} of {count} graded cells are missing" in log
    assert (course / "submitted" / "garbled" / lab / f"{lab}.ipynb").exists()
    kept = course / "autograded" / "garbled" / lab
    assert not kept.exists(), "no mark is better than a wrong one"


def test_release_is_what_we_committed(graded):
    lab, course, _, _ = graded
    released = course / "labs" / lab / f"{lab}.ipynb"
    assert released.read_bytes() == build.notebook_path("labs", lab).read_bytes()


def test_feedback_can_be_read(graded):
    lab, course, _, _ = graded
    for student in ("solved", "half", "blank"):
        page = (course / "feedback" / student / lab / f"{lab}.html").read_text(encoding="utf-8")
        title = build.read_lab(lab).cells[0].source.splitlines()[0].removeprefix("# ")
        assert title in page
        assert "Score:" in page
    assert "not attempted yet" in page


def test_feedback_shows_no_hidden_test(graded):
    lab, course, _, _ = graded
    cells = nbformat.read(build.notebook_path("solutions", lab), 4).cells
    given = "\n".join(feedback.visible(c.source) for c in cells)
    hidden = {line for c in cells for line in feedback.hidden_lines(c.source)}
    hidden = {line for line in hidden if len(line) > 20 and line not in given}
    assert len(hidden) > 10, "the lab has hidden tests; were they found?"
    for student in ("solved", "half", "blank"):
        page = (course / "feedback" / student / lab / f"{lab}.html").read_text(encoding="utf-8")
        text = plain(page)
        assert not [line for line in hidden if line in text]
        assert "HIDDEN TESTS" not in text and feedback.CUT in text
