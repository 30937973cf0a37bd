"""Run the answer bank of a lab: every answer against the checks of its exercise.

authoring/NN-topic.answers.py holds one cell per answer:

    # %% accept="exercise-name" name="how it is written"
    # %% reject="exercise-name" name="the misconception" message="part of the check's message"

A lab's cells run once; each answer runs in a fork of that state, in place of the solution.
A check that ends with a number below its points gives partial credit, which counts as failed: an
answer with message="Partial: 1.5 of 3 points" is rejected in this way.
`python -m mlelabs.instructor bank 01-data-quality` prints the verdicts, `--json` all that is known.
"""

import argparse
import ast
import json
import linecache
import multiprocessing.connection
import os
import sys
import time
from dataclasses import asdict, dataclass

import jupytext

from mlelabs.instructor.build import ROOT, LabError, notebook_path, read_lab

SECONDS = 120  # more than any check needs; an answer that hangs is cut off here


@dataclass
class Answer:
    """An answer of the bank.

    `message`: what a rejected one must fail with. `to_end`: run the rest of the lab behind it, to
    see that no other exercise suffers; blank answers and the first wrong one of each exercise do.
    """

    kind: str  # accept, reject, blank
    exercise: str
    name: str
    source: str
    message: str = ""
    to_end: bool = False


@dataclass
class Verdict:
    """What happened to an answer.

    `failed`: exercises whose checks failed, and given cells that broke.
    `error`: class and message of the error of its own check; empty if it passed.
    """

    answer: Answer
    failed: list
    error: str
    seconds: float


def read_answers(lab):
    """Return the answers of a lab's bank. Raises LabError for a cell with wrong keys."""
    path = ROOT / "authoring" / f"{lab}.answers.py"
    answers = []
    for cell in jupytext.read(path, fmt="py:percent").cells:
        keys = {key: value for key, value in cell.metadata.items() if key != "lines_to_next_cell"}
        if cell.cell_type == "markdown" and not keys:
            continue
        kind = "accept" if "accept" in keys else "reject"
        expected = {kind, "name"} | ({"message"} if kind == "reject" else set())
        if set(keys) != expected:
            raise LabError(f"{path.name}: an answer needs the keys {sorted(expected)}, not {keys}")
        answers.append(Answer(kind, keys[kind], keys["name"], cell.source, keys.get("message", "")))
    unknown = {a.exercise for a in answers} - set(exercises(read_lab(lab)))
    if unknown:
        raise LabError(f"{path.name}: there are no exercises {sorted(unknown)}")
    wrong = {answer.exercise: answer for answer in reversed(answers) if answer.kind == "reject"}
    for answer in wrong.values():
        answer.to_end = True
    return answers


def exercises(notebook):
    """Names of the exercises of a lab, in order."""
    graders = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return [g["grade_id"] for g in graders if g.get("solution") and not g["grade"]]


def blank_answers(lab):
    """The stubs that students start from, as answers: what nbgrader released."""
    released = jupytext.read(notebook_path("labs", lab))
    names = set(exercises(released))
    return [
        Answer("blank", cell.id, "blank", cell.source, to_end=True)
        for cell in released.cells
        if cell.id in names
    ]


def run(lab, answers):
    """Return a list of Verdict, one per answer, in order.

    Must run in a process without other threads, as `main` does.
    """
    notebook = read_lab(lab)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    os.chdir(notebook_path("solutions", lab).parent)
    sys.path.insert(0, os.getcwd())  # a kernel finds the files beside its notebook, too
    namespace = {"__name__": "__main__"}
    running, results = [], {}
    for position, cell in enumerate(cells):
        for number, answer in enumerate(answers):
            if answer.exercise == cell.id:
                if len(running) == os.cpu_count():
                    _collect(running, results)
                running.append((number, *_fork(answer, cells[position + 1 :], namespace)))
        _execute(cell.source, cell.id, namespace)
    while running:
        _collect(running, results)
    return [Verdict(answer, *results[number]) for number, answer in enumerate(answers)]


def _execute(source, name, namespace):
    """Run a cell as Jupyter does; return the value of its last expression, None without one."""
    name = f"<{name}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), namespace)
    return last and eval(compile(ast.Expression(last.value), name, "eval"), namespace)


class _PartialCredit(Exception):
    """A check gave fewer points than there are."""


def _run_check(cell, namespace):
    """Run a check; raise what it raises, or _PartialCredit."""
    value, points = _execute(cell.source, cell.id, namespace), cell.metadata.nbgrader.points
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and value != points:
        raise _PartialCredit(f"{value:g} of {points:g} points")


def _fork(answer, following, namespace):
    """Start a child that runs the answer and the cells after it."""
    receive, send = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(
        target=_child, args=(send, answer, following, namespace)
    )
    process.start()
    send.close()
    return process, receive, time.monotonic()


def _child(send, answer, following, namespace):
    """Run one answer in the forked state and send (failed checks, error of its own check)."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    send.send(_judge(answer, following, namespace))


def _collect(running, results):
    """Take the result of a child that is done, or of the oldest if none is within SECONDS."""
    ready = multiprocessing.connection.wait([receive for _, _, receive, _ in running], SECONDS)
    done = next((child for child in running if child[2] in ready), running[0])
    number, process, receive, started = done
    try:
        failed, error = receive.recv() if ready else (["?"], f"no verdict within {SECONDS} s")
    except EOFError:
        failed, error = ["?"], "the process died"
    process.kill()
    process.join()
    running.remove(done)
    results[number] = failed, error, time.monotonic() - started


def _judge(answer, following, namespace):
    failed, error = [], ""
    try:
        _execute(answer.source, answer.exercise, namespace)
    except Exception as problem:  # then its check will fail as well, as it does for a student
        error = _describe(problem)
    for cell in following:
        is_check = cell.metadata.get("nbgrader", {}).get("grade", False)
        try:
            if is_check:
                _run_check(cell, namespace)
            else:
                _execute(cell.source, cell.id, namespace)
        except Exception as problem:
            if is_check:
                failed.append(cell.id.removesuffix("-check"))
            if is_check and failed == [answer.exercise] and not error:
                error = _describe(problem)
            elif not is_check and "nbgrader" in cell.metadata:
                failed.append(cell.id)  # a given cell broke: a cascade
        if cell.id == f"{answer.exercise}-check" and not answer.to_end:
            break
    return failed, error


def _describe(problem):
    kind = "Partial" if isinstance(problem, _PartialCredit) else type(problem).__name__
    return f"{kind}: {problem}"


def is_right(verdict):
    """True if an answer met the fate that the bank foresees for it."""
    answer = verdict.answer
    if answer.kind == "accept":
        return not verdict.failed and not verdict.error
    if verdict.failed != [answer.exercise]:
        return False
    if answer.kind == "blank":
        return verdict.error.startswith("NotImplementedError")
    kind = "Partial: " if answer.message.startswith("Partial: ") else "AssertionError: "
    return verdict.error.startswith(kind) and answer.message in verdict.error


def main(arguments=None):
    """The command line; the exit code is 1 if an answer met another fate than foreseen."""
    parser = argparse.ArgumentParser(
        "python -m mlelabs.instructor bank", description=__doc__.split("\n")[0]
    )
    parser.add_argument("lab")
    parser.add_argument("--exercise", help="run only the answers of this one")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    options = parser.parse_args(arguments)
    import matplotlib

    matplotlib.use("Agg")  # figures are drawn, but not shown
    answers = read_answers(options.lab) + blank_answers(options.lab)
    if options.exercise:
        answers = [answer for answer in answers if answer.exercise == options.exercise]
    stdout, sys.stdout = sys.stdout, sys.stderr  # what the lab prints is not the verdict
    verdicts = run(options.lab, answers)
    sys.stdout = stdout
    if options.json:
        print(json.dumps([asdict(verdict) for verdict in verdicts]))
        return 0
    for verdict in verdicts:
        a = verdict.answer
        mark = "ok   " if is_right(verdict) else "WRONG"
        print(f"{mark} {a.kind} {a.exercise} / {a.name} ({verdict.seconds:.1f} s)")
        print(f"      failed: {', '.join(verdict.failed) or 'none'}; {verdict.error[:300]}")
    return 0 if all(map(is_right, verdicts)) else 1


if __name__ == "__main__":
    # Forks and OpenMP's threads do not mix, so OpenMP gets one thread, before numpy is imported
    if os.environ.get("OMP_NUM_THREADS") != "1":
        os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, "-m", "mlelabs.instructor.bank", *sys.argv[1:]])
    sys.exit(main())
