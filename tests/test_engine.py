"""The grading engine: the hostile are contained, cheats earn nothing, neighbours lose nothing.

A tiny lab is graded for a class in which most are up to something. They are all graded in one run,
so that the marks of the honest ones show that nobody was disturbed.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook

from mlelabs.instructor import build
from mlelabs.instructor.engine import execute, grade, honesty, sandbox
from mlelabs.instructor.engine.pool import LocalPool

LAB = "tiny"
SOLUTIONS = {
    "double": "def double(x):\n    return 2 * x",
    "half": "def half(x):\n    return x / 2",
    "third": "def third(x):\n    return x / 3",
}
CHECKS = {
    "double": "assert double(2) == 4, 'twice'\n### BEGIN HIDDEN TESTS\n"
    "assert double(4321) == 8642, 'again'\n### END HIDDEN TESTS",
    "half": "points = 1.0 * (half(4) == 2) + 2.0 * (half(5) == 2.5)\npoints",
    "third": "assert close(third(9), 3) and all([close(third(6), 2)]), 'a third'",
}
POINTS = {"double-check": 2, "half-check": 3, "third-check": 4}
LIMITS = sandbox.Limits(
    seconds=60,
    cell_seconds=4,
    memory=1 << 30,
    total_memory=600 << 20,
    processes=64,
    file_bytes=20 << 20,
    disk_bytes=64 << 20,
    output_bytes=1 << 20,
)


def _needs_sandbox():
    lack = sandbox.missing()
    if lack:
        pytest.skip(lack)


pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own


@pytest.fixture(scope="module")
def new_course(tmp_path_factory):
    """A function that makes a course with the tiny lab, released."""
    released = release(tmp_path_factory.mktemp("released"))
    return lambda: shutil.copytree(released, tmp_path_factory.mktemp("courses") / "a course")


def release(folder):
    """Release the tiny lab in a new course."""
    source = folder / "solutions" / LAB
    source.mkdir(parents=True)
    shutil.copy(build.ROOT / "nbgrader_config.py", folder)
    given = "import json\nimport math\n\ndef close(a, b):\n    return math.isclose(a, b)"
    cells = [new_markdown_cell("# Tiny"), _cell("setup", given, locked=True)]
    cells += [_cell("show", "shown = 2\nprint(shown)", locked=True)]
    for name, solution in SOLUTIONS.items():
        marked = f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
        cells += [_cell(name, marked, solution=True)]
        cells += [_cell(f"{name}-check", CHECKS[name], grade=True, locked=True)]
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, source / f"{LAB}.ipynb")
    (source / "helper.py").write_text("GIVEN = 1\n")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", LAB]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def _cell(name, source, **kinds):
    known = {"grade": False, "solution": False, "locked": False, "schema_version": 3, "task": False}
    known |= kinds | {"grade_id": name}
    if known["grade"]:
        known["points"] = POINTS[name]
    cell = new_code_cell(source, metadata={"nbgrader": known})
    cell.id = name
    return cell


def submit(course, student, changes=(), tags=(), files=()):
    """Hand in the released lab with SOLUTIONS, some of them changed."""
    folder = course / "submitted" / student / LAB
    folder.mkdir(parents=True)
    notebook = nbformat.read(course / "labs" / LAB / f"{LAB}.ipynb", 4)
    sources = SOLUTIONS | dict(changes)
    for cell in notebook.cells:
        cell.source = textwrap.dedent(sources.get(cell.id, cell.source))
        if cell.id in tags:
            cell.metadata.tags = ["skip-execution"]
    nbformat.write(notebook, folder / f"{LAB}.ipynb")
    for path, content in dict(files).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            (folder / path).symlink_to(content)
        else:
            (folder / path).write_text(content)


# What students put into the cell "half", and the points of the checks double, half, third.
# None: as it happens, it is their own loss
WRONG_HALF = "def half(x):\n    return 0\n"
HOSTILE = {
    "fork-bomb": ("import os\nwhile True:\n    os.fork()", (2, 0, 4)),
    "memory": ("x = bytearray(50 << 30)", (2, 0, 4)),
    "memory-of-many": (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n"
        "        x = bytearray(os.urandom(1 << 20)) * 150\n        time.sleep(60)\n"
        "time.sleep(3.8)",
        (2, 0, 4),
    ),
    "big-file": (
        "file = open('big', 'wb')\nfor _ in range(10_000):\n    file.write(bytes(1 << 20))",
        (2, 0, 4),
    ),
    "full-disk": (
        "for n in range(10_000):\n    open(f'/tmp/{n}', 'wb').write(bytes(1 << 20))",
        (2, 0, 4),
    ),
    "full-sockets": (
        "for n in range(10_000):\n    open(f'/k/{n}', 'wb').write(bytes(1 << 16))",
        (2, 0, 4),
    ),
    # stopped by its bytes or, on a slow machine, by its seconds
    "endless-output": ("while True:\n    print('x' * 10_000)", (2, 0, 4)),
    "endless-error": ("raise ValueError('x' * 50_000_000)", (2, 0, 4)),
    "exit": ("import os\nos._exit(0)", (2, 0, 4)),
    "kill-all": (
        "import os, signal\nfor target in (os.getppid(), 1, 2, -1):\n    try:\n"
        "        os.kill(target, signal.SIGKILL)\n    except OSError:\n        pass\n"
        + SOLUTIONS["half"],
        (2, None, None),
    ),
    "stopped": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", (2, 0, 4)),
    # the end of the kernel comes in the check, and again and again
    "exit-in-check": ("import os\ndef half(x):\n    os._exit(0)", (2, 0, 4)),
    "exit-later": (
        "import os, threading\nthreading.Timer(0.3, os._exit, [0]).start()\n" + SOLUTIONS["half"],
        (2, None, None),
    ),
    "loop": ("while True:\n    pass", (2, 0, 4)),
    "deaf-loop": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass",
        (2, 0, 4),
    ),
    "given-file": (
        "import os, shutil\n"
        "for change in (lambda: open('helper.py', 'w'), lambda: os.remove('helper.py'),\n"
        "               lambda: os.rename('helper.py', 'x'),\n"
        "               lambda: os.chmod('helper.py', 0o777),\n"
        "               lambda: os.replace('/lab/x', 'helper.py')):\n"
        "    open('/lab/x', 'w').close()\n    try:\n        change()\n"
        "    except OSError:\n        continue\n    raise ValueError('changed')\n"
        + SOLUTIONS["half"],
        (2, 3, 4),
    ),
    "orphan": (
        "import subprocess\nsubprocess.Popen(['sleep', '98765'], start_new_session=True)\n"
        + SOLUTIONS["half"],
        (2, 3, 4),
    ),
}
LOOK = """
import glob, os, socket, sqlite3, urllib.request
found = []
for path in {paths!r}:
    try:
        os.stat(path)
        found.append(path)
    except OSError:
        pass
for top, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "usr", "site-packages", "lib")]
    found += [f for f in files if f.endswith((".ipynb", ".db")) or "Q7host" in f]
for address in [("127.0.0.1", {port}), ("1.1.1.1", 53)]:
    try:
        socket.create_connection(address, 1)
        found.append(address)
    except OSError:
        pass
numbers = [int(n) for n in os.listdir("/proc") if n.isdigit()]
lines = {{n: open(f"/proc/{{n}}/cmdline", "rb").read() for n in numbers if n != os.getpid()}}
found += [n for n in lines if b"pytest" in lines[n]]
found += ["many processes"] * (len(lines) > 3)
for name in ("/lab/x", "/tmp/Q7mine"):
    open(name, "w").close()
for name in ("/x", "/usr/x", "/dev/x", "{package}/x", "/proc/sys/kernel/hostname"):
    try:
        open(name, "w").close()
        found.append("wrote " + name)
    except OSError:
        pass
try:
    sqlite3.connect("{gradebook}").execute("update grade set auto_score = 99")
    found.append("gradebook")
except sqlite3.Error:
    pass
environment = open("/proc/self/environ").read() + str(os.environ)
found += ["secret"] * ("Q7secret" in environment)
print("FOUND", found)
"""
SERVE = """
import threading, http.server, urllib.request
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
answer = urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/", timeout=5).status
assert answer == 200
""" + SOLUTIONS["half"]

# Cheats, in the cell "half" unless it says otherwise; what they may earn; what must be said
HELP = "get_ipython()"
CHEATS = {
    "strip-asserts": (
        {
            "double": "import ast\nclass Strip(ast.NodeTransformer):\n"
            "    def visit_Assert(self, node):\n        return None\n"
            f"{HELP}.ast_transformers.append(Strip())\n",
            "third": "pass",
        },
        (None, None, None),
        "canary",
    ),
    "pass-for-all": (
        {
            "half": f"{HELP}.input_transformers_cleanup.append("
            "lambda lines: ['pass\\n'] if any('assert' in l for l in lines) else lines)",
            "third": "pass",
        },
        (2, None, None),
        "canary",
    ),
    "formatter": (
        {
            "half": WRONG_HALF + f"{HELP}.display_formatter.formatters['text/plain']"
            ".for_type(float, lambda o, p, c: p.text('3.0'))"
        },
        (2, None, None),
        "canary",
    ),
    "fake-kernel": (
        {
            "half": f"kernel = {HELP}.kernel\nasync def do(*a, **k):\n    return "
            "{'status': 'ok', 'execution_count': 1, 'payload': [], 'user_expressions': {}}\n"
            "kernel.do_execute = do",
            "third": "pass",
        },
        (2, None, None),
        "canary",
    ),
    "own-helper": (
        {"half": SOLUTIONS["half"] + "\nclose = lambda *a: True", "third": "third = abs"},
        (2, 3, None),
        "close",
    ),
    "own-module-function": (
        {
            "half": SOLUTIONS["half"] + "\ndef yes(*a): return True\n"
            "close.__code__ = (lambda a, b: True).__code__",
            "third": "third = abs",
        },
        (2, 3, None),
        "close",
    ),
    "own-builtin": (
        {
            "half": SOLUTIONS["half"] + "\nimport builtins\nbuiltins.all = lambda x: True",
            "third": "third = abs",
        },
        (2, 3, None),
        "all",
    ),
    "negative-points": (
        {"half": "class N(float):\n    def __rmul__(self, o): return -1.0\n"
         "    def __eq__(self, o): return self\n    def __hash__(self): return 0\n"
         "def half(x):\n    return N()"},
        (2, None, 4),
        "no number of points",
    ),
    "always-equal": (
        {"double": "class Yes:\n    def __eq__(self, other):\n        return True\n"
         "double = lambda x: Yes()"},
        (2, 3, 4),  # cannot be decided: said, and left to a person
        "its own comparisons",
    ),
    "read-tests": (
        {"half": SOLUTIONS["half"] + "\nimport gc\nprint(*globals()['I' + 'n'])"},
        (2, 3, 4),
        "half: shows a line of a check",
    ),
    "forged-output": (
        {
            "half": WRONG_HALF + f"pub = {HELP}.display_pub\nsession = {HELP}.kernel.session\n"
            f"session.send({HELP}.kernel.iopub_socket, 'stream', b'[1, 2]', "
            f"parent={HELP}.kernel.get_parent())"
        },
        (2, 0, 4),
        "reaches into",
    ),
    "tags": ({"half": WRONG_HALF, "third": "third = abs"}, (2, 0, 0), ""),
    "shadow": ({}, (2, 3, 4), "random.py: left out"),
}  # fmt: skip


@pytest.fixture(scope="module")
def graded(new_course):
    """The class, graded: dict student -> record, and the course."""
    _needs_sandbox()
    course = new_course()
    (course / "Q7host.txt").write_text("mine")
    listener = socket.create_server(("127.0.0.1", 0))
    look = LOOK.format(
        paths=[str(course), str(Path.home() / ".ssh"), "/etc/passwd", "/etc/shadow", "/var"],
        port=listener.getsockname()[1],
        package=sandbox.PACKAGE,
        gradebook=course / "gradebook.db",
    )
    submit(course, "honest-1")
    for name, (source, _) in HOSTILE.items():
        submit(course, name, {"half": source})
    submit(course, "honest-2", {"half": WRONG_HALF})
    submit(course, "look", {"half": look})
    submit(course, "look-again", {"half": look})
    submit(course, "serve", {"half": SERVE})
    for name, (changes, _, _) in CHEATS.items():
        tags = ["half-check", "third-check"] if name == "tags" else []
        lie = "def random(): return 4\nclose = None\n"
        files = {"random.py": lie, "data/mine.csv": "1"} if name == "shadow" else {}
        submit(course, name, changes, tags, files)
    submit(course, "link", files={"data.csv": Path("/etc/hostname")})
    (course / "submitted" / "link-to-folder").symlink_to(course / "submitted" / "honest-1")
    submit(course, "honest-3", {"third": "third = abs"})
    submit(course, "honest-4", {"half": "def half(x):\n    return x / shown"})
    students = sorted(path.name for path in (course / "submitted").iterdir())
    os.environ["PGPASSWORD"] = "Q7secret"
    with grade.Grader(course, limits=LIMITS) as grader, listener:
        records = {r["student"]: r for r in grader.grade([(LAB, s) for s in students])}
    del os.environ["PGPASSWORD"]
    assert sorted(records) == students
    return records, course


def marks(record):
    return tuple(record["points"][name] for name in POINTS)


def executed(course, student):
    path = course / "autograded" / student / LAB / f"{LAB}.ipynb"
    return nbformat.read(path, 4)


def printed(course, student):
    outputs = [o for c in executed(course, student).cells for o in c.get("outputs", [])]
    return "".join(o.get("text", "") for o in outputs)


def test_honest_neighbours_lose_nothing(graded):
    records, _ = graded
    assert marks(records["honest-1"]) == (2, 3, 4)
    assert marks(records["honest-2"]) == (2, 0, 4)
    assert marks(records["honest-3"]) == (2, 3, 0)
    assert marks(records["honest-4"]) == (2, 3, 4)
    for student in ("honest-1", "honest-2", "honest-3", "honest-4"):
        record = json.loads(json.dumps(records[student]))
        assert record["status"] == "graded" and record["max_points"] == 9
        assert record["message"] == "" and record["suspicious"] == []
        assert record["needs_manual"] is False


def test_cells_that_only_show_are_run_where_they_matter(graded):
    _, course = graded
    shown = {s: executed(course, s).cells[2].outputs[0].text for s in ("honest-1", "honest-4")}
    assert shown == {"honest-1": execute.IDLE, "honest-4": "2\n"}


@pytest.mark.parametrize("student", HOSTILE)
def test_hostile_notebooks_are_contained(graded, student):
    records, _ = graded
    record, expected = records[student], HOSTILE[student][1]
    assert record["status"] == "graded"
    for got, foreseen in zip(marks(record), expected, strict=True):
        assert foreseen in (None, got), record
    if student in ("memory-of-many", "exit", "stopped", "deaf-loop"):
        assert record["message"].startswith("in cell half, "), record["message"]
    if student == "fork-bomb":  # which limit stops it first depends on how busy the machine is
        assert "cell half" in record["message"], record["message"]
    if student == "exit-in-check":
        assert record["message"] == "in cell half-check, the kernel died"
    if student == "loop":
        assert record["message"] == "cell half took more than 4 s and was interrupted"


def test_nothing_of_ours_can_be_seen_or_changed(graded):
    records, course = graded
    for student in ("look", "look-again"):
        assert "FOUND []" in printed(course, student)
        assert marks(records[student]) == (2, 0, 4)
    assert (course / "Q7host.txt").read_text() == "mine"
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        for student in ("honest-1", "look"):
            (notebook,) = gradebook.find_submission(LAB, student).notebooks
            scores = {grade.name: grade.auto_score for grade in notebook.grades}
            assert scores == records[student]["points"]


def test_own_loopback_works(graded):
    records, _ = graded
    assert marks(records["serve"]) == (2, 3, 4), records["serve"]


def test_no_process_outlives_its_submission(graded):
    assert b"sleep\x0098765" not in b"".join(_command_lines())


def _command_lines():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            pass


@pytest.mark.parametrize("student", CHEATS)
def test_cheats_earn_nothing_unseen(graded, student):
    records, _ = graded
    record, (_, expected, said) = records[student], CHEATS[student]
    assert marks(record) == expected, record
    assert record["needs_manual"] == (None in marks(record))
    assert said in " ".join(record["suspicious"]), record["suspicious"]


def test_links_are_refused(graded):
    records, course = graded
    for student in ("link", "link-to-folder"):
        assert records[student]["status"] == "failed"
        assert "is a link" in records[student]["message"]
        assert not (course / "autograded" / student).exists()


def test_cold_kernels_give_the_same_marks(graded, new_course):
    records, _ = graded
    course = new_course()
    submit(course, "honest-1")
    submit(course, "honest-2", {"half": WRONG_HALF})
    submit(course, "formatter", CHEATS["formatter"][0])
    submit(course, "exit", {"half": HOSTILE["exit"][0]})
    submit(course, "loop", {"half": HOSTILE["loop"][0]})
    students = sorted(path.name for path in (course / "submitted").iterdir())
    with grade.Grader(course, limits=LIMITS, cold=True) as grader:
        for record in grader.grade([(LAB, student) for student in students]):
            assert record["status"] == "graded", record
            assert marks(record) == marks(records[record["student"]]), record


def test_grading_refuses_without_a_sandbox(new_course, monkeypatch):
    course = new_course()
    submit(course, "honest")
    monkeypatch.setattr(sandbox, "PROGRAM", "bwrap-of-mars")
    with pytest.raises(sandbox.SandboxError, match=r"bubblewrap is missing.*unsafe=True"):
        next(grade.grade_all(course, LAB, ["honest"]))
    (record,) = grade.grade_all(course, LAB, ["honest"], unsafe=True)
    assert marks(record) == (2, 3, 4), record


def test_parent_killed_takes_all_along(new_course):
    _needs_sandbox()
    course = new_course()
    source = "import subprocess\nsubprocess.run(['sleep', '98766'])"
    submit(course, "sleeper", {"half": source})
    code = (
        "import sys\nfrom mlelabs.instructor.engine.grade import grade_all\n"
        f"list(grade_all(sys.argv[1], {LAB!r}, ['sleeper']))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(course)])
    assert _within(40, lambda: _sleeps("98766")), "it runs"
    ours = sandbox.descendants(parent.pid)
    assert len(ours) > 5, "fork server, workers, sandbox, kernel"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _within(20, lambda: not _sleeps("98766"))
    assert _within(20, lambda: not [pid for pid in ours if Path(f"/proc/{pid}").exists()])


def _sleeps(number):
    return any(line == b"sleep\0" + number.encode() + b"\0" for line in _command_lines())


def _within(seconds, condition):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


LIBRARIES = """
import random
import numpy as np
import matplotlib.pyplot as plt
from sklearn.ensemble import HistGradientBoostingClassifier
import numba
@numba.njit(parallel=True)
def total(values):
    found = 0.0
    for i in numba.prange(len(values)):
        found += values[i]
    return found
X = np.random.default_rng(0).normal(size=(500, 3))
model = HistGradientBoostingClassifier(max_iter=5).fit(X, X[:, 0] > 0)
print("RANDOM", random.random(), np.random.rand())
values = np.linalg.eigh(X.T @ X)[0].round(3)
print("SCORE", model.score(X, X[:, 0] > 0), round(total(np.ones(1000))), values)
plt.plot([1, 2]);
"""


def test_libraries_work_after_a_fork():
    """OpenMP, numba, BLAS and figures as in a fresh kernel; random numbers new in each."""
    _needs_sandbox()
    modules = ["numpy", "matplotlib.pyplot", "sklearn.ensemble", "numba"]
    notebook = new_notebook(cells=[new_code_cell(LIBRARIES)])
    limits = vars(sandbox.Limits())
    shown = {}
    pool = LocalPool(modules, 2)
    try:
        for name, mode in [("one", "warm"), ("two", "warm"), ("fresh", "cold")]:
            job = {"notebook": nbformat.writes(notebook), "released": [], "limits": limits}
            job |= {"files": {}, "given": []}
            (cell,) = pool.run(job | {"mode": mode})["cells"]
            *printed, figure = cell["outputs"]
            assert {output["name"] for output in printed} == {"stdout"}, printed
            assert figure["data"]["image/png"]
            lines = "".join(output["text"] for output in printed).splitlines()
            shown[name] = dict(line.split(" ", 1) for line in lines)
    finally:
        pool.close()
    assert len({kernel["SCORE"] for kernel in shown.values()}) == 1
    numbers = [number for kernel in shown.values() for number in kernel["RANDOM"].split()]
    assert len(set(numbers)) == 6


ORDINARY = """
import json, nbformat
from nbformat.v4 import new_code_cell, new_notebook
from mlelabs.instructor.engine import sandbox
from mlelabs.instructor.engine.pool import LocalPool
source = "import os; print(os.getuid(), sorted(os.listdir('/lab')))"
notebook = nbformat.writes(new_notebook(cells=[new_code_cell(source)]))
assert not sandbox.missing(), sandbox.missing()
pool = LocalPool([], 1)
job = {"notebook": notebook, "released": [], "files": {"a/b": "eA=="}}
job["limits"] = vars(sandbox.Limits())
print(pool.run(job | {"mode": "warm", "given": []})["cells"][0]["outputs"][0]["text"])
pool.close()
"""


def test_ordinary_users_have_a_sandbox_too():
    """root needs no user namespace, all others do."""
    _needs_sandbox()
    be_nobody = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    command = be_nobody if os.geteuid() == 0 else []
    environment = os.environ | {"HOME": "/tmp"}
    done = subprocess.run(
        [*command, sys.executable, "-c", ORDINARY],
        cwd="/",
        env=environment | {"PYTHONPATH": str(sandbox.PACKAGE.parent)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "1000 ['a']", done.stderr


def test_a_run_that_is_given_up_ends_at_once(new_course):
    """Whoever stops taking results, or presses Ctrl-C, does not wait for the notebooks."""
    _needs_sandbox()
    course = new_course()
    submit(course, "a")
    submit(course, "b", {"half": "import time\ntime.sleep(60)"})
    with grade.Grader(course, workers=2) as grader:
        results = grader.grade([(LAB, "a"), (LAB, "b")])
        assert marks(next(results)) == (2, 3, 4)
        started = time.monotonic()
        results.close()
    assert time.monotonic() - started < 20


def test_a_dask_cluster_that_loses_a_worker(new_course, tmp_path):
    """A scheduler and two workers on loopback, one of them killed in the middle."""
    _needs_sandbox()
    course = new_course()
    slow = "import time\ntime.sleep(1.5)\n"
    students = [f"s{n}" for n in range(6)]
    for student in students:
        submit(course, student, {"half": slow + SOLUTIONS["half"]})
    address = f"tcp://127.0.0.1:{_free_port()}"
    dask = [sys.executable, "-m", "distributed.cli.dask_"]
    options = ["--no-dashboard", "--host", "127.0.0.1"]
    scheduler = [*dask[:2], "distributed.cli.dask_scheduler", *options, "--port", address[-5:]]
    worker = [*dask[:2], "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
    worker += ["--no-dashboard", "--local-directory", str(tmp_path)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen(scheduler, **quiet)]
    processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
    try:
        records = []
        _await_workers(address, 2)
        for record in grade.grade_all(course, LAB, students, scheduler=address):
            records.append(record)
            if len(records) == 1:
                processes[1].send_signal(signal.SIGKILL)
        assert processes[1].poll() is not None or processes[1].wait(5)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert sorted(record["student"] for record in records) == students
    assert {marks(record) for record in records} == {(2, 3, 4)}, records


def _free_port():
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        if port >= 10_000:
            return port


def _await_workers(address, count):
    import distributed

    with distributed.Client(address, timeout=60) as client:
        client.wait_for_workers(count, timeout=60)


def test_files_that_replace_modules():
    for path in ("numpy.py", "random.py", "pandas/__init__.py", "sitecustomize.py", "sys.py"):
        assert honesty.shadows(path), path
    for path in ("data.csv", "my_app.py", "triage_of_mine/rules.py", "numpy.csv", "json.json"):
        assert not honesty.shadows(path), path


def test_names_that_a_check_relies_on():
    check = "import numpy as np\nfor x in range(3):\n    assert np.isclose(f(x), y.z.w(1))"
    assert {"f", "np.isclose", "y.z.w", "range"} <= honesty.used_names(check)
    assert "x" not in honesty.used_names(check)
    given = "import os.path\nfrom a import b as c\ndef d(): pass\nclass E: pass\nf = 1"
    assert honesty.bound_names(given) == {"os", "c", "d", "E"}
