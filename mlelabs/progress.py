"""Where a student stands: which exercises pass, which fail and why, shown in the notebook.

    from mlelabs.progress import show_progress
    show_progress()

The table follows the checks as they are run. What they said is kept in a small file beside the
notebook, so that it outlives the kernel. Nothing here touches a check or its verdict.
"""

import contextlib
import hashlib
import html
import json
import os
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from IPython import get_ipython
from IPython.display import display

ELSEWHERE = "While you work in JupyterLab, you see here which exercises pass, which fail, and why."
FILE = ".progress.json"
HEADING = re.compile(r"^## ((?:Exercise \d+: |Decision memo).*) \((\d+) points?, ", re.M)
NOT_ATTEMPTED = "not attempted yet"
OUTPUT = "mlelabs-progress"  # the one table that is updated in place


@dataclass
class Exercise:
    """One exercise of a lab, as its notebook has it."""

    name: str
    title: str
    points: int
    answer: str = ""  # source of the cell that students write
    check: str = ""  # source of the cell that checks it; a memo has none


def notebook_path():
    """Return the path of the notebook that this kernel belongs to; None if nobody told us."""
    told = os.environ.get("JPY_SESSION_NAME", "")
    candidates = [Path(told), Path.cwd() / Path(told).name] if told else []
    return next((path for path in candidates if path.is_file()), None)


def read_exercises(notebook):
    """Return a notebook's exercises and its memo, in order.

    notebook: dict, as read from the file.
    """
    found, answers, title = [], {}, ""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        grader = cell["metadata"].get("nbgrader", {})
        if not (grader.get("grade") or grader.get("solution")):
            title = ([title] + [m[0] for m in HEADING.findall(source)])[-1]
        elif not grader["grade"]:
            answers[grader["grade_id"]] = source
        elif grader["solution"]:
            memo = Exercise(grader["grade_id"], title, grader["points"], source)
            found.append(memo)
        else:
            name = grader["grade_id"].removesuffix("-check")
            answer = answers.get(name, "")
            found.append(Exercise(name, title, grader["points"], answer, source))
    return found


def why(error):
    """Return in one line why a check failed: the last line of its message."""
    lines = str(error).strip().splitlines()
    message = lines[-1].strip() if lines else ""
    if isinstance(error, AssertionError) and message:
        return message
    return f"{type(error).__name__}: {message}".removesuffix(": ")


class Progress:
    """What the checks of one notebook said, in this kernel and before."""

    def __init__(self, path):
        self.path = path.with_name(FILE)
        notebook = json.loads(path.read_text(encoding="utf-8"))
        self.exercises = read_exercises(notebook)
        self.latest = {}  # exercise -> source of its answer as last run in this kernel
        self.verdicts = {}  # exercise -> {"failed": why or "", "answer": digest or ""}
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(self.path.read_text(encoding="utf-8"))
            names = {exercise.name for exercise in self.exercises}
            self.verdicts = {name: known[name] for name in names & set(known)}

    def after_cell(self, result):
        """Take note of a cell that was run; return True if that changed anything."""
        error = result.error_before_exec or result.error_in_exec
        source, cell_id = result.info.raw_cell, getattr(result.info, "cell_id", None)
        if isinstance(error, KeyboardInterrupt):
            return False
        for exercise in self.exercises:
            name = exercise.name
            if exercise.check and source.strip() == exercise.check.strip():
                answer = _digest(self.latest[name]) if name in self.latest else ""
                self.verdicts[name] = {"failed": why(error) if error else "", "answer": answer}
                self._save()
                return True
            if cell_id == name:
                self.latest[name] = source
                return name in self.verdicts
        return False

    def _save(self):
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(self.verdicts, indent=1), encoding="utf-8")
        partial.replace(self.path)

    def status(self, exercise):
        """Return (kind, words) for an exercise; kind is pass, fail, open or memo."""
        if not exercise.check:
            return "memo", "read by a person"
        verdict = self.verdicts.get(exercise.name)
        if verdict is None:
            return "open", "not run yet"
        answer = self.latest.get(exercise.name, exercise.answer)
        if verdict["answer"] and verdict["answer"] != _digest(answer):
            return "open", "changed since its check: run the check again"
        if NOT_ATTEMPTED in verdict["failed"]:
            return "open", "not attempted yet"
        if verdict["failed"]:
            return "fail", "fails: " + textwrap.shorten(verdict["failed"], 300)
        return "pass", "passes"

    def summary(self):
        """Return in one sentence how many points the visible checks give."""
        checked = [exercise for exercise in self.exercises if exercise.check]
        passed = [exercise for exercise in checked if self.status(exercise)[0] == "pass"]
        points = f"{_total(passed)} of {_total(checked)} points"
        return f"{points} by the visible checks: {len(passed)} of {len(checked)} exercises pass."

    def as_text(self):
        """Return the table as plain text."""
        rows = [f"{e.title} ({e.points} points): {self.status(e)[1]}" for e in self.exercises]
        return "\n".join([self.summary(), *rows])

    def as_html(self):
        """Return the table as HTML: words tell all, signs and weight only help the eye."""
        signs = {"pass": "✓ ", "fail": "✗ ", "open": "", "memo": ""}
        left, rows = "style='text-align: left'", []
        for exercise in self.exercises:
            kind, words = self.status(exercise)
            words = signs[kind] + html.escape(words)
            words = f"<strong>{words}</strong>" if kind in ("pass", "fail") else words
            rows.append(
                f"<tr><th scope='row' {left}>{html.escape(exercise.title)}</th>"
                f"<td>{exercise.points}</td><td {left}>{words}</td></tr>"
            )
        head = "".join(
            f"<th scope='col' {left}>{name}</th>"
            for name in ("Exercise", "Points", "Where you stand")
        )
        return (
            f"<table><caption {left}><strong>{self.summary()}</strong></caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )


def _total(exercises):
    return sum(exercise.points for exercise in exercises)


def _digest(source):
    return hashlib.sha256(source.strip().encode()).hexdigest()[:16]


class _Watcher:
    """Keeps the table up to date. A fault of ours never reaches the student's cell."""

    def __init__(self):
        self.progress = None

    def __call__(self, result):
        with contextlib.suppress(Exception):
            if self.progress and self.progress.after_cell(result):
                self.show(update=True)

    def show(self, update=False):
        """Display the table, or update the one that is displayed."""
        data = {"text/plain": self.progress.as_text(), "text/html": self.progress.as_html()}
        display(data, raw=True, display_id=OUTPUT, update=update)


_watcher = _Watcher()


def show_progress():
    """Show which exercises pass, which fail and why, and keep the table up to date.

    Outside JupyterLab, where nobody says which notebook this is, shows one line instead.
    """
    path, shell = notebook_path(), get_ipython()
    try:
        progress = Progress(path) if path and shell else None
    except (OSError, ValueError, KeyError, TypeError):  # not a notebook that we know
        progress = None
    if not (progress and progress.exercises):
        print(ELSEWHERE)
        return
    if _watcher.progress:
        progress.latest = _watcher.progress.latest
    else:
        shell.events.register("post_run_cell", _watcher)
    _watcher.progress = progress
    _watcher.show()
