"""The runner of lab 5: each run alone, bounded in time, and judged by what it catches."""

import linecache
import os
import subprocess
import sys

import pytest

from mlelabs import mutants
from mlelabs.instructor import build

PIPELINE = build.ROOT / "solutions" / "05-testing"
GOOD = """
def test_hectares():
    assert ingest.hectares("10 ac") == pytest.approx(4.047, rel=0.001)
"""
ACRES = ('"ac": 0.404686', '"ac": 1.0')
KM2 = ('"km2": 100.0', '"km2": 10.0')


@pytest.fixture(autouse=True)
def beside_the_notebook(monkeypatch):
    """Cells run where the package under test lies."""
    monkeypatch.chdir(PIPELINE)


def cell(source):
    """Return `source` as a cell: the function test_hectares, with its source to be found."""
    name = f"<cell {hash(source)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    namespace = {"pytest": pytest}
    exec(compile(source, name, "exec"), namespace)
    return namespace["test_hectares"]


def run(source, **options):
    """The outcome of one run on `ingest`."""
    (outcome,) = mutants.run_tests(source, "ingest", [options])
    return outcome


def test_header_is_what_the_lab_imports():
    cells = [cell for cell in build.read_lab("05-testing").cells if cell.cell_type == "code"]
    imported = cells[1].source.splitlines()  # the first one shows where the student stands
    assert [line for line in mutants.HEADER.splitlines() if line not in imported] == []


def test_good_test_passes_and_catches():
    assert run(GOOD)["passed"] == ["test_hectares"]
    outcome = run(GOOD, version=ACRES)
    assert outcome["passed"] == [] and outcome["failed"][0][0] == "test_hectares"
    assert "10.0 == 4.047" in outcome["failed"][0][1]


def test_points_follow_the_share_of_defects_caught(capsys):
    correct = {"more digits": ('"ac": 0.404686', '"ac": 0.40468564')}
    defects = {"acres": ACRES, "km2": KM2}
    assert mutants.judge(cell(GOOD), "ingest", correct, defects, points=3) == 1.5
    assert capsys.readouterr().out.endswith("catch 1 of 2 hidden defects.\n  missed: km2\n")
    assert mutants.judge(cell(GOOD), "ingest", correct, {"acres": ACRES}, points=3) == 3
    assert mutants.judge(cell(GOOD), "ingest", correct, defects) is None


@pytest.mark.parametrize(
    "body, message",
    [
        ("ingest.hectares('10 ac')", "hold no assert"),
        ("assert True", "never call ingest"),
        ("assert ingest.hectares('10 ac') > 0", "hold for any result"),
        ("try:\n        assert ingest.hectares('1') == 4\n    except:\n        pass", "let errors"),
        ("assert ingest.hectares('10 ac') == 4.04686", "refuse a correct version: more digits"),
        ("assert ingest.hectares('10 ac') == 4", "fail on the pipeline as it is"),
        ("assert unknown_name", "NameError: name 'unknown_name' is not defined"),
        ("assert plt", "but for matplotlib"),
        ("assert get_ipython()", "Magic commands"),
        ("assert ingest.hectares('') == math.nan", "not even to itself: ask math.isnan"),
        ("assert [pd.NaT, 1] == [pd.Timestamp('NaT') + pd.Timedelta(1), 2]", "(?s)NaT.*pd.isna"),
        ("pytest.skip('today')\n    assert 0", "All your tests are skipped"),
        ("pass\n\n\ndef test_one(text):\n    assert 1", "none called text. Give values"),
        ("assert np.array([1 > 2]).any()", r"in the line: assert np.array\(\[1 > 2\]\).any\(\)"),
        ("raise AssertionError", "AssertionError .in the line: raise AssertionError"),
        ("assert 1 == 1\n    import os\n    os._exit(0)", "end the whole process"),
        ("import sys\n    assert sys.exit(0)", "SystemExit"),
        ("assert 1 == 1\n    raise KeyboardInterrupt", "end the whole process"),
    ],
)
def test_worthless_tests_are_refused_in_words(body, message):
    correct = {"more digits": ('"ac": 0.404686', '"ac": 0.40468564')}
    source = f"def test_hectares():\n    {body}\n"
    with pytest.raises(AssertionError, match=message):
        mutants.judge(cell(source), "ingest", correct, {"acres": ACRES}, points=2)


def test_order_and_circumstances_are_tried():
    order = "found = []\n\n\ndef test_hectares():\n    found.append(1)\n\n\n"
    order += "def test_found():\n    assert found\n"
    with pytest.raises(AssertionError, match="last one runs first"):
        mutants.judge(cell(order), "ingest", {}, {"acres": ACRES})
    clock = "def test_hectares():\n    assert datetime.now().hour < 12\n"
    times = {"in the evening": {"now": "2024-05-01T21:00:00"}}
    outcomes = mutants.run_tests(clock, "ingest", [{"now": "2024-05-01T09:00:00"}, *times.values()])
    assert [len(outcome["failed"]) for outcome in outcomes] == [0, 1]
    seed = "def test_hectares():\n    assert np.random.default_rng().random() == 0\n"
    messages = {run(seed, seed=number)["failed"][0][1] for number in (1, 1, 2)}
    assert len(messages) == 2, "the same seed repeats, another one differs"


def test_hypothesis_gets_along_with_the_clock():
    source = (
        "import datetime as dt\n\n\n"
        "@given(st.datetimes(), st.from_type(dt.datetime), st.datetimes(datetime(2020, 1, 1)))\n"
        "def test_hectares(one, two, three):\n"
        "    assert isinstance(one, datetime) and isinstance(two, datetime)\n"
        "    assert three.year >= 2020 and isinstance(pd.Timestamp(one), datetime)\n"
        "    assert datetime.now() == datetime(2024, 5, 1, 21) and issubclass(datetime, dt.date)\n"
        "    assert not isinstance('now', datetime)\n"
    )
    outcome = run(source, now="2024-05-01T21:00:00")
    assert outcome["passed"] == ["test_hectares"], outcome


def test_a_name_used_twice_is_told(capsys):
    twice = GOOD + "\n\ndef test_one():\n    pass\n\n\ndef test_one():\n    pass\n"
    mutants.judge(cell(twice), "ingest", {}, {"acres": ACRES})
    assert "Two tests are called test_one: Python keeps only the last" in capsys.readouterr().out


def test_hanging_test_is_stopped(monkeypatch):
    monkeypatch.setattr(mutants, "FORKS", False)  # here, so that the limit can be changed
    monkeypatch.setattr(mutants, "SECONDS", 3)
    monkeypatch.setattr(mutants, "START_UP", 0)
    outcome = run("def test_hectares():\n    while True:\n        pass\n")
    assert "do not end within 3 seconds" in outcome["ended"]


def test_a_defect_that_hangs_is_caught():
    assert mutants.is_caught({"failed": [], "ended": "Your tests do not end within 10 seconds"})
    assert not mutants.is_caught({"failed": [], "ended": ""})


def test_runs_on_systems_that_cannot_fork(monkeypatch):
    monkeypatch.setattr(mutants, "FORKS", False)
    assert run(GOOD)["passed"] == ["test_hectares"]
    assert run(GOOD, version=ACRES)["failed"]


def test_syntax_error_and_no_tests():
    assert "cannot read your cell" in run("def test_hectares(:\n")["ended"]
    with pytest.raises(AssertionError, match="names must begin with test_"):
        none = "def test_hectares():\n    assert 1\n\n\ntest_hectares.__test__ = False\n"
        mutants.judge(cell(none), "ingest", {}, {})


def test_printing_and_breaking_things_stays_inside(capfd):
    before = sorted(path.name for path in PIPELINE.rglob("*.py"))
    outcome = run(
        "def test_hectares():\n    import shutil, sys, os\n    print('noise')\n"
        "    sys.stderr.write('noise')\n    os.write(1, b'noise')\n"
        "    shutil.rmtree('triage')\n    ingest.hectares = None\n    os.environ.clear()\n"
    )
    assert outcome["passed"] == ["test_hectares"] and "noise" not in "".join(capfd.readouterr())
    assert sorted(path.name for path in PIPELINE.rglob("*.py")) == before
    assert run(GOOD)["passed"] == ["test_hectares"]


def test_stub_is_not_attempted():
    stub = 'def test_hectares():\n    raise NotImplementedError("not attempted yet")\n'
    with pytest.raises(NotImplementedError, match="^not attempted yet$"):
        mutants.judge(cell(stub), "ingest", {}, {})
    comment = f'{GOOD}    # raise NotImplementedError("not attempted yet")\n'
    assert mutants.cell_of(cell(comment)) == comment
    text = 'def test_hectares():\n    """raise NotImplementedError("not attempted yet")"""\n'
    assert mutants.cell_of(cell(text)) == text
    with pytest.raises(AssertionError, match="magic command such as %%time"):
        mutants.cell_of(eval(compile("lambda: 0", "<timed exec>", "eval")))
    with pytest.raises(AssertionError, match="expected a test function, got a str"):
        mutants.cell_of("def test_hectares(): ...")


def test_version_must_fit_the_module():
    with pytest.raises(ValueError, match="holds 0 times, not once: 'no such text'"):
        run(GOOD, version=("no such text", ""))
    appended = "def hectares(text):\n    return 0.0\n"
    assert run(GOOD, version=appended)["failed"]


def test_coverage_is_counted():
    run_lines, lines = mutants.coverage(cell(GOOD), "ingest")
    assert 0 < run_lines < lines


def test_helper_ends_with_its_process():
    code = (
        "from mlelabs import mutants\n"
        "print(mutants.run_tests('def test_a(): assert 1', 'ingest', [{}])[0]['passed'])\n"
        "print(mutants._helper.process.pid if mutants.FORKS else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    passed, pid = done.stdout.split("\n")[:2]
    assert passed == "['test_a']"
    if int(pid):
        for _ in range(100):
            if not _is_running(int(pid)):
                return
            mutants.time.sleep(0.1)
        pytest.fail("the helper lives on")


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
