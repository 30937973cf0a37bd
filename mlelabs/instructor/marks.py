"""Marks: the append-only log of all that were given, and where every student stands.

The log, marks.jsonl, has one JSON object a line. Keys: when (ISO, UTC), by (account of the grader),
what ("graded", "failed" or "returned"), lab, version (of the lab), student, digest (of what was
graded), points (dict, grade id -> number, or null where a person must grade), max_points, and more
where it belongs. A mark that is missing is null or absent, never 0.
"""

import getpass
import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nbgrader.api import Gradebook, MissingEntry

from mlelabs.instructor import collect, gate
from mlelabs.instructor import course as places
from mlelabs.instructor.course import RoundError


@dataclass
class Standing:
    """Where a student stands with a lab.

    state: "graded", "waiting" (for a person), "set aside" (by the gate), "failed" (no result),
    "to grade". points: dict, grade id -> number or None. total: None unless state is "graded".
    reason: why there is no mark. notes: what the gate repaired, and `stopped`: which cell stopped
    the rest. suspicious: what a person should look at; not for the student. members, names, pids:
    see collect.
    """

    student: str
    state: str
    points: dict = field(default_factory=dict)
    total: float | None = None
    max_points: float = 0.0
    reason: str = ""
    notes: list = field(default_factory=list)
    stopped: str = ""
    suspicious: list = field(default_factory=list)
    members: list = field(default_factory=list)
    names: list = field(default_factory=list)
    pids: list = field(default_factory=list)
    time: str | None = None
    digest: str = ""

    @property
    def label(self):
        """The student as a person reads it: name and ID."""
        return places.label(self.student, self.names)

    @property
    def look_at(self):
        """What a person should look at before a mark goes out."""
        return [text for text in (self.stopped, *self.suspicious) if text]


def log_path(course):
    """Path of the log."""
    return course / "marks.jsonl"


def read_log(course, lab=None):
    """All entries of the log (of a lab), oldest first; a line that a crash cut short is left out.

    Raises RoundError for a damaged line with others behind it.
    """
    path = log_path(course)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            if not line.startswith("{"):
                raise RoundError(f"{path}, line {number} is damaged: restore it") from None
    return [entry for entry in entries if lab in (None, entry["lab"])]


def append(course, entries):
    """Add entries (dicts without when and by) to the log, and wait until the disk has them."""
    if not entries:
        return
    stamp = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "by": os.environ.get("MLELABS_GRADER") or getpass.getuser(),
    }
    text = "".join(json.dumps(stamp | entry, ensure_ascii=False) + "\n" for entry in entries)
    with open(log_path(course), "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a crash cut the last line short
                text = "\n" + text
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def last_gradings(course, lab):
    """The last entry of each student that tells a grading or its failure."""
    return {
        entry["student"]: entry
        for entry in read_log(course, lab)
        if entry["what"] in ("graded", "failed")
    }


def points(course, lab, student):
    """Points by grade id from nbgrader's gradebook; None where a person must (still) grade.

    None for the whole if the gradebook does not know the submission.
    """
    with Gradebook(places.coursedir(course).db_url) as gradebook:
        try:
            notebook = gradebook.find_submission_notebook(lab, lab, student)
        except MissingEntry:
            return None
        return {grade.name: _score(grade) for grade in notebook.grades}


def _score(grade):
    missing = grade.auto_score is None and grade.manual_score is None
    return None if grade.needs_manual_grade or missing else grade.score


def all_points(course, lab):
    """Points of all students: dict, student -> dict as of `points`; empty without a gradebook."""
    url = places.coursedir(course).db_url
    if url.startswith("sqlite:///") and not os.path.exists(url.removeprefix("sqlite:///")):
        return {}  # and reading shall not make one
    with Gradebook(url) as gradebook:
        try:
            submissions = gradebook.assignment_submissions(lab)
        except MissingEntry:
            return {}
        return {
            submission.student.id: {grade.name: _score(grade) for grade in notebook.grades}
            for submission in submissions
            for notebook in submission.notebooks
            if notebook.name == lab
        }


def standings(course, lab):
    """Where everybody who handed in stands: dict, student -> Standing. Writes nothing."""
    collected = collect.record(course, lab)["students"]
    refused = {student: entry["refused"] for student, entry in collected.items()}
    gated = gate.gate_all(course, lab, refused)
    last, known = last_gradings(course, lab), all_points(course, lab)
    version = places.version(course, lab)
    result = {}
    for student, passed in gated.items():
        known_as = collected.get(student, {})
        state = _state(passed, last.get(student), version, known.get(student))
        said = last.get(student, {}) if state[0] in ("graded", "waiting", "failed") else {}
        stopped = _stopped(said["message"]) if said.get("message") and state[0] != "failed" else ""
        standing = Standing(
            student,
            *state,
            notes=passed.notes + [stopped] * bool(stopped),
            stopped=stopped,
            suspicious=said.get("suspicious", []),
            members=known_as.get("members", [student]),
            names=known_as.get("names", [student]),
            pids=known_as.get("pids", []),
            time=known_as.get("time"),
            digest=passed.digest,
        )
        result[student] = standing
    return result


def _stopped(message):
    """What the engine says of the cells that stopped the notebook, in words for the student."""
    places = re.sub(r"in cell (\S+), (.*)", r"\2 in the cell \1", message.replace("; ", "\n"))
    return (
        f"{' '.join(map(_sentence, places.splitlines()))} The other cells were run without, as far "
        "as possible; what could not be run gets no point. "
        "Restart the kernel and run all cells: do they come to an end?"
    )


def _sentence(text):
    """A text with a capital letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _state(passed, last, version, found):
    """(state, points, total, max_points, reason) of a submission."""
    if not passed.contents:
        return "set aside", {}, None, 0.0, passed.reason
    if last is None or (last["digest"], last["version"]) != (passed.digest, version):
        reason = "Not graded yet." if last is None else "Changed since it was graded."
        return "to grade", {}, None, 0.0, reason
    if last["what"] == "failed":
        return "failed", {}, None, 0.0, _sentence(last["message"])
    if not found:
        return "to grade", {}, None, 0.0, "Not in the gradebook."
    if None in found.values():
        waiting = sorted(name for name, value in found.items() if value is None)
        reason = f"Waiting for a person to grade: {', '.join(waiting)}."
        return "waiting", found, None, last["max_points"], reason
    return "graded", found, round(sum(found.values()), 4), last["max_points"], ""
