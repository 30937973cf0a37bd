"""Can this notebook be handed in? Says in words what is wrong with it and what it would cost.

In JupyterLab, press **Validate** above the notebook. In a terminal, also for a downloaded file:

    python -m mlelabs.handin labs/01-data-quality/01-data-quality.ipynb

It reads the saved file, compares it with the released lab (labs.json, beside this module) and
runs it from the top in a fresh kernel, as the grader will. Hidden tests are not among it.
"""

import argparse
import ast
import copy
import hashlib
import html
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from mlelabs.progress import NOT_ATTEMPTED, read_exercises

RELEASED = Path(__file__).with_name("labs.json")
CELL_SECONDS = 60  # for one cell; the slowest given one needs a tenth of it
ALL_SECONDS = 300  # for the whole notebook
LARGE = 10  # megabytes
SOURCES = "*Tools and sources I used:*"
TOO_LONG = "CellTimeoutError"
RESTORE = "Take a fresh copy of the lab and copy your answers and your memo into it"


@dataclass
class Report:
    """What the check found, in words."""

    file: str
    wrong: list[str] = field(default_factory=list)  # the grader may not be able to grade it
    costs: list[str] = field(default_factory=list)  # points that are missing
    notes: list[str] = field(default_factory=list)
    summary: str = ""

    def parts(self):
        """The report as (headline, [(heading, sentences)])."""
        if self.wrong:
            headline = f"Not yet: {self.file} cannot be handed in as it is."
        elif self.costs:
            headline = f"{self.file} can be handed in, but points are missing."
        else:
            headline = f"{self.file} is ready: hand in this file."
        parts = [("To mend first", self.wrong), ("What costs points", self.costs)]
        parts.append(("Good to know", [text for text in [self.summary, *self.notes] if text]))
        return headline, [part for part in parts if part[1]]

    def as_text(self):
        """The report for a terminal."""
        headline, parts = self.parts()
        lines = [headline]
        for heading, sentences in parts:
            lines += ["", heading, *(f"- {sentence}" for sentence in sentences)]
        return "\n".join(lines)

    def as_html(self):
        """The report for JupyterLab."""
        headline, parts = self.parts()
        text = f"<h2>{html.escape(headline)}</h2>"
        for heading, sentences in parts:
            items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
            text += f"<h3>{heading}</h3><ul>{items}</ul>"
        return text


def digest(cell):
    """What identifies a cell's text: a short hash of its type and source."""
    text = cell["cell_type"] + "\n" + "".join(cell["source"]).strip()
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digests(notebook):
    """Identify all cells of a released lab that students must not lose: dict, id -> digest."""
    graders = [(cell["metadata"].get("nbgrader", {}), cell) for cell in notebook["cells"]]
    return {grader["grade_id"]: digest(cell) for grader, cell in graders if grader}


def check_handin(path, seconds=ALL_SECONDS):
    """Check a saved notebook; return a Report.

    path: the notebook. seconds: how long it may run in all.
    """
    path = Path(path)
    report = Report(path.name)
    notebook = _read(path, report)
    if notebook is None:
        return report
    lab = _which_lab(path, notebook, report)
    if lab is None:
        return report
    released = json.loads(RELEASED.read_text(encoding="utf-8"))[lab]
    _compare(notebook, released, report)
    exercises = read_exercises(notebook)
    titles = _titles(notebook, exercises)
    untouched = {e.name for e in exercises if _is_untouched(e, notebook, released)}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and _calls_input(cell["source"]):
            report.costs.append(
                f"{titles[cell['id']]} calls input(). Nobody answers while the lab is graded: "
                "the cell fails there. Write the value into the code instead."
            )
    executed = _run(notebook, path.parent, seconds, titles, report)
    if executed:
        _judge(notebook, executed, exercises, untouched, titles, report)
    return report


def _read(path, report):
    """Return the notebook in a file, with ids for all cells; None, with the reason, if none is."""
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
        nbformat.validate(notebook)
    except FileNotFoundError:
        report.wrong.append(f"There is no file {path}.")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError):
        report.wrong.append(
            "The file is damaged, or it is no notebook: it cannot be read. Open it in JupyterLab "
            "and save it, or take your last good copy."
        )
    else:
        size = path.stat().st_size / 1e6
        if size > LARGE:
            report.wrong.append(
                f"The file has {size:.0f} MB, because of its outputs. Print less, then run all "
                "cells and save again."
            )
        if notebook["cells"]:
            return notebook
        report.wrong.append("The notebook is empty.")
    return None


def _which_lab(path, notebook, report):
    """Return the lab of a notebook: by its file's name, else by its cells."""
    labs = json.loads(RELEASED.read_text(encoding="utf-8"))
    ids = set(_by_id(notebook))
    shared = {lab: len(ids & set(released)) for lab, released in labs.items()}
    likely = max(shared, key=shared.get)
    if shared[likely] < len(labs[likely]) / 4:
        report.wrong.append(
            "This is not one of the labs, or another program removed what marks its cells "
            f"(nbgrader's metadata). {RESTORE}."
        )
        return None
    if path.stem != likely or path.suffix != ".ipynb":
        report.wrong.append(
            f"The name of the file must be {likely}.ipynb, or the grader does not find it. "
            "Rename it before you upload it."
        )
    return likely


def _by_id(notebook):
    """The cells that carry a mark of nbgrader: dict, id -> list of cells."""
    found = {}
    for cell in notebook["cells"]:
        grader = cell["metadata"].get("nbgrader", {})
        if "grade_id" in grader:
            found.setdefault(grader["grade_id"], []).append(cell)
    return found


def _compare(notebook, released, report):
    """Note locked cells that are missing, changed or doubled."""
    present = _by_id(notebook)
    missing = [name for name in released if name not in present]
    if missing:
        report.wrong.append(
            f"{_count(missing, 'cell')} of the lab {_are(missing)} missing "
            f"({_listed(missing)}). {RESTORE}."
        )
    double = [name for name, cells in present.items() if len(cells) > 1]
    if double:
        report.wrong.append(
            f"{_count(double, 'cell')} occur{'s' if len(double) == 1 else ''} more than once "
            f"({_listed(double)}). Delete the copy: the grader does not know which one to read."
        )
    changed = []
    for name, cells in present.items():
        grader = cells[0]["metadata"]["nbgrader"]
        if name in released and grader.get("locked", True) and not grader.get("solution"):
            if digest(cells[0]) != released[name]:
                changed.append(name)
    if changed:
        report.wrong.append(
            f"{_count(changed, 'locked cell')} {_are(changed)} changed ({_listed(changed)}). "
            "The grader puts the original back, so your lab may not run there as it does here. "
            f"{RESTORE}."
        )


def _titles(notebook, exercises):
    """How to call each cell towards a student: dict, id -> words."""
    by_name = {exercise.name: exercise.title for exercise in exercises}
    titles, section = {}, "the opening"
    for number, cell in enumerate(notebook["cells"], 1):
        source = "".join(cell["source"])
        headings = re.findall(r"^##? (.+?)(?: \(\d+ points?.*)?$", source, re.M)
        if cell["cell_type"] == "markdown" and headings:
            section = headings[-1]
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        title = by_name.get(name.removesuffix("-check"))
        titles[cell["id"]] = title or f"Cell {number}, in “{section}”,"
    return titles


def _is_untouched(exercise, notebook, released):
    cells = _by_id(notebook).get(exercise.name, [])
    return bool(cells) and digest(cells[0]) == released.get(exercise.name)


def _calls_input(source):
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a magic command, or a slip that the run will show
        return False
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    return any(isinstance(name, ast.Name) and name.id == "input" for name in calls)


def _run(notebook, folder, seconds, titles, report):
    """Return a copy of the notebook as a fresh kernel leaves it; None if the kernel dies."""
    executed = copy.deepcopy(notebook)
    for cell in executed["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            cell["metadata"]["tags"] = []  # the grader runs every cell, whatever its tags
    end = time.monotonic() + seconds
    running = []
    client = NotebookClient(
        executed,
        kernel_name="python3",
        allow_errors=True,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": TOO_LONG, "evalue": "", "traceback": []},
        on_cell_error=_keep_timeout,
        timeout_func=lambda cell: max(1, min(CELL_SECONDS, end - time.monotonic())),
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=lambda cell, cell_index: running.append(titles[cell["id"]]),
    )
    environment = {name: v for name, v in os.environ.items() if name != "JPY_SESSION_NAME"}
    try:
        client.execute(env=environment)
    except DeadKernelError:
        report.wrong.append(
            f"{running[-1]} ends the kernel, and everything after it is not run. Look for "
            "exit(), quit(), or a table that does not fit into memory."
        )
        return None
    return executed


def _keep_timeout(cell, execute_reply, **_):
    """A cell that was stopped keeps this as its first error, whatever it made of it."""
    content = execute_reply["content"]
    if content["ename"] == TOO_LONG:
        cell["outputs"].insert(0, nbformat.v4.new_output("error", **_fields(content)))


def _fields(content):
    return {key: content[key] for key in ("ename", "evalue", "traceback")}


def _error(cell):
    """The error of a cell that was run as (kind, message); None if it ran through."""
    for output in cell.get("outputs", []):
        if output["output_type"] == "error":
            return output["ename"], output["evalue"]
    return None


def _judge(notebook, executed, exercises, untouched, titles, report):
    """Note what a fresh run shows: what passes, what fails, and what worked only before."""
    before = {cell["id"]: cell for cell in notebook["cells"]}
    checks = {f"{e.name}-check": e for e in exercises if e.check}
    passed = []
    for cell in executed["cells"]:
        grader = cell["metadata"].get("nbgrader", {})
        exercise = checks.get(grader.get("grade_id"))
        error = _error(cell)
        if exercise and not error:
            passed.append(exercise)
        elif exercise:
            worked = before[cell["id"]].get("execution_count") and not _error(before[cell["id"]])
            if exercise.name not in untouched:
                report.costs.append(_failed_check(exercise, error, worked))
        elif error and error[0] == TOO_LONG:
            report.costs.append(f"{titles[cell['id']]} does not come to an end: {_limit()}.")
        elif error and grader.get("locked", False) and not grader.get("solution"):
            report.costs.append(
                f"{titles[cell['id']]} fails, although it is given: {_said(error)}. Probably a "
                "cell of yours gives another meaning to a name that it uses."
            )
        elif error and not grader and NOT_ATTEMPTED not in error[1]:
            report.notes.append(f"{titles[cell['id']]} fails: {_said(error)}. It costs no points.")
    blank = [exercise for exercise in exercises if exercise.name in untouched]
    if blank:
        names = ", ".join(exercise.title.partition(":")[0] for exercise in blank)
        report.costs.append(f"Not attempted ({_points(blank)}): {names}.")
    sources = [cell["source"].strip() for cell in notebook["cells"]]
    if SOURCES in sources:
        report.costs.append(
            "Your tools and sources are not declared. Write “none” if there were none."
        )
    checked = list(checks.values())
    report.summary = (
        f"From the top in a fresh kernel, {len(passed)} of {len(checked)} exercises pass their "
        f"visible checks: {sum(e.points for e in passed)} of {_points(checked)}. When the lab is "
        "graded, hidden tests call your code on other data, and a person reads the memo."
    )


def _failed_check(exercise, error, worked):
    name = f"{exercise.title} ({_points([exercise])})"
    if error[0] == TOO_LONG:
        return f"{name} does not come to an end: {_limit()}. Look for an endless loop."
    if worked:
        return (
            f"{name} passed in your notebook, but fails from the top in a fresh kernel: "
            f"{_said(error)}. It needs something that you changed, deleted or ran in another "
            "order. Choose Run > Restart Kernel and Run All Cells to see it."
        )
    return f"{name} fails: {_said(error)}."


def _said(error):
    lines = re.sub(r"\x1b\[[\d;]*m", "", error[1]).strip().splitlines()
    message = lines[-1] if lines else ""
    if error[0] == "AssertionError" and message:
        return message.rstrip(".")
    return f"{error[0]}: {message}".removesuffix(": ").rstrip(".")


def _limit():
    return f"it was stopped after {CELL_SECONDS} seconds, or because the lab took too long in all"


def _points(exercises):
    total = sum(exercise.points for exercise in exercises)
    return f"{total} point{'' if total == 1 else 's'}"


def _count(names, noun):
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'}"


def _are(names):
    return "is" if len(names) == 1 else "are"


def _listed(names):
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def main(arguments=None):
    """The command line; returns 1 if the notebook cannot be handed in."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebook", help="the saved notebook")
    parser.add_argument("--html", action="store_true", help="report as HTML")
    options = parser.parse_args(arguments)
    report = check_handin(options.notebook)
    print(report.as_html() if options.html else report.as_text())
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
