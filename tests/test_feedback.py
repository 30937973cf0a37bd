"""Feedback keeps messages and the student's own work, and loses every hidden test."""

import nbformat
import pytest
from nbclient import NotebookClient

from mlelabs.instructor import feedback

CHECK = """# Checks a sum.
assert add(1, 2) == 3, "expected 3"
### BEGIN HIDDEN TESTS
secret_number = add("1", 2)
assert secret_number == 3, "texts are added, too: expected 3"
### END HIDDEN TESTS
assert True"""
SECRETS = ["secret_number", 'add("1", 2)', "HIDDEN", '== 3, "texts']


def seen(answer, check=CHECK):
    """What a student sees of an answer and its check: (all text, list of outputs)."""
    grader = {"grade": True, "solution": False, "points": 1, "grade_id": "add-check"}
    cells = [
        nbformat.v4.new_code_cell(answer),
        nbformat.v4.new_code_cell(check, metadata={"nbgrader": grader}),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, allow_errors=True, shutdown_kernel="immediate").execute()
    notebook, _ = feedback.HideTests().preprocess(notebook, {})
    sources = [cell.source for cell in notebook.cells]
    outputs = [
        feedback.ANSI.sub("", str(output).replace("\\x1b", "\x1b"))
        for cell in notebook.cells
        for output in cell.outputs
    ]
    return "\n".join(sources + outputs), outputs


@pytest.mark.parametrize(
    "answer, message",
    [
        ("def add(a, b):\n    return int(a) + b + (a == '1')", "texts are added, too: expected 3"),
        ("def add(a, b):\n    return a + b", "TypeError: can only concatenate str"),
        ("def add(a, b):\n    return 4", "expected 3"),
        ("def add(a, b)\n    return 4", "NameError: name 'add' is not defined"),
    ],
)
def test_messages_stay_and_hidden_tests_go(answer, message):
    text, outputs = seen(answer)
    assert message in text and answer in text
    assert not [secret for secret in SECRETS if secret in text]
    assert feedback.CUT in text and 'assert add(1, 2) == 3, "expected 3"' in text
    if "TypeError" in message:
        assert any("return a + b" in output for output in outputs), (
            "where it happened, in one's own"
        )


def test_what_a_student_prints_of_the_tests_goes_too():
    """A student's function can read the cell that calls it."""
    answer = "def add(a, b):\n    print(In[-1])\n    print('mine')\n    return 3"
    text, outputs = seen(answer)
    assert "mine" in "".join(outputs)
    assert not [secret for secret in SECRETS if secret in text]


def test_chained_errors():
    answer = (
        "def add(a, b):\n    try:\n        return {}[a]\n    except KeyError as e:\n"
        "        raise ValueError('no sum of ' + str(a)) from e"
    )
    text, _ = seen(answer, CHECK.replace("assert add(1, 2) == 3", "assert True"))
    assert "no sum of 1" in text and not [secret for secret in SECRETS if secret in text]


def test_hidden_tests_without_an_end_are_hidden_to_the_end():
    source = "a = 1\n### BEGIN HIDDEN TESTS\nsecret = 12345"
    assert feedback.visible(source) == f"a = 1\n{feedback.CUT}"
    assert feedback.hidden_lines(source) == ["secret = 12345"]


def test_names_of_exercises_stand_in_the_list():
    page = '<head></head><a href="#add-check">Test cell</a> <a href="#memo">Written response</a>'
    text = feedback._readable(page)
    assert '<a href="#add-check">add</a>' in text and '<a href="#memo">memo</a>' in text
