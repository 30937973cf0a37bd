"""What makes a check's verdict void, and what a teacher should look at.

The check and the student's code share a process, so the student's code could change what the check
does, what it sees, or what it says. Nothing inside that process can be trusted. What can be done:

- Canaries. Before each check, the kernel gets a cell that contains the check (in a branch that is
  never taken), a wrong assertion and an expression over random numbers. If the assertion does not
  fail or the value does not come back, something rewrites cells or outputs: the verdict is void.
- Fingerprints. What a check calls of given helpers, modules and built-ins must be the very object
  that was there when the given cell had run: else the verdict is void.
- Form. A check may show only what its source can show: a number from 0 to its points if it ends in
  an expression, otherwise nothing.
- A look at the source for what no answer needs, such as an equality of one's own.

A void verdict is 0 points and waits for a person. Not caught: code that recognises canaries and
lets them pass, a check that reads results whose class lies by means that the last item does not
know. Whoever writes that can also write the answer.
"""

import ast
import builtins
import functools
import importlib.machinery
import json
import random
import re
import sys
from dataclasses import dataclass
from pathlib import PurePosixPath

# A void verdict's name in the executed notebook, by which it is found again
VOID = "VerdictVoid"

# What an honest answer has no need of, and why it matters
SUSPICIOUS = {
    r"__(eq|ne|lt|le|gt|ge|bool|instancecheck|array_ufunc|array_function)__": "its own comparisons",
    r"\b(input|ast)_transformers?\w*|input_transformer_manager": "rewrites cells before they run",
    r"\bget_ipython\b|\bInteractiveShell\b|\bipykernel\b": "reaches into the notebook's kernel",
    r"\bdisplay_formatter\b|\bdisplayhook\b|\bdisplay_pub\b": "changes what cells show",
    r"\bset(trace|profile)\b|\b_getframe\b|\bf_(globals|locals|back)\b": "looks at its callers",
    r"\bctypes\b|\bgc\.get_(objects|referrers)\b": "reads or writes memory",
    r"\bbuiltins\b|__builtins__": "changes what every cell uses",
    r"\bos\._exit\b|\bos\.kill\b|\bos\.fork\b": "ends or starts processes",
    r"\bIn\[|\b_ih\b|\b_i\d+\b": "reads cells that ran before",
}


@dataclass
class Canary:
    """A cell that must show `value`, and expressions whose answer must carry `nonce`."""

    code: str
    value: str
    expressions: dict
    nonce: int


def canary(check, names=()):
    """A canary for a check (its source), which also asks for the fingerprints of `names`."""
    wrong, right = random.sample(range(10_000, 99_999), 2)
    factor, nonce = random.randrange(10_000, 99_999), random.randrange(10**8, 10**9)
    name = f"value_{nonce}"
    failing = random.choice(
        [
            f"assert {wrong} == {right}",
            f"assert {wrong} == {right}, 'expected {right}, got {wrong}'",
            f"assert not {right}",
            f"assert [{wrong}] == [{right}], {wrong}",
        ]
    )
    code = (
        f"try:\n    {failing}\nexcept AssertionError:\n    {name} = {right}\n"
        f"if {name} == {wrong}:\n{_indent(check)}\n"
        f"({name} * {factor}, globals().pop({name!r}) + 0.5, {nonce}.0)"
    )
    value = f"({right * factor}, {right + 0.5}, {nonce}.0)"
    return Canary(code, value, {"seen": fingerprint(nonce, names)}, nonce)


@functools.cache  # a worker meets the same checks in each submission
def _indent(source):
    """The source as the body of a branch; a docstring-like text may change, as nobody runs it."""
    lines = [f"    {line}" for line in source.splitlines()] or ["    pass"]
    body = "\n".join(lines)
    try:
        ast.parse(f"if True:\n{body}")
    except SyntaxError:  # notebook magic, which Python does not know
        return f"    {source!r}"
    return f"{body}\n    pass"


def fingerprint(nonce, names):
    """An expression for the kernel: JSON text of the nonce and which objects `names` are."""
    return (
        f"(lambda known: (exec({_LOOK!r}, known), known['look'])[1])({{'cells': globals()}})"
        f"({nonce!r}, {sorted(names)!r})"
    )


# For each dotted name: the object's number and that of its code. An object that is new at each
# look, such as a built-in method of an instance, has none
_LOOK = """
import builtins, json
def find(name):
    first, *attributes = name.split('.')
    found = cells[first] if first in cells else getattr(builtins, first, None)
    for attribute in attributes:
        found = getattr(found, attribute, None)
    return getattr(found, '__func__', found)
def number(name):
    found = find(name)
    if not callable(found) or found is not find(name):
        return [0, 0]
    return [id(found), id(getattr(found, '__code__', None))]
def look(nonce, names):
    return json.dumps([nonce, {name: number(name) for name in names}])
"""


def read_fingerprint(text, nonce, names):
    """Dict name -> numbers from a kernel's answer; None if it is no answer to this question."""
    try:
        said, numbers = json.loads(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError):
        return None
    right = said == nonce and isinstance(numbers, dict) and numbers.keys() == set(names)
    return numbers if right else None


@functools.cache
def used_names(check):
    """Dotted names that a check reads: {"np.isclose", "len", "close"}; {} if it is no Python."""
    try:
        tree = ast.parse(check)
    except SyntaxError:
        return frozenset()
    own = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {a.arg for a in ast.walk(tree) if isinstance(a, ast.arg)}
    found = set()
    for node in ast.walk(tree):
        path, inner = [], node
        while isinstance(inner, ast.Attribute):
            path.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id not in own:
            found.add(".".join([inner.id, *reversed(path)]))
    return frozenset(found | {"AssertionError"})


@functools.cache
def bound_names(cell):
    """Names that a given cell binds by `def`, `class` or `import`: what checks rely on."""
    try:
        tree = ast.parse(cell)
    except SyntaxError:
        return set()
    names = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(a.asname or a.name).split(".")[0] for a in node.names}
    return names


def is_builtin(name):
    """True if the first part of a dotted name is one of Python's own."""
    return hasattr(builtins, name.split(".")[0])


@functools.cache
def shows_value(check):
    """True if a check ends in an expression, so that it can show a number of points."""
    try:
        body = ast.parse(check).body
    except SyntaxError:
        return True  # magic: cannot be known
    return bool(body) and isinstance(body[-1], ast.Expr)


def wrong_form(outputs, check, points):
    """Why outputs cannot be what this check shows; empty if they can."""
    results = [output for output in outputs if output.output_type == "execute_result"]
    if results and not shows_value(check):
        return "it showed a value, though it ends in none"
    if len(results) > 1:
        return "it showed several values"
    for result in results:
        text = result.data.get("text/plain", "")
        try:
            value = float(text)
        except (ValueError, TypeError):
            value = None
        if value is None or not 0 <= value <= points:
            return f"it showed {str(text)[:40]!r}, no number of points from 0 to {points:g}"
    return ""


def suspicious_source(cells):
    """What a teacher should look at in a student's cells: list of text. `cells`: name -> source."""
    return [
        f"{name}: {why} ({match.group(0)})"
        for name, source in cells.items()
        for pattern, why in SUSPICIOUS.items()
        if (match := re.search(pattern, source))
    ]


def shown_checks(cells, checks):
    """Who prints a check, which would carry hidden tests into the feedback: list of text.

    `cells`: name -> outputs of a student's cells. `checks`: sources.
    """
    lines = {line.strip() for check in checks for line in check.splitlines()}
    lines = {line for line in lines if line.startswith("assert") and len(line) > 20}
    return [
        f"{name}: shows a line of a check, maybe a hidden one"
        for name, outputs in cells.items()
        if any(line in _text(output) for output in outputs for line in lines)
    ]


def _text(output):
    """What a student's cell printed or showed; not its traceback, which holds its own lines."""
    return str(output.get("text", "")) + "".join(map(str, output.get("data", {}).values()))


def shadows(path):
    """True if a file beside the notebook would be imported instead of a module that exists."""
    first = PurePosixPath(path).parts[0]
    name = first.split(".")[0]
    if "/" not in path and PurePosixPath(path).suffix not in (".py", ".pyc", ".so", ".pth"):
        return False
    if name in ("sitecustomize", "usercustomize") or name in sys.builtin_module_names:
        return True
    search = [entry for entry in sys.path if entry]
    return (
        name in sys.stdlib_module_names
        or importlib.machinery.PathFinder.find_spec(name, search) is not None
    )
