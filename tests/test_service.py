"""The services of lab 6: seen from outside, always stopped, and nothing is left behind."""

import ast
import json
import linecache
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from mlelabs import service
from mlelabs.instructor import build
from mlelabs.standins import Loader, Shelf, StandIn, noted

ECHO = """
def make_app(model=None):
    app = FastAPI()

    @app.post("/predict")
    def predict(fire: dict):
        return {"probability": model.predict(fire), "version": model.version}

    @app.get("/boom")
    def boom():
        return 1 / 0

    @app.get("/salt")
    def salt():
        return hash("WF001")

    @app.get("/loop")
    def loop():
        while True:
            pass

    @app.get("/child")
    def child():
        import subprocess
        return subprocess.Popen(["sleep", "600"]).pid

    return app
"""


def cell(source, name="make_app"):
    """Return a function as if a cell of a notebook defined it."""
    place = f"<cell {abs(hash(source))}>"
    linecache.cache[place] = (len(source), None, source.splitlines(True), place)
    space = {}
    exec(service.HEADER + "\nfrom mlelabs.service import running\n", space)
    exec(compile(source, place, "exec"), space)
    return space[name]


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def nobody_answers(port):
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) != 0


def is_gone(running_service):
    """True if neither process nor port nor folder of a service is left."""
    return service.eventually(
        lambda: not is_running(running_service.pid) and nobody_answers(running_service.port)
    ) and (not running_service.folder.exists())


@pytest.fixture(params=[True, False] if service.FORKS else [False], ids=lambda f: f"forks={f}")
def either_way(request, monkeypatch):
    monkeypatch.setattr(service, "FORKS", request.param)


def test_real_answers(either_way):
    with service.running(cell(ECHO), StandIn("v1", 0.25)) as one:
        assert one.ask("/predict", {"fire_id": "a"}) == {"probability": 0.25, "version": "v1"}
        assert noted(one, "v1.calls") == [{"fire_id": "a"}]
        assert one.pid != os.getpid() and one.port > 1024
    assert is_gone(one)


def test_stopped_when_the_cell_fails(either_way):
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error):
            with service.running(cell(ECHO), StandIn("v1")) as one:
                raise error
        assert is_gone(one)


def test_two_at_a_time_and_one_cell_twice():
    factory = cell(ECHO)
    with service.running(factory, StandIn("v1")) as one:
        with service.running(factory, StandIn("v2")) as other:
            assert one.port != other.port and one.folder != other.folder
            assert one.ask("/predict", {})["version"] == "v1"
            assert other.ask("/predict", {})["version"] == "v2"
    assert is_gone(one) and is_gone(other)


def test_stopped_though_it_is_busy_and_has_children():
    with service.running(cell(ECHO)) as one:
        child = one.get("/child").json()
        os.kill(child, 0)
        with socket.create_connection(("127.0.0.1", one.port)) as line:
            line.sendall(b"GET /loop HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)
    assert is_gone(one)
    assert service.eventually(lambda: not is_running(child))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot kill like this")
@pytest.mark.parametrize("forks", [True, False] if service.FORKS else [False])
def test_gone_when_the_notebook_is_killed(forks, tmp_path):
    (tmp_path / "notebook.py").write_text(
        "import linecache, os, signal, sys\n"
        "from mlelabs import service\n"
        f"service.FORKS = {forks}\n"
        f"source = {ECHO!r}\n"
        "linecache.cache['<c>'] = (1, None, source.splitlines(True), '<c>')\n"
        "exec(service.HEADER)\n"
        "exec(compile(source, '<c>', 'exec'))\n"
        "with service.running(make_app) as one:\n"
        "    helper = service._helper.process.pid if service.FORKS else one.pid\n"
        "    print(one.pid, one.port, one.folder, helper, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(build.ROOT)}
    done = subprocess.run(
        [sys.executable, tmp_path / "notebook.py"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid, port, folder, helper = done.stdout.split()
    assert service.eventually(lambda: not is_running(int(pid)))
    assert nobody_answers(int(port))
    assert service.eventually(lambda: not os.path.exists(folder))
    assert service.eventually(lambda: not is_running(int(helper)))


def test_the_stub_is_not_attempted():
    stub = 'def make_app():\n    raise NotImplementedError("not attempted yet")\n'
    with pytest.raises(NotImplementedError, match="not attempted yet"):
        with service.running(cell(stub)):
            pass


@pytest.mark.parametrize(
    "source, message",
    [
        ("def make_app():\n    FastAPI()\n", "should return the FastAPI app, it returns NoneType"),
        ("def make_app():\n    return 1 / 0\n", "make_app fails: ZeroDivisionError"),
        ("def make_app():\n    return elsewhere()\n", "knows only this cell"),
        ("def make_app():\n    raise SystemExit\n", "make_app fails: SystemExit"),
        ("import time\ndef make_app():\n    time.sleep(60)\n", "does not return its app within"),
    ],
)
def test_what_is_no_app_is_told(source, message, monkeypatch):
    if "sleep" in source:
        monkeypatch.setattr(service, "SECONDS", 2)
    with pytest.raises(AssertionError, match=message):
        with service.running(cell(source)):
            pass


def test_what_the_app_raises_is_told():
    with service.running(cell(ECHO)) as one:
        assert one.get("/boom").status_code == 500
        assert "ZeroDivisionError" in one.why()
        with pytest.raises(AssertionError, match="should answer 200, it answers 500 .*NoneType"):
            one.ask("/predict", {})


def test_silence_is_told(monkeypatch):
    monkeypatch.setattr(service, "SECONDS", 2)
    with service.running(cell(ECHO), StandIn("v1", waits_for="never")) as one:
        with pytest.raises(AssertionError, match="gets no answer within 2 seconds"):
            one.ask("/predict", {})
        one.scene = "the model hangs"
        with pytest.raises(AssertionError, match="in this test the model hangs"):
            one.ask("/predict", {})


def test_a_cell_is_a_file_of_its_definitions():
    source = ECHO + "\nfor _ in range(3):\n    undefined()\n\nwith running(make_app):\n    pass\n"
    source = source.replace("for _ in range(3):", "if False:")
    with service.running(cell(source.replace("with running(make_app):", "if False:"))) as one:
        assert one.get("/boom").status_code == 500
    source = "x = 1\nwith open('x'):\n    pass\ndef f():\n    pass\n"
    assert "with" not in "".join(service._definitions(source, "f"))


def test_annotations_of_the_future_come_first():
    source = "from __future__ import annotations\n" + ECHO
    with service.running(cell(source), StandIn("v1", 0.25)) as one:
        assert one.ask("/predict", {})["version"] == "v1"


@pytest.mark.parametrize(
    "source, message",
    [
        ("make_app = lambda: FastAPI()\n", "write a function with def"),
        (
            "def odd(function):\n    def inner():\n        return function()\n    return inner\n"
            "@odd\ndef make_app():\n    return FastAPI()\n",
            "the cell defines no function inner",
        ),
    ],
)
def test_a_function_that_the_service_cannot_find(source, message):
    with pytest.raises(AssertionError, match=message):
        with service.running(cell(source)):
            pass


def test_a_magic_on_top_is_named():
    space = {}
    exec(compile("def make_app():\n    pass\n", "<timed exec>", "exec"), space)
    with pytest.raises(AssertionError, match="%%time"):
        with service.running(space["make_app"]):
            pass


def test_services_know_scikit_learn():
    source = "def make_app():\n    app = FastAPI()\n    sklearn.__version__\n    return app\n"
    with service.running(cell(source)) as one:
        assert one.get("/nowhere").status_code == 404


def test_hash_differs_from_process_to_process():
    seen = set()
    for _ in range(3):
        with service.running(cell(ECHO)) as one:
            seen.add(one.get("/salt").text)
            assert one.get("/salt").text in seen
    assert len(seen) == 3


def test_load_and_traffic():
    with service.running(cell(ECHO), StandIn("v1", 0.5, meets=6)) as one:
        answers = one.load("/predict", [{"fire_id": str(i)} for i in range(6)], at_once=6)
        assert [answer.status_code for answer in answers] == [200] * 6
    with service.running(cell(ECHO), StandIn("v1", 0.5)) as one:
        with one.under_load("/predict", [{}, {"a": 1}]) as answers:
            assert service.eventually(lambda: len(answers) > 20)
        count = len(answers)
        assert set(map(json.dumps, answers)) == {'[200, {"probability": 0.5, "version": "v1"}]'}
        time.sleep(0.1)
        assert len(answers) == count, "nothing is sent behind the with block"


def test_a_helper_that_died_is_replaced():
    if not service.FORKS:
        pytest.skip("there is no helper on this system")
    with service.running(cell(ECHO)):
        pass
    address, helper = service._helper.address, service._helper.process
    helper.kill()
    helper.wait()
    with service.running(cell(ECHO)) as one:
        assert one.get("/boom").status_code == 500
    assert not os.path.exists(address), "nothing of the dead helper is left"


def test_a_line_that_is_being_written_is_left_out(tmp_path):
    one = type("Service", (), {"folder": tmp_path})
    for text, right in {"": [], "1": [1], "1\n2": [1, 2], "1\n{": [1], "{": []}.items():
        (tmp_path / "x").write_text(text)
        assert noted(one, "x") == right
    assert noted(one, "y") == []


def test_loader_and_shelf_do_as_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Loader(StandIn("v1", 0.5))().predict({}) == 0.5
    with pytest.raises(OSError):
        Loader(StandIn("v1"), fails=True)()
    with pytest.raises(KeyError):
        Shelf({"v1": StandIn("v1")})("v2")
    with pytest.raises(RuntimeError):
        StandIn("v1", fails=["a"]).predict({"fire_id": "a"})
    assert StandIn("v1", 0.1, fails=["a"]).predict({"fire_id": "b"}) == 0.1


def test_header_imports_what_the_lab_imports():
    cells = [c for c in build.read_lab("06-deployment").cells if c.cell_type == "code"]
    in_lab = imported(cells[1].source)  # the first one shows where the student stands
    assert imported(service.HEADER) == in_lab, "the lab's first cell shows what services import"


def imported(source):
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(getattr(node, "module", None), alias.name) for alias in node.names}
    return found
