"""Grade a lab with nbgrader; start it again and it goes on.

`grade_student` grades one student and returns plain data. `sequential` is the plain way to do that
for all; `sandboxed` makes the safe and fast one, which yields the same dicts.
"""

import functools
import hashlib
import json
import re
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.api import NbGraderAPI
from nbgrader.utils import parse_utc

from mlelabs.instructor import build, collect, gate, marks
from mlelabs.instructor import course as places
from mlelabs.instructor.course import RoundError

# What nbgrader's log says, and what it means for a person
DEATHS = {
    r"DeadKernelError|Kernel died": "The notebook ended the Python process that ran it "
    "(os._exit, a crash, or too much memory).",
    r"UnresponsiveKernelError|CellTimeoutError": "The notebook did not come to an end in time.",
}


@functools.cache
def _api(course):
    """nbgrader's API for a course; one for each process, as making it takes time."""
    return NbGraderAPI(places.coursedir(course), config=places.config(course))


def grade_student(course, lab, student):
    """Grade what lies behind the gate of one student, and return plain data.

    course: Path. Keys of the dict: student, lab, status ("graded" or "failed"), points (dict,
    grade id -> number, or None where a person must grade), max_points, needs_manual (True if any
    is None), message (why it failed; else empty), seconds. Never raises for what a student wrote.
    """
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbgrader's use of its database
        result = _api(course).autograde(lab, student, force=True, create=True)
    log = f"{result.get('error', '')}\n{result.get('log', '')}"
    points = marks.points(course, lab, student) if result["success"] else None
    return {
        "student": student,
        "lab": lab,
        "status": "graded" if points else "failed",
        "points": points or {},
        "max_points": max_points(course, lab),
        "needs_manual": None in (points or {}).values(),
        "message": "" if points else _why(log),
        "seconds": round(time.monotonic() - started, 3),
    }


def _why(log):
    """The reason in nbgrader's log, as one sentence."""
    for pattern, reason in DEATHS.items():
        if re.search(pattern, log):
            return reason
    lines = [line for line in log.splitlines() if re.match(r"\w[\w.]*(Error|Exception)\b", line)]
    # the last but one: nbgrader ends with an exception of its own, which says nothing
    useful = [line for line in lines if "NbGraderException" not in line]
    return f"nbgrader could not grade it: {(useful or lines or ['no reason given'])[-1][:300]}"


def max_points(course, lab):
    """Points that a lab gives at most."""
    notebook = nbformat.read(places.release_path(course, lab), 4)
    return float(sum(points for _, points in build.graded_cells(notebook)))


def sequential(course, lab, students):
    """Grade students one by one; yield the dict of each as soon as it is there."""
    for student in students:
        yield grade_student(course, lab, student)


def sandboxed(workers=None, scheduler=None, unsafe=False):
    """Return a `run` for `grade`: several students at a time, each in a sandbox.

    workers: how many at a time. scheduler: address of a Dask cluster that does it. unsafe: without
    a sandbox, with your rights. Raises RoundError where there is no sandbox or no cluster.
    """
    from mlelabs.instructor.engine import sandbox
    from mlelabs.instructor.engine.grade import grade_all

    if scheduler:
        _check_scheduler(scheduler)
    elif not unsafe and (lack := sandbox.missing()):
        raise RoundError(
            f"not graded: students' code would run with your rights. {lack}. "
            "Whoever wants that all the same must say so: --unsafe"
        )

    def run(course, lab, students):
        return grade_all(course, lab, students, workers, scheduler, unsafe, places.config(course))

    return run


def _check_scheduler(address):
    from distributed import Client

    try:
        Client(address, timeout=10).close()
    except (OSError, ValueError) as error:
        raise RoundError(f"no Dask scheduler answers at {address}: {error}") from None


@dataclass
class Outcome:
    """What a run of `grade` came to: results of this run, and where everybody stands after it."""

    results: list
    standings: dict
    unmatched: list


def grade(course, lab, run=sequential, dry_run=False, progress=None):
    """Grade every submission of a lab that is new or changed, or whose lab has changed.

    run: callable (course, lab, students) that yields dicts as `grade_student` returns them.
    progress: callable (iterable, length) around the results. Returns Outcome.
    """
    places.check_lab(course, lab)
    unmatched = sorted(
        folder
        for folders in collect.record(course, lab)["unmatched"].values()
        for folder in folders
    )
    if dry_run:
        return Outcome([], marks.standings(course, lab), unmatched)
    results = []
    with places.writer(course):
        before = marks.standings(course, lab)
        todo = [s.student for s in before.values() if s.state in ("to grade", "failed")]
        if not before:
            raise RoundError(f"nothing was handed in for {lab}: `collect` comes first")
        _put_behind_gate(course, lab, before)
        _name_students(course, before)
        for standing in before.values():
            if standing.state not in ("to grade", "failed", "set aside"):
                # left by a run that was killed just when it was done with this student
                _remembered(course, lab, standing.student).unlink(missing_ok=True)
        if todo:
            _register(course, lab)
            for student in todo:
                _remember(course, lab, student)
            version = places.version(course, lab)
            yielded = run(course, lab, todo)
            for result in progress(yielded, len(todo)) if progress else yielded:
                results.append(result)
                _settle(course, lab, version, result, before[result["student"]].digest)
    return Outcome(results, marks.standings(course, lab), unmatched)


def _put_behind_gate(course, lab, standings):
    """Write gated/: what can be graded, and nothing of those who were set aside."""
    record = collect.record(course, lab)["students"]
    refused = {student: entry["refused"] for student, entry in record.items()}
    with places.staging(course) as staging:
        puts = []
        for student, passed in gate.gate_all(course, lab, refused).items():
            folder = course / places.GATED / student / lab
            contents = dict(passed.contents or {})
            stamp = _timestamp(course / places.SUBMITTED / student / lab)
            if contents and stamp:
                contents["timestamp.txt"] = stamp
            present = {path: file.read_bytes() for path, file in places.files_in(folder).items()}
            if contents != present:
                puts.append(places.write_folder(folder, contents, staging))
        for put in puts:
            put()


def _name_students(course, standings):
    """Tell the gradebook names, so that formgrader shows them; written only where one is new.

    The last word of a name is taken as the last name; a group has its members in its place.
    """
    names = {s.student: _first_and_last(s) for s in standings.values() if s.state != "set aside"}
    names = {student: name for student, name in names.items() if name[1]}
    if not names:
        return  # opening the gradebook would make one
    with Gradebook(places.coursedir(course).db_url) as gradebook:
        known = {s.id: (s.first_name, s.last_name) for s in gradebook.students}
        for student, (first, last) in names.items():
            if known.get(student) != (first, last):
                gradebook.update_or_create_student(student, first_name=first, last_name=last)


def _first_and_last(standing):
    names = [name for name in standing.names if name != standing.student]
    if standing.student.startswith("participant "):  # marking is blind
        return None, None
    if standing.members != [standing.student]:
        return ", ".join(names) or None, standing.student
    first, _, last = names[0].strip().rpartition(" ") if names else ("", "", "")
    return first or None, last or None


def _timestamp(folder):
    """The time of hand-in if nbgrader can read it: an unreadable one would fail the student."""
    path = folder / "timestamp.txt"
    try:
        text = path.read_text(encoding="utf-8").strip() if not path.is_symlink() else ""
        parse_utc(text or None)
    except (OSError, ValueError, OverflowError):
        return None
    return text.encode()


def _register(course, lab):
    """Tell the gradebook about the lab as it is now; marks given by hand stay.

    Raises RoundError if exercises came or went since submissions were graded.
    """
    api = _api(course)
    with tempfile.TemporaryDirectory() as folder:  # labs/ itself is the builder's
        kept = api.coursedir.release_directory
        api.coursedir.release_directory = folder
        try:
            result = api.generate_assignment(lab, force=True, create=True)
        finally:
            api.coursedir.release_directory = kept
    if not result["success"]:
        log = f"{result.get('error', '')}{result.get('log', '')}"
        if "Cannot add or remove cells" in log:
            raise RoundError(
                f"{lab} has other exercises than those already graded: give the new one another "
                "name, or move gradebook.db away and grade all again"
            )
        raise RoundError(f"nbgrader does not take the lab {lab}: {_why(log)}")


# Marks given by hand


def _remembered(course, lab, student):
    return course / "collected" / "before" / lab / f"{student}.json"


def _remember(course, lab, student):
    """Write down which marks a person gave, before nbgrader asks for all of them again.

    What an interrupted run wrote down stays: it knew the state before.
    """
    path = _remembered(course, lab, student)
    if not path.exists():
        text = json.dumps(_by_hand(course, lab, student), sort_keys=True)
        places.write(path, text.encode())


def _by_hand(course, lab, student):
    """Dict, grade id -> [auto score, digest of the answer], of marks that a person has given."""
    notebook = course / "autograded" / student / lab / f"{lab}.ipynb"
    if not notebook.is_file():
        return {}
    answers = _answers(notebook)
    with Gradebook(places.coursedir(course).db_url) as gradebook:
        try:
            grades = gradebook.find_submission_notebook(lab, lab, student).grades
        except MissingEntry:
            return {}
        return {
            grade.name: [grade.auto_score, answers.get(grade.name)]
            for grade in grades
            if grade.manual_score is not None and not grade.needs_manual_grade
        }


def _answers(path):
    """Digest of what a student wrote for each graded cell: the memo, or the exercise before it."""
    answers, last = {}, ""
    for cell in nbformat.read(path, 4).cells:
        grader = cell.metadata.get("nbgrader", {})
        if grader.get("solution"):
            last = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        if grader.get("grade"):
            answers[grader["grade_id"]] = last
    return answers


def _settle(course, lab, version, result, digest):
    """Take a result into the books: marks given by hand first, then the log, one line.

    A mark given by hand stays, and needs no second look where answer and tests' verdict are the
    same as before; nbgrader would ask for it. After a failure the memory of them stays.
    """
    student = result["student"]
    path = _remembered(course, lab, student)
    if result["status"] == "graded":
        remembered = json.loads(path.read_text()) if path.exists() else {}
        result["points"] = _confirm(course, lab, student, remembered) or result["points"]
        result["needs_manual"] = None in result["points"].values()
    entry = {
        "what": result["status"],
        "lab": lab,
        "version": version,
        "student": student,
        "digest": digest,
        "max_points": result["max_points"],
    }
    entry |= {key: result[key] for key in ("suspicious",) if result.get(key)}
    if result["status"] == "graded":
        entry |= {"message": result["message"]} if result["message"] else {}
        marks.append(course, [entry | {"points": result["points"]}])
        path.unlink(missing_ok=True)
    else:
        entry |= {"message": result["message"]}
        last = marks.last_gradings(course, lab).get(student, {})
        if any(last.get(key) != value for key, value in entry.items()):
            marks.append(course, [entry])


def _confirm(course, lab, student, remembered):
    """Take nbgrader's request for a second look back where nothing changed; return all points."""
    if not remembered:
        return None
    answers = _answers(Path(course) / "autograded" / student / lab / f"{lab}.ipynb")
    with Gradebook(places.coursedir(course).db_url) as gradebook:
        for grade in gradebook.find_submission_notebook(lab, lab, student).grades:
            if remembered.get(grade.name) == [grade.auto_score, answers.get(grade.name)]:
                grade.needs_manual_grade = False
        gradebook.db.commit()
    return marks.points(course, lab, student)
