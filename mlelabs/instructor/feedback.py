"""Feedback pages: a student's work, marks, messages and comments, but no hidden test.

nbgrader's own pages show hidden tests twice: in the source, and in a failed check's traceback.
"""

import re

import nbformat
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.apps.api import NbGraderAPI
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor

from mlelabs.instructor import course as places
from mlelabs.instructor.course import RoundError

BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
CUT = "# (further tests, which are not shown)"
LOOKS = ".rendered_html td, .rendered_html th { padding: 2px 8px; } .anchor-link { display: none; }"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
FRAME = re.compile(r"^(?:Cell )?In\s?\[(\d+)\]|^Input In \[(\d+)\]")


class HideTests(NbGraderPreprocessor):
    """Take hidden tests out of a graded notebook: sources, tracebacks, and what was printed."""

    def preprocess(self, notebook, resources):
        """Return the notebook without hidden tests, and the resources unchanged."""
        checks = [cell for cell in notebook.cells if is_check(cell)]
        hidden = [line for cell in checks for line in hidden_lines(cell.source)]
        for cell in checks:
            cell.source = visible(cell.source)
        shown = "\n".join(cell.source for cell in notebook.cells)  # is no secret
        hidden = {line for line in hidden if line not in shown} | {BEGIN, END}
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                _clean(output, hidden, cell.get("execution_count") if is_check(cell) else None)
        return notebook, resources


def is_check(cell):
    """True for a cell with tests."""
    grader = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and grader.get("grade", False) and not grader["solution"]


def hidden_lines(source):
    """The hidden lines of a check that are long enough to be told from others, stripped."""
    blocks = re.findall(rf"{BEGIN}(.*?)(?:{END}|\Z)", source, re.S)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if len(line) > 8]


def visible(source):
    """A check without its hidden tests."""
    return re.sub(rf"[ \t]*{BEGIN}.*?({END}[^\n]*|\Z)", CUT, source, flags=re.S)


def _clean(output, hidden, number):
    """Take hidden lines out of an output; `number`: the check's execution count, if it is one."""
    if output.output_type == "error":
        frames = [frame for frame in output.traceback if _may_stay(frame, hidden, number)]
        if number is not None:
            # a failed assertion needs no frames; our messages teach, and code is in the frames
            frames = [] if output.ename == "AssertionError" else frames[:-1]
            frames.append(f"{output.ename}: {_without(output.evalue, hidden)}")
        output.traceback = frames or [f"{output.ename}: {_without(output.evalue, hidden)}"]
        output.evalue = _without(output.evalue, hidden)
    elif output.output_type == "stream":
        output.text = _without(output.text, hidden)
    for kind, data in output.get("data", {}).items():
        if isinstance(data, str) and kind.startswith("text/"):
            output["data"][kind] = _without(data, hidden)


def _may_stay(frame, hidden, number):
    """False for a frame of the traceback that lies in the check itself or quotes from it."""
    plain = ANSI.sub("", frame)
    match = FRAME.match(plain.lstrip())
    if match and number is not None and (match[1] or match[2]) == str(number):
        return False
    return _without(plain, hidden) == plain


def _without(text, hidden):
    """A text without lines that quote a hidden test (a student's code can print what calls it)."""
    plain = ANSI.sub("", text)
    if not any(line in plain for line in hidden):
        return text
    kept = [line for line in plain.splitlines() if not any(secret in line for secret in hidden)]
    return "\n".join([*kept, "(a line of the tests was taken out here)"])


def page(course, lab, student):
    """The feedback page of a graded student, as bytes. Raises RoundError if there can be none."""
    api = NbGraderAPI(places.coursedir(course), config=places.config(course))
    result = api.generate_feedback(lab, student, force=True)
    path = course / "feedback" / student / lab / f"{lab}.html"
    if not result["success"] or not path.is_file():
        reason = (result.get("error") or "no reason given").strip().splitlines()[-1]
        raise RoundError(f"no feedback page for {student}: {reason}")
    text = _readable(path.read_text(encoding="utf-8"))
    places.write(path, text.encode())
    return text.encode()


def _readable(text):
    """A page of nbgrader's with the exercises' names in its list, and tables with some air."""
    text = re.sub(
        r'(<a href="#([\w-]+?)(?:-check)?">)(?:Test cell|Written response)', r"\1\2", text
    )
    return text.replace("</head>", f"<style>{LOOKS}</style></head>", 1)


def preprocessors():
    """What nbgrader shall do to make a feedback page (see nbgrader_config.py)."""
    return [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]


def failed_messages(course, lab, student):
    """Messages of a student's failed checks: dict, grade id -> last line of the error."""
    path = course / "autograded" / student / lab / f"{lab}.ipynb"
    if not path.is_file():
        return {}
    messages = {}
    for cell in nbformat.read(path, 4).cells:
        errors = [o for o in cell.get("outputs", []) if o.output_type == "error"]
        if is_check(cell) and errors:
            last = errors[-1]
            messages[cell.metadata.nbgrader.grade_id] = f"{last.ename}: {last.evalue}".strip()
    return messages
