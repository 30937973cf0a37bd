"""Where things lie in a course, and how they are written: whole or not at all.

submitted/STUDENT/LAB/   what was handed in, untouched
gated/STUDENT/LAB/       the same, repaired: what nbgrader grades
collected/LAB.json       who handed in when, and what of it could not be taken
gradebook.db             nbgrader's gradebook
marks.jsonl              every mark ever given, one line each
returned/LAB/            what goes back to Moodle
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import unicodedata
from functools import cache
from pathlib import Path

import filelock
import nbformat
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import find_all_files
from traitlets.config import PyFileConfigLoader

SUBMITTED, GATED = "submitted", "gated"


class RoundError(Exception):
    """A command cannot do its work; the message is one line that says why."""


def labs(course):
    """Names of the labs that are released in a course, sorted."""
    return sorted(p.name for p in (course / "labs").glob("*") if release_path(course, p.name))


def release_path(course, lab):
    """Path of the released notebook of a lab; None if there is none."""
    path = course / "labs" / lab / f"{lab}.ipynb"
    return path if path.is_file() else None


def check_lab(course, lab):
    """Raise RoundError if the course has no such lab."""
    if not (course / "nbgrader_config.py").is_file():
        raise RoundError(f"{course} is not a course: it has no nbgrader_config.py")
    if lab not in labs(course):
        raise RoundError(f"there is no lab '{lab}'; there are {', '.join(labs(course)) or 'none'}")


@cache
def config(course):
    """nbgrader's settings for a course (traitlets Config); it grades what went through the gate."""
    loader = PyFileConfigLoader("nbgrader_config.py", path=str(course))
    settings = loader.load_config()
    settings.CourseDirectory.root = str(course)
    settings.CourseDirectory.submitted_directory = GATED
    return settings


def coursedir(course):
    """nbgrader's view of the course's folders."""
    # nbgrader calls alembic by name
    path = os.environ.get("PATH", "").split(os.pathsep)
    if (own := str(Path(sys.executable).parent)) not in path:
        os.environ["PATH"] = os.pathsep.join([own, *path])
    return CourseDirectory(config=config(course))


def given_files(course, lab):
    """Files that a lab gives beside its notebook: list of paths relative to the lab, sorted."""
    folder = course / "labs" / lab
    ignored = [*CourseDirectory(config=config(course)).ignore, f"{lab}.ipynb"]
    return sorted(
        Path(path).relative_to(folder).as_posix() for path in find_all_files(str(folder), ignored)
    )


def students_files(course, lab):
    """The given files that students are to complete (nbgrader's `exclude_overwriting`)."""
    completed = config(course).Autograde.get("exclude_overwriting", {}).get(lab, [])
    return [path for path in given_files(course, lab) if path in completed]


def version(course, lab):
    """Digest (12 hex digits) of all that decides about marks: the lab with its hidden tests.

    Outputs do not count, so a lab that was only executed again is still the same.
    """
    source = course / "solutions" / lab
    digest = hashlib.sha256()
    for tree in ("solutions", "labs"):
        notebook = nbformat.read(course / tree / lab / f"{lab}.ipynb", 4)
        for cell in notebook.cells:
            grader = cell.metadata.get("nbgrader", {})
            # checksum: also of the release alone, and it follows from the rest
            keys = {key: value for key, value in grader.items() if key != "checksum"}
            digest.update(json.dumps([cell.cell_type, cell.source, keys], sort_keys=True).encode())
    for path in given_files(course, lab):
        digest.update(path.encode() + b"\0" + (source / path).read_bytes())
    return digest.hexdigest()[:12]


def student_id(text):
    """A student's or group's name as a folder that nbgrader takes: odd characters as %5B."""
    text = unicodedata.normalize("NFC", text.strip())
    text = re.sub(r"[^\w@.+ -]", lambda match: f"%{ord(match[0]):02X}", text)
    return re.sub(r"^\.", "%2E", text)


def label(student, names):
    """A student or group as a person reads it: "Ada Apfel (47110000)"."""
    known = ", ".join(name for name in names if name and name != student)
    return f"{known} ({student})" if known and student else known or student


def files_in(folder):
    """All files below a folder: dict, relative path -> Path. Links are listed, not followed."""
    found = {}
    for directory, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(directory) / name).is_symlink()]
        for name in [*names, *links]:
            path = Path(directory) / name
            found[path.relative_to(folder).as_posix()] = path
    return dict(sorted(found.items()))


def digest(contents):
    """Digest (12 hex digits) of files: dict, path -> bytes."""
    value = hashlib.sha256()
    for path, content in sorted(contents.items()):
        value.update(f"{path}\0{len(content)}\0".encode(errors="surrogatepass") + content)
    return value.hexdigest()[:12]


def write(path, content):
    """Write bytes to a file, whole or not at all; nothing is touched if they are there already."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def write_folder(folder, contents, staging):
    """Prepare a folder's files below `staging`; return a function that puts it into its place.

    Space is needed only now: putting a folder into its place is renaming.
    """
    partial = Path(tempfile.mkdtemp(dir=staging))
    for path, content in contents.items():
        (partial / path).parent.mkdir(parents=True, exist_ok=True)
        (partial / path).write_bytes(content)
    os.chmod(partial, 0o755)

    def put():
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            folder.rename(Path(tempfile.mkdtemp(dir=staging)) / "old")
        partial.rename(folder)

    return put


@contextlib.contextmanager
def staging(course):
    """A folder beside the course's own ones for what is not finished; gone at the end."""
    folder = Path(tempfile.mkdtemp(dir=course, prefix=".staging-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def writer(course):
    """Hold the course's lock: one process at a time changes submissions and marks.

    The system lets go of it when the process ends, however it ends. Raises RoundError if it is
    held by another process.
    """
    lock = filelock.FileLock(course / ".writer.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise RoundError("another command is at work in this course: wait for its end") from None
    try:
        for old in course.glob(".staging-*"):  # of a process that was killed
            shutil.rmtree(old, ignore_errors=True)
        yield
    finally:
        lock.release()
