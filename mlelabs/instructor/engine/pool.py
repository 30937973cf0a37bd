"""Who executes: worker processes on this machine, or a Dask cluster of such machines.

Both have run(job) -> result (execute.py), which threads call, and close().
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from mlelabs.instructor.engine import sandbox

SECONDS_TO_LOAD = 300
TRIES = 3  # a worker that is killed loses its job; the next one takes it


class PoolError(Exception):
    """Nobody executes; the message says why."""


class LocalPool:
    """Worker processes on this machine, and the fork server from which they get their kernels.

    `modules`: what the fork server loads. `workers`: how many submissions at a time.
    """

    def __init__(self, modules, workers):
        self.modules, self.size = modules, workers
        self.folder = tempfile.mkdtemp(prefix="mlelabs-pool-")
        self.socket = f"{self.folder}/fork"
        self.server = None
        self.closed = False
        self.lock = threading.Lock()
        self._serve()
        self.idle = queue.LifoQueue()
        self.workers = []
        for _ in range(workers):
            self.idle.put(self._hire())

    def _serve(self):
        """Start the fork server, if it does not run."""
        with self.lock:
            if self.server is None or self.server.poll() is not None:
                Path(self.socket).unlink(missing_ok=True)
                self.server = _start("forkserver", self.socket, *self.modules)

    def _hire(self):
        worker = _start("worker", self.socket)
        self.workers.append(worker)
        return worker

    def run(self, job):
        """Execute a job. Raises PoolError if that did not succeed."""
        worker = self.idle.get()
        result = None
        try:
            for _ in range(TRIES):
                if self.closed:
                    raise PoolError("grading was given up")
                self._await_server()
                result = _ask(worker, job)
                if result is not None and "error" not in result:
                    return result
                if result is None and not self.closed:
                    self.workers.remove(worker)
                    _end(worker)
                    worker = self._hire()
        finally:
            self.idle.put(worker)
        raise PoolError((result or {}).get("error", f"the worker died {TRIES} times"))

    def _await_server(self):
        deadline = time.monotonic() + SECONDS_TO_LOAD
        self._serve()
        while not os.path.exists(self.socket):
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise PoolError("the fork server did not start; its message is above")
            time.sleep(0.02)

    def close(self):
        """End all processes; whoever waits for a result gets a PoolError. May be called again."""
        self.closed = True
        for process in [*self.workers, self.server]:
            _end(process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Cluster:
    """The workers of a Dask cluster; each machine has this package, the same versions, the data.

    A job whose worker dies is given to another one by Dask. Nobody but you may reach the scheduler:
    whoever can is able to run code on all its workers.
    """

    def __init__(self, address, modules):
        import distributed

        self.client = distributed.Client(address, timeout=30)
        self.modules = modules
        self.size = sum(self.client.nthreads().values()) or 1

    def run(self, job):
        """Execute a job. Raises PoolError if that did not succeed."""
        future = self.client.submit(run_on_cluster, json.dumps(job), self.modules, pure=False)
        result = json.loads(future.result())
        if "error" in result:
            raise PoolError(result["error"])
        return result

    def close(self):
        """Leave the cluster as it is."""
        self.client.close()


_pools = {}
_making = threading.Lock()


def run_on_cluster(job, modules):
    """On a cluster's worker: execute a job (JSON text) with this process's own pool."""
    import distributed

    with _making:
        if not _pools:
            _pools["mine"] = LocalPool(modules, distributed.get_worker().state.nthreads)
    try:
        return json.dumps(_pools["mine"].run(json.loads(job)))
    except PoolError as error:
        return json.dumps({"error": str(error)})


def _start(module, *arguments):
    """Start a module of this package, with an environment that holds no secrets."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "MLELABS_DATA")
    kept += ("MPLCONFIGDIR", "XDG_CACHE_HOME")
    environment = {key: os.environ[key] for key in kept if key in os.environ}
    environment |= sandbox.ONE_THREAD | {"PYTHONPATH": str(sandbox.PACKAGE.parent)}
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    return subprocess.Popen(
        [sys.executable, "-m", f"mlelabs.instructor.engine.{module}", *arguments],
        env=environment,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if module == "worker" else subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is ours to handle
    )


def _ask(worker, job):
    """A worker's result; None if it died."""
    try:
        print(json.dumps(job), file=worker.stdin, flush=True)
        return json.loads(worker.stdout.readline())
    except (BrokenPipeError, json.JSONDecodeError):
        return None


def _end(process):
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        try:
            if stream:
                stream.close()
        except BrokenPipeError:
            pass
