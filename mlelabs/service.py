"""Run an app from a notebook as a real service: in a process of its own, on a free port.

Lab 6 grades services by real requests. The cell that holds the app becomes a file of its own;
a new process runs it, calls the function that makes the app, and serves the app with uvicorn on a
port of 127.0.0.1 that the system has given it:

    with running(make_app, model) as service:
        service.get("/live").status_code

The service ends with the `with` block, whatever happens inside, and in any case when the process
that started it does: both hold the ends of one line, and each notices when the other is gone.
It works in an empty folder, which disappears with it.

On Linux a helper process imports FastAPI, pandas and scikit-learn once and forks for each service;
elsewhere each service starts a Python of its own, which takes longer.
"""

import ast
import base64
import contextlib
import http.client
import inspect
import json
import linecache
import os
import pickle
import queue
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mlelabs.helper import Helper, serve

SECONDS = 15  # without an answer, then something hangs; answers take milliseconds
START_UP = 45  # seconds more for a service that has to start a Python of its own
FORKS = sys.platform == "linux"
NOT_ATTEMPTED = "not attempted yet"

# On top of each file: the lab's first cell of imports, line by line
HEADER = """\
import asyncio
import hashlib
import json
import math
import pickle
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import prometheus_client
import sklearn
import yaml
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
"""


def running(factory, *arguments):
    """Serve the app that `factory(*arguments)` returns while a `with` block runs.

    factory: a function of a cell of the notebook, or of a module. arguments: anything that pickle
    can carry and whose class can be imported. Gives a Service.
    Raises NotImplementedError if the factory is still the stub, AssertionError if there is no app.
    """
    try:
        future, source = _definitions(cell_of(factory), factory.__name__)
    except (NotImplementedError, AssertionError) as error:
        raise error.with_traceback(None)  # noqa: B904  the way through this file explains nothing
    job = {
        "source": future + HEADER + "\n\n" + source,
        "factory": factory.__name__,
        "arguments": base64.b64encode(pickle.dumps(arguments)).decode(),
    }
    return _running(job)


@contextlib.contextmanager
def _running(job):
    line = _Line(job)
    try:
        yield _started(line, job["factory"])
    finally:
        line.close()


def cell_of(function):
    """Return the source of the cell in which a function is defined.

    Raises NotImplementedError if it is still the stub, AssertionError if it is no function.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        raise AssertionError(f"expected a function, got a {type(function).__name__}")
    source = "".join(linecache.getlines(code.co_filename))
    if f'raise NotImplementedError("{NOT_ATTEMPTED}")' in source:
        raise NotImplementedError(NOT_ATTEMPTED)
    return source


def _definitions(source, name):
    """What a cell defines, without what it does: its imports, functions, classes, assignments.

    Returns a pair of texts: imports from __future__, which must come first, and all the rest.
    Raises AssertionError if the cell does not define a function of this name.
    """
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    kept += (ast.Assign, ast.AnnAssign)
    nodes = [node for node in ast.parse(source).body if isinstance(node, kept)]
    assert source.strip(), (
        f"the cell of {name} cannot be read: is there a line like %%time on top of it? Remove it"
    )
    assert name != "<lambda>", (
        "a lambda has no name by which the service could find it: write a function with def"
    )
    assert name in {getattr(node, "name", None) for node in nodes}, (
        f"the cell defines no function {name}, but that is the name of what you hand over. "
        "Was it decorated, or given another name? The decorator needs functools.wraps"
    )
    first = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    rest = [node for node in nodes if node not in first]
    return tuple("".join(ast.unparse(n) + "\n\n" for n in part) for part in (first, rest))


def eventually(condition):
    """Ask again and again whether `condition()` holds. True once it does, else False."""
    give_up = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def quantile_ratio(service, baseline, path, body, at_once, quantile=0.95, limit=3.0):
    """How much slower a service answers under load than a baseline: the ratio of a quantile.

    Both get the same load in turns; if the ratio is above the limit, once or twice more, and the
    lowest ratio counts: a busy machine may disturb one round.
    """
    ratios = []
    while len(ratios) < 3 and (not ratios or min(ratios) > limit):
        seconds = []
        for one in (baseline, service):
            answers = one.load(path, [body] * 3 * at_once, at_once)
            bad = [answer.status_code for answer in answers if answer.status_code != 200]
            assert not bad, f"under load, POST {path} answers {bad[0]} {one.why()}"
            times = sorted(answer.seconds for answer in answers)
            seconds.append(times[int(quantile * (len(times) - 1))])
        ratios.append(seconds[1] / seconds[0])
    return min(ratios)


@dataclass
class Answer:
    """What a service has answered: status code and body, and how many seconds that took."""

    status_code: int
    content: bytes
    seconds: float

    @property
    def text(self):
        return self.content.decode("utf-8", "replace")

    def json(self):
        """The body as data. Raises ValueError if it is no JSON."""
        return json.loads(self.content)


class Service:
    """A running service, seen from outside. Requests that get no answer raise AssertionError.

    folder: where it works, and where its files are. scene: what is going on in this test, such
    as "the model hangs"; it is told when a request gets no answer.
    """

    scene = ""

    def __init__(self, line, port, pid, folder):
        self.pid, self.port, self.folder, self._line = pid, port, Path(folder), line

    def get(self, path):
        """The Answer to a GET request."""
        return self._request("GET", path)

    def post(self, path, body=None):
        """The Answer to a POST request; `body` is sent as JSON, bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._request("POST", path, content)

    def ask(self, path, body=None):
        """What a POST request answers, as a dict. Raises AssertionError if it is not 200."""
        answer = self.post(path, body)
        assert answer.status_code == 200, (
            f"POST {path} with {_short(body)} should answer 200, it answers {answer.status_code} "
            f"{_short(answer.text)} {self.why()}"
        )
        try:
            found = answer.json()
        except ValueError:
            found = answer.text
        assert isinstance(found, dict), (
            f"POST {path} should answer with a JSON object, it answers {_short(found)}"
        )
        return found

    def load(self, path, bodies, at_once):
        """The answers to many POST requests, in order, `at_once` of them at any time."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(lambda body: self.post(path, body), bodies))

    @contextlib.contextmanager
    def under_load(self, path, bodies, at_once=4):
        """Send POST requests all the time while the `with` block runs; gives a list of answers.

        The list grows; an answer is a pair (status code, JSON or text). No answer is (0, why).
        """
        answers, over = [], threading.Event()

        def send(first):
            number = first
            while not over.is_set():
                try:
                    answer = self.post(path, bodies[number % len(bodies)])
                    answers.append((answer.status_code, answer.json()))
                except ValueError:
                    answers.append((answer.status_code, answer.text))
                except AssertionError as problem:
                    answers.append((0, str(problem)))
                number += at_once
                time.sleep(0.002)  # leaves the processor to others now and then

        with ThreadPoolExecutor(at_once) as pool:
            for number in range(at_once):
                pool.submit(send, number)
            try:
                yield answers
            finally:
                over.set()

    def why(self):
        """What the app raised last, in brackets; empty if it raised nothing."""
        problem = self._line.last_problem()
        return f"(the app raised {problem})" if problem else ""

    def _request(self, method, path, content=None):
        headers = {"content-type": "application/json"} if content is not None else {}
        started = time.perf_counter()
        # each request has a connection of its own, so that none meets one that is just closing
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            data = response.read()
        except TimeoutError:
            problem = f"gets no answer within {SECONDS} seconds: something blocks the service"
            problem += f" (in this test {self.scene})" if self.scene else ""
        except (OSError, http.client.HTTPException) as error:
            problem = f"gets no answer ({type(error).__name__})"
        else:
            return Answer(response.status, data, time.perf_counter() - started)
        finally:
            connection.close()
        raise AssertionError(f"{method} {path} {problem} {self.why()}".strip())


def _short(value):
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "..."


def _started(line, name):
    """The Service at the other end of a line, once its app is there."""
    born = line.read(SECONDS + START_UP)
    if born is None:
        raise RuntimeError("the process of the service did not start")
    line.pid, line.folder = born["pid"], born["folder"]
    news = line.read(SECONDS)
    if news is None:
        raise AssertionError(
            f"{name} does not return its app within {SECONDS} seconds: it waits for something. "
            "A service is there at once, and does slow work beside"
        )
    if "failed" in news:
        raise AssertionError(news["failed"])
    return Service(line, **born)


class _Line:
    """The connection to the process of one service. Closing it ends the service."""

    def __init__(self, job):
        self.pid = self.folder = None
        self._news, self._problems = queue.Queue(), []
        if FORKS:
            self._socket = _helper.connect()
            self._reader = self._socket.makefile("r", encoding="utf-8")
            self._socket.sendall(json.dumps(job).encode() + b"\n")
        else:
            self._socket = None
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlelabs.service"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # so that it can be stopped with all that it started
            )
            self._reader = self._process.stdout
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        with contextlib.suppress(OSError, ValueError):
            for text in self._reader:
                news = json.loads(text)
                if "raised" in news:
                    self._problems.append(news["raised"])
                else:
                    self._news.put(news)
        self._news.put(None)  # the service is gone

    def read(self, seconds):
        """The next news; None if there is none in time."""
        try:
            return self._news.get(timeout=seconds)
        except queue.Empty:
            return None

    def last_problem(self):
        time.sleep(0.05)  # the news may still be on its way
        return self._problems[-1] if self._problems else ""

    def close(self):
        """End the service and all that it started, and wait until it is gone."""
        if self.pid and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        if self._socket is None:
            self._process.kill()
            self._process.wait()
        else:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)  # a service that is not born yet ends by this
        self._thread.join(SECONDS)
        self._reader.close()
        if self._socket is None:
            self._process.stdin.close()
        else:
            self._socket.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


# The process of one service


def _serve(job, news, end):
    """Run the app of a job until the line ends.

    news: function that sends a dict to the other end. end: function that returns when it is gone.
    """
    import uvicorn

    folder = tempfile.mkdtemp(prefix="service-")

    def leave():
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    def wait_for_the_end():
        end()
        leave()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    os.chdir(folder)
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    door.listen(128)
    news({"port": door.getsockname()[1], "pid": os.getpid(), "folder": folder})
    app = _make_app(job, news)
    if app is not None:
        news({"ready": True})
        config = uvicorn.Config(
            _watched(app, news),
            loop="asyncio",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
        uvicorn.Server(config).run(sockets=[door])
    leave()


def _make_app(job, news):
    """Run the cell and its factory; return the app, or None after telling what failed."""
    name = job["factory"]
    space = {"__name__": "service", "hash": _hash_of_a_new_process}
    try:
        linecache.cache["<cell>"] = (1, None, job["source"].splitlines(True), "<cell>")
        exec(compile(job["source"], "<cell>", "exec"), space)
    except BaseException as error:
        news({"failed": f"your cell fails as a file of its own: {_describe(error)}"})
        return None
    try:
        app = space[name](*pickle.loads(base64.b64decode(job["arguments"])))
    except BaseException as error:
        news({"failed": f"{name} fails: {_describe(error)}"})
        return None
    if not callable(app):
        news({"failed": f"{name} should return the FastAPI app, it returns {type(app).__name__}"})
        return None
    return app


def _describe(error):
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, NameError):
        text += ". The service runs in a process of its own and knows only this cell and the "
        text += "lab's first cell of imports: define or import here what else it needs"
    return text


_SALT = random.SystemRandom().random()


def _hash_of_a_new_process(value):
    """The hash() that a cell sees: it differs from process to process for texts, as Python's does.

    (A forked process would inherit the salt of its parent, which a service on a server never does.)
    """
    return hash(value) if isinstance(value, (int, float)) else hash((_SALT, value))


def _watched(app, news):
    """The app, and each error that it raises is told to the other end of the line."""

    async def watched(scope, receive, send):
        try:
            await app(scope, receive, send)
        except Exception as raised:
            news({"raised": _describe(raised)[:500]})
            raise

    return watched


# The helper process


_helper = Helper("mlelabs.service")


def _warm_up():
    """Import here, once, what each service would import, some of it only at the first request."""
    import gc

    import anyio
    import fastapi
    import uvicorn.lifespan.on  # noqa: F401
    import uvicorn.loops.asyncio  # noqa: F401
    import uvicorn.protocols.http.auto  # noqa: F401

    exec(HEADER, {})
    app = fastapi.FastAPI()

    @app.post("/")
    async def answer(body: dict):
        return body

    anyio.run(_ask_once, app)
    gc.collect()
    gc.freeze()  # what is here now is no garbage in any service


async def _ask_once(app):
    """Send one POST request to an app, without a network."""
    content = b"{}"

    async def receive():
        return {"type": "http.request", "body": content}

    async def send(message):
        pass

    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    await app(scope, receive, send)


def _serve_forked(line):
    """Become the process of one service: read the job from the line, and end when it does."""
    os.setsid()  # so that it can be stopped with everything that it started
    _silence(0, 1, 2)
    global _SALT
    _SALT = random.SystemRandom().random()
    with line.makefile("r", encoding="utf-8") as reader:
        _serve(json.loads(reader.readline()), _teller(line.sendall), lambda: reader.read())


def _serve_alone():
    """Be the process of one service whose line is standard input and output."""
    reader = os.fdopen(os.dup(0), "r", encoding="utf-8")
    line = os.fdopen(os.dup(1), "wb", buffering=0)
    _silence(0, 1, 2)
    _serve(json.loads(reader.readline()), _teller(line.write), lambda: reader.read())


def _silence(*streams):
    null = os.open(os.devnull, os.O_RDWR)
    for stream in streams:
        os.dup2(null, stream)


def _teller(write):
    """A function that sends a dict, from any thread."""
    lock = threading.Lock()

    def news(what):
        with lock, contextlib.suppress(OSError):
            write(json.dumps(what).encode() + b"\n")

    return news


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _warm_up()
        serve(sys.argv[1], _serve_forked)
    else:
        _serve_alone()
