"""Students get no line of a solution, a hidden test or a rubric."""

import nbformat
import pytest

from mlelabs.instructor import build

MARKERS = [("### BEGIN SOLUTION", "### END SOLUTION"), ("### BEGIN HIDDEN", "### END HIDDEN")]


def lines(notebook):
    """Return (secret, given): the lines of solutions, hidden tests and memos, and all others."""
    secret, given = set(), set()
    for cell in notebook.cells:
        grader = cell.metadata.get("nbgrader", {})
        hidden = grader.get("solution") and grader["grade"]  # a memo: all of it
        for line in cell.source.splitlines():
            if any(begin in line for begin, _ in MARKERS):
                hidden = True
            elif any(end in line for _, end in MARKERS):
                hidden = False
            else:
                (secret if hidden else given).add(line.strip())
    return secret, given


def secret_lines(*notebooks):
    """Lines of solutions, hidden tests and rubrics that no given text of these notebooks has."""
    secrets, givens = zip(*map(lines, notebooks), strict=True)
    # short lines, and those that only open a bracket, occur everywhere
    own = set().union(*secrets) - set().union(*givens)
    return {line for line in own if len(line) > 20 and line[-1] not in "([{"}


@pytest.mark.parametrize("lab", build.labs())
def test_release_holds_no_secret(lab):
    secrets = secret_lines(build.read_lab(lab))
    assert len(secrets) > 50, "the lab has solutions and hidden tests; were they found?"
    everything = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (build.ROOT / "labs").rglob("*")
        if path.is_file() and path.suffix != ".ipynb"
    )
    notebook = nbformat.read(build.notebook_path("labs", lab), 4)
    everything += "\n".join(cell.source for cell in notebook.cells)
    leaked = [line for line in secrets if line in everything]
    assert not leaked, f"in labs/: {leaked[:5]}"
    assert "BEGIN SOLUTION" not in everything and "HIDDEN TESTS" not in everything


@pytest.mark.parametrize("lab", build.labs())
def test_release_holds_nothing_but_the_lab(lab):
    given = {path.name for path in build.notebook_path("solutions", lab).parent.iterdir()}
    released = {path.name for path in build.notebook_path("labs", lab).parent.iterdir()}
    hidden = {".ipynb_checkpoints", "drift-report.html"}  # lab 2 writes its report when it runs
    assert released - hidden == given - hidden
    outputs = [
        cell.id
        for cell in nbformat.read(build.notebook_path("labs", lab), 4).cells
        if cell.get("outputs")
    ]
    assert not outputs, "the release has no outputs"
