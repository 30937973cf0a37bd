"""Students get no line of a solution, a hidden test or a rubric."""

import nbformat
import pytest

from mlelabs.instructor import build

# left behind by those who looked or ran a lab
IGNORED = {
    ".ipynb_checkpoints",
    ".progress.json",
    "__pycache__",
    ".hypothesis",
    "drift-report.html",
}
MARKERS = [("### BEGIN SOLUTION", "### END SOLUTION"), ("### BEGIN HIDDEN", "### END HIDDEN")]


def files_beside(tree, lab):
    """Paths of the files that lie beside a lab's notebook, below its folder."""
    folder = build.notebook_path(tree, lab).parent
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {path for path in paths if not IGNORED & set(path.parts) and path.suffix != ".ipynb"}


def given_lines(lab):
    """Lines of the files beside a lab's notebook, which students get: no secret."""
    folder = build.notebook_path("solutions", lab).parent
    texts = [(folder / path).read_text("utf-8") for path in files_beside("solutions", lab)]
    return {line.strip() for text in texts for line in text.splitlines()}


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
    secrets = secret_lines(build.read_lab(lab)) - given_lines(lab)
    assert len(secrets) > 50, "the lab has solutions and hidden tests; were they found?"
    released = build.notebook_path("labs", lab).parent
    texts = [build.ROOT / "labs" / "README.md"]
    texts += [released / path for path in files_beside("labs", lab)]
    everything = "\n".join(path.read_text(encoding="utf-8") for path in texts)
    notebook = nbformat.read(build.notebook_path("labs", lab), 4)
    everything += "\n".join(cell.source for cell in notebook.cells)
    leaked = [line for line in secrets if line in everything]
    assert not leaked, f"in labs/: {leaked[:5]}"
    assert "BEGIN SOLUTION" not in everything and "HIDDEN TESTS" not in everything


@pytest.mark.parametrize("lab", build.labs())
def test_release_holds_nothing_but_the_lab(lab):
    assert files_beside("labs", lab) == files_beside("solutions", lab)
    for path in files_beside("labs", lab):
        given, released = (build.ROOT / tree / lab / path for tree in ("solutions", "labs"))
        assert released.read_bytes() == given.read_bytes(), f"{path}: run `make build`"
    outputs = [
        cell.id
        for cell in nbformat.read(build.notebook_path("labs", lab), 4).cells
        if cell.get("outputs")
    ]
    assert not outputs, "the release has no outputs"
