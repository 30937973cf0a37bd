"""The bank sees what nbgrader sees: errors, and points that a check gives in part."""

import inspect

import nbformat
import pytest

from mlelabs.instructor import bank

ANSWER = bank.Answer("accept", "add", "by hand", "def add(a, b):\n    return a + b")


def verdict(check, answer=ANSWER, points=2):
    """The verdict on an answer, with this check behind it."""
    grader = {"grade": True, "solution": False, "points": points}
    cell = nbformat.v4.new_code_cell(check, id="add-check", metadata={"nbgrader": grader})
    return bank.Verdict(answer, *bank._judge(answer, [cell], {}), 0.0)


@pytest.mark.parametrize("end", ["None", "2", "2.0", "True", "'fine'", "x = 1"])
def test_full_marks(end):
    assert bank.is_right(verdict(f"assert add(1, 2) == 3\n{end}"))


@pytest.mark.parametrize("end, error", [("0.5", "0.5 of 2 points"), ("1", "1 of 2 points")])
def test_points_in_part_are_no_full_marks(end, error):
    got = verdict(f"assert add(1, 2) == 3\n{end}")
    assert got.failed == ["add"] and got.error == f"Partial: {error}"
    assert not bank.is_right(got)


def test_a_rejected_answer_must_fail_as_foreseen():
    partial = bank.Answer("reject", "add", "half", ANSWER.source, "Partial: 0.5 of 2 points")
    assert bank.is_right(verdict("0.5", partial))
    assert not bank.is_right(verdict("1.5", partial))
    other = bank.Answer("reject", "add", "half", ANSWER.source, "points")
    assert not bank.is_right(verdict("0.5", other)), "0 points are foreseen, not a part"
    assert bank.is_right(verdict("assert False, 'no points'", other))


def test_the_source_of_an_answer_can_be_found():
    namespace = {}
    bank._execute(ANSWER.source, "add", namespace)
    assert inspect.getsource(namespace["add"]).strip() == ANSWER.source
