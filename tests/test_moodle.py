"""Moodle's worksheet and the names in its download, in all their shapes."""

from datetime import datetime

import pytest

from mlelabs.instructor import moodle
from mlelabs.instructor.course import RoundError, student_id

ENGLISH = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum grade",'
    '"Grade can be changed","Last modified (submission)","Last modified (grade)",'
    '"Feedback comments"\n'
    '"Participant 1234567","Ada Apfel",ada@example.org,"Submitted for grading",,100.00,Yes,'
    '"Tuesday, 2 December 2025, 10:37 AM",-,\n'
)
GERMAN = (
    "\ufeffID,Vollständiger Name,ID-Nummer,E-Mail-Adresse,Status,Bewertung,Bestwertung,"
    "Bewertung kann geändert werden,Zuletzt geändert (Abgabe),Texteingabe online,"
    "Zuletzt geändert (Bewertung),Feedback als Kommentar\r\n"
    'Teilnehmer/in1234567,"Birnbaum, ""Björn""",0012,B@Example.org,Zur Bewertung abgegeben,'
    '"13,50","24,00",Nein,"Mittwoch, 13. März 2024, 10:15","zwei\r\nZeilen",'
    '"Mittwoch, 13. März 2024, 19:59","schon da"\r\n'
)


def sheet(text, **options):
    return moodle.Worksheet(text.encode(), **options)


def test_english():
    (row,) = sheet(ENGLISH).rows
    assert (row.pid, row.student, row.grade, row.maximum) == (
        "1234567", "ada@example.org", "", 100.0
    )  # fmt: skip
    assert row.changeable and row.modified == datetime(2025, 12, 2, 10, 37)


def test_german():
    (row,) = sheet(GERMAN).rows
    assert (row.pid, row.student, row.name) == ("1234567", "0012", 'Birnbaum, "Björn"')
    assert (row.grade, row.maximum, row.comment) == ("13,50", 24.0, "schon da")
    assert not row.changeable and row.modified == datetime(2024, 3, 13, 10, 15)
    assert moodle.same_grade(row.grade, 13.5) and not moodle.same_grade("", 0)


@pytest.mark.parametrize("text", [ENGLISH, GERMAN, GERMAN.replace("\r\n", "\n")[:-1]])
def test_only_grade_and_comment_change(text):
    assert sheet(text).rewritten({}) == text.encode()
    assert sheet(text).rewritten({"99": {"grade": "1"}}) == text.encode()
    new = sheet(text).rewritten({"1234567": {"grade": "20.5", "comment": 'say "yes", please'}})
    before, after = (moodle._fields(t)[1] for t in (text, new.decode()))
    for row_before, row_after in zip(before, after, strict=True):
        differing = [
            (text[a:b], new.decode()[c:d])
            for (a, b, _), (c, d, _) in zip(row_before, row_after, strict=True)
            if text[a:b] != new.decode()[c:d]
        ]
        if row_before is before[0]:
            assert not differing
        else:
            assert [new for _, new in differing] == ["20.5", '"say ""yes"", please"']


def test_semicolons_and_small_headers():
    text = 'ID;Bewertung;Bestwertung;ID-Nummer\nTeilnehmerin7;"1,5";"3,00";12\n'
    (row,) = sheet(text).rows
    assert (row.pid, row.student, row.maximum, row.comment) == ("7", "12", 3.0, "")
    assert not sheet(text).takes_comments
    assert sheet(text).separator == ";" and sheet(ENGLISH).separator == ","
    older = sheet(ENGLISH.replace("Maximum grade", "Maximum Grade"))
    assert older.rows[0].maximum == 100


def test_who_a_student_is():
    header = "Identifier,ID number,Email address,Grade,Maximum grade\n"
    rows = ["1,77,a@b.c", "2,,B@b.c", "3,88,", "4,,d@b.c", "5,99,e@b.c", "6,,"]
    text = header + "".join(f"Participant {row},,10\n" for row in rows)
    assert [row.student for row in sheet(text).rows] == ["77", "b@b.c", "88", "d@b.c", "99", ""]


def test_blind_marking_must_be_said():
    text = "ID,Status,Bewertung,Bestwertung\nTeilnehmer/in123,-,,10\n"
    with pytest.raises(RoundError, match="say --blind"):
        sheet(text)
    assert sheet(text, blind=True).rows[0].student == "participant 123"
    assert sheet(GERMAN, blind=True).rows[0].student == "0012", "where there are names, they count"


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is empty"),
        (GERMAN.encode("latin-1", "replace"), "not UTF-8"),
        (b"name,points\nAda,3\n", "no column 'Identifier'"),
        (ENGLISH.replace("Maximum grade", "Scale").encode(), "scale in words"),
        (ENGLISH.replace("100.00", "").encode(), "row 2 of the worksheet has no maximum"),
        (ENGLISH.replace(",Yes", "").encode(), "row 2 of the worksheet has 9 columns, not 10"),
        (ENGLISH.replace('"Ada Apfel"', '"Ada" Apfel').encode(), "line 2 of the worksheet"),
        (b"PK\x03\x04\xff\xfe", "a zip or an Excel file, not a worksheet"),
        (GERMAN.replace("0012", "4.711E+07").encode(), "'4.711E\\+07': was it opened in a spread"),
        (
            b"ID,ID-Nummer,Bewertung,Bestwertung\n1,12,,10\n2,12,,10\n",
            "2 rows of the worksheet share the ID number '12': was it opened in a spreadsheet",
        ),
    ],
)
def test_what_is_no_worksheet(content, message):
    with pytest.raises(RoundError, match=message):
        moodle.Worksheet(content)


@pytest.mark.parametrize(
    "path, expected",
    [
        ("Ada Apfel_12_assignsubmission_file/lab.ipynb", ("Ada Apfel", "12", "lab.ipynb")),
        ("Ada Apfel_12_assignsubmission_file_/lab.ipynb", ("Ada Apfel", "12", "lab.ipynb")),
        ("Ada Apfel_12_assignsubmission_file_lab_2.ipynb", ("Ada Apfel", "12", "lab_2.ipynb")),
        ("Ada_12_assignsubmission_file/a/b.ipynb", ("Ada", "12", "a/b.ipynb")),
        ("Ada_12_assignsubmission_file/a\\b.ipynb", ("Ada", "12", "a/b.ipynb")),
        ("download/Ada_12_assignsubmission_file/b.ipynb", ("Ada", "12", "b.ipynb")),
        ("Teilnehmerin_12_assignsubmission_file/x", ("Teilnehmerin", "12", "x")),
        ("Gruppe 3_4711_assignsubmission_file/x", ("Gruppe 3", "4711", "x")),
        ("Standard-Gruppe_assignsubmission_file/x", ("Standard-Gruppe", "", "x")),
        (
            "Ada_12_assignsubmission_onlinetext/onlinetext.html",
            ("Ada", "12", "onlinetext.html"),
        ),
    ],
)
def test_names_in_the_download(path, expected):
    entry = moodle.entry(path)
    assert (entry.name, entry.pid, entry.path) == expected


def test_other_names_are_nobodys():
    for path in ("lab.ipynb", "Ada/lab.ipynb", "Ada_12_assignsubmission_file/"):
        assert moodle.entry(path) is None


def test_ids_are_folders_that_nbgrader_finds():
    assert student_id(" 47[1]/*? ") == "47%5B1%5D%2F%2A%3F"
    assert student_id("../x") == "%2E.%2Fx" and student_id("ä@b.c") == "ä@b.c"
    assert moodle.team_id("Gruppe_3") == moodle.team_id("Gruppe 3") == "group Gruppe 3"
    assert moodle.team_id("Standard-Gruppe") == moodle.team_id("") == "group none"


def test_feedback_goes_by_the_number():
    assert moodle.feedback_name("12", "a.html") == "Participant_12_assignfeedback_file/a.html"
