"""An invented class for tests: a small course, its students, and Moodle's files about them.

Nobody here is real.
"""

import html
import io
import json
import re
import shutil
import zipfile
from dataclasses import dataclass, field

import nbformat
import pytest
from nbgrader.apps.api import NbGraderAPI

from mlelabs.instructor import build
from mlelabs.instructor import course as places

LAB, OTHER = "01-count", "02-words"
TEXT = '''# %% [markdown]
# # Lab 1: Count
#
# **Time:** about 25 minutes · **Points:** 10

# %% [markdown]
# ## Exercise 1: Add (2 points, about 5 minutes)

# %% exercise="add"
def add(a, b):
    """Return the sum."""
    ### BEGIN SOLUTION
    return a + b
    ### END SOLUTION

# %% [markdown]
# Try it.

# %% free="add"
add(1, 2)

# %% check="add" points=2
# Checks one sum.
assert add(1, 2) == 3, "add(1, 2): expected 3; did you subtract?"
### BEGIN HIDDEN TESTS
secret_sum = add(-1, -2)
assert secret_sum == -3, "add(-1, -2): expected -3; negative numbers count, too"
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: Largest (3 points, about 5 minutes)

# %% exercise="largest"
def largest(values):
    """Return the largest value, None for an empty list."""
    ### BEGIN SOLUTION
    return max(values, default=None)
    ### END SOLUTION

# %% check="largest" points=3
# Checks a short list.
assert largest([1, 3, 2]) == 3, "largest([1, 3, 2]): expected 3"
### BEGIN HIDDEN TESTS
assert largest([]) is None, "an empty list has no largest value: expected None"
assert largest([-5, -4]) == -4, "largest([-5, -4]): expected -4; do you start at 0?"
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: Words (2 points, about 5 minutes)

# %% exercise="words"
def words(text):
    """Return the number of words."""
    ### BEGIN SOLUTION
    return len(text.split())
    ### END SOLUTION

# %% check="words" points=2
# Checks a sentence.
assert words("a b c") == 3, "words('a b c'): expected 3"
### BEGIN HIDDEN TESTS
assert words("a  b") == 2, "two spaces are one gap: expected 2 words"
### END HIDDEN TESTS

# %% [markdown]
# ## Decision memo (3 points, about 10 minutes)

# %% [markdown] memo="memo" points=3
# ### BEGIN SOLUTION
# Count what matters.
# ### END SOLUTION

# %% [markdown]
# That is all.
'''
RIGHT = {
    "add": "def add(a, b):\n    return a + b",
    "largest": "def largest(values):\n    return max(values) if values else None",
    "words": "def words(text):\n    return len(text.split())",
}
WRONG = {
    "add": "def add(a, b):\n    return abs(a) + abs(b)",
    "largest": "def largest(values):\n    best = 0\n    for value in values:\n"
    "        best = max(best, value)\n    return best",
    "words": "def words(text):\n    return text.count(' ') + 1",
}
POINTS = {"add": 2, "largest": 3, "words": 2}
FIRST = ["Ada", "Björn", "Çelik", "Dörte", "Emil", "Fatıma", "Günther", "Håkon", "Ines", "Jörg"]
LAST = ["Apfel", "Birnbaum", "Citrus", "Dattel", "Erdbeer", "Feige"]


@dataclass
class Student:
    """An invented student: what they wrote (dict, cell id -> source), and how it is handed in."""

    name: str
    number: str
    email: str
    pid: str
    group: str = ""
    work: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)  # path -> bytes, or a str: target of a link
    points: float | None = None  # expected; None if none can be given
    reason: str = ""  # part of the reason why not


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A small course with two labs that its gradebook knows; not to be changed."""
    course = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        shutil.copy(build.ROOT / "nbgrader_config.py", course)
        patch.setattr(build, "ROOT", course)
        (course / "authoring").mkdir()
        for lab, text in [(LAB, TEXT), (OTHER, other_lab())]:
            write_lab(course, lab, text)
            release(course, lab)
    return course


@pytest.fixture
def course(built, tmp_path):
    """A small course of one's own."""
    return shutil.copytree(built, tmp_path / "a course")


def write_lab(course, lab, text):
    """Write the source of a lab without executing it."""
    build.text_path(lab).write_text(text, encoding="utf-8")
    source = course / "solutions" / lab / f"{lab}.ipynb"
    source.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(build.read_lab(lab), source)


def release(course, lab):
    """Let nbgrader release a lab."""
    api = NbGraderAPI(places.coursedir(course), config=places.config(course))
    result = api.generate_assignment(lab, force=True, create=True)
    assert result["success"], result


def other_lab():
    """A lab with exercises of other names."""
    return TEXT.replace('"add"', '"plus"').replace('"largest"', '"top"').replace('"words"', '"n"')


def notebook(course, work=None, lab=LAB):
    """The released notebook with a student's work, as a notebook."""
    released = nbformat.read(course / "labs" / lab / f"{lab}.ipynb", 4)
    for cell in released.cells:
        cell.source = (work or {}).get(cell.id, cell.source)
    return released


def as_bytes(notebook):
    return nbformat.writes(notebook).encode()


def plain(page):
    """The text of a page of HTML, without the code of its looks."""
    page = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.S)
    return html.unescape(re.sub(r"<[^>]+>", "", page))


def strip_metadata(notebook):
    """What Colab and others can make of it: no metadata, new cell ids."""
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = {}, f"new{number}"
    return notebook


def students(course, number, first=0):
    """A list of students who all hand in something fine; what each gets is known."""
    people = []
    for n in range(first, first + number):
        first_name, last_name = FIRST[n % 10], LAST[n // 10]
        bits = 0 if n % 20 == 19 else n % 7 + 1
        solved = [name for bit, name in enumerate(POINTS) if bits >> bit & 1]
        work = {name: (RIGHT if name in solved else WRONG)[name] for name in POINTS}
        person = Student(
            name=f"{first_name} {last_name}",
            number=str(47_110_000 + n),
            email=f"{first_name}.{last_name}@Students.Example.org",
            pid=str(1_200_345 + 7 * n),
            work=work,
            points=sum(POINTS[name] for name in solved),
        )
        person.files = {f"{LAB}.ipynb": as_bytes(notebook(course, work))}
        people.append(person)
    return people


def download(people, style="folders", extra=()):
    """Moodle's zip of all submissions, as bytes.

    style: "folders", "old" (before 4.1), "flat", "blind", "teams" (one folder for each group).
    extra: (path, content) of further entries.
    """
    buffer, done = io.BytesIO(), set()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for person in people:
            name = {"blind": "Teilnehmer/in".replace("/", " ")}.get(style, person.name)
            owner = f"{name.replace('_', ' ')}_{person.pid}"
            if style == "teams":
                group = person.group.replace("_", " ")
                owner = f"{group}_{4711 + len(group)}" if group else "Standard-Gruppe"
                if owner in done:
                    continue
                done.add(owner)
            for path, content in person.files.items():
                kind = "onlinetext" if path == "onlinetext.html" else "file"
                gap = {"folders": "/", "teams": "/", "old": "_/", "blind": "/", "flat": "_"}[style]
                entry = zipfile.ZipInfo(f"{owner}_assignsubmission_{kind}{gap}{path}")
                entry.external_attr = (0o120777 if isinstance(content, str) else 0o644) << 16
                archive.writestr(entry, content)
        for path, content in extra:
            archive.writestr(path, content)
    return buffer.getvalue()


ENGLISH = (
    "Identifier,Full name,ID number,Email address,Status,{group}Grade,Maximum grade,"
    "Grade can be changed,Last modified (submission),Last modified (grade),Feedback comments"
)
GERMAN = (
    "ID,Vollständiger Name,ID-Nummer,E-Mail-Adresse,Status,{group}Bewertung,Bestwertung,"
    "Bewertung kann geändert werden,Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),"
    "Feedback als Kommentar"
)


def worksheet(people, german=False, maximum=100, groups=False):
    """Moodle's grading worksheet, as bytes, with its quotes, line ends and byte order mark."""
    header = (GERMAN if german else ENGLISH).format(
        group=("Gruppe," if german else "Group,") if groups else ""
    )
    lines = [",".join(f'"{h}"' if " " in h else h for h in header.split(","))]
    for number, person in enumerate(people):
        identifier = f"Teilnehmer/in{person.pid}" if german else f"Participant {person.pid}"
        group = f'"{person.group}",' if groups else ""
        minute = f"{number % 60:02}"
        if german:
            time = f'"Mittwoch, 13. März 2024, 10:{minute}"' if person.files else "-"
            rest = f'"{maximum},00",Ja,{time},-,'
        else:
            time = f'"Tuesday, 2 December 2025, 10:{minute} AM"' if person.files else "-"
            rest = f"{maximum}.00,Yes,{time},-,"
        status = '"Submitted for grading"' if person.files else '"No submission"'
        lines.append(
            f'"{identifier}","{person.name}",{person.number},{person.email},{status},{group},{rest}'
        )
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def damage(course, person, kind):
    """Damage a hand-in in one of the ways of real classes; set what is expected of it."""
    good, name = person.files[f"{LAB}.ipynb"], f"{LAB}.ipynb"
    data = json.loads(good)
    files, reason = {name: good}, ""
    if kind == "byte order mark":
        files[name] = b"\xef\xbb\xbf" + good
    elif kind == "UTF-16":
        files[name] = good.decode().encode("utf-16")
    elif kind == "Latin-1":
        person.work["memo"] = "Für größere Zahlen prüfen."
        text = json.dumps(json.loads(as_bytes(notebook(course, person.work))), ensure_ascii=False)
        files[name] = text.encode("latin-1", errors="replace")
    elif kind == "renamed by the browser":
        files = {f"{LAB} (1).ipynb": good}
    elif kind == "capital letters, in a folder":
        files = {f"my work/{LAB}.IPYNB": good}
    elif kind == "zip inside":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(f"lab/{name}", good)
            archive.writestr(f"__MACOSX/lab/._{name}", b"\0\5\x16\7")
        files = {"lab.zip": buffer.getvalue()}
    elif kind == "copied cell":
        place = next(n for n, cell in enumerate(data["cells"]) if cell["id"] == "add")
        data["cells"].insert(place + 1, data["cells"][place])
        files[name] = json.dumps(data).encode()
    elif kind == "metadata stripped":
        files[name] = as_bytes(strip_metadata(notebook(course, person.work)))
    elif kind == "check deleted":
        data["cells"] = [cell for cell in data["cells"] if cell["id"] != "largest-check"]
        files[name] = json.dumps(data).encode()
    elif kind == "format 5":
        files[name] = json.dumps(data | {"nbformat": 5, "nbformat_minor": 0}).encode()
    elif kind == "truncated":
        files[name], reason = good[: len(good) // 2], "ends in the middle"
    elif kind == "empty":
        files[name], reason = b"", "is empty"
    elif kind == "web page":
        files[name], reason = b"<!DOCTYPE html>\n<html><body>JupyterHub</body></html>", "web page"
    elif kind == "git conflict":
        text = good.decode().replace('"cells"', '<<<<<<< HEAD\n"cells"', 1)
        files[name], reason = f"{text}\n>>>>>>> main\n".encode(), "git merge"
    elif kind == "link":
        files, reason = {name: "/etc/hostname"}, "is a link"
    elif kind == "text only":
        files, reason = {"onlinetext.html": b"<p>I did it</p>"}, "no notebook was uploaded"
    elif kind == "another lab":
        files[name] = as_bytes(notebook(course, {}, OTHER))
        reason = "is the lab 02-words"
    elif kind == "shadowing numpy":
        files["numpy.py"] = b"raise SystemExit"
    else:
        raise ValueError(kind)
    person.files, person.reason = files, reason
    if reason:
        person.points = None


DAMAGES = [
    "byte order mark", "UTF-16", "Latin-1", "renamed by the browser",
    "capital letters, in a folder", "zip inside", "copied cell", "metadata stripped",
    "check deleted", "format 5", "truncated", "empty", "web page", "git conflict", "link",
    "text only", "another lab", "shadowing numpy",
]  # fmt: skip
