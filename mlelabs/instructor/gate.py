"""The gate before grading: from whatever was handed in to a notebook that nbgrader can grade.

What students wrote is put into the released notebook: their exercises and memos by grade id (else
by cell id, by the function's name, or by position), their own cells behind the cell that they
followed. Everything else comes from the release. What cannot be used stays where it is, with a
reason in words for the student.
"""

import ast
import io
import json
import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import nbformat

from mlelabs.instructor import build
from mlelabs.instructor import course as places

LARGEST = 100_000_000  # bytes of one file
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Unusable(Exception):
    """A submission cannot be graded; the message can be sent to the student."""


@dataclass
class Gated:
    """A submission behind the gate.

    contents: files to grade, dict, path -> bytes; None if it cannot be used. reason: why not.
    notes: what was repaired. Both are for the student to read.
    """

    contents: dict | None = None
    reason: str = ""
    notes: list = field(default_factory=list)

    @property
    def digest(self):
        """Digest of what is graded; empty if nothing can be."""
        return places.digest(self.contents) if self.contents else ""


@dataclass(frozen=True)
class Release:
    """What students got of a lab.

    given, completed: paths of files beside the notebook, and those of them that students complete.
    own: ids of the solution cells that no other lab has; others: those of each other lab.
    """

    lab: str
    notebook: nbformat.NotebookNode
    given: list
    completed: list
    own: set
    others: dict


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed in; `id` is its grade id, else its cell id, else empty."""

    kind: str
    source: str
    id: str
    attachments: dict


def read_release(course, lab):
    """The Release of a lab. Raises RoundError if the course has no such lab."""
    places.check_lab(course, lab)
    notebooks = {
        name: nbformat.read(places.release_path(course, name), 4) for name in places.labs(course)
    }
    ids = {name: set(_solutions(notebook)) for name, notebook in notebooks.items()}
    every = ids.pop(lab)
    own = every.difference(*ids.values()) or every  # each lab has a memo
    others = {name: found - every for name, found in ids.items()}
    given, completed = places.given_files(course, lab), places.students_files(course, lab)
    return Release(lab, notebooks[lab], given, completed, own, others)


def gate(folder, release, refused=()):
    """Put a submission through the gate; return Gated. Never raises for what students hand in.

    folder: Path with the student's files. refused: reasons for what the collector did not take.
    """
    gated = Gated(notes=list(refused))
    try:
        files = _read(folder, gated.notes)
        path, cells = _choose(files, release, gated.notes)
        notebook = _graft(cells, release, gated.notes)
        gated.contents = {f"{release.lab}.ipynb": nbformat.writes(notebook).encode()}
        gated.contents |= _completed(files, path, release, gated.notes)
    except Unusable as problem:
        gated.reason = " ".join([str(problem), *gated.notes])
    except RecursionError:
        gated.reason = (
            "The notebook cannot be read: its JSON is nested without end. Upload it again."
        )
    except Exception as error:  # whatever else files can hold: it costs nobody but its student
        gated.contents = None
        gated.reason = (
            f"What was handed in cannot be read ({type(error).__name__}: {error}). Save it in "
            "Jupyter and upload it again."
        )
    return gated


# Reading files


def _read(folder, notes):
    """Contents of all files, also of those in zip archives: dict, path -> bytes."""
    contents = {}
    for path, file in places.files_in(folder).items():
        if path == "timestamp.txt":
            continue
        if file.is_symlink() or not file.is_file():
            notes.append(f"'{path}' is a link to another place and was not followed.")
        elif file.stat().st_size > LARGEST:
            notes.append(f"'{path}' is too large and was not read.")
        elif path.lower().endswith(".zip"):
            contents |= _unzip(path, file.read_bytes(), notes)
        else:
            contents[path] = file.read_bytes()
    return {path: content for path, content in contents.items() if not is_litter(path)}


def is_litter(path):
    """True for what operating systems and Jupyter leave behind."""
    parts = PurePosixPath(path).parts
    litter = {"__MACOSX", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db"}
    return bool(litter & set(parts)) or parts[-1].startswith("._")


def _unzip(name, content, notes):
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > LARGEST:
                notes.append(f"'{name}' is too large when unpacked and was not read.")
                return {}
            return {
                f"{name}/{entry.filename}": archive.read(entry)
                for entry in entries
                if problem(entry) is None
            }
    # zipfile raises RuntimeError for a password, NotImplementedError for a rare compression
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError):
        notes.append(f"The archive '{name}' cannot be opened.")
        return {}


def problem(entry, shown=None):
    """Why an entry of a zip archive must not be unpacked; None if it may.

    shown: its path as the student knows it.
    """
    path = shown or entry.filename.replace("\\", "/")
    if (entry.external_attr >> 16) & 0o170000 == 0o120000:
        return f"'{path}' is a link to another place and was not followed."
    if path.startswith("/") or ".." in path.split("/") or re.match(r"[A-Za-z]:", path):
        return f"'{path}' points outside its folder and was not unpacked."
    if entry.file_size > LARGEST:
        return f"'{path}' is too large and was not unpacked."
    return None


def decode(content):
    """The cells of a notebook in whatever encoding and version: list of Cell.

    Raises Unusable, in words for the student.
    """
    text = _text(content)
    if not text.strip():
        raise Unusable("is empty: save the notebook and upload it again")
    if text.lstrip()[:1] == "<" and "<<<<<<<" not in text[:2000]:
        raise Unusable("is a web page (HTML), not a notebook: upload the .ipynb file itself")
    if re.search(r"^(<{7} |>{7} )", text, re.M):
        raise Unusable(
            "holds the marks of an unfinished git merge: resolve the conflict and upload it again"
        )
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        if text.lstrip().startswith("{") and not text.rstrip().endswith("}"):
            raise Unusable(
                "ends in the middle: it was not saved or not uploaded whole. Save it and upload it "
                "again"
            ) from None
        raise Unusable(
            f"is damaged (line {error.lineno}: {error.msg}): save it in Jupyter and upload it again"
        ) from None
    cells = _raw_cells(data)
    if cells is None:
        raise Unusable("is JSON, but not a notebook: upload the .ipynb file itself")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def _text(content):
    for bom, encoding in BOMS.items():
        if content.startswith(bom):
            return content.decode(encoding, errors="replace")
    if content[:40].count(0) > 10:  # UTF-16 without a mark: every other byte is zero
        return content.decode("utf-16-be" if content[0] == 0 else "utf-16-le", errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _raw_cells(data):
    """The cells of a notebook's JSON, also of version 3, which had worksheets; None if none."""
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("worksheets"), list):
        sheets = [sheet for sheet in data["worksheets"] if isinstance(sheet, dict)]
        return [cell for sheet in sheets for cell in sheet.get("cells", [])]
    return data["cells"] if isinstance(data.get("cells"), list) else None


def _cell(raw):
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(map(str, source))
    metadata = raw.get("metadata") if isinstance(raw.get("metadata"), dict) else {}
    grader = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    name = grader.get("grade_id") or raw.get("id") or metadata.get("id") or ""
    attachments = raw.get("attachments") if isinstance(raw.get("attachments"), dict) else {}
    kind = "code" if raw.get("cell_type") == "code" else "markdown"
    source = str(source).replace("\r\n", "\n").encode(errors="replace").decode()
    return Cell(kind, source, str(name), attachments)


def _choose(files, release, notes):
    """The path and cells of the one notebook that fits the lab. Raises Unusable."""
    candidates = [path for path in files if re.search(r"\.ipynb(\.\w+)?$", path, re.I)]
    if not candidates:
        raise Unusable(_nothing(files))
    read, broken = {}, {}
    for path in candidates:
        try:
            read[path] = decode(files[path])
        except Unusable as reason:
            broken[path] = f"The notebook '{path}' {reason}."
    fitting = {path: cells for path, cells in read.items() if _fits(cells, release)}
    if not fitting:
        raise Unusable(" ".join([*broken.values(), *(_misfit(read, release) if read else [])]))
    notes += broken.values()
    works = {path: _work(cells, release) for path, cells in fitting.items()}
    blank = _work([Cell(c.cell_type, c.source, c.id, {}) for c in release.notebook.cells], release)
    worked = [path for path in fitting if works[path] != blank] or list(fitting)
    if len({works[path] for path in worked}) > 1:
        listed = ", ".join(f"'{path}'" for path in worked)
        raise Unusable(
            f"There are several different notebooks for this lab: {listed}. Hand in the one that "
            "counts."
        )
    path = worked[0]
    if path != f"{release.lab}.ipynb":
        notes.append(f"The notebook '{path}' was taken as '{release.lab}.ipynb'.")
    return path, fitting[path]


def _nothing(files):
    if not files:
        return "Nothing was handed in that can be read. Upload the .ipynb file."
    listed = ", ".join(f"'{path}'" for path in list(files)[:5])
    if set(files) == {"onlinetext.html"}:
        return "A text was written online, but no notebook was uploaded. Upload the .ipynb file."
    return f"There is no notebook (.ipynb), only {listed}. Upload the .ipynb file itself."


def _solutions(notebook):
    """The released cells that students fill: dict, id -> cell."""
    return {
        cell.metadata.nbgrader.grade_id: cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def _fits(cells, release):
    """True if a notebook comes from this lab: an exercise of it, or most of its locked text."""
    ids = {cell.id for cell in cells}
    if ids & release.own:
        return True
    if ids & set().union(*release.others.values()):
        return False
    locked = {cell.source for cell in release.notebook.cells if _is_locked(cell)}
    return len(locked & {cell.source for cell in cells}) > len(locked) / 3


def _is_locked(cell):
    return cell.metadata.get("nbgrader", {}).get("locked", False)


def _misfit(read, release):
    """Why none of the notebooks that could be read is the lab."""
    for path, cells in read.items():
        ids = {cell.id for cell in cells}
        for lab, others in release.others.items():
            if len(ids & others) > len(others) / 2:
                return [
                    f"The notebook '{path}' is the lab {lab}, not {release.lab}. "
                    f"Upload {release.lab}.ipynb."
                ]
    listed = ", ".join(f"'{path}'" for path in read)
    return [
        f"None of the lab's exercises was found in {listed}: is it another notebook? "
        f"Upload {release.lab}.ipynb."
    ]


def _work(cells, release):
    """What a student wrote, as something that can be compared."""
    locked = {cell.source for cell in release.notebook.cells if _is_locked(cell)}
    return tuple(cell.source.strip() for cell in cells if cell.source not in locked)


# Grafting


def _graft(cells, release, notes):
    """The released notebook with a student's cells. Raises Unusable if they cannot be told apart.

    Cells beyond the released ones stay behind the cell that they followed: a helper function
    there may be what an exercise calls.
    """
    released = {cell.id: cell for cell in release.notebook.cells}
    matched = _match(cells, release, notes)
    _check_missing(cells, matched, release, notes)
    anchor, extra = None, defaultdict(list)
    for place, cell in enumerate(cells):
        if place in matched:
            anchor = matched[place]
        elif cell.id in released and _is_locked(released[cell.id]):
            continue  # a second copy of a given cell: the given one is enough
        elif cell.source.strip() and cell.source != released.get(cell.id, {}).get("source"):
            extra[anchor].append(_own_cell(cell, place))
    grafted = nbformat.from_dict(release.notebook)
    sources = {name: cells[place] for place, name in matched.items()}
    grafted.cells = list(extra[None])
    for cell in nbformat.from_dict(release.notebook).cells:
        if cell.id in sources and not _is_locked(cell):
            cell.source = sources[cell.id].source
            if cell.cell_type == "markdown" and sources[cell.id].attachments:
                cell.attachments = sources[cell.id].attachments
        grafted.cells += [cell, *extra[cell.id]]
    if all(
        cell.source == _solutions(grafted)[name].source
        for name, cell in _solutions(release.notebook).items()
    ):
        notes.append("Every exercise is as it was given: is this the notebook that you worked in?")
    gone = [name for name, _ in build.graded_cells(release.notebook) if name in released]
    gone = [name for name in gone if name not in matched.values() and _is_locked(released[name])]
    if gone:
        notes.append(f"Checks that were missing were put back: {', '.join(gone)}.")
    return grafted


def _own_cell(cell, number):
    make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
    new = make(cell.source, id=f"own-{number}")
    if cell.kind == "markdown" and cell.attachments:
        new.attachments = cell.attachments
    return new


def _match(cells, release, notes):
    """Which released cell each cell is: dict, place -> released id."""
    released = {cell.id: cell for cell in release.notebook.cells}
    places_of = defaultdict(list)
    for place, cell in enumerate(cells):
        if cell.id in released:
            places_of[cell.id].append(place)
    matched = {}
    for name, found in places_of.items():
        matched[_original(name, found, cells, released, notes)] = name
    _match_locked(cells, matched, release)
    _match_names(cells, matched, release)
    _match_positions(cells, matched, release)
    return matched


def _original(name, found, cells, released, notes):
    """Which of several copies of a cell counts: the last edited one before the check.

    The others stay in their places, so what Run All did for the student, it does again.
    """
    if len(found) == 1 or _is_locked(released[name]):
        return found[0]
    edited = [place for place in found if cells[place].source != released[name].source]
    if not edited or len({cells[place].source for place in edited}) == 1:
        return (edited or found)[0]
    check = f"{name}-check"
    end = next((place for place, cell in enumerate(cells) if cell.id == check), len(cells))
    chosen = max((place for place in edited if place < end), default=edited[0])
    what = "the last one before its check" if check in released else "the last one"
    notes.append(f"The cell '{name}' was there {len(edited)} times: {what} counts.")
    return chosen


def _match_locked(cells, matched, release):
    """Match given cells by their text: they are the landmarks where all else was lost."""
    by_source = defaultdict(list)
    for cell in release.notebook.cells:
        if _is_locked(cell) and cell.id not in matched.values():
            by_source[cell.source].append(cell.id)
    for place, cell in enumerate(cells):
        if place not in matched and by_source.get(cell.source):
            matched[place] = by_source[cell.source].pop(0)


def _match_names(cells, matched, release):
    """Match an exercise by the functions that its stub defines, if just one cell defines them."""
    for name, cell in _solutions(release.notebook).items():
        wanted = _defined(cell.source) if cell.cell_type == "code" else set()
        if name in matched.values() or not wanted:
            continue
        fits = [p for p, c in enumerate(cells) if p not in matched and wanted <= _defined(c.source)]
        if len(fits) == 1:
            matched[fits[0]] = name


def _defined(source):
    """Names of the functions and classes that a source defines, also one with a syntax error."""
    try:
        nodes = ast.parse(source).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return set(re.findall(r"^(?:def|class) (\w+)", source, re.M))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in nodes if isinstance(node, kinds)}


def _match_positions(cells, matched, release):
    """Match what stands between two landmarks, if it is as many cells of the same kinds."""
    order = [cell.id for cell in release.notebook.cells]
    place_of = {name: place for place, name in matched.items()}
    gap = []
    for index, cell in enumerate([*release.notebook.cells, None]):
        if cell is not None and cell.id not in place_of:
            gap.append(cell)
            continue
        if gap:
            before = order[: index - len(gap)]
            start = place_of[before[-1]] + 1 if before else 0
            end = place_of[cell.id] if cell is not None else len(cells)
            between = [p for p in range(start, end) if p not in matched]
            kinds = [cells[place].kind for place in between]
            if kinds == [c.cell_type for c in gap]:
                matched.update(zip(between, (c.id for c in gap), strict=True))
        gap = []


def _check_missing(cells, matched, release, notes):
    """Note exercises that are gone. Raises Unusable if a cell left over could be one of them."""
    missing = [name for name in _solutions(release.notebook) if name not in matched.values()]
    if not missing:
        return
    known = {cell.id for cell in release.notebook.cells}
    without_id = sum(cell.id not in known for cell in cells) > len(cells) / 2
    listed = ", ".join(f"'{name}'" for name in missing)
    if without_id:
        raise Unusable(
            f"The notebook lost its markings in another program, and without them the answers to "
            f"{listed} cannot be found. Copy your answers into a fresh copy of the lab, and upload "
            "that."
        )
    notes.append(f"The cells {listed} are missing: they count as not attempted.")


# Files beside the notebook


def _completed(files, notebook, release, notes):
    """The files that students were to complete: dict, path -> bytes. No others are passed on."""
    taken = {}
    for path in release.completed:
        name = PurePosixPath(path).name
        exact = [p for p in files if p == path or p.endswith(f"/{path}")]
        fits = exact or [p for p in files if PurePosixPath(p).name == name]
        if len(fits) == 1:
            taken[path] = files[fits[0]]
        elif fits:
            notes.append(f"The file '{path}' was there {len(fits)} times and was not taken.")
        else:
            notes.append(f"The file '{path}' is missing: it counts as it was given.")
    names = {PurePosixPath(path).name for path in [*release.given, "onlinetext.html"]}
    unused = [p for p in files if p != notebook and PurePosixPath(p).name not in names]
    if unused:
        listed = ", ".join(f"'{path}'" for path in unused[:5])
        notes.append(f"Not used for grading, which takes the notebook: {listed}.")
    return taken


def gate_all(course, lab, refused=None):
    """Put all submissions of a lab through the gate: dict, student -> Gated.

    refused: dict, student -> list of reasons for what the collector did not take.
    """
    release, refused = read_release(course, lab), refused or {}
    folders = sorted((course / places.SUBMITTED).glob(f"*/{lab}"))
    students = {folder.parent.name: folder for folder in folders if folder.is_dir()}
    return {
        student: gate(folder, release, refused.get(student, ()))
        for student, folder in students.items()
        if not student.startswith(".")
    }
