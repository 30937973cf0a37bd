"""The instructor's guide and the assignments say what is true of the labs and the program."""

import re

import pytest

from mlelabs.instructor import bank, build
from mlelabs.instructor.__main__ import program

GUIDE = (build.ROOT / "docs" / "instructors-guide.md").read_text(encoding="utf-8")
PAGES = {
    path: (build.ROOT / path).read_text(encoding="utf-8")
    for path in ("docs/instructors-guide.md", "assignments/project.md", "assignments/policies.md")
}


def between(name):
    """The part of the guide between two marks."""
    return re.search(rf"<!-- {name}:begin -->\n(.*)<!-- {name}:end -->", GUIDE, re.S)[1]


def minutes(lab):
    """A row of the guide's table: what the headings of a lab say."""
    notebook = build.read_lab(lab)
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = [(number, int(minutes)) for number, _, minutes in build.HEADING.findall(text)]
    exercises = " ".join(str(minutes) for number, minutes in found if number)
    memo = sum(minutes for number, minutes in found if not number)
    title = re.search(r"^# (Lab \d+): ", text, re.M)[1]
    total = sum(minutes for _, minutes in found)
    return f"| {title}, {lab[3:].replace('-', ' ')} | {exercises} | {memo} | {total} |"


def test_minutes_are_those_of_the_labs():
    rows = [minutes(lab) for lab in build.labs()]
    head = ["| | Minutes for each exercise | Memo | In all |", "|---|---|---|---|"]
    expected = "\n".join([*head, *rows]) + "\n"
    assert between("minutes") == expected, f"the guide should say:\n{expected}"


@pytest.mark.parametrize("lab", build.labs())
def test_common_mistakes_are_in_the_answer_bank(lab):
    """Each is an answer that the lab rejects, under the same name."""
    title = rf"\*\*Lab {int(lab[:2])}, .+?\*\*\n\n(.*?)(?:\n\n\*\*|\Z)"
    section = re.search(title, between("mistakes"), re.S)
    assert section, f"the guide names no common mistake of {lab}"
    named = re.findall(r'^- `([\w-]+)`, "(.+?)": .+$', section[1], re.M)
    assert len(named) >= 4 and len(named) == section[1].strip().count("\n") + 1
    rejected = {(a.exercise, a.name) for a in bank.read_answers(lab) if a.kind == "reject"}
    assert set(named) <= rejected, f"not in the bank: {set(named) - rejected}"


def test_commands_exist():
    readme = (build.ROOT / "README.md").read_text(encoding="utf-8")
    for text in (GUIDE, readme):
        named = set(re.findall(r"python -m mlelabs\.instructor (\w+)", text))
        assert {"publish", "collect", "grade", "return", "report"} <= named <= set(program.commands)


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_somewhere(path):
    folder = (build.ROOT / path).parent
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", PAGES[path]):
        text = PAGES[path] if not target else (folder / target).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.M)
        slugs = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
        assert not anchor or anchor in slugs, f"{path} links to #{anchor}"


def test_points_of_the_project_add_up():
    rubric = PAGES["assignments/project.md"].split("## What the points are for")[1]
    points = [int(n) for n in re.findall(r"^\| [^|]+ \| (\d+) \|", rubric, re.M)]
    assert sum(points) == 100 and "**Points:** 100" in PAGES["assignments/project.md"]
