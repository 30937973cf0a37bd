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
PRINTED = "(what was printed or displayed while the checks ran is left out)"
# what mlelabs.mutants prints in a check: it tells about no input
COUNTED = re.compile(r"Your tests catch \d{1,3} of \d{1,3} (visible|hidden) defects\.")
MISSED = "  missed: "
SHOWN, PICTURE, MESSAGE = 20_000, 2_000_000, 200  # characters of a cell, a picture, an error
LOOKS = ".rendered_html td, .rendered_html th { padding: 2px 8px; } .anchor-link { display: none; }"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
PLACE = re.compile(r"^(Cell |Input )?In\s?\[|^File ")
FRAME = re.compile(r"^(?:Cell )?In\s?\[(\d+)\]|^Input In \[(\d+)\]")


class HideTests(NbGraderPreprocessor):
    """Take hidden tests out of a graded notebook: sources, tracebacks, and what was printed."""

    def preprocess(self, notebook, resources):
        """Return the notebook without hidden tests, and the resources unchanged."""
        checks = [cell for cell in notebook.cells if is_check(cell)]
        hidden = [line for cell in checks for line in hidden_lines(cell.source)]
        own = {c.get("execution_count") for c in notebook.cells if _is_students(c)} - {None}
        for cell in checks:
            cell.outputs = _of_check(cell, own)
            cell.source = visible(cell.source)
        shown = "\n".join(cell.source for cell in notebook.cells)  # is no secret
        hidden = {line for line in hidden if line not in shown} | {BEGIN, END}
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                _clean(output, hidden, cell.get("execution_count") if is_check(cell) else None)
            _cut(cell.get("outputs", []))
        return notebook, resources


def is_check(cell):
    """True for a cell with tests."""
    grader = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and grader.get("grade", False) and not grader["solution"]


def _is_students(cell):
    """True for a code cell that a student could write."""
    given = is_check(cell) or cell.metadata.get("nbgrader", {}).get("locked", False)
    return cell.cell_type == "code" and not given


def _of_check(check, own):
    """What a student may see of a check's outputs: errors. own: numbers of the student's cells.

    A student's function that prints its arguments would print the inputs of hidden tests, and so
    would the text of its own error.
    """
    outputs = check.get("outputs", [])
    kept = [output for output in outputs if output.output_type == "error"]
    printed = "".join(o.text for o in outputs if o.output_type == "stream")
    for output in kept:
        cells = [FRAME.match(ANSI.sub("", frame).lstrip()) for frame in output.traceback]
        numbers = [int(match[1] or match[2]) for match in cells if match]
        if output.ename != "AssertionError" or (numbers and numbers[-1] in own):
            output.evalue = _one_line(output.evalue)
    if len(kept) < len(outputs):
        lines = [line for line in printed.splitlines() if _is_ours(line, check.source)]
        text = "\n".join([*lines, PRINTED])
        kept.insert(0, nbformat.v4.new_output("stream", name="stdout", text=text))
    return kept


def _is_ours(line, source):
    """True for a line of ours about a student's tests: figures, and defects named in the check."""
    missed = line.startswith(MISSED) and f'"{line.removeprefix(MISSED)}"' in source
    return missed or bool(COUNTED.fullmatch(line))


def _one_line(text):
    """The first line of a text, shortened."""
    line = (ANSI.sub("", text).strip().splitlines() or [""])[0]
    return line if len(line) <= MESSAGE else f"{line[: MESSAGE - 2]} …"


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
        frames = output.traceback
        if number is not None:
            # a failed assertion needs no frames; our messages teach, and code is in the frames
            frames = [] if output.ename == "AssertionError" else frames[:-1]
            # what stands between frames are texts of the errors before this one
            frames = [f if PLACE.match(ANSI.sub("", f).lstrip()) else _one_line(f) for f in frames]
        frames = [frame for frame in frames if _may_stay(frame, hidden, number)]
        if number is not None:
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
    if number is not None and plain.lstrip().startswith("File <"):
        return False  # a text that was executed or parsed: it can be the input itself
    return _without(plain, hidden) == plain


def _without(text, hidden):
    """A text without lines that quote a hidden test (a student's code can print what calls it)."""
    plain = ANSI.sub("", text)
    if not any(line in plain for line in hidden):
        return text
    kept = [line for line in plain.splitlines() if not any(secret in line for secret in hidden)]
    return "\n".join([*kept, "(a line of the tests was taken out here)"])


def _cut(outputs):
    """Cut what a cell shows, so that one print in a loop makes no page of 50 MB."""
    left = SHOWN
    for output in outputs:
        if output.output_type == "stream":
            output.text = _shortened(output.text, left)
            left -= len(output.text)
        elif output.output_type == "error":
            text = "\n".join(output.traceback)
            if len(text) > left:
                output.traceback = [_shortened(text, left)]
            left -= len(text)
        else:
            left -= _cut_data(output.data, left)
        left = max(left, 0)


def _cut_data(data, left):
    """Cut a display's texts; return how many characters are shown. Tags of HTML are no text."""
    used = 0
    for kind in list(data):
        if kind.startswith("image/"):
            if len(str(data[kind])) > PICTURE:
                del data[kind]
        elif kind != "text/plain":
            length = len(str(data[kind])) // (5 if kind == "text/html" else 1)
            if length > left:
                del data[kind]
            else:
                used = max(used, length)
    plain = _shortened(data.get("text/plain", "…"), left)
    data["text/plain"] = plain
    return used or len(plain)


def _shortened(text, length):
    return text if len(text) <= length else f"{text[:length]}\n… cut"


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
    """A page of nbgrader's with names in its list, a word for each score, air in tables."""
    text = re.sub(
        r'(<a href="#([\w-]+?)(?:-check)?">)(?:Test cell|Written response)', r"\1\2", text
    )
    text = re.sub(r'(<a href="#comment-([\w-]+)">)Comment<', r"\1\2: comment<", text)
    # in the list and above each graded cell: colour alone does not tell
    text = re.sub(r"(<li>.*?</a> \(Score: ([\d.]+) / ([\d.]+))\)", _in_words(")"), text)
    text = re.sub(r"(Score: ([\d.]+) / ([\d.]+))(?= <a href=\"#top\")", _in_words(""), text)
    return text.replace("</head>", f"<style>{LOOKS}</style></head>", 1)


def _in_words(end):
    """A function that puts "✓ full points" and the like behind a score."""

    def said(match):
        score, maximum = float(match[2]), float(match[3])
        word = "✓ full points" if score >= maximum else "± some points" if score else "✗ no points"
        return f"{match[1]}, {word}{end}"

    return said


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
