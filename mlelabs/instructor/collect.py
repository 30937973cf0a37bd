"""From Moodle's download to nbgrader's submitted/, by way of nbgrader's collector plugin.

The plugin also works in `nbgrader zip_collect`; the command does more: it knows groups, follows no
link, leaves out no student in silence, and writes all or nothing.
"""

import contextlib
import json
import re
import stat
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nbgrader.plugins import FileNameCollectorPlugin
from traitlets import Bool, Unicode

from mlelabs.instructor import course as places
from mlelabs.instructor import gate, moodle
from mlelabs.instructor.course import RoundError


class MoodleCollector(FileNameCollectorPlugin):
    """nbgrader's collector for Moodle's download: students are known from the worksheet."""

    worksheet = Unicode(help="Path of Moodle's grading worksheet.").tag(config=True)
    blind = Bool(help="Take participants' numbers where the sheet names nobody.").tag(config=True)

    def read(self):
        """The worksheet, read once. Raises RoundError if it is none."""
        if not hasattr(self, "sheet"):
            self.sheet = moodle.Worksheet(read_file(Path(self.worksheet)), self.blind)
            self.by_pid = {row.pid: row for row in self.sheet.rows}
            self.by_team = defaultdict(list)
            for row in self.sheet.rows:
                self.by_team[moodle.team(row.group)].append(row)
        return self.sheet

    def collect(self, submitted_file):
        """Whose file this is: dict with student_id, file_id, timestamp; None if nobody's."""
        self.read()
        entry = moodle.entry(submitted_file)
        rows = entry and self.rows(entry)
        student = entry and self.student(entry, rows)
        if not student:
            return None
        times = [row.modified for row in rows if row.modified]
        timestamp = max(times).isoformat(" ") if times else None
        return {"student_id": student, "file_id": entry.path, "timestamp": timestamp}

    def rows(self, entry):
        """The rows of the worksheet that an entry of the download belongs to.

        A participant's number decides; where it is that of a group, the group's name.
        """
        if entry.pid in self.by_pid:
            return [self.by_pid[entry.pid]]
        return self.by_team.get(moodle.team(entry.name), []) if self._is_team(entry) else []

    def _is_team(self, entry):
        """True if an entry can be the common work of a group: no name of a group is a student's."""
        return moodle.team(entry.name) != "" or (
            not entry.pid and entry.name.casefold() in moodle.NO_GROUP
        )

    def student(self, entry, rows):
        """The student id of an entry; empty if the worksheet does not tell."""
        if not rows:
            return ""
        if entry.pid in self.by_pid:
            return rows[0].student
        return moodle.team_id(entry.name)


@dataclass
class HandIn:
    """What one student or group handed in.

    members: student ids. names: as Moodle shows them. pids: participants' numbers. time: ISO, or
    None. files: path -> bytes. refused: why some of it was not taken, in words for the student.
    """

    members: list
    names: list
    pids: list
    time: str | None
    files: dict = field(default_factory=dict)
    refused: list = field(default_factory=list)


def read_file(path):
    """A file's bytes. Raises RoundError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise RoundError(f"cannot read {path}: {error.strerror}") from None


class Folder:
    """A download that was unzipped, as some browsers do: what `_take` needs of a ZipFile."""

    def __init__(self, path):
        self.files = places.files_in(path)

    def infolist(self):
        """A ZipInfo for each file; a link is told by its kind, and never followed."""
        infos = []
        for name, file in self.files.items():
            info, status = zipfile.ZipInfo(name), file.lstat()
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                continue
            info.external_attr, info.file_size = status.st_mode << 16, status.st_size
            infos.append(info)
        return infos

    def read(self, info):
        """A file's bytes."""
        return self.files[info.filename].read_bytes()


def _opened(path):
    return contextlib.nullcontext(Folder(path)) if path.is_dir() else zipfile.ZipFile(path)


def read_download(path, collector):
    """Moodle's download: (dict, student id -> HandIn; list of folders that are nobody's).

    path: the zip archive, or a folder into which it was unzipped. Raises RoundError if it is
    neither or fits nothing in the worksheet.
    """
    collector.read()
    hand_ins, unmatched = {}, {}
    try:
        with _opened(Path(path)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            known = any(moodle.entry(entry.filename) for entry in entries)
            for entry in entries if known else []:
                _take(archive, entry, collector, hand_ins, unmatched)
    except FileNotFoundError:
        raise RoundError(f"cannot read {path}: No such file or directory") from None
    except zipfile.BadZipFile:
        raise RoundError(f"{path} is not a zip archive: download all submissions again") from None
    if not known:
        raise RoundError(f"{path} holds no submission: is it Moodle's download?")
    if not hand_ins:
        raise RoundError(
            f"none of the {len(unmatched)} submissions is in the worksheet: "
            "is it that of another assignment, course or group?"
        )
    return hand_ins, sorted(unmatched)


def _take(archive, info, collector, hand_ins, unmatched):
    """Sort one entry of the archive to its student."""
    entry = moodle.entry(info.filename)
    if entry is None:
        if not gate.is_litter(info.filename):
            unmatched[info.filename] = None
        return
    found, rows = collector.collect(info.filename), collector.rows(entry)
    if found is None:
        unmatched[f"{entry.name} {entry.pid}".strip()] = None
        return
    hand_in = hand_ins.setdefault(
        found["student_id"],
        HandIn(
            members=[row.student for row in rows],
            names=[row.name for row in rows],
            pids=[row.pid for row in rows],
            time=found["timestamp"],
        ),
    )
    path = found["file_id"]
    reason = gate.problem(info, path)
    if reason is None:
        try:
            content = archive.read(info)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError):
            reason = f"'{path}' cannot be unpacked: it is damaged or has a password."
    if reason:
        hand_in.refused.append(reason)
    else:
        hand_in.files[_free_name(path, content, hand_in.files)] = content


def _free_name(path, content, taken):
    """A name that a file system takes and that no other file of the student has."""
    parts = [re.sub(r'[\x00-\x1f<>:"|?*]', "_", part)[-120:] for part in path.split("/")]
    path = "/".join(part for part in parts if part not in ("", ".")) or "file"
    # a file cannot have the name of a folder, nor two files the same one
    if {str(parent) for parent in PurePosixPath(path).parents} & set(taken):
        path = path.replace("/", "_")
    name, number = PurePosixPath(path), 2
    while taken.get(path, content) != content or any(o.startswith(f"{path}/") for o in taken):
        path = str(name.parent / f"{name.stem} ({number}){name.suffix}")
        number += 1
    return path


def guess_lab(course, hand_ins):
    """The lab that most files are named after. Raises RoundError if that is not clear."""
    labs = places.labs(course)
    votes = Counter(lab for name in _names(hand_ins) for lab in labs if name.startswith(lab))
    ranked = votes.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        raise RoundError(f"which lab is it? Say --lab with one of {', '.join(labs)}")
    return ranked[0][0]


def _names(hand_ins):
    """Names of all files, without their folders."""
    return [PurePosixPath(path).name for hand_in in hand_ins.values() for path in hand_in.files]


def _check_names(course, lab, hand_ins):
    """Raise RoundError if every notebook is named after another lab than the one that was said."""
    notebooks = [name for name in _names(hand_ins) if name.lower().endswith(".ipynb")]
    others = [other for other in places.labs(course) if other != lab]
    votes = Counter(next((o for o in others if name.startswith(o)), "") for name in notebooks)
    if votes and not votes[""]:
        raise RoundError(
            f"all notebooks are named {votes.most_common(1)[0][0]}, none {lab}: is it the download "
            "of another assignment?"
        )


def check_identities(course, lab, rows):
    """Raise RoundError if rows of a worksheet would make a second student of a known one.

    A participant's number is that of one person; and an ID number keeps its zeros in all labs.
    """
    known = {}
    for entry in record(course, lab)["students"].values():
        known |= dict(zip(entry.get("pids", []), entry["members"], strict=False))
    for row in rows:
        before = known.get(row.pid)
        if not before or not row.student or before == row.student:
            continue
        if before.startswith("participant "):
            raise RoundError(
                f"{row.name} was collected with --blind, and the worksheet now tells names: "
                "hide them in Moodle again"
            )
        raise RoundError(
            f"{row.name} was collected as {before}, and is {row.student} in this worksheet: "
            f"{moodle.SPREADSHEET}"
        )
    _check_zeros(course, rows)


def _check_zeros(course, rows):
    ids = {path.name for path in (course / places.SUBMITTED).glob("*") if path.is_dir()}
    there = {row.student for row in rows}
    zeros = {name.lstrip("0"): name for name in ids - there if name.startswith("0")}
    for row in rows:
        before = row.student and zeros.get(row.student)
        if before and row.student not in ids:
            raise RoundError(
                f"{row.name} is {before} in other labs, and {row.student} in this worksheet: "
                f"{moodle.SPREADSHEET}"
            )


def record_path(course, lab):
    """Where is written down what was collected of a lab."""
    return course / "collected" / f"{lab}.json"


def record(course, lab):
    """What was collected: dict, student -> dict (members, names, pids, time, refused, digest).

    As {"students": ..., "unmatched": {name of the archive: list of folders that are nobody's}}.
    """
    path = record_path(course, lab)
    if not path.is_file():
        return {"students": {}, "unmatched": {}}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        raise RoundError(f"{path} is damaged: delete it and collect again") from None


def collect(course, archive, worksheet, lab=None, blind=False, dry_run=False, progress=iter):
    """Put Moodle's download into submitted/; return (lab, result, unmatched).

    result: list of (student, what, names); what: "new", "changed" or "as before". A submission
    that was collected before stays as it is, also if somebody repaired it since. Raises RoundError
    before anything is written.
    """
    collector = MoodleCollector(worksheet=str(worksheet), blind=blind)
    hand_ins, unmatched = read_download(archive, collector)
    if lab:
        places.check_lab(course, lab)
        _check_names(course, lab, hand_ins)
    else:
        lab = guess_lab(course, hand_ins)
        places.check_lab(course, lab)
    check_identities(course, lab, collector.sheet.rows)
    if dry_run:
        return lab, _compare(hand_ins, record(course, lab)), unmatched
    with places.writer(course), places.staging(course) as staging:
        before = record(course, lab)
        result = _compare(hand_ins, before)
        puts = []
        for student, what, _ in progress(result):
            hand_in, folder = hand_ins[student], course / places.SUBMITTED / student / lab
            if what != "as before" or not folder.is_dir():
                puts.append(places.write_folder(folder, _contents(hand_in), staging))
        after = {
            "students": before["students"]
            | {student: _as_record(hand_in) for student, hand_in in hand_ins.items()},
            "unmatched": before["unmatched"] | {Path(archive).resolve().name: unmatched},
        }
        text = json.dumps(after, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        staged = staging / "record"
        staged.write_text(text, encoding="utf-8")  # while nothing has its place yet: disk full?
        for put in puts:
            put()
        if not record_path(course, lab).is_file() or before != after:
            record_path(course, lab).parent.mkdir(exist_ok=True)
            staged.replace(record_path(course, lab))
    return lab, result, unmatched


def _contents(hand_in):
    contents = dict(hand_in.files)
    if hand_in.time:
        contents["timestamp.txt"] = hand_in.time.encode()
    return contents


def _as_record(hand_in):
    return {
        "members": hand_in.members,
        "names": hand_in.names,
        "pids": hand_in.pids,
        "time": hand_in.time,
        "refused": hand_in.refused,
        "digest": places.digest(_contents(hand_in)),
    }


def _compare(hand_ins, before):
    """For each student, whether this hand-in is new, changed, or as it was collected before."""
    known = before["students"]
    return [
        (
            student,
            "new"
            if student not in known
            else "as before"
            if known[student]["digest"] == places.digest(_contents(hand_in))
            else "changed",
            hand_in.names,
        )
        for student, hand_in in sorted(hand_ins.items())
    ]
