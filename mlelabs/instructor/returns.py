"""Marks and feedback back to Moodle: the worksheet rewritten, the zip of feedback pages."""

import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field

from mlelabs.instructor import collect, feedback, marks, moodle
from mlelabs.instructor import course as places
from mlelabs.instructor.course import RoundError

EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same pages give the same zip, byte for byte


@dataclass
class Return:
    """What goes back: `changes` of the worksheet by pid, `pages` by pid -> student to show.

    remarks: dict, kind of remark -> list of lines, about every row without a new mark and every
    row that Moodle would skip or a person should look at. given: log entries.
    """

    sheet: moodle.Worksheet
    changes: dict = field(default_factory=dict)
    pages: dict = field(default_factory=dict)
    remarks: dict = field(default_factory=lambda: defaultdict(list))
    given: list = field(default_factory=list)


def prepare(course, lab, worksheet, blind=False):
    """Decide what each row of the worksheet gets; return Return. Writes nothing.

    Raises RoundError if the sheet does not fit what was handed in.
    """
    places.check_lab(course, lab)
    sheet = moodle.Worksheet(collect.read_file(worksheet), blind)
    collect.check_identities(course, lab, sheet.rows)
    standings = marks.standings(course, lab)
    if not standings:
        raise RoundError(f"nothing was handed in for {lab}: `collect` and `grade` come first")
    back, version = Return(sheet), places.version(course, lab)
    pairs = [
        (row, standings.get(row.student) or standings.get(moodle.team_id(row.group)))
        for row in sheet.rows
    ]
    _check_numbers(back, lab, pairs)
    seen = {standing.student for _, standing in pairs if standing}
    for row, standing in pairs:
        if standing is None:
            back.remarks["nothing handed in"].append(_name(row))
        else:
            _fill(back, row, standing, lab, version)
    if not seen:
        raise RoundError(
            f"nobody in the worksheet has handed in {lab}: is it that of another assignment?"
        )
    for student in sorted(set(standings) - seen):
        back.remarks["handed in, but not in this worksheet"].append(standings[student].label)
    if sheet.separator != ",":
        back.remarks["the worksheet has no commas"].append(
            f"in Moodle's upload form, choose {sheet.separator!r} as separator"
        )
    for row, standing in pairs:  # last, so that nobody overlooks them
        for what in standing.look_at if standing else []:
            back.remarks["look at"].append(f"{_name(row)}: {what}")
    return back


def _check_numbers(back, lab, pairs):
    """Refuse the worksheet of another assignment: there the same students have other numbers.

    The few whose number changed, and no longer is that of the collected work, are named.
    """
    same, other = 0, []
    for row, standing in pairs:
        if standing is None or not standing.pids:  # collected before numbers were written down
            continue
        number = dict(zip(standing.members, standing.pids, strict=False)).get(row.student)
        same += number == row.pid
        if number not in (None, row.pid):
            other.append(row)
    if len(other) > same:
        raise RoundError(
            f"{len(other)} of {len(other) + same} students have other participants' numbers than "
            f"when {lab} was collected: this is the worksheet of another assignment"
        )
    for row in other:
        back.remarks["has another number than when it was collected"].append(_name(row))


def _name(row):
    return places.label(row.student, [row.name])


def _fill(back, row, standing, lab, version):
    """Decide about one row."""
    if standing.state == "graded":
        _fill_mark(back, row, standing, lab, version)
    else:
        back.remarks[standing.state].append(f"{_name(row)}: {standing.reason}")
    comment = _comment(standing, lab)
    if not comment or not back.sheet.takes_comments:
        return
    if row.comment and f"[{lab}]" not in row.comment:
        back.remarks["has a comment of somebody else, which stays"].append(_name(row))
    elif row.comment != comment:
        back.changes.setdefault(row.pid, {})["comment"] = comment


def _fill_mark(back, row, standing, lab, version):
    mark = round(standing.total / standing.max_points * row.maximum, 2)
    if not row.changeable:
        back.remarks["locked in Moodle, so left alone"].append(f"{_name(row)}: {mark:g}")
        return
    if mark > row.maximum:
        back.remarks["above the maximum, which Moodle skips: cut down to it"].append(_name(row))
        mark = row.maximum
    if mark == 0:
        back.remarks["has 0 points, which Moodle may skip: look there after the upload"].append(
            _name(row)
        )
    back.pages[row.pid] = standing.student
    if not moodle.same_grade(row.grade, mark):
        back.changes.setdefault(row.pid, {})["grade"] = f"{mark:g}"
        if row.grade not in ("", "-"):
            back.remarks[f"replaces {row.grade} by {mark:g}"].append(_name(row))
    back.given.append(
        {
            "what": "returned",
            "lab": lab,
            "version": version,
            "student": row.student or standing.student,
            "digest": standing.digest,
            "points": standing.points,
            "max_points": standing.max_points,
            "mark": mark,
            "maximum": row.maximum,
        }
    )


def _comment(standing, lab):
    """What a student reads beside the mark; the name of the lab in front says that it is ours."""
    notes = " ".join(standing.notes)
    if standing.state == "graded":
        text = f"{standing.total:g} of {standing.max_points:g} points. {notes}"
    elif standing.state in ("set aside", "failed"):
        text = f"Not graded yet. {standing.reason}"
    else:
        return ""
    return f"[{lab}] {text}".strip()


def feedback_zip(pages, lab):
    """The zip that Moodle takes as feedback files, as bytes. pages: dict, pid -> page's bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for pid, content in sorted(pages.items()):
            entry = zipfile.ZipInfo(moodle.feedback_name(pid, f"{lab}.html"), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def give_back(course, lab, worksheet, output=None, blind=False, dry_run=False, progress=iter):
    """Write the worksheet and the feedback zip into `output`; return (Return, list of paths).

    The default folder is returned/LAB. Only what is written there goes into the log: elsewhere it
    is a trial. A mark goes into the log once: a second run adds nothing. Without a page there is no
    zip.
    """
    standard = course / "returned" / lab
    output = output or standard
    # named after the sheet: groups have a sheet each
    table, archive = output / worksheet.name, output / f"{worksheet.stem}-feedback.zip"
    if table.resolve() == worksheet.resolve():
        raise RoundError("the downloaded worksheet would be overwritten: choose another folder")
    back = prepare(course, lab, worksheet, blind)
    paths = [table, archive] if back.pages else [table]
    if dry_run:
        return back, paths
    with places.writer(course):
        made = {}
        for student in progress(sorted(set(back.pages.values()))):
            made[student] = feedback.page(course, lab, student)
        pages = {pid: made[student] for pid, student in back.pages.items()}
        if pages:
            places.write(archive, feedback_zip(pages, lab))
        else:
            archive.unlink(missing_ok=True)  # of an earlier run: not to be uploaded again
        places.write(table, back.sheet.rewritten(back.changes))
        last = {
            entry["student"]: entry
            for entry in marks.read_log(course, lab)
            if entry["what"] == "returned"
        }
        new = [
            entry
            for entry in back.given
            if any(last.get(entry["student"], {}).get(key) != entry[key] for key in entry)
        ]
        if output.resolve() == standard.resolve():
            marks.append(course, new)
    return back, paths
