"""What every lab must show: answers meet their fate, blank and solved labs score as they should."""

import json
import re
import subprocess
import sys
from functools import cache

import nbformat
import pytest
from nbclient import NotebookClient

from mlelabs.instructor import bank, build

LABS = build.labs()
ANSWERS = {lab: bank.read_answers(lab) + bank.blank_answers(lab) for lab in LABS}


@cache
def verdicts(lab):
    """Verdicts of a lab's whole bank, from a process without threads that may fork."""
    command = [sys.executable, "-m", "mlelabs.instructor.bank", lab, "--json"]
    done = subprocess.run(command, cwd=build.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return [
        bank.Verdict(**(verdict | {"answer": bank.Answer(**verdict["answer"])}))
        for verdict in json.loads(done.stdout)
    ]


def every_answer():
    """Parameters (lab, number of the answer) of all labs."""
    return [
        pytest.param(lab, number, id=f"{lab}-{answer.kind}-{answer.exercise}-{answer.name}")
        for lab in LABS
        for number, answer in enumerate(ANSWERS[lab])
    ]


@pytest.mark.parametrize("lab, number", every_answer())
def test_answer(lab, number):
    verdict = verdicts(lab)[number]
    assert bank.is_right(verdict), f"failed: {verdict.failed}\n{verdict.error}"


@pytest.mark.parametrize("lab", LABS)
def test_bank_is_large_enough(lab):
    for exercise in bank.exercises(build.read_lab(lab)):
        kinds = [answer.kind for answer in ANSWERS[lab] if answer.exercise == exercise]
        assert kinds.count("accept") >= 2, f"{exercise}: at least 2 accepted answers"
        assert kinds.count("reject") >= 3, f"{exercise}: at least 3 rejected answers"
        assert kinds.count("blank") == 1, f"{exercise}: not in the released lab"
    keys = [(answer.exercise, answer.kind, answer.name) for answer in ANSWERS[lab]]
    assert len(keys) == len(set(keys)), "two answers of the same name"


@pytest.mark.parametrize("lab", LABS)
def test_blank_lab_runs_to_its_end(lab):
    path = build.notebook_path("labs", lab)
    notebook = nbformat.read(path, 4)
    client = NotebookClient(
        notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    raised = {cell.id: output for cell in notebook.cells for output in build.errors(cell)}
    checks = {name for name, _ in build.graded_cells(notebook) if name.endswith("-check")}
    assert checks <= set(raised), f"passed without an answer: {checks - set(raised)}"
    others = [name for name in raised if not name.endswith(("-check", "-free"))]
    assert not others, f"given cells raise in the blank lab: {others}"
    for name, output in raised.items():
        assert output.ename == "NotImplementedError", f"{name}: {output.ename} {output.evalue}"
        assert output.evalue == "not attempted yet"


@pytest.mark.parametrize("lab", LABS)
def test_lab_has_the_parts_of_a_lab(lab):
    notebook = build.read_lab(lab)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert 10 <= len(bank.exercises(notebook)) <= 13
    for part in [
        "**What you'll do:**",
        "**You will be able to**",
        "**You need:**",
        "Course outcome",
    ]:
        assert part in notebook.cells[0].source, f"the opening misses {part}"
    for heading in [
        "## The situation",
        "## Decision memo",
        "## What you have learned",
        "## Hand in",
    ]:
        assert heading in text, f"the lab misses '{heading}'"
    assert "**Rubric**" in text, "the memo's solution needs a rubric"
    assert [line for line in text.splitlines() if re.match("# [^#]", line)] == [
        notebook.cells[0].source.splitlines()[0]
    ], "one title (#), at the top"


@pytest.mark.parametrize("lab", LABS)
def test_solved_notebook_is_small_and_clean(lab):
    path = build.notebook_path("solutions", lab)
    assert path.stat().st_size < 1_000_000, "a solved notebook stays under 1 MB"
    for cell in nbformat.read(path, 4).cells:
        printed = [o for o in cell.get("outputs", []) if o.get("name") == "stderr"]
        assert not printed, f"{cell.id} prints to stderr: {printed[0].text[:200]}"
