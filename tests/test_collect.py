"""From Moodle's download to submitted/: all shapes, nobody lost, all or nothing."""

import json
import os
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner

from mlelabs.instructor import collect, gate
from mlelabs.instructor import course as places
from mlelabs.instructor.__main__ import program
from tests import classroom
from tests.classroom import LAB, OTHER


def moodle_files(course, people, style="folders", extra=(), **options):
    """Write Moodle's two files about these people; return their paths."""
    archive, sheet = course.parent / f"download-{style}.zip", course.parent / "grades.csv"
    archive.write_bytes(classroom.download(people, style, extra))
    sheet.write_bytes(classroom.worksheet(people, **options))
    return archive, sheet


def run(course, *arguments):
    """Run the program; return (exit code, stdout, stderr)."""
    result = CliRunner().invoke(program, ["--course", str(course), *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def tree(folder):
    """All files below a folder, with their contents and times."""
    return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


def submitted(course):
    """What lies in submitted/: dict, student -> set of paths."""
    folders = (course / "submitted").glob(f"*/{LAB}")
    return {folder.parent.name: set(places.files_in(folder)) for folder in folders}


@pytest.mark.parametrize("style", ["folders", "old", "flat", "blind"])
@pytest.mark.parametrize("german", [False, True])
def test_shapes_of_the_download(course, style, german):
    people = classroom.students(course, 3)
    people[1].files["notes/more.txt"] = b"x"
    people[2].files["onlinetext.html"] = b"<p>x</p>"
    archive, sheet = moodle_files(course, people, style, german=german)
    lab, result, unmatched = collect.collect(course, archive, sheet)
    assert lab == LAB and not unmatched and [what for _, what, _ in result] == ["new"] * 3
    own = {f"{LAB}.ipynb", "timestamp.txt"}
    assert submitted(course) == {
        "47110000": own,
        "47110001": own | {"notes/more.txt"},
        "47110002": own | {"onlinetext.html"},
    }
    time = (course / "submitted" / "47110001" / LAB / "timestamp.txt").read_text()
    assert time == ("2024-03-13 10:01:00" if german else "2025-12-02 10:01:00")
    before = tree(course)
    _, result, _ = collect.collect(course, archive, sheet)
    assert {what for _, what, _ in result} == {"as before"} and tree(course) == before


def test_blind_marking(course):
    """Neither names nor ID numbers: participants' numbers, if the teacher says so."""
    people = classroom.students(course, 2)
    archive, sheet = moodle_files(course, people, "blind", german=True)
    rows = [line.split(",") for line in sheet.read_text(encoding="utf-8-sig").splitlines()]
    text = "\n".join(",".join([row[0], *row[4:]]) for row in rows)
    sheet.write_text(text, encoding="utf-8")
    code, _, err = run(course, "collect", archive, "-w", sheet)
    assert code == 1 and "say --blind" in err
    code, _, err = run(course, "collect", archive, "-w", sheet, "--blind")
    assert code == 0 and set(submitted(course)) == {f"participant {p.pid}" for p in people}


def test_the_same_student_under_another_number(course):
    """Participants' numbers differ from assignment to assignment; students do not."""
    people = classroom.students(course, 2)
    collect.collect(course, *moodle_files(course, people))
    for person in people:
        person.pid = str(int(person.pid) + 5_000)
        person.files = {f"{OTHER}.ipynb": classroom.as_bytes(classroom.notebook(course, {}, OTHER))}
    lab, _, _ = collect.collect(course, *moodle_files(course, people))
    assert lab == OTHER
    assert {path.name for path in (course / "submitted").iterdir()} == {"47110000", "47110001"}


def test_a_worksheet_from_a_spreadsheet_makes_no_second_student(course):
    """Rounded ID numbers, and numbers that lost their zeros, in this lab and in the next one."""
    people = classroom.students(course, 2)
    for person in people:
        person.number = f"00{person.number}"
    collect.collect(course, *moodle_files(course, people))
    before = tree(course)
    for person in people:
        person.number = person.number.lstrip("0")
    archive, sheet = moodle_files(course, people)
    code, out, err = run(course, "collect", archive, "-w", sheet)
    assert code == 1 and "Ada Apfel was collected as 0047110000, and is 47110000 in this" in err
    for person in people:
        person.pid = str(int(person.pid) + 5_000)
    archive, sheet = moodle_files(course, people)
    code, out, err = run(course, "collect", archive, "-w", sheet)
    assert code == 1 and "Ada Apfel is 0047110000 in other labs, and 47110000 in this" in err
    for person in people:
        person.number = "4,711E+07"
    archive, sheet = moodle_files(course, people)
    sheet.write_text(sheet.read_text("utf-8").replace("4,711E+07", '"4,711E+07"'), "utf-8")
    code, out, err = run(course, "collect", archive, "-w", sheet)
    assert code == 1 and "2 rows of the worksheet share the ID number '4,711E+07'" in err
    assert tree(course) == before


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are others there")
def test_an_unzipped_download(course, tmp_path):
    """Some browsers unzip by themselves: a folder gives the same; links are not followed."""
    people = classroom.students(course, 2)
    archive, sheet = moodle_files(course, people)
    folder = tmp_path / "download"
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    own = folder / f"{people[0].name}_{people[0].pid}_assignsubmission_file"
    (own / "data.csv").symlink_to("/etc/hostname")
    os.mkfifo(own / "pipe")
    code, out, err = run(course, "collect", folder, "-w", sheet)
    assert code == 0 and f"{LAB}: 2 submissions, 2 written, 0 nobody's" in out, err
    assert submitted(course) == dict.fromkeys(
        ["47110000", "47110001"], {f"{LAB}.ipynb", "timestamp.txt"}
    )
    known = collect.record(course, LAB)["students"]["47110000"]
    assert "is a link" in known["refused"][0] and known["pids"] == [people[0].pid]


def test_groups_hand_in_once(course):
    people = classroom.students(course, 5)
    for person, group in zip(people, ["Die_Roten", "Die_Roten", "Blau", "", ""], strict=True):
        person.group = group
    archive, sheet = moodle_files(course, people, "teams", groups=True, german=True)
    _, result, unmatched = collect.collect(course, archive, sheet)
    assert not unmatched
    assert [student for student, _, _ in result] == ["group Blau", "group Die Roten", "group none"]
    known = collect.record(course, LAB)["students"]
    assert known["group Die Roten"]["members"] == ["47110000", "47110001"]
    assert known["group none"]["names"] == ["Dörte Apfel", "Emil Apfel"]


def test_two_groups_with_a_download_each(course):
    """Separate groups: two archives, two sheets; the second adds to the first."""
    people = classroom.students(course, 4)
    for half in (people[:2], people[2:]):
        archive, sheet = moodle_files(course, half)
        collect.collect(course, archive, sheet)
    assert len(collect.record(course, LAB)["students"]) == 4 == len(submitted(course))


def test_what_is_nobodys_is_listed_and_stops_nobody(course):
    people = classroom.students(course, 3)
    extra = [
        ("Gina Gurke_999_assignsubmission_file/x.ipynb", b"{}"),
        ("readme.txt", b"?"),
        ("__MACOSX/._x", b""),
    ]
    archive, sheet = moodle_files(course, people, extra=extra)
    text = sheet.read_text(encoding="utf-8-sig").replace("47110002,", ",")
    sheet.write_text(text.replace(people[2].email, ""), encoding="utf-8")
    code, out, _ = run(course, "collect", archive, "-w", sheet)
    assert code == 0 and f"{LAB}: 2 submissions, 2 written, 3 nobody's" in out
    assert "new      Ada Apfel (47110000)\n" in out, "names beside numbers"
    for name in ("Gina Gurke 999", "readme.txt", f"Çelik Apfel {people[2].pid}"):
        assert f"nobody's {name}" in out


def test_links_and_paths_that_lead_outside(course):
    people = classroom.students(course, 3)
    people[0].files["data.csv"] = "/etc/hostname"
    people[1].files["../../../escaped.txt"] = b"x"
    people[2].files = {f"{LAB}.ipynb": "/etc/hostname"}
    collect.collect(course, *moodle_files(course, people))
    assert not list(course.parent.rglob("escaped.txt"))
    assert not [path for path in (course / "submitted").rglob("*") if path.is_symlink()]
    known = collect.record(course, LAB)["students"]
    assert known["47110000"]["refused"] == [
        "'data.csv' is a link to another place and was not followed."
    ]
    assert "points outside its folder" in known["47110001"]["refused"][0]
    refused = {student: entry["refused"] for student, entry in known.items()}
    gated = gate.gate_all(course, LAB, refused)
    assert gated["47110000"].contents and gated["47110001"].contents
    assert "is a link" in gated["47110002"].reason


def test_the_same_name_twice_and_odd_names(course):
    people = classroom.students(course, 2)
    folder = f"{people[0].name}_{people[0].pid}_assignsubmission_file"
    extra = [
        (f"{folder}/{LAB}.ipynb", b"another"),
        (f"{folder}/a", b"file"),
        (f"{folder}/a/b", b"x"),
        (f"{folder}/what?<>\x01.txt", b""),
        (f"{folder}/{'long' * 60}.txt", b""),
    ]
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive, sheet = moodle_files(course, people, extra=extra)
    text = sheet.read_text(encoding="utf-8-sig").replace("47110000", "[4/7]*")
    sheet.write_text(text, encoding="utf-8")
    collect.collect(course, archive, sheet)
    names = submitted(course)["%5B4%2F7%5D%2A"]
    assert {f"{LAB}.ipynb", f"{LAB} (2).ipynb", "a", "a_b", "what____.txt"} < names
    assert len(names) == 7 and all(len(name) <= 130 for name in names)


def test_a_damaged_entry_costs_only_itself(course):
    people = classroom.students(course, 2)
    archive, sheet = moodle_files(course, people)
    content = bytearray(archive.read_bytes())
    content[120:130] = b"\0" * 10  # in the data of the first notebook
    archive.write_bytes(content)
    collect.collect(course, archive, sheet)
    known = collect.record(course, LAB)["students"]
    assert "cannot be unpacked" in known["47110000"]["refused"][0]
    assert not known["47110001"]["refused"]


def test_a_new_version_replaces_the_old_one(course):
    people = classroom.students(course, 2)
    archive, sheet = moodle_files(course, people)
    collect.collect(course, archive, sheet)
    mine = course / "submitted" / "47110001" / LAB / f"{LAB}.ipynb"
    mine.write_bytes(b"repaired by hand")
    people[0].files["more.txt"] = b"x"
    archive, sheet = moodle_files(course, people)
    _, result, _ = collect.collect(course, archive, sheet)
    assert [r[:2] for r in result] == [("47110000", "changed"), ("47110001", "as before")]
    assert "more.txt" in submitted(course)["47110000"]
    assert mine.read_bytes() == b"repaired by hand"


def test_as_a_plugin_of_nbgrader(course):
    """`nbgrader zip_collect` takes it as its collector."""
    people = classroom.students(course, 2)
    archive, sheet = moodle_files(course, people, "flat", german=True)
    folder = course / "downloaded" / LAB / "archive"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    plugin = "mlelabs.instructor.collect.MoodleCollector"
    command = [sys.executable, "-m", "nbgrader", "zip_collect", LAB, f"--collector={plugin}"]
    command += [f"--MoodleCollector.worksheet={sheet}"]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert submitted(course) == dict.fromkeys(
        ["47110000", "47110001"], {f"{LAB}.ipynb", "timestamp.txt"}
    )


def test_bad_input_is_one_line_and_writes_nothing(course, monkeypatch):
    people = classroom.students(course, 2)
    archive, sheet = moodle_files(course, people)
    strangers = classroom.students(course, 2, first=30)
    other = course.parent / "other.csv"
    other.write_bytes(classroom.worksheet(strangers))
    wrong = course.parent / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    empty = course.parent / "empty.zip"
    empty.write_bytes(classroom.download([]))
    unclear = course.parent / "unclear.zip"
    people[0].files = {"solution.ipynb": b"{}"}
    unclear.write_bytes(classroom.download(people[:1]))
    before = tree(course)
    for arguments, message in [
        (["gone.zip", "-w", sheet], "cannot read gone.zip: No such file"),
        ([archive, "-w", "gone.csv"], "cannot read gone.csv: No such file"),
        ([archive], "Missing option '--worksheet'"),
        ([sheet, "-w", sheet], "is not a zip archive"),
        ([course, "-w", sheet], "holds no submission"),
        ([archive, "-w", archive], "this is a zip or an Excel file, not a worksheet"),
        ([archive, "-w", wrong], "no column 'Identifier'"),
        ([archive, "-w", other], "none of the 2 submissions is in the worksheet"),
        ([empty, "-w", sheet], "holds no submission"),
        ([unclear, "-w", sheet], f"which lab is it? Say --lab with one of {LAB}, {OTHER}"),
        ([archive, "-w", sheet, "--lab", OTHER], f"all notebooks are named {LAB}, none {OTHER}"),
        ([archive, "-w", sheet, "--lab", "99-gone"], f"there is no lab '99-gone'; there are {LAB}"),
    ]:
        code, out, err = run(course, "collect", *arguments)
        assert code != 0 and not out and message in err and err.count("\n") == 1, err
    code, _, err = run(course.parent, "collect", archive, "-w", sheet, "--lab", LAB)
    assert code == 1 and "is not a course" in err
    assert tree(course) == before

    def full(self, content):
        raise OSError(28, "No space left on device", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(places.Path, "write_bytes", full)
        code, _, err = run(course, "collect", archive, "-w", sheet)
    assert code == 1 and "No space left on device" in err and err.count("\n") == 1
    after = {path: content for path, content in tree(course).items() if path.suffix != ".lock"}
    assert after == before


@pytest.mark.skipif(os.name == "nt", reason="locks and rights are others there")
def test_one_command_at_a_time(course):
    archive, sheet = moodle_files(course, classroom.students(course, 1))
    code = "import sys, pathlib; from mlelabs.instructor import course\n"
    code += "with course.writer(pathlib.Path(sys.argv[1])): print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(course)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        status, _, err = run(course, "collect", archive, "-w", sheet)
        assert status == 1 and "another command is at work" in err
        holder.kill()
    assert run(course, "collect", archive, "-w", sheet)[0] == 0, "the lock went with its holder"


def test_dry_run_writes_nothing(course):
    archive, sheet = moodle_files(course, classroom.students(course, 2))
    before = tree(course)
    code, out, _ = run(course, "collect", archive, "-w", sheet, "--dry-run")
    assert code == 0 and "2 submissions, 2 would be written" in out and tree(course) == before


def test_a_damaged_record_is_named(course):
    archive, sheet = moodle_files(course, classroom.students(course, 1))
    collect.collect(course, archive, sheet)
    collect.record_path(course, LAB).write_text("{")
    code, _, err = run(course, "collect", archive, "-w", sheet)
    assert code == 1 and "is damaged: delete it and collect again" in err
    collect.record_path(course, LAB).unlink()
    collect.collect(course, archive, sheet)
    assert json.loads(collect.record_path(course, LAB).read_text())["students"]
