"""The students' repository: all they need, nothing of the instructor's, no foreign change lost."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from mlelabs.instructor import build, publish
from mlelabs.instructor.__main__ import program
from tests.test_leaks import given_lines, secret_lines


@pytest.fixture(scope="module", autouse=True)
def labs_are_built():
    """That the labs are up to date is tests/test_build.py's business, and takes time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "is_current", lambda lab: True)
        yield


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A freshly published students' repository."""
    target = tmp_path_factory.mktemp("students") / "labs of this term"
    assert publish.publish(target)
    return target


def run(*arguments):
    result = CliRunner().invoke(program, ["publish", *map(str, arguments)])
    return result.exit_code, result.output


def test_nothing_of_the_instructor_is_published(published):
    paths = {path.relative_to(published).as_posix() for path in published.rglob("*")}
    for name in ("solutions", "authoring", "tests", "mlelabs/instructor", "nbgrader_config.py"):
        assert not any(path == name or path.startswith(f"{name}/") for path in paths), name
    assert not [path for path in paths if "gradebook" in path or "answers" in path]
    files = [path for path in published.rglob("*") if path.is_file() and path.suffix != ".csv"]
    everything = "\n".join(path.read_text(encoding="utf-8") for path in files)
    # what one lab gives is no secret of another; each lab by itself: tests/test_leaks.py
    secrets = secret_lines(*map(build.read_lab, build.labs()))
    secrets = secrets.difference(*map(given_lines, build.labs()))
    assert len(secrets) > 500, "the labs have solutions and hidden tests; were they found?"
    for line in secrets:
        quoted = line.replace("\\", "\\\\").replace('"', '\\"')  # as a notebook writes it
        assert line not in everything and quoted not in everything, line


def test_students_can_use_it(published):
    """The data are found by the students' copy of the package, as a notebook finds them."""
    code = "import mlelabs.data as d; print(d.__file__); print(len(d.load_wildfires()))"
    environment = {**os.environ, "PYTHONPATH": str(published)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=published / "labs", env=environment, capture_output=True
    )
    printed = done.stdout.decode()
    assert str(published) in printed and "26551" in printed, done.stderr.decode()
    for lab in build.labs():
        assert (published / "labs" / lab / f"{lab}.ipynb").exists()
    readme = (published / "README.md").read_text(encoding="utf-8")
    assert "| [Lab 1](labs/01-data-quality/01-data-quality.ipynb" in readme


def test_publishing_again_changes_nothing(published):
    before = {path: path.stat().st_mtime_ns for path in published.rglob("*")}
    assert publish.publish(published) == []
    assert {path: path.stat().st_mtime_ns for path in published.rglob("*")} == before


@pytest.mark.parametrize("change", ["edit", "add", "delete"])
def test_foreign_changes_are_refused(change, tmp_path, monkeypatch):
    publish.publish(tmp_path / "repo")
    file = tmp_path / "repo" / "labs" / "README.md"
    other = tmp_path / "repo" / "labs" / "mine.txt"
    if change == "edit":
        file.write_text("my own words")
    elif change == "add":
        other.write_text("a note")
    else:
        file.unlink()
    before = sorted((tmp_path / "repo").rglob("*"))
    code, output = run(tmp_path / "repo")
    assert code == 1
    named = "labs/mine.txt" if change == "add" else "labs/README.md"
    assert f"holds changes that are not ours: {named}; undo or move them, or publish" in output
    assert run("--dry-run", tmp_path / "repo") == (code, output), "a dry run tells the same"
    monkeypatch.setattr(build, "is_current", None)  # slow, so it comes after the refusal
    assert run(tmp_path / "repo") == (code, output)
    assert sorted((tmp_path / "repo").rglob("*")) == before


def test_wrong_targets_are_refused_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("x")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / publish.MANIFEST).write_text("{")
    for target, message in [
        (tmp_path / "file", "is a file"),
        (tmp_path / "full", "not ours: diary.txt"),
        (tmp_path / "damaged", "is damaged"),
        (build.ROOT / "labs", "is not apart from"),
        (build.ROOT, "is not apart from"),
    ]:
        code, output = run(target)
        assert code == 1 and message in output and output.count("\n") == 1, output
    monkeypatch.setattr(build, "is_current", lambda lab: False)
    code, output = run(tmp_path / "new")
    assert code == 1 and "run `make build` first" in output
    assert not (tmp_path / "new").exists(), "nothing was written"


def test_dry_run_writes_nothing(tmp_path):
    code, output = run("--dry-run", tmp_path / "new")
    assert code == 0 and "labs/README.md" in output and "would change" in output
    assert not (tmp_path / "new").exists()


def test_interrupted_run_can_be_repeated(tmp_path, monkeypatch):
    publish.publish(tmp_path)
    given = publish.files() | {"LICENSE": b"new", "README.md": b"new"}
    monkeypatch.setattr(publish, "files", lambda: given)
    (tmp_path / "LICENSE").write_bytes(b"new")  # written before the power went
    assert publish.publish(tmp_path) == ["LICENSE", "README.md"]
    assert publish.publish(tmp_path) == []


def test_what_is_no_longer_given_is_removed(tmp_path, monkeypatch):
    publish.publish(tmp_path)
    monkeypatch.setattr(publish, "GIVEN", [name for name in publish.GIVEN if name != "LICENSE"])
    assert publish.publish(tmp_path) == ["LICENSE"]
    assert not (tmp_path / "LICENSE").exists()
