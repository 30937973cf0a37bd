"""Moodle's files: the grading worksheet, the names in its download, the feedback zip.

Facts from Moodle's source, versions 3.9 to 5, and its English and German language packs.
"""

import functools
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import dateparser

from mlelabs.instructor.course import RoundError, student_id

# Column -> its headers, English and German, in small letters
HEADERS = {
    "identifier": ("identifier", "id"),
    "name": ("full name", "vollständiger name"),
    "id_number": ("id number", "id-nummer"),
    "email": ("email address", "e-mail-adresse"),
    "group": ("group", "gruppe"),
    "grade": ("grade", "bewertung"),
    "maximum": ("maximum grade", "bestwertung"),
    "scale": ("scale", "skala"),
    "changeable": ("grade can be changed", "bewertung kann geändert werden"),
    "modified": ("last modified (submission)", "zuletzt geändert (abgabe)"),
    "comment": ("feedback comments", "feedback als kommentar"),
}
NEEDED = ("identifier", "grade", "maximum")
# One part of a path in the download; a team without a group has no number
FOLDER = re.compile(
    r"^(?P<name>[^_]*)(?:_(?P<pid>\d+))?_assignsubmission_(?P<kind>file|onlinetext)"
    r"(?:_(?P<flat>.*))?$",
    re.S,
)
ROUNDED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.I)  # a long number after a spreadsheet program
SPREADSHEET = "was it opened in a spreadsheet program? Download it again"
NO_GROUP = ("", "default group", "standard-gruppe")


@dataclass(frozen=True)
class Row:
    """A row of the worksheet, as text where Moodle gives text.

    pid: the participant's number in this one assignment. student: who that is in every
    assignment, from the ID number, else the email; empty if the sheet tells neither.
    maximum: points. modified: time of hand-in, in Moodle's own time zone; None without one.
    """

    pid: str
    name: str
    student: str
    group: str
    grade: str
    maximum: float
    changeable: bool
    modified: datetime | None
    comment: str


@dataclass(frozen=True)
class Entry:
    """A file in Moodle's download: whose it is, and its path among that student's files."""

    name: str
    pid: str
    path: str


class Worksheet:
    """The grading worksheet as it was downloaded.

    `rows`: list of Row. `separator`: between its fields. `blind=True` takes participants' numbers
    for students where the sheet names nobody; they hold for this assignment alone. Raises
    RoundError for what is no worksheet.
    """

    def __init__(self, content, blind=False):
        if content.startswith(b"PK\x03\x04"):
            raise RoundError(
                "this is a zip or an Excel file, not a worksheet: Moodle's grading worksheet is a "
                "CSV file"
            )
        try:
            self.text = content.decode("utf-8")
        except UnicodeDecodeError:
            raise RoundError(
                "the worksheet is not UTF-8: download it again, and do not save it from Excel"
            ) from None
        self.separator, table = _fields(self.text)
        if not table:
            raise RoundError("the worksheet is empty")
        self._columns = _columns([value for _, _, value in table[0]])
        for number, fields in enumerate(table[1:], 2):
            if len(fields) != len(table[0]):
                raise RoundError(
                    f"row {number} of the worksheet has {len(fields)} columns, not {len(table[0])}"
                )
        self._table = table[1:]
        named = {"id_number", "email"} & set(self._columns)
        if not named and not blind:
            raise RoundError(
                "the worksheet has neither ID numbers nor email addresses; where marking is blind, "
                "say --blind: then students are known by their number in this assignment alone"
            )
        self._check_id_numbers()
        self._students = self._name_students(blind and not named)
        self.rows = [self._row(number) for number in range(len(self._table))]

    def _cell(self, number, column):
        place = self._columns.get(column)
        return "" if place is None else self._table[number][place][2].strip()

    def _pid(self, number):
        return (re.search(r"\d+$", self._cell(number, "identifier")) or [""])[0]

    def _check_id_numbers(self):
        """Raise RoundError for ID numbers that a spreadsheet program made unreadable."""
        count = Counter(self._cell(number, "id_number") for number in range(len(self._table)))
        for value, rows in count.items():
            if value and (rows > 1 or ROUNDED.fullmatch(value)):
                have = f"{rows} rows of the worksheet share" if rows > 1 else "the worksheet has"
                raise RoundError(f"{have} the ID number '{value}': {SPREADSHEET}")

    def _name_students(self, blind):
        """The student of each row: whatever names one row alone, the ID number first."""
        numbers = range(len(self._table))
        if blind:
            return [f"participant {self._pid(number)}" for number in numbers]
        columns = [[self._cell(n, c) for n in numbers] for c in ("id_number", "email")]
        columns[1] = [email.casefold() for email in columns[1]]
        counts = [Counter(column) for column in columns]
        return [
            next(
                (
                    c[n]
                    for c, count in zip(columns, counts, strict=True)
                    if c[n] and count[c[n]] == 1
                ),
                "",
            )
            for n in numbers
        ]

    def _row(self, number):
        cell = functools.partial(self._cell, number)
        maximum = _number(cell("maximum"))
        if not maximum or maximum < 0:
            raise RoundError(
                f"row {number + 2} of the worksheet has no maximum grade: '{cell('maximum')}'"
            )
        return Row(
            pid=self._pid(number),
            name=cell("name") or cell("identifier"),
            student=student_id(self._students[number]),
            group=cell("group"),
            grade=cell("grade"),
            maximum=maximum,
            changeable=cell("changeable").casefold() in ("yes", "ja", ""),
            modified=date(cell("modified")),
            comment=cell("comment"),
        )

    def rewritten(self, changes):
        """The worksheet with other grades and comments, as bytes; the rest byte for byte as it was.

        changes: dict, pid -> dict with "grade" (text) or "comment" (text) or both.
        """
        edits = []
        for number, fields in enumerate(self._table):
            for column, value in changes.get(self._pid(number), {}).items():
                if column in self._columns:
                    start, end, _ = fields[self._columns[column]]
                    edits.append((start, end, _quoted(value) if column == "comment" else value))
        text = self.text
        for start, end, value in sorted(edits, reverse=True):
            text = text[:start] + value + text[end:]
        return text.encode()

    @property
    def takes_comments(self):
        """True if the sheet has a column for comments (the teacher can switch it off)."""
        return "comment" in self._columns


def _quoted(value):
    return '"' + value.replace('"', '""') + '"'


def _number(text):
    """A number with dot or comma; None for anything else."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def same_grade(text, grade):
    """True if a grade in the sheet ("13,50") already is this number."""
    return (number := _number(text)) is not None and abs(number - grade) < 0.005


def _fields(text):
    """The separator of a CSV text, and every record: list of lists of (start, end, value).

    The csv module does not tell where a field stands, and its writer quotes in its own way.
    """
    start = 1 if text.startswith("\ufeff") else 0
    first = re.match(r"[^\r\n]*", text[start:])[0]
    separator = max(",;\t", key=first.count)
    pattern = re.compile(rf'"(?:[^"]|"")*"|[^{separator}\r\n"]*')
    records, record, position = [], [], start
    while position < len(text):
        match = pattern.match(text, position)
        end, raw = match.end(), match[0]
        if text[end : end + 1] not in ("", separator, "\r", "\n"):
            line = text.count("\n", 0, position) + 1
            raise RoundError(f"line {line} of the worksheet is not CSV: a quote stands alone")
        quoted = raw.startswith('"')
        record.append((position, end, raw[1:-1].replace('""', '"') if quoted else raw))
        if text[end : end + 1] == separator:
            position = end + 1
            if position == len(text):
                record.append((position, position, ""))
            else:
                continue
        records.append(record)
        record = []
        position = end + (2 if text[end : end + 2] == "\r\n" else 1)
    return separator, [r for r in records if len(r) > 1 or r[0][2].strip()]


def _columns(headers):
    """Dict, our name of a column -> its place. Raises RoundError if a needed one is missing."""
    found = {header.strip().casefold(): place for place, header in enumerate(headers)}
    columns = {
        column: found[name] for column, names in HEADERS.items() for name in names if name in found
    }
    if "identifier" in columns and "scale" in columns:
        raise RoundError("the assignment is graded by a scale in words: set it to points in Moodle")
    missing = [HEADERS[column] for column in NEEDED if column not in columns]
    if missing:
        english, german = missing[0]
        raise RoundError(
            f"this is not a grading worksheet of Moodle in English or German: "
            f"no column '{english.capitalize()}' ('{german}')"
        )
    return columns


@functools.cache
def date(text):
    """Moodle's date, English or German, as a datetime; None for "-" and the like."""
    if not re.search(r"\d", text):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dateparser.parse(text, languages=["de", "en"], settings={"DATE_ORDER": "DMY"})


def entry(path):
    """The Entry of a path in Moodle's download, whether students' files lie in folders or flat.

    None if the path does not look as Moodle writes it.
    """
    parts = path.replace("\\", "/").split("/")
    for place, part in enumerate(parts):
        match = FOLDER.match(part)
        if match:
            flat = [match["flat"]] if match["flat"] else []
            rest = "/".join([*flat, *parts[place + 1 :]])
            return Entry(match["name"], match["pid"] or "", rest) if rest else None
    return None


def team(name):
    """The name of a group as it can be compared: Moodle writes "_" as a space in its download."""
    name = re.sub(r"[_\s]+", " ", name).strip()
    return "" if name.casefold() in NO_GROUP else name


def team_id(name):
    """The student id under which the common work of a group is graded."""
    return student_id(f"group {team(name) or 'none'}")


def feedback_name(pid, file):
    """Path of a feedback file in the zip that Moodle takes back: it reads the number alone."""
    return f"Participant_{pid}_assignfeedback_file/{file}"
