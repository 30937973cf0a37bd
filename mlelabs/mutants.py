"""Run tests with pytest against correct and defective versions of the package `triage`.

Lab 5 grades tests by what they catch. The cell that holds them becomes a test file. For each
version of the package, pytest runs that file in a process and a folder of its own, with a time
limit: a test that hangs, exits or breaks something spoils nothing but its own result.

A version is described by how one module differs from the one beside the notebook:

    ("old", "new")         text to replace; it must occur exactly once
    "def hectares(...)"    code to append, which redefines what stands above it

On Linux a helper process imports pytest, pandas and scikit-learn once and forks for each run;
elsewhere each run starts a Python of its own, which takes longer.
"""

import ast
import contextlib
import gc
import hashlib
import inspect
import json
import linecache
import multiprocessing
import multiprocessing.connection
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from mlelabs.helper import Helper, serve

SECONDS = 10  # for one run; the tests of this lab need less than one
START_UP = 50  # seconds more for a run that has to start a Python of its own
AT_ONCE = 2  # runs
NOON = {"now": "2024-07-01T12:00:00"}  # where the circumstances matter, only what is told differs
FORKS = sys.platform == "linux"
NOT_ATTEMPTED = "not attempted yet"
EXITED = "Your tests end the whole process, and pytest with it"

# On top of each test file: what the lab's first cell imports, but for matplotlib and this module
HEADER = """\
import inspect
import math
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from mlelabs.data import load_wildfires
from triage import deployed, features, ingest, model, notify, review, rules, simulated
"""


def judge(tests, module, correct, defects, points=None, circumstances=None):
    """Tell what the tests in a cell are worth: they pass on correct versions and catch defects.

    tests: any test function of the cell. module: name of the module that the versions change.
    correct, defects: dict, name -> version. circumstances: dict, name -> options of a further run
    on the package as it is (see `_run`). Prints which defects are caught and which are missed.

    Returns `points` times the share of defects caught, rounded to 2 decimals; None without points.
    Raises AssertionError if a correct version is refused or no defect is caught, and
    NotImplementedError if the cell is still the stub.
    """
    __tracebackhide__ = True  # students read the message, not our frames (also below)
    source = cell_of(tests)
    if not _can_fail(source):
        raise AssertionError(
            "Your tests hold no assert (nor pytest.raises): such a test notices only a crash. "
            "Say what must come out"
        )
    for name in _names_used_twice(source):
        print(f"Two tests are called {name}: Python keeps only the last one. Rename one of them.")
    usual = NOON if circumstances else {}
    runs = {"the pipeline as it is": {}, "the pipeline as it is, last test first": {"reverse": 1}}
    runs |= circumstances or {}
    runs |= {name: {"version": version} for name, version in correct.items()}
    runs = {name: usual | options for name, options in runs.items()}
    outcomes = run_tests(source, module, list(runs.values()))
    for name, outcome in zip(runs, outcomes, strict=True):
        complaint = _complaint(name, outcome, circumstances or {})
        if complaint:
            raise AssertionError(complaint)
    runs = [usual | {"version": version, "brief": True} for version in defects.values()]
    outcomes = run_tests(source, module, runs)
    judged = zip(defects, outcomes, strict=True)
    missed = [name for name, outcome in judged if not is_caught(outcome)]
    caught = len(defects) - len(missed)
    if not caught:
        raise AssertionError(
            f"Your tests pass on correct versions, but catch none of {len(defects)} planted "
            f"defects, such as '{missed[0]}'. {_advice(source, module)}"
        )
    kind = "visible" if points is None else "hidden"
    print(f"Your tests catch {caught} of {len(defects)} {kind} defects.")
    for name in missed:
        print(f"  missed: {name}")
    return None if points is None else round(points * caught / len(defects), 2)


def report(tests, module="ingest", version=None):
    """Run the tests in a cell on the package, or on a version of it, and print the outcome."""
    __tracebackhide__ = True
    (outcome,) = run_tests(cell_of(tests), module, [{"version": version}])
    for name in outcome["passed"]:
        print(f"passed  {name}")
    for name in outcome["skipped"]:
        print(f"skipped {name}")
    for name, message in outcome["failed"]:
        print(f"FAILED  {name}: {message}")
    if outcome["ended"]:
        print(outcome["ended"])


def report_under(tests, runs):
    """Run the tests in a cell on the package as it is under circumstances, and print what fails.

    runs: dict, name of the circumstances -> options (see `_run`).
    """
    __tracebackhide__ = True
    outcomes = run_tests(cell_of(tests), "ingest", [NOON | options for options in runs.values()])
    for name, outcome in zip(runs, outcomes, strict=True):
        failed = [test for test, _ in outcome["failed"]]
        print(f"{name}: {outcome['ended'] or ', '.join(failed) or 'all tests pass'}")


def coverage(tests, module):
    """Return how many lines of a module the tests in a cell run, and how many there are.

    Raises AssertionError if the tests do not run to their end.
    """
    (outcome,) = run_tests(cell_of(tests), module, [{"coverage": module}])
    assert outcome["coverage"], f"the tests do not run to their end: {outcome['ended']}"
    return tuple(outcome["coverage"])


def is_caught(outcome):
    """True if tests that pass on correct versions noticed something: one failed or did not end."""
    return bool(outcome["failed"] or outcome["ended"])


def cell_of(function):
    """Return the source of the cell in which a function is defined.

    Raises NotImplementedError if it is still the stub, AssertionError if it is no function.
    """
    __tracebackhide__ = True
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    code = getattr(inspect.unwrap(inner), "__code__", None)
    if code is None:
        raise AssertionError(f"expected a test function, got a {type(function).__name__}")
    source = "".join(linecache.getlines(code.co_filename))
    if not source:
        raise AssertionError(
            "the text of your cell is not to be found. Does it begin with a magic command such as "
            "%%time? Take it out: the cell becomes a test file"
        )
    _check_attempted(source)
    return source


def _check_attempted(source):
    """Raise NotImplementedError if a cell is still the stub. The traceback shows these lines."""
    if any(_is_stub(node) for node in ast.walk(ast.parse(source))):
        raise NotImplementedError(NOT_ATTEMPTED)


def _is_stub(node):
    """True for the statement that students replace (not for a comment that still shows it)."""
    if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
        return False
    return [getattr(argument, "value", None) for argument in node.exc.args] == [NOT_ATTEMPTED]


def run_tests(source, module, runs):
    """Run tests once for each of `runs`, a list of dicts of options; return a list of outcomes.

    source: text of the tests. Options: `version` of the module and those of `_run`.
    An outcome is a dict: "passed" and "skipped", names; "failed", pairs (name, message); "ended",
    why the run did not come to its end (empty if it did); "coverage".
    Raises ValueError if a version does not fit the module.
    """
    package = Path("triage").resolve()
    text = (package / f"{module}.py").read_text(encoding="utf-8")
    runs = [run | {"text": _apply(run.get("version"), text)} for run in runs]
    job = {"source": HEADER + "\n\n" + source, "package": str(package), "module": module}
    job["runs"] = runs
    return _ask_helper(job) if FORKS else _run_all(job, "spawn")


def _apply(version, text):
    """The text of a module in a version."""
    if version is None:
        return text
    if isinstance(version, str):
        return f"{text}\n\n{version}"
    old, new = version
    if text.count(old) != 1:
        raise ValueError(f"the module holds {text.count(old)} times, not once: {old!r}")
    return text.replace(old, new)


# What the student is told


def _complaint(name, outcome, circumstances):
    """Why an outcome on a correct version is not what it should be; empty if it is."""
    if outcome["ended"]:
        return f"{outcome['ended']} (run on: {name})."
    if outcome["failed"]:
        test, message = outcome["failed"][0]
        why = f"{test} says: {message}"
        if message.startswith("NameError"):
            why += _advice_on_name(message)
        if re.search(r"assert .*\b(nan|NaT)\b.*==.*\b(nan|NaT)\b", message):
            why += ". A missing value (nan, NaT) is equal to nothing, not even to itself: ask "
            why += "math.isnan or pd.isna"
        if name == "the pipeline as it is":
            return f"Your tests fail on the pipeline as it is, which is correct. {why}"
        if name.endswith("last test first"):
            return (
                f"Your tests fail when the last one runs first. {why}. A test must not need what "
                "another one leaves behind: let each set up what it needs"
            )
        if name in circumstances:
            return (
                f"Your tests are still flaky: they fail {name}, though nothing in the pipeline has "
                f"changed. {why}"
            )
        return (
            f"Your tests refuse a correct version: {name}. {why}. Test what the task promises "
            "(also its tolerance), not how one version happens to do it"
        )
    if not outcome["passed"] and outcome["skipped"]:
        return f"All your tests are skipped (run on: {name}): a skipped test notices nothing"
    if not outcome["passed"]:
        return "pytest finds no test in your cell that it can run: the names must begin with test_"
    return ""


def _advice_on_name(message):
    if "get_ipython" in message:
        return ". Magic commands (% or !) mean nothing in a test file: take them out"
    return (
        ". Your cell is a test file of its own, with the imports of the lab's first cell on top "
        "(but for matplotlib and mlelabs.mutants): anything else it must import or define itself"
    )


def _names_used_twice(source):
    """Names of tests that stand more than once in a cell, or in one of its classes."""
    tree, twice = ast.parse(source), []
    for scope in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        names = [node.name for node in scope.body if isinstance(node, ast.FunctionDef)]
        tests = [name for name in names if name.startswith("test")]
        twice += sorted({name for name in tests if tests.count(name) > 1})
    return twice


def _can_fail(source):
    """True if there is anything in the tests that compares, or expects an error."""
    nodes = list(ast.walk(ast.parse(source)))
    words = [getattr(node, "attr", None) or getattr(node, "id", "") for node in nodes]
    return any(isinstance(node, ast.Assert) for node in nodes) or any(
        word.lower().startswith("assert") or word in ("raises", "fail") for word in words
    )


def _advice(source, module):
    """What tests that notice nothing often have in common."""
    nodes = list(ast.walk(ast.parse(source)))
    if any(isinstance(node, ast.Try) for node in nodes):
        return "A try that catches every error also catches what assert raises: let errors through"
    if module not in {node.value.id for node in nodes if _is_attribute_of_name(node)}:
        return f"They never call {module}: test the pipeline, not Python or a library"
    return (
        "Would your asserts hold for any result? Then compare with values that you worked out by "
        "hand. If you do, they are right as far as they go, but no visible defect lies there: "
        "test more of what is promised"
    )


def _is_attribute_of_name(node):
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)


# One run, in a process of its own


def _run(folder, options):
    """Run pytest on folder/test_cell.py and write the outcome to folder/outcome.json.

    Options: `reverse`, last test first; `seed`, of the global random numbers; `now`, what the
    clock says (ISO format); `coverage`, a module whose lines are counted; `brief`, stop at the
    first failure and say nothing about it: to explain one takes longer than all tests together.
    """
    import pytest

    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(folder)
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / ".hypothesis")
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # the old ones may belong to a notebook
    brief = options.get("brief", False)
    _make_random_repeatable(options.get("seed", 0), explain=not brief)
    if options.get("now"):
        _set_clock(options["now"])
    recorder = _Recorder(options.get("reverse", False))
    with _lines_counted(folder, options.get("coverage")) as lines:
        arguments = ["-q", "--color=no", "--rootdir", str(folder)]
        # The last one collects garbage ten times: more work than the tests themselves
        for plugin in ("cacheprovider", "doctest", "junitxml", "pastebin", "unraisableexception"):
            arguments += ["-p", f"no:{plugin}"]
        if brief:
            arguments += ["--exitfirst", "--tb=no", "--assert=plain"]
        arguments += ["-c", str(folder / "pytest.ini"), str(folder / "test_cell.py")]
        code = pytest.main(arguments, plugins=[recorder])
    outcome = recorder.outcome | {"coverage": lines}
    if code == pytest.ExitCode.INTERRUPTED and not outcome["ended"]:
        outcome["ended"] = EXITED
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


def _make_random_repeatable(seed, explain=True):
    import random

    import numpy as np
    from hypothesis import Phase, settings

    random.seed(seed)
    np.random.seed(seed)
    # print_blob: where CI is set, hypothesis would say more than students see
    explaining = () if explain else (Phase.shrink, Phase.explain)
    settings.register_profile(
        "lab",
        database=None,
        deadline=None,
        derandomize=True,
        print_blob=False,
        phases=[phase for phase in Phase if phase not in explaining],
    )
    settings.load_profile("lab")
    fresh = np.random.default_rng
    made = iter(range(10_000))  # generators without a seed get one, another in each run
    np.random.default_rng = lambda given=None: fresh([seed, next(made)] if given is None else given)


def _set_clock(now):
    """Let `datetime` and pandas say that it is `now`."""
    import datetime

    import pandas as pd
    from hypothesis import strategies

    real = datetime.datetime

    class AnyMoment(type):
        """Each moment is an instance: hypothesis does not like two classes of them."""

        def __instancecheck__(cls, thing):
            return isinstance(thing, real)

        def __subclasscheck__(cls, other):
            return issubclass(other, real)

    class Clock(real, metaclass=AnyMoment):
        def __new__(cls, *arguments, **others):
            return real(*arguments, **others)

        @classmethod
        def now(cls, tz=None):
            moment = cls.fromisoformat(now)
            return moment if tz is None else moment.replace(tzinfo=tz)

        @classmethod
        def today(cls):
            return cls.now()

    datetime.datetime = Clock
    strategies.register_type_strategy(Clock, strategies.datetimes())
    pd.Timestamp.now = classmethod(lambda cls, tz=None: cls(now, tz=tz))
    pd.Timestamp.today = pd.Timestamp.now


@contextlib.contextmanager
def _lines_counted(folder, module):
    """Count the lines of a module that run; give a list [run, there are], filled at the end."""
    lines = []
    if module is None:
        yield lines
        return
    import coverage

    path = str(folder / "triage" / f"{module}.py")
    meter = coverage.Coverage(data_file=None, include=[path], config_file=False)
    with meter.collect():
        yield lines
    _, statements, _, missing, _ = meter.analysis2(path)
    lines += [len(statements) - len(missing), len(statements)]


class _Recorder:
    """A pytest plugin that notes what happens to each test."""

    def __init__(self, reverse):
        self.reverse = reverse
        self.outcome = {"passed": [], "skipped": [], "failed": [], "ended": ""}

    def pytest_collection_modifyitems(self, items):
        if self.reverse:
            items.reverse()

    def pytest_collectreport(self, report):
        if report.failed:
            what = str(report.longrepr).strip().splitlines()
            self.outcome["ended"] = (
                f"pytest cannot read your cell as a test file: {what[-1].removeprefix('E').strip()}"
            )

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::")[-1]
        if report.failed:
            self.outcome["failed"].append([name, _message(report.longrepr)])
        elif report.skipped:
            self.outcome["skipped"].append(name)
        elif report.when == "call" and report.passed:
            self.outcome["passed"].append(name)


def _message(error):
    """What pytest says about a failure; with the line of the test where that alone says little."""
    unknown = re.search("fixture '(.+)' not found", str(error))
    if unknown:
        return (
            f"pytest takes the arguments of a test for fixtures, and there is none called "
            f"{unknown[1]}. Give values with pytest.mark.parametrize; a helper that is no test "
            "needs a name that does not begin with test"
        )
    crash = getattr(error, "reprcrash", None)
    message = _in_one_line(crash.message if crash else str(error))
    if re.match(r"(AssertionError|assert (not )?\S+)($| \w+ (test case|example))", message):
        entries = getattr(getattr(error, "reprtraceback", None), "reprentries", [])
        places = [getattr(entry, "reprfileloc", None) for entry in entries]
        lines = [p.lineno for p in places if p and Path(p.path).name == "test_cell.py"]
        if lines:
            message += f" (in the line: {linecache.getline('test_cell.py', lines[-1]).strip()})"
    return message


def _in_one_line(message):
    """The first line of a message, and the example that hypothesis has found."""
    first, _, rest = message.partition("\n")
    found = re.search(r"^.*(Failing test case|Falsifying example).*\Z", rest, re.M | re.S)
    text = " ".join(f"{first} {found[0] if found else ''}".split())
    return re.sub("0x[0-9a-f]{6,}", "0x...", text)[:300]


# Many runs


def _run_all(job, method, cache=None):
    """Run all of a job, AT_ONCE at a time, in processes made by this method; return outcomes.

    cache: folder for outcomes, which answers at once what has run before.
    """
    context = multiprocessing.get_context(method)
    seconds = SECONDS + START_UP * (method != "fork")
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as place:
        waiting, running, outcomes = [], [], {}
        for number, options in enumerate(job["runs"]):
            known = cache and cache / _key(job, options)
            if known and known.exists():
                outcomes[number] = json.loads(known.read_text(encoding="utf-8"))
            else:
                waiting.append((number, options))
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                number, options = waiting.pop(0)
                folder = _lay_out(Path(place) / str(number), job, options)
                process = context.Process(target=_child, args=(folder, options))
                process.start()
                running.append((number, options, folder, process, time.monotonic() + seconds))
            multiprocessing.connection.wait([entry[3].sentinel for entry in running], 0.2)
            for entry in running.copy():
                number, options, folder, process, limit = entry
                hangs = process.is_alive() and time.monotonic() > limit
                if hangs or not process.is_alive():
                    running.remove(entry)
                    _stop(process)
                    outcomes[number] = _outcome(folder, hangs)
                    if cache and not outcomes[number]["ended"]:
                        _save(cache / _key(job, options), outcomes[number])
        return [outcomes[number] for number in range(len(job["runs"]))]


def _key(job, options):
    """The name under which an outcome is kept: a digest of the tests and of all they test."""
    package = sorted(Path(job["package"]).glob("*.py"))
    texts = [job["source"], job["module"], json.dumps(options, sort_keys=True)]
    texts += [path.name + path.read_text(encoding="utf-8") for path in package]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _save(path, outcome):
    """Write an outcome so that nobody reads half of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(outcome), encoding="utf-8")
    partial.replace(path)


def _lay_out(folder, job, options):
    """Make the folder of one run: the version of the package and the test file."""
    (folder / "triage").mkdir(parents=True)
    for path in Path(job["package"]).glob("*.py"):
        # without its rights: where labs are graded, what is given cannot be written
        shutil.copyfile(path, folder / "triage" / path.name)
    (folder / "triage" / f"{job['module']}.py").write_text(options["text"], encoding="utf-8")
    (folder / "test_cell.py").write_text(job["source"], encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return folder


def _child(folder, options):
    if hasattr(os, "setsid"):
        os.setsid()  # so that it can be stopped with everything that it started
    _run(folder, options)


def _stop(process):
    """End a process and, where the system can, all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _outcome(folder, hangs):
    outcome = {"passed": [], "skipped": [], "failed": [], "ended": "", "coverage": []}
    if hangs:
        return outcome | {"ended": f"Your tests do not end within {SECONDS} seconds"}
    try:
        return json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return outcome | {"ended": EXITED}


# The helper process


_helper = Helper("mlelabs.mutants")


def _ask_helper(job):
    """Send a job to the helper and return the outcomes. Raises RuntimeError if it fails."""
    with _helper.connect() as line, line.makefile("rw", encoding="utf-8") as file:
        file.write(json.dumps(job) + "\n")
        file.flush()
        outcomes = json.loads(file.readline() or '"the helper process ended"')
    if isinstance(outcomes, str):
        raise RuntimeError(f"the tests could not be run: {outcomes}")
    return outcomes


def _main(address):
    """Be the helper: answer jobs at a socket, and keep their outcomes beside it."""
    cache = Path(address).parent
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(cache)
    _warm_up()
    serve(address, lambda line: _answer(line, cache))


def _warm_up():
    """Import here, once, what each run would import, and let pytest and hypothesis run once."""
    import pandas  # noqa: F401
    import pytest
    import scipy.stats  # noqa: F401
    import sklearn.ensemble  # noqa: F401
    import sklearn.metrics  # noqa: F401

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    _make_random_repeatable(0)
    with tempfile.TemporaryDirectory() as folder:
        test, settings = Path(folder) / "test_warm_up.py", Path(folder) / "pytest.ini"
        test.write_text(
            "from hypothesis import given, strategies as st\n\n\n"
            "@given(st.floats())\ndef test_warm_up(x):\n    assert x == x or x != x\n"
        )
        settings.write_text("[pytest]\n")
        with open(os.devnull, "w") as null, contextlib.redirect_stdout(null):
            pytest.main(["-p", "no:cacheprovider", "-c", str(settings), str(test)])
    gc.collect()
    gc.freeze()  # what is here now is no garbage in any run


def _answer(line, cache):
    with line.makefile("rw", encoding="utf-8") as file:
        job = json.loads(file.readline())
        try:
            outcomes = _run_all(job, "fork", cache)
        except Exception as trouble:
            outcomes = f"{type(trouble).__name__}: {trouble}"
        file.write(json.dumps(outcomes) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1])
