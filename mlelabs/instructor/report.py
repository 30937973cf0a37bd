"""How a lab went: exercises, messages, times, and submissions that are alike, as one page."""

import ast
import base64
import builtins
import io
import keyword
import math
import re
import tokenize
from collections import Counter
from datetime import datetime
from itertools import combinations
from pathlib import Path

import jinja2
import nbformat
import pandas as pd
from rapidfuzz.distance import Indel

from mlelabs.instructor import build, feedback, gate, marks
from mlelabs.instructor import course as places
from mlelabs.instructor.course import RoundError

ALIKE = 0.9  # share of tokens in common from which two answers are nearly the same
RARE = 0.1  # share of the class up to which an answer is unusual
ENOUGH = 25  # tokens that two students must share in unusual answers: less can be chance
STOPPED = "GradingStopped:"  # what the engine writes into a check that could not be run
GIVEN_NAMES = {*keyword.kwlist, *dir(builtins)}


def report(course, lab, output=None, dry_run=False):
    """Write the page and the table; return (list of paths, a line that sums up).

    Raises RoundError if nothing was graded.
    """
    places.check_lab(course, lab)
    standings = marks.standings(course, lab)
    counted = {s.student: s for s in standings.values() if s.state in ("graded", "waiting")}
    if not counted:
        raise RoundError(f"nothing is graded for {lab}: `grade` comes first")
    release = gate.read_release(course, lab).notebook
    exercises = exercise_rows(course, lab, release, counted)
    pairs = alike(answers(course, lab, counted), _kinds(release))
    missing = [s for s in standings.values() if s.student not in counted]
    line = f"{len(counted)} submissions, not counted: {len(missing)}, pairs alike: {len(pairs)}"
    output = output or course / "returned" / lab
    stopped = stopped_students(course, lab, counted)
    page, table = output / f"{lab}-report.html", output / f"{lab}-report.csv"
    if not dry_run:
        places.write(page, _page(lab, exercises, pairs, counted, missing, line, stopped).encode())
        places.write(table, _table(exercises).encode())
    return [page, table], line


def exercise_rows(course, lab, release, counted):
    """What is known about each graded cell, in the order of the lab: list of dicts.

    solved: students with full points. mean: share of the points. discrimination: correlation with
    the points in all other cells, None where it is not defined. messages: (message, count).
    """
    points = pd.DataFrame({student: s.points for student, s in counted.items()}).T.astype(float)
    messages = {student: feedback.failed_messages(course, lab, student) for student in counted}
    rows = []
    for name, maximum in build.graded_cells(release):
        got = points[name].dropna()
        failed = Counter(
            _short(m[name])
            for m in messages.values()
            if name in m and not m[name].startswith(STOPPED)
        )
        rows.append(
            {
                "exercise": name.removesuffix("-check"),
                "points": maximum,
                "students": len(got),
                "solved": int((got >= maximum).sum()),
                "mean": got.mean() / maximum if len(got) else None,
                "discrimination": _discrimination(points, name),
                "messages": failed.most_common(5),
            }
        )
    return rows


def stopped_students(course, lab, counted):
    """Students whose notebook did not run to its end: list of (name, why), each of them once."""
    found = []
    for student, standing in counted.items():
        messages = feedback.failed_messages(course, lab, student).values()
        why = next((m.partition(":")[2] for m in messages if m.startswith(STOPPED)), "")
        if why or standing.stopped:
            found.append((standing.label, standing.stopped or why.strip()))
    return found


def _short(message):
    """A message as it can be counted: first line, without the class of our own errors."""
    lines = message.removeprefix("AssertionError:").strip().splitlines() or ["(no message)"]
    if "NotImplementedError" in lines[0]:
        return "not attempted"
    return lines[0][:240]


def _discrimination(points, name):
    """Correlation of a cell's points with those of the other checks; None if there is none."""
    others = [c for c in points.columns if c != name and points[c].notna().all()]
    both = pd.DataFrame({"own": points[name], "rest": points[others].sum(axis=1)}).dropna()
    if len(both) < 3 or both["own"].nunique() < 2 or both["rest"].nunique() < 2:
        return None
    return float(both["own"].corr(both["rest"]))


# Alike


def answers(course, lab, students):
    """What students wrote: dict, exercise -> dict, student -> source."""
    found = {}
    stubs = {cell.id: cell.source for cell in gate.read_release(course, lab).notebook.cells}
    for student in students:
        path = course / places.GATED / student / lab / f"{lab}.ipynb"
        for cell in nbformat.read(path, 4).cells:
            grader = cell.metadata.get("nbgrader", {})
            if grader.get("solution") and cell.source != stubs.get(cell.id):
                found.setdefault(cell.id, {})[student] = cell.source
    return found


def tokens(source):
    """A source as a list of tokens, without comments, docstrings, layout and chosen names.

    Names that a student chose become numbers in the order in which they come.
    """
    try:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_docstring(body[0]):
                body[0] = ast.Pass()
        source = ast.unparse(tree)
        found = [
            (token.type, token.string)
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
        ]
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError):
        return re.findall(r"\w+|[^\w\s]", source)
    names, result = {}, []
    for kind, text in found:
        if kind == tokenize.NAME and text not in GIVEN_NAMES:
            text = f"name {names.setdefault(text, len(names))}"
        if kind in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING):
            result.append(text)
    return result


def _is_docstring(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def alike(found, kinds):
    """Pairs of students who share unusual answers, the most surprising first: list of dicts.

    found: as of `answers`. kinds: dict, exercise -> "code" or "markdown".
    """
    pairs = {}
    for exercise, sources in found.items():
        split = tokens if kinds.get(exercise) == "code" else str.split
        words = {student: split(source) for student, source in sources.items()}
        close = {student: {student} for student in words}
        similarity = {}
        for a, b in combinations(words, 2):
            value = Indel.normalized_similarity(words[a], words[b], score_cutoff=ALIKE)
            if value >= ALIKE:
                close[a].add(b)
                close[b].add(a)
                similarity[a, b] = value
        for (a, b), value in similarity.items():
            number = len(close[a] | close[b])
            if number <= max(2, RARE * len(words)):
                pairs.setdefault((a, b), []).append(
                    {
                        "exercise": exercise,
                        "similarity": value,
                        "alike": number,
                        "students": len(words),
                        "tokens": min(len(words[a]), len(words[b])),
                        "sources": (sources[a], sources[b]),
                    }
                )
    result = [
        {"students": pair, "exercises": shared, "surprise": _surprise(shared)}
        for pair, shared in pairs.items()
        if sum(e["tokens"] for e in shared) >= ENOUGH
    ]
    return sorted(result, key=lambda pair: -pair["surprise"])[:20]


def _surprise(shared):
    """How little one expects so much to be shared: tokens times bits for the answer's rarity."""
    return sum(e["tokens"] * math.log2(max(e["students"] / e["alike"], 1.01)) for e in shared)


def _kinds(release):
    return {cell.id: cell.cell_type for cell in release.cells}


# The page


def _page(lab, exercises, pairs, counted, missing, line, stopped=()):
    template = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True)
    times = [datetime.fromisoformat(s.time) for s in counted.values() if s.time]
    checks = [sum(p for p in s.points.values() if p is not None) for s in counted.values()]
    pictures = {
        "exercises": _picture(_draw_exercises, exercises),
        "points": _picture(_draw_points, checks, sum(e["points"] for e in exercises)),
        "times": _picture(_draw_times, times) if len(times) > 1 else None,
    }
    return environment.from_string(template).render(
        lab=lab,
        summary=f"{line}.",
        exercises=exercises,
        pairs=pairs,
        missing=missing,
        stopped=stopped,
        labels={student: standing.label for student, standing in counted.items()},
        pictures=pictures,
    )


def _picture(draw, *arguments):
    """A figure as a data address: the page needs no other file."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(Path(__file__).parents[1] / "figures.mplstyle"):
        figure = Figure(layout="constrained")
        draw(figure, figure.subplots(), *arguments)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _draw_exercises(figure, axes, exercises):
    figure.set_size_inches(8, 0.9 + 0.34 * len(exercises))
    shown = [e for e in exercises if e["students"]][::-1]
    shares = [e["solved"] / e["students"] for e in shown]
    bars = axes.barh([e["exercise"] for e in shown], shares)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=3)
    axes.set(xlim=(0, 1.1), xlabel="share of students with full points")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])


def _draw_points(figure, axes, points, maximum):
    figure.set_size_inches(8, 2.6)
    axes.hist(points, bins=[n - 0.5 for n in range(int(maximum) + 2)], rwidth=0.9)
    axes.set(xlabel="points so far (memos that wait count nothing yet)", ylabel="students")
    axes.locator_params(axis="y", integer=True)


def _draw_times(figure, axes, times):
    figure.set_size_inches(8, 2.6)
    times = sorted(times)
    axes.step(times, range(1, len(times) + 1), where="post")
    axes.set(xlabel="last change of the hand-in", ylabel="students", ylim=(0, None))
    axes.locator_params(axis="y", integer=True)
    figure.autofmt_xdate(rotation=20)


def _table(exercises):
    """The exercises as CSV; each with the message that failed most."""
    rows = [
        {
            **{key: value for key, value in row.items() if key != "messages"},
            "most frequent message": row["messages"][0][0] if row["messages"] else "",
        }
        for row in exercises
    ]
    return pd.DataFrame(rows).round(4).to_csv(index=False)
