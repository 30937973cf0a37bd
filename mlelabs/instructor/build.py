"""Build the labs: authoring/NN-topic.py -> solutions/NN-topic/ -> labs/NN-topic/.

A lab is written as text (jupytext's percent format). Each cell may carry one short key:

    # %%                                   given: locked, restored before grading
    # %% exercise="name"                   code that students write
    # %% check="name" points=2             its check, visible and hidden tests
    # %% free="name"                       students may do here what they like
    # %% [markdown] memo="name" points=3   text that students write, graded by hand

`make build` executes what changed into solutions/, and nbgrader releases it to labs/.
`make build ARGS="--back NOTEBOOK"` writes a notebook edited in JupyterLab back to its text.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from mlelabs import handin

ROOT = Path(__file__).parents[2]
KEYS = ("exercise", "check", "memo", "free")
HEADING = re.compile(
    r"^## (?:Exercise (\d+): .+|Decision memo) \((\d+) points?, about (\d+) minutes\)$", re.M
)
TOTALS = re.compile(r"\*\*Time:\*\* about (\d+) minutes · \*\*Points:\*\* (\d+)")
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
RAISES = ["raises-exception"]  # "Run All" goes on behind what is not right yet


class LabError(Exception):
    """A lab's text or notebook is not as the builder needs it; the message says where and why."""


def labs():
    """Names of all labs ("01-data-quality", ...), sorted."""
    texts = (ROOT / "authoring").glob("[0-9][0-9]-*.py")
    return sorted(path.stem for path in texts if not path.name.endswith(".answers.py"))


def text_path(lab):
    """Path of a lab's text."""
    return ROOT / "authoring" / f"{lab}.py"


def notebook_path(tree, lab):
    """Path of a lab's notebook in a tree ("solutions" or "labs")."""
    return ROOT / tree / lab / f"{lab}.ipynb"


def read_lab(lab):
    """Return a lab's text as a notebook without outputs, with nbgrader's metadata.

    Raises LabError for an unknown key, a check without points or a heading that contradicts them.
    """
    notebook = jupytext.read(text_path(lab), fmt="py:percent")
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    section, count = "opening", 0
    for cell in notebook.cells:
        name = next((cell.metadata[key] for key in KEYS if key in cell.metadata), None)
        if name and name != section:
            section, count = name, 0
        count += name is None
        _expand(cell, f"{section}-{count}", lab)
    _check_ids(notebook, lab)
    _check_points(notebook, lab)
    _check_independence(notebook, lab)
    return notebook


def write_lab(notebook):
    """Return a notebook's text: the inverse of `read_lab` (outputs are dropped).

    Raises LabError if the notebook has no nbgrader metadata, as a teacher's copy may not.
    """
    if not any("nbgrader" in cell.metadata for cell in notebook.cells):
        raise LabError("the notebook has no nbgrader metadata: its exercises cannot be told apart")
    cells = [_collapse(cell) for cell in notebook.cells]
    plain = nbformat.v4.new_notebook(cells=cells)
    # The text needs no header: kernel and format are the builder's business
    plain.metadata["jupytext"] = {"notebook_metadata_filter": "-all"}
    text = jupytext.writes(plain, fmt="py:percent")
    return re.sub(r"\n{3,}(?=# %%)", "\n\n", text)  # one blank line between cells, always


def _expand(cell, given_id, lab):
    """Replace a cell's short keys by nbgrader's metadata and an id that never changes."""
    keys = dict(cell.metadata)
    keys.pop("lines_to_next_cell", None)  # jupytext's note on blank lines
    tags = keys.pop("tags", [])
    points = keys.pop("points", None)
    kind, name = keys.popitem() if keys else ("given", given_id)
    if keys or kind not in (*KEYS, "given"):
        raise LabError(f"{lab}: unknown or too many keys {dict(cell.metadata)}")
    if (points is None) == (kind in ("check", "memo")):
        raise LabError(f'{lab}: {kind}="{name}": points belong to each check and memo, only there')
    cell.id = f"{name}-check" if kind == "check" else f"{name}-free" if kind == "free" else name
    if kind in ("exercise", "check", "free") and cell.cell_type == "code":
        tags = tags + RAISES
    cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    if kind == "free":
        return
    grade, solution = kind in ("check", "memo"), kind in ("exercise", "memo")
    cell.metadata["nbgrader"] = {
        "grade": grade,
        "grade_id": cell.id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
        **({"points": points} if grade else {}),
    }


def _collapse(cell):
    """Return a new cell with short keys instead of nbgrader's metadata."""
    grader = cell.metadata.get("nbgrader", {"grade": False, "solution": False})
    name = grader.get("grade_id", cell.id)
    keys = {}
    if "nbgrader" not in cell.metadata:
        keys["free"] = cell.id.removesuffix("-free")
    elif grader["grade"] and grader["solution"]:
        keys["memo"] = name
    elif grader["solution"]:
        keys["exercise"] = name
    elif grader["grade"]:
        keys["check"] = name.removesuffix("-check")
    if grader["grade"]:
        keys["points"] = grader["points"]
    tags = [tag for tag in cell.metadata.get("tags", []) if tag not in RAISES]
    if tags:
        keys["tags"] = tags
    new = (
        nbformat.v4.new_markdown_cell if cell.cell_type == "markdown" else nbformat.v4.new_code_cell
    )
    return new(source=cell.source, metadata=keys)


def _check_ids(notebook, lab):
    """Raise LabError if two cells share an id."""
    ids = [cell.id for cell in notebook.cells]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise LabError(f"{lab}: used twice: {', '.join(twice)}")


def _check_points(notebook, lab):
    """Raise LabError if the points or minutes in the prose are not those of the cells."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = HEADING.findall(text)
    numbers = [int(number) for number, _, _ in headings if number]
    if numbers != list(range(1, len(numbers) + 1)):
        raise LabError(f"{lab}: the exercises are numbered {numbers}")
    said = [int(points) for _, points, _ in headings]
    graded = [points for _, points in graded_cells(notebook)]
    if said != graded:
        raise LabError(f"{lab}: the headings say {said} points, the graded cells have {graded}")
    minutes = sum(int(minutes) for _, _, minutes in headings)
    totals = f"**Time:** about {minutes} minutes · **Points:** {sum(graded)}"
    if totals not in text:
        raise LabError(f"{lab}: the opening must say '{totals}'")


def _check_independence(notebook, lab):
    """Raise LabError if a cell uses what students define in the exercise of another one."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    owner = {}
    for cell in code:
        if _is_exercise(cell):
            owner |= dict.fromkeys(_names(cell, ast.FunctionDef, ast.ClassDef), cell.id)
    for cell in code:
        used = _names(cell, ast.Name) & set(owner)
        for name in used:
            if cell.id not in (owner[name], f"{owner[name]}-free", f"{owner[name]}-check"):
                raise LabError(f"{lab}: {cell.id} uses {name}() of the exercise {owner[name]}")


def _is_exercise(cell):
    grader = cell.metadata.get("nbgrader", {})
    return grader.get("solution", False) and not grader["grade"]


def _names(cell, *kinds):
    """Names in a code cell: of variables it uses, or of functions and classes it defines."""
    nodes = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, kinds)]
    return {getattr(node, "name", None) or node.id for node in nodes}


def graded_cells(notebook):
    """List of (grade id, points) of all graded cells, in order."""
    graders = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return [(grader["grade_id"], grader["points"]) for grader in graders if grader.get("grade")]


def is_current(lab):
    """True if solutions/ and labs/ hold what a lab's text says; outputs are nbval's business."""
    solution, release = notebook_path("solutions", lab), notebook_path("labs", lab)
    if not (solution.exists() and release.exists()):
        return False
    if _without_outputs(nbformat.read(solution, 4)) != _without_outputs(read_lab(lab)):
        return False
    with tempfile.TemporaryDirectory() as folder:
        return _release(lab, Path(folder)).read_bytes() == release.read_bytes()


def _without_outputs(notebook):
    """A notebook's sources and metadata as plain data."""
    cells = [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]
    return cells, notebook.metadata


def execute(notebook, folder):
    """Execute a notebook in place, from top to bottom in a fresh kernel started in `folder`.

    Raises LabError if a cell fails or the kernel is not installed.
    """
    name = notebook.metadata.kernelspec.name
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        notebook, timeout=300, record_timing=False, coalesce_streams=True, resources=resources
    )
    try:
        client.execute()
    except NoSuchKernel:
        raise LabError(
            f"the kernel '{name}' is not installed; installed ones: `jupyter kernelspec list`"
        ) from None
    except CellExecutionError as error:
        raise LabError(f"a cell failed:\n{error}") from None
    notebook.metadata.language_info = {"name": "python"}  # without the version: it would differ
    failed = [cell.id for cell in notebook.cells if errors(cell)]
    if failed:
        raise LabError(f"these cells failed in the solved lab: {', '.join(failed)}")


def errors(cell):
    """The error outputs of a cell."""
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]


def _release(lab, folder):
    """Let nbgrader write the student's notebook of a lab below `folder`; return its path."""
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", lab, "--no-db", "--force"]
    command += [f"--CourseDirectory.release_directory={folder}", "--log-level=ERROR"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"{lab}: nbgrader could not release it:\n{done.stdout}{done.stderr}")
    return folder / lab / f"{lab}.ipynb"


def build(lab, force=False):
    """Bring a lab's notebooks up to date with its text; return True if anything was written.

    An unfinished build leaves the notebooks as they were.
    """
    if not force and is_current(lab):
        return False
    notebook = read_lab(lab)
    path = notebook_path("solutions", lab)
    path.parent.mkdir(parents=True, exist_ok=True)
    execute(notebook, path.parent)
    partial = path.with_suffix(".partial")
    nbformat.write(notebook, partial)
    partial.replace(path)
    _release(lab, ROOT / "labs")
    return True


def pages():
    """What is written from templates: dict, path -> text.

    The front page, the README's table and links, and what the hand-in check compares with.
    """
    template = ROOT / "authoring" / "front-page.md"
    readme = ROOT / "README.md"
    return {
        ROOT / "labs" / "README.md": _filled(template).replace("{cards}", _cards()),
        readme: _with_table(_filled(readme)),
        ROOT / "mlelabs" / "labs.json": _digests(),
    }


def student_readme():
    """The README of the students' repository."""
    return _with_table(_filled(ROOT / "authoring" / "student-readme.md"))


def students():
    """Where the students' repository lives ("owner/name"), as pyproject.toml says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["tool"]["mlelabs"]["students"]


def _filled(path):
    """A page whose links to the students' repository, and to it on Binder, are the present ones."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(mybinder\.org/v2/gh)/[^/]+/[^/]+/HEAD", rf"\1/{students()}/HEAD", text)
    return re.sub(r"(?m)^(\[students\]: https://github\.com)/.+$", rf"\1/{students()}", text)


def _with_table(text):
    """A page with a row for each lab between its two marks."""
    head = "| Lab | Topic | Time | Points | Without installing |\n|---|---|---|---|---|\n"
    rows = []
    for lab in labs():
        about = opening(lab)
        path = f"labs/{lab}/{lab}.ipynb"
        badge = f"![Open lab {about['number']} on Binder](https://mybinder.org/badge_logo.svg)"
        link = f"https://mybinder.org/v2/gh/{students()}/HEAD?urlpath=lab/tree/{path}"
        rows.append(
            f"| [Lab {about['number']}]({path}) | {about['topic']}: {about['title']} "
            f"| {about['minutes']} min | {about['points']} | [{badge}]({link}) |\n"
        )
    marks = ("<!-- labs:begin -->\n", "<!-- labs:end -->")
    before, _, rest = text.partition(marks[0])
    return before + marks[0] + head + "".join(rows) + marks[1] + rest.partition(marks[1])[2]


def _cards():
    """A card for each lab: what it is about, how long it takes, what for."""
    card = """\
> ### [Lab {number}: {topic}]({lab}/{lab}.ipynb)
>
> **{minutes} minutes · {points} points**
>
> {task}
>
> *What for:* {outcome}
"""
    return "\n".join(card.format(lab=lab, **opening(lab)) for lab in labs())


def opening(lab):
    """What the opening of a lab says: dict of number, topic, title, task, minutes, points, outcome.

    The topic is the name of its folder, in words.
    """
    text = read_lab(lab).cells[0].source
    number, title = re.search(r"^# Lab (\d+): (.+)$", text, re.M).groups()
    task = re.search(r"\*\*What you'll do:\*\* (.+)$", text, re.M)[1]
    outcome = re.search(r"\*\*Course outcome:\*\* (.+)$", text, re.M)[1]
    minutes, points = TOTALS.search(text).groups()
    return {
        "number": number,
        "topic": lab[3:].replace("-", " ").capitalize(),
        "title": title[0].lower() + title[1:],
        "task": task[0].upper() + task[1:],
        "minutes": minutes,
        "points": points,
        "outcome": outcome,
    }


def _digests():
    """What identifies the cells of all released labs, as JSON."""
    released = {lab: nbformat.read(notebook_path("labs", lab), 4) for lab in labs()}
    return json.dumps({lab: handin.digests(released[lab]) for lab in released}, indent=1) + "\n"


def back(path):
    """Write an edited solutions notebook back to its lab's text; return the text's path."""
    try:
        notebook = nbformat.read(path, 4)
    except FileNotFoundError:
        raise LabError(f"there is no notebook {path}") from None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        raise LabError(f"{path} is not a notebook: {str(error).splitlines()[0]}") from None
    text = write_lab(notebook)
    target = text_path(Path(path).stem)
    target.write_text(text, encoding="utf-8")
    return target


def main(arguments=None):
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m mlelabs.instructor build", description=__doc__.split("\n")[0]
    )
    parser.add_argument("labs", nargs="*", help="labs to build (all, if none is named)")
    parser.add_argument("--force", action="store_true", help="execute again what is up to date")
    parser.add_argument("--back", metavar="NOTEBOOK", help="write a notebook back to its text")
    options = parser.parse_args(arguments)
    try:
        if options.back:
            print(f"written: {back(options.back)}")
            return 0
        unknown = set(options.labs) - set(labs())
        if unknown:
            raise LabError(
                f"no such lab: {', '.join(sorted(unknown))}; there are {', '.join(labs())}"
            )
        for lab in options.labs or labs():
            print(f"{lab}: {'built' if build(lab, options.force) else 'up to date'}", flush=True)
        for path, text in pages().items():
            path.write_text(text, encoding="utf-8")
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
