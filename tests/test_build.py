"""The builder: one direction, byte for byte, and clear errors."""

import nbformat
import pytest

from mlelabs.instructor import build

LABS = build.labs()
LAB = """# %% [markdown]
# # Lab 9: Count
#
# **What you'll do:** add.
#
# **Course outcome:** arithmetic.
#
# **Time:** about 5 minutes · **Points:** 2

# %% [markdown]
# ## Exercise 1: Add (2 points, about 5 minutes)

# %% exercise="add"
def add(a, b):
    ### BEGIN SOLUTION
    return a + b
    ### END SOLUTION

# %% check="add" points=2
assert add(1, 2) == 3, "1 + 2 is 3"
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course directory with one small lab; the builder works in it."""
    monkeypatch.setattr(build, "ROOT", tmp_path)
    for folder in ("authoring", "solutions", "labs", "mlelabs"):
        (tmp_path / folder).mkdir()
    config = build.Path(__file__).parents[1] / "nbgrader_config.py"
    (tmp_path / "nbgrader_config.py").write_text(config.read_text())
    (tmp_path / "authoring" / "front-page.md").write_text("{cards}\n")
    (tmp_path / "README.md").write_text("<!-- labs:begin -->\n<!-- labs:end -->\n")
    (tmp_path / "pyproject.toml").write_text('[tool.mlelabs]\nstudents = "us/labs"\n')
    (tmp_path / "authoring" / "09-count.py").write_text(LAB)
    return tmp_path


def write(course, text):
    (course / "authoring" / "09-count.py").write_text(text)


@pytest.mark.parametrize("lab", LABS)
def test_notebooks_are_up_to_date(lab):
    assert build.is_current(lab), "run `make build` and commit what it writes"


def test_pages_are_up_to_date():
    for path, text in build.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `make build`"


@pytest.mark.parametrize("lab", LABS)
def test_way_back_gives_the_same_text(lab):
    notebook = nbformat.read(build.notebook_path("solutions", lab), 4)
    assert build.write_lab(notebook) == build.text_path(lab).read_text(encoding="utf-8")


def test_build_and_rebuild(course):
    assert build.build("09-count") is True
    released = build.notebook_path("labs", "09-count")
    before = released.read_bytes(), build.notebook_path("solutions", "09-count").read_bytes()
    assert b"not attempted yet" in before[0] and b"return a + b" not in before[0]
    assert build.build("09-count") is False, "nothing changed, nothing to do"
    assert build.build("09-count", force=True) is True
    after = released.read_bytes(), build.notebook_path("solutions", "09-count").read_bytes()
    assert before == after, "a rebuild is byte-identical"
    write(course, LAB.replace("1 + 2 is 3", "one and two is three"))
    assert build.is_current("09-count") is False


def test_edited_notebook_goes_back_to_its_text(course):
    build.build("09-count")
    path = build.notebook_path("solutions", "09-count")
    notebook = nbformat.read(path, 4)
    notebook.cells[-1].source += "\nassert add(0, 0) == 0"
    nbformat.write(notebook, path)
    assert build.main(["--back", str(path)]) == 0
    text = (course / "authoring" / "09-count.py").read_text()
    assert text == LAB + "assert add(0, 0) == 0\n"


@pytest.mark.parametrize(
    "old, new, message",
    [
        ('exercise="add"', 'exercize="add"', "unknown or too many keys"),
        ("points=2\n", "\n", "points belong to each check"),
        ("(2 points,", "(3 points,", "the headings say [3] points, the graded cells have [2]"),
        ("**Points:** 2", "**Points:** 9", "the opening must say"),
        ("Exercise 1:", "Exercise 2:", "the exercises are numbered [2]"),
        ('check="add"', 'check="add" exercise="x"', "unknown or too many keys"),
        ("assert add(1, 2) == 3", "assert add(1, 2) == 4", "add-check"),
        ("# %% check", "# %%\nadd(3, 4)\n\n# %% check", "uses add() of the exercise add"),
    ],
)
def test_wrong_text_is_refused_in_words(course, old, new, message, capsys):
    assert old in LAB
    write(course, LAB.replace(old, new))
    assert build.main([]) == 1
    assert message in capsys.readouterr().err
    assert not build.notebook_path("solutions", "09-count").exists(), "nothing half-built is left"


def test_failed_build_keeps_the_last_good_one(course):
    build.build("09-count")
    path = build.notebook_path("solutions", "09-count")
    good = path.read_bytes()
    write(course, LAB.replace("return a + b", "return a - b"))
    assert build.main([]) == 1
    assert path.read_bytes() == good


def test_pages_tell_of_the_lab_and_link_to_the_students_repository(course):
    assert build.main([]) == 0
    card = (course / "labs" / "README.md").read_text()
    assert "[Lab 9: Count](09-count/09-count.ipynb)" in card and "**5 minutes · 2 points**" in card
    row = (course / "README.md").read_text()
    assert "| Count: count | 5 min | 2 |" in row and "v2/gh/us/labs/HEAD?urlpath=" in row
    assert '"add-check"' in (course / "mlelabs" / "labs.json").read_text()


def test_missing_kernel_is_named(course, monkeypatch, capsys):
    monkeypatch.setitem(build.KERNELSPEC, "name", "python-of-mars")
    assert build.main([]) == 1
    assert "the kernel 'python-of-mars' is not installed" in capsys.readouterr().err


def test_notebook_without_metadata_is_refused(course, capsys):
    build.build("09-count")
    text = (course / "authoring" / "09-count.py").read_text()
    path = course / "09-count.ipynb"
    notebook = nbformat.read(build.notebook_path("solutions", "09-count"), 4)
    for cell in notebook.cells:
        cell.metadata = {}
    nbformat.write(notebook, path)
    assert build.main(["--back", str(path)]) == 1
    assert "no nbgrader metadata" in capsys.readouterr().err
    path.write_text("{broken")
    assert build.main(["--back", str(path)]) == 1
    assert "is not a notebook" in capsys.readouterr().err
    assert build.main(["--back", str(course / "gone.ipynb")]) == 1
    assert "there is no notebook" in capsys.readouterr().err
    assert (course / "authoring" / "09-count.py").read_text() == text, "the text is untouched"


def test_unknown_lab_is_refused(course, capsys):
    assert build.main(["10-gone"]) == 1
    assert "no such lab: 10-gone; there are 09-count" in capsys.readouterr().err
