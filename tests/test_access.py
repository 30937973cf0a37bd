"""What lies in a page or a lab is for everybody: the rules that a machine can check in the source.

They are those of the checker that JupyterLab has as an extension (jupyterlab-a11y-checker: alt
texts, headings, tables, links). What a browser makes of it is judged by axe-core, in
tests/test_browser.py and tests/test_site.py.
"""

import re

import nbformat
import pytest

from mlelabs.instructor import build

FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def pages():
    """Every text that students read: name -> Markdown."""
    found = {}
    for lab in build.labs():
        for tree in ("labs", "solutions"):
            notebook = nbformat.read(build.notebook_path(tree, lab), 4)
            cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
            found[f"{tree}/{lab}"] = "\n\n".join(cells)
    for name in ("README.md", "labs/README.md", "data/README.md"):
        found[name] = (build.ROOT / name).read_text(encoding="utf-8")
    found["the students' README"] = build.student_readme()
    return {name: FENCE.sub("", text) for name, text in found.items()}


PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_in_order(name):
    levels = [len(marks) for marks in re.findall(r"^(?:> )?(#+) \S", PAGES[name], re.M)]
    assert levels[0] == 1 and levels.count(1) == 1, "one title, at the top"
    for before, after in zip(levels, levels[1:], strict=False):
        assert after <= before + 1, f"from level {before} to {after}"
    sections = re.findall(r"^## (.+)$", PAGES[name], re.M)
    assert len(sections) == len(set(sections)), "no section twice"


@pytest.mark.parametrize("name", PAGES)
def test_pictures_have_alt_texts(name):
    assert not re.findall(r"!\[\s*\]\(", PAGES[name])
    assert not [tag for tag in re.findall(r"<img[^>]*>", PAGES[name]) if "alt=" not in tag]


@pytest.mark.parametrize("name", PAGES)
def test_links_say_where_they_lead(name):
    for text in re.findall(r"(?<!!)\[([^\]]+)\]\(", PAGES[name]):
        said = text.strip().lower()
        assert said not in ("here", "link", "this", "click here"), text
        assert not said.startswith("http"), f"a bare address: {text}"


@pytest.mark.parametrize("name", PAGES)
def test_tables_have_headers(name):
    lines = PAGES[name].splitlines()
    for number, line in enumerate(lines):
        if re.fullmatch(r"\|(\s*:?-+:?\s*\|)+", line):
            header = lines[number - 1].strip("| ").split("|")
            assert all(cell.strip() for cell in header), f"a column without a name: {header}"


@pytest.mark.parametrize("name", PAGES)
def test_colour_is_never_the_only_way_to_tell(name):
    """No text sends its reader to something that only its colour names."""
    # such as "the grey dots"; "the dots on the left (grey)" can be found without the colour
    colours = "red|green|blue|orange|yellow|purple|grey|gray|black|violet"
    pattern = rf"\b(?:the|in|a) (?:{colours}) (?:line|bar|curve|point|dot|box|cell|area)s?\b"
    assert not re.findall(pattern, PAGES[name], re.I)
