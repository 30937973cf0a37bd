"""The whole round on an invented class: collect, grade, return; every student has a mark or a
named reason, a second round changes nothing, and a killed one ends the same."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import nbformat
import pytest
from nbgrader.api import Gradebook

from mlelabs.instructor import build, collect, feedback, grade, marks, moodle, returns
from mlelabs.instructor import course as places
from tests import classroom
from tests.classroom import DAMAGES, LAB, OTHER, RIGHT
from tests.test_collect import moodle_files, run, tree

CLASS = 60
# 15 % of the class
DAMAGED = {
    3: "UTF-16",
    10: "copied cell",
    17: "truncated",
    24: "metadata stripped",
    31: "link",
    38: "renamed by the browser",
    45: "git conflict",
    52: "check deleted",
    59: "shadowing numpy",
}
ABSENT = {20, 41}


def a_class(course):
    """60 students in two groups; some damaged, some with a memo, some handed in nothing."""
    people = classroom.students(course, CLASS)
    for number, person in enumerate(people):
        person.group = "Gruppe 1" if number < CLASS // 2 else "Group 2"
        if number in DAMAGED:
            classroom.damage(course, person, DAMAGED[number])
        elif number in ABSENT:
            person.files, person.points = {}, None
        elif number % 10 == 6:  # a written memo waits for a person
            person.work["memo"] = "Two spaces are one gap."
            content = classroom.as_bytes(classroom.notebook(course, person.work))
            person.files, person.reason = {f"{LAB}.ipynb": content}, "Waiting for a person"
    return people


def dump(course):
    """What the gradebook says: dict, student -> dict, grade id -> all that is known."""
    with Gradebook(places.coursedir(course).db_url) as gradebook:
        return {
            submission.student.id: {
                g.name: (g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade)
                for notebook in submission.notebooks
                for g in notebook.grades
            }
            for submission in gradebook.assignment_submissions(LAB)
        }


def manual(course, student, cell, score):
    """Give a mark by hand, as formgrader does."""
    with Gradebook(places.coursedir(course).db_url) as gradebook:
        found = gradebook.find_grade(cell, LAB, LAB, student)
        found.manual_score, found.needs_manual_grade = score, False
        gradebook.db.commit()


def rows(path):
    """The fields of a worksheet, read by somebody else's reader."""
    text = path.read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.fixture(scope="module")
def graded(built, tmp_path_factory):
    """The class, collected from two downloads (German and English) and graded."""
    course = tmp_path_factory.mktemp("round") / "a course"
    classroom.shutil.copytree(built, course)
    people = a_class(course)
    halves = []
    for german, style in [(True, "folders"), (False, "flat")]:
        half = [p for p in people if (p.group == "Gruppe 1") == german]
        archive, sheet = moodle_files(course, half, style, german=german, maximum=24)
        sheet = sheet.rename(sheet.with_name(f"grades-{style}.csv"))
        assert run(course, "collect", archive, "-w", sheet)[0] == 0
        halves.append((sheet, half))
    code, out, err = run(course, "grade", LAB)
    assert code == 0, err
    for sheet, _ in halves:
        code, _, err = run(course, "return", LAB, "-w", sheet)
        assert code == 0, err
    return course, people, halves, out


def test_every_student_has_the_right_mark_or_a_named_reason(graded):
    course, people, halves, out = graded
    for sheet, half in halves:
        before, after = rows(sheet), rows(course / "returned" / LAB / sheet.name)
        header = [name.casefold() for name in before[0]]
        grade_at = next(header.index(n) for n in moodle.HEADERS["grade"] if n in header)
        comment_at = len(header) - 1
        for person, old, new in zip(half, before[1:], after[1:], strict=True):
            kept = [n for n in range(len(old)) if n not in (grade_at, comment_at)]
            assert [old[n] for n in kept] == [new[n] for n in kept]
            if person.points is None or person.reason:
                assert new[grade_at] == "", f"{person.name}: a missing mark is no 0"
            else:
                mark = person.points / 10 * 24
                assert float(new[grade_at]) == pytest.approx(mark), f"{person.name}"
                assert f"[{LAB}] {person.points:g} of 10 points." in new[comment_at]
            if person.points is None and person.reason:
                assert person.reason in new[comment_at], "the student is told"
            if person.reason:
                assert any(person.number in x and person.reason in x for x in out.splitlines())


def test_the_worksheet_changes_in_two_columns_byte_for_byte(graded):
    course, _, halves, _ = graded
    for sheet, _ in halves:
        before = sheet.read_bytes().decode()
        after = (course / "returned" / LAB / sheet.name).read_bytes().decode()
        old, new = moodle._fields(before)[1], moodle._fields(after)[1]
        untouched = moodle.Worksheet(sheet.read_bytes())
        columns = {untouched._columns[name] for name in ("grade", "comment")}
        place_before = place_after = 0
        for row_old, row_new in zip(old, new, strict=True):
            for n, (a, b) in enumerate(zip(row_old, row_new, strict=True)):
                if n in columns and row_old is not old[0]:
                    assert before[place_before : a[0]] == after[place_after : b[0]]
                    place_before, place_after = a[1], b[1]
        assert before[place_before:] == after[place_after:]
        assert after.startswith("\ufeff") and "\r\n" in after
        assert untouched.rewritten({}) == sheet.read_bytes()


def test_a_second_round_changes_nothing(graded, monkeypatch):
    course, _, halves, _ = graded
    before, books = tree(course), dump(course)
    monkeypatch.setattr(grade, "grade_student", None)  # nobody is graded again
    code, out, _ = run(course, "grade", LAB)
    assert code == 0 and "0 graded now" in out
    for sheet, _ in halves:
        assert run(course, "return", LAB, "-w", sheet)[0] == 0
    after = tree(course)
    made_again = {path for path in after if "feedback" in path.parts or path.suffix == ".lock"}
    assert {p: c for p, c in after.items() if p not in made_again} == {
        p: c for p, c in before.items() if p not in made_again
    }
    assert dump(course) == books


def test_feedback_has_no_hidden_test(graded):
    course, people, halves, _ = graded
    sheet, half = halves[0]
    archive = course / "returned" / LAB / f"{sheet.stem}-feedback.zip"
    source = nbformat.read(course / "solutions" / LAB / f"{LAB}.ipynb", 4)
    hidden = {line for cell in source.cells for line in feedback.hidden_lines(cell.source)}
    assert len(hidden) == 5
    with zipfile.ZipFile(archive) as pages:
        names = pages.namelist()
        marked = [p for p in half if p.points is not None and not p.reason]
        assert sorted(names) == sorted(
            f"Participant_{p.pid}_assignfeedback_file/{LAB}.html" for p in marked
        )
        texts = {
            p.name: classroom.plain(pages.read(moodle.feedback_name(p.pid, f"{LAB}.html")).decode())
            for p in marked
        }
    for person in marked:
        text = texts[person.name]
        for line in hidden:
            assert line not in text
        assert "secret_sum" not in text and "HIDDEN" not in text
        assert person.work["add"].splitlines()[1].strip() in text, "the student's own work"
        if person.work["add"] != RIGHT["add"]:
            assert "expected -3; negative numbers count, too" in text, "messages stay"


def test_every_mark_is_in_the_log(graded):
    course, people, _, _ = graded
    entries = marks.read_log(course, LAB)
    given = {e["student"]: e for e in entries if e["what"] == "returned"}
    right = {p.number: p.points for p in people if p.points is not None and not p.reason}
    assert {student: e["mark"] for student, e in given.items()} == {
        number: pytest.approx(points * 2.4) for number, points in right.items()
    }
    for entry in entries:
        assert entry["when"] and entry["by"] and entry["version"] == places.version(course, LAB)
    size = marks.log_path(course).stat().st_size
    with open(marks.log_path(course), "a") as file:
        file.write('{"what": "gra')  # the power went
    assert marks.read_log(course, LAB) == entries
    marks.append(course, [{"lab": OTHER, "what": "x"}])
    assert len(marks.read_log(course)) == len(entries) + 1
    os.truncate(marks.log_path(course), size)


def test_killed_and_started_again_it_ends_the_same(graded, built, tmp_path):
    course, people, _, _ = graded
    few = people[13:18]  # one waits for a person, one is truncated
    other = classroom.shutil.copytree(built, tmp_path / "a course")
    archive, sheet = moodle_files(other, few, german=True)
    collect.collect(other, archive, sheet)
    command = [sys.executable, "-m", "mlelabs.instructor", "--course", str(other), "grade", LAB]
    command += ["--workers", "1"]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not marks.read_log(other, LAB) and time.monotonic() < end:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = len(marks.read_log(other, LAB))
    assert 1 <= done < 4, "killed in the middle"
    first = marks.read_log(other, LAB)[0]["student"]
    stale = grade._remembered(other, LAB, first)  # as if killed before it could be put away
    stale.write_text("{}")
    outcome = grade.grade(other, LAB)
    assert len(outcome.results) == 4 - done, "one is truncated, those done are not done again"
    expected, found = dump(course), dump(other)
    students = {p.number for p in few if p.number in expected}
    assert found == {student: expected[student] for student in students}
    for student, standing in outcome.standings.items():
        assert standing.state == marks.standings(course, LAB)[student].state
    assert len(marks.read_log(other, LAB)) == 4
    assert not list(other.glob(".staging-*")) and not list(other.glob("collected/before/*/*"))


def test_marks_given_by_hand_survive_a_change_of_the_lab(course):
    """A memo's mark stays when hidden tests change; a mark that the change touches is asked for."""
    people = classroom.students(course, 3, first=5)
    for person in people:
        work = RIGHT | {"memo": f"My memo, by {person.name}."}
        person.files = {f"{LAB}.ipynb": classroom.as_bytes(classroom.notebook(course, work))}
    collect.collect(course, *moodle_files(course, people))
    first, second, third = (p.number for p in people)
    grade.grade(course, LAB)
    for student, score in [(first, 2.5), (second, 0.0), (third, 3.0)]:
        manual(course, student, "memo", score)
    manual(course, third, "words-check", 1.0)  # a person overrules a test
    standings = marks.standings(course, LAB)
    assert [standings[s].total for s in (first, second, third)] == [9.5, 7.0, 9.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "ROOT", course)
        text = classroom.TEXT.replace('words("a  b") == 2, "two', 'words("a  b") == 9, "now two')
        classroom.write_lab(course, LAB, text)
    assert {s.state for s in marks.standings(course, LAB).values()} == {"to grade"}
    # a new memo of the second student waits for a person again, whatever mark the old one had
    work = RIGHT | {"memo": "Another memo."}
    people[1].files = {f"{LAB}.ipynb": classroom.as_bytes(classroom.notebook(course, work))}
    collect.collect(course, *moodle_files(course, people))
    outcome = grade.grade(course, LAB)
    assert len(outcome.results) == 3
    after = outcome.standings
    assert after[first].state == "graded" and after[first].total == 7.5, "2 points less, memo kept"
    assert after[second].state == "waiting" and after[second].points["memo"] is None
    assert after[third].state == "waiting" and after[third].points["words-check"] is None
    assert after[third].points["memo"] == 3.0
    versions = [e["version"] for e in marks.read_log(course, LAB)]
    assert len(set(versions)) == 2
    # exercises that come or go are refused in words, and nothing is lost
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "ROOT", course)
        classroom.write_lab(course, LAB, classroom.TEXT.replace('"words"', '"count"'))
    before = dump(course)
    code, _, err = run(course, "grade", LAB)
    assert code == 1 and "has other exercises than those already graded" in err
    assert err.count("\n") == 1 and dump(course) == before


def test_a_notebook_that_kills_its_kernel_stops_nobody(course):
    people = classroom.students(course, 3)
    work = {"add": "import os\nos._exit(1)"}
    people[0].files = {f"{LAB}.ipynb": classroom.as_bytes(classroom.notebook(course, work))}
    archive, sheet = moodle_files(course, people)
    collect.collect(course, archive, sheet)
    (course / "submitted" / people[1].number / LAB / "timestamp.txt").write_text("last week")
    code, out, _ = run(course, "grade", LAB)
    assert code == 0 and "3 graded" in out, out
    assert "note      Ada Apfel (47110000): " in out and " in the cell add" in out, "which cell"
    assert marks.standings(course, LAB)[people[0].number].total is not None
    code, out, _ = run(course, "return", LAB, "-w", sheet)
    (line,) = [line for line in out.splitlines() if "ends or starts processes" in line]
    assert line.startswith("look at: Ada Apfel (47110000): "), "nobody uploads it unread"
    (row,) = [row for row in rows(course / "returned" / LAB / sheet.name) if row[1] == "Ada Apfel"]
    assert " in the cell add. The other cells were run without" in row[-1]
    assert "what could not be run gets no point. Restart" in row[-1]
    with Gradebook(places.coursedir(course).db_url) as gradebook:
        student = gradebook.find_student(people[0].number)
        assert (student.first_name, student.last_name) == ("Ada", "Apfel"), "as formgrader shows it"


def test_each_cell_that_stopped_a_notebook_is_a_sentence():
    told = marks._stopped("in cell a, the kernel died; cell b took more than 4 s")
    assert told.startswith("The kernel died in the cell a. Cell b took more than 4 s. The other")


def test_nbgrader_alone_does_as_well(course):
    """The plain way, without sandbox and warm kernels: the same marks, failures in words."""
    people = classroom.students(course, 3)
    work = {"add": "import os\nos._exit(1)"}
    people[0].files = {f"{LAB}.ipynb": classroom.as_bytes(classroom.notebook(course, work))}
    archive, sheet = moodle_files(course, people)
    collect.collect(course, archive, sheet)
    standings = grade.grade(course, LAB).standings
    failed = standings[people[0].number]
    assert failed.total is None and "ended the Python process" in failed.reason
    assert {standings[p.number].total for p in people[1:]} == {p.points for p in people[1:]}
    log = marks.log_path(course).read_bytes()
    grade.grade(course, LAB)
    assert marks.log_path(course).read_bytes() == log, "the same failure is told once"
    back, _ = returns.give_back(course, LAB, sheet)
    assert "grade" not in back.changes[people[0].pid]
    assert "ended the Python process" in back.changes[people[0].pid]["comment"]


def test_groups_get_a_row_and_a_folder_for_each_member(course):
    people = classroom.students(course, 4, first=2)
    for person, group in zip(people, ["Team A", "Team A", "Team A", ""], strict=True):
        person.group = group
    archive, sheet = moodle_files(course, people, "teams", groups=True)
    collect.collect(course, archive, sheet)
    assert len(grade.grade(course, LAB).results) == 2
    back, (table, pages) = returns.give_back(course, LAB, sheet)
    team = {row[5]: row for row in rows(table)}
    assert [row[6] for row in rows(table)[1:]] == [f"{10 * people[0].points:g}"] * 3 + [
        f"{10 * people[3].points:g}"
    ]
    assert set(team) == {"Group", "Team A", ""}
    with zipfile.ZipFile(pages) as archive:
        assert len(archive.namelist()) == 4
        assert {archive.read(name) for name in archive.namelist()[:3]} != set()
    logged = {e["student"] for e in marks.read_log(course, LAB) if e["what"] == "returned"}
    assert logged == {p.number for p in people}


def test_rows_that_moodle_would_skip_are_named(course):
    people = classroom.students(course, 5, first=17)
    archive, sheet = moodle_files(course, people, german=True, maximum=10)
    collect.collect(course, archive, sheet)
    grade.grade(course, LAB)
    manual(course, people[1].number, "memo", 9.0)  # extra credit
    lines = sheet.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace(",Ja,", ",Nein,")
    lines[2] = lines[2][:-1] + '-,"Well written."'
    points = people[3].points
    lines[4] = lines[4].replace('"10,00"', f'"{points},00","10,00"').replace(",,", ",", 1)
    sheet.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    if lines[2].count(",") > lines[1].count(","):
        lines[2] = lines[2].replace('-,-,"', '-,"')
        sheet.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    code, out, err = run(course, "return", LAB, "-w", sheet)
    assert code == 0, err
    assert f"locked in Moodle, so left alone: {called(people[0])}: {people[0].points:g}" in out
    assert "above the maximum, which Moodle skips: cut down to it: " + called(people[1]) in out
    assert f"has a comment of somebody else, which stays: {called(people[1])}" in out
    assert (
        f"has 0 points, which Moodle may skip: look there after the upload: {called(people[2])}"
        in out
    )
    table = rows(course / "returned" / LAB / sheet.name)
    assert [row[5] for row in table[1:]] == ["", "10", "0", f"{points},00", f"{people[4].points:g}"]


def called(person):
    return f"{person.name} ({person.number})"


def test_the_worksheet_of_another_assignment_is_refused(course):
    """The same students have other participants' numbers there; a few changed ones are named."""
    people = classroom.students(course, 4)
    archive, sheet = moodle_files(course, people)
    collect.collect(course, archive, sheet)
    grade.grade(course, LAB)
    people[0].pid = "99"
    sheet.write_bytes(classroom.worksheet(people))
    code, out, _ = run(course, "return", LAB, "-w", sheet, "--dry-run")
    assert code == 0 and f"number than when it was collected: {called(people[0])}" in out
    for person in people:
        person.pid = f"9{person.pid}"
    sheet.write_bytes(classroom.worksheet(people))
    before = tree(course)
    code, out, err = run(course, "return", LAB, "-w", sheet)
    assert code == 1 and not out and "this is the worksheet of another assignment" in err
    assert tree(course) == before
    known = json.loads(collect.record_path(course, LAB).read_text())
    for entry in known["students"].values():
        del entry["pids"]
    collect.record_path(course, LAB).write_text(json.dumps(known))
    assert run(course, "return", LAB, "-w", sheet, "--dry-run")[0] == 0, "collected before that"


def test_marks_that_are_there_and_trials(course):
    """A mark that is replaced is named; what is written elsewhere is a trial, and not logged."""
    people = classroom.students(course, 2, first=5)
    archive, sheet = moodle_files(course, people, maximum=10)
    collect.collect(course, archive, sheet)
    grade.grade(course, LAB)
    text = sheet.read_bytes().decode().replace(",,10.00", ',"1,50",10.00', 1)
    sheet.write_bytes(text.encode())
    line = f"replaces 1,50 by {people[0].points:g}: {called(people[0])}\n"
    for more in (["--dry-run"], ["-o", course / "trial"]):
        code, out, _ = run(course, "return", LAB, "-w", sheet, *more)
        assert code == 0 and line in out and "2 marks, 2 not yet in the worksheet" in out
        assert not [e for e in marks.read_log(course, LAB) if e["what"] == "returned"]
    code, out, _ = run(course, "return", LAB, "-w", sheet)
    assert len([e for e in marks.read_log(course, LAB) if e["what"] == "returned"]) == 2
    assert "choose" not in out
    plain = [";".join(row) for row in rows(sheet)]
    sheet.write_text("\n".join(plain), encoding="utf-8")
    code, out, _ = run(course, "return", LAB, "-w", sheet, "--dry-run")
    assert code == 0 and "in Moodle's upload form, choose ';' as separator" in out


def test_bad_input_is_one_line_and_writes_nothing(course, monkeypatch):
    people = classroom.students(course, 2)
    archive, sheet = moodle_files(course, people)
    strangers = course.parent / "strangers.csv"
    strangers.write_bytes(classroom.worksheet(classroom.students(course, 2, first=30)))
    before = tree(course)

    def fails(*arguments, message, status=1):
        code, out, err = run(course, *arguments)
        assert code == status and not out and message in err and err.count("\n") == 1, err
        after = {p: c for p, c in tree(course).items() if p.suffix != ".lock"}
        assert after == before

    for command in ("grade", "report", "return"):
        more = ["-w", sheet] if command == "return" else []
        fails(command, "99-gone", *more, message=f"there is no lab '99-gone'; there are {LAB}")
        fails(command, message="Missing argument 'LAB'", status=2)
        fails(command, LAB, *more, "--gone", message="No such option", status=2)
    fails("grade", LAB, message="nothing was handed in for 01-count: `collect` comes first")
    fails("report", LAB, message="nothing is graded")
    fails("return", LAB, "-w", sheet, message="nothing was handed in")
    fails("shrug", message="No such command", status=2)
    collect.collect(course, archive, sheet)
    grade.grade(course, LAB)
    before = {p: c for p, c in tree(course).items() if p.suffix != ".lock"}
    fails("return", LAB, message="Missing option '--worksheet'", status=2)
    fails("return", LAB, "-w", "gone.csv", message="cannot read gone.csv")
    fails("return", LAB, "-w", archive, message="a zip or an Excel file, not a worksheet")
    fails("return", LAB, "-w", strangers, message="nobody in the worksheet has handed in")
    fails("return", LAB, "-w", sheet, "-o", sheet.parent, message="would be overwritten")
    monkeypatch.setattr(places.os, "replace", no_space)
    fails("report", LAB, message="No space left on device")
    monkeypatch.setattr(feedback, "page", lambda *a: b"<html>")
    fails("return", LAB, "-w", sheet, message="No space left on device")


def no_space(*arguments):
    raise OSError(28, "No space left on device", "disk")


def test_dry_runs_write_nothing(course):
    people = classroom.students(course, 2)
    archive, sheet = moodle_files(course, people)
    collect.collect(course, archive, sheet)
    before = tree(course)
    code, out, _ = run(course, "grade", LAB, "--dry-run")
    assert code == 0 and "2 to grade" in out
    code, out, _ = run(course, "return", LAB, "-w", sheet, "--dry-run")
    assert code == 0 and "0 marks" in out
    assert tree(course) == before
    code, out, _ = run(course, "return", LAB, "-w", sheet)
    assert code == 0 and "no feedback to give, so no zip" in out
    assert not list((course / "returned").rglob("*.zip"))


def test_results_are_plain_data(course):
    """Whatever runs the students elsewhere must only bring such dicts."""
    people = classroom.students(course, 2)
    archive, sheet = moodle_files(course, people)
    collect.collect(course, archive, sheet)
    seen = []

    def run_backwards(course, lab, students):
        for student in reversed(students):
            seen.append(grade.grade_student(course, lab, student))
            yield json.loads(json.dumps(seen[-1]))

    outcome = grade.grade(course, LAB, run=run_backwards)
    assert [r["student"] for r in outcome.results] == [people[1].number, people[0].number]
    assert set(seen[0]) == {
        "student", "lab", "status", "points", "max_points", "needs_manual", "message", "seconds"
    }  # fmt: skip
    assert {s.total for s in outcome.standings.values()} == {p.points for p in people}


def test_every_command_teaches():
    for command in ("publish", "collect", "grade", "return", "report"):
        code, out, _ = run(places.Path("."), command, "--help")
        assert code == 0 and "--dry-run" in out and len(out) > 300
    assert len(DAMAGES) >= 15
