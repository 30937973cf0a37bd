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


def test_what_is_printed_in_a_check_goes():
    """A student's function can print the cell that calls it, and what it is called with."""
    answer = "def add(a, b):\n    print(In[-1])\n    print('got', a)\n    display(b)\n    return 3"
    text, outputs = seen(answer)
    assert "got 1" not in text and feedback.PRINTED in "".join(outputs)
    assert not [secret for secret in SECRETS if secret in text]
    text, _ = seen("print('mine')\ndef add(a, b):\n    return 3")
    assert "mine" in text, "what is printed in one's own cell stays"


def test_errors_carry_no_data_out_of_the_tests():
    """An error of the student's own can hold the input as its text: one short line of it stays."""
    for error in ("ValueError", "AssertionError"):
        long = f"raise {error}('one\\ntwo ' + str(a) * 500)"
        answer = f"def add(a, b):\n    if a == '1':\n        {long}\n    return 3"
        text, outputs = seen(answer)
        assert f"{error}: one" in text and "two 1" not in "".join(outputs)
        text, outputs = seen(answer.replace("one\\n", ""))
        assert "1" * 150 in text and "1" * 200 not in "".join(outputs)
        answer = f"def add(a, b):\n    try:\n        {long}\n    except Exception as e:\n"
        text, outputs = seen(answer + "        raise KeyError('sum') from e")
        assert "KeyError: 'sum'" in text and "two 1" not in "".join(outputs)
    long = "expected 3" + ", far from it" * 50
    text, _ = seen("def add(a, b):\n    return 4", CHECK.replace("expected 3", long))
    assert long in text, "a message of ours stays whole"
    text, outputs = seen(
        "def add(a, b):\n    return eval(f'{b} ?')", CHECK.replace("1, 2", "1, 77")
    )
    assert "SyntaxError" in text and "77 ?" not in "".join(outputs)


def test_figures_about_a_students_tests_stay():
    check = CHECK.replace("assert True", "names = ['one']  # \"one\"")
    answer = (
        "def add(a, b):\n    print('Your tests catch 3 of 4 hidden defects.')\n"
        "    print('  missed: one')\n    print('  missed: two')\n    return 3"
    )
    text, outputs = seen(answer, check)
    assert "catch 3 of 4 hidden defects." in outputs[0] and "missed: one" in outputs[0]
    assert "missed: two" not in outputs[0], "that is no defect of ours"


def test_long_outputs_are_cut():
    text, outputs = seen("print('x' * 50_000)\nprint('y' * 9)\ndef add(a, b):\n    return 3")
    assert "… cut" in outputs[0] and "x" * feedback.SHOWN in outputs[0]
    assert len(outputs[0]) < feedback.SHOWN + 500
    data = {"text/html": "<b>z</b>" * 50_000, "text/plain": "z" * 50_000, "image/png": "p" * 99}
    display = nbformat.v4.new_output("display_data", data)
    stream = nbformat.v4.new_output("stream", text="last")
    error = nbformat.v4.new_output("error", ename="E", evalue="", traceback=["t" * 30_000])
    feedback._cut([display, stream, error])
    assert set(display.data) == {"text/plain", "image/png"} and "cut" in display.data["text/plain"]
    assert stream.text == "\n… cut" and error.traceback == ["\n… cut"]


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
    comment = feedback._readable('<li><a href="#comment-add">Comment</a></li>')
    assert '<a href="#comment-add">add: comment</a>' in comment


def test_scores_are_told_in_words():
    """Colour alone does not tell; the sum of the page needs no word."""
    for score, word in [("2.0", "✓ full points"), ("0.5", "± some points"), ("0.0", "✗ no points")]:
        item = f'<li><a href="#add-check">Test cell</a> (Score: {score} / 2.0)</li>'
        assert f"(Score: {score} / 2.0, {word})</li>" in feedback._readable(item)
        head = f'  Score: {score} / 2.0 <a href="#top">(Top)</a>'
        assert f"Score: {score} / 2.0, {word} <a" in feedback._readable(head)
    assert feedback._readable("<h4>x (Score: 1.0 / 2.0)</h4>").endswith("2.0)</h4>")
