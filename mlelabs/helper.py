"""A helper process that has imported slow libraries and forks for each job (Linux only).

A lab that starts many short-lived processes would wait for the same imports each time.

    helper = Helper("mlelabs.mutants")    # runs `python -m mlelabs.mutants SOCKET` when needed
    with helper.connect() as line: ...    # a job goes out, an answer comes back

    serve(SOCKET, answer)                 # what the helper does: fork, and call answer(line)
"""

import atexit
import contextlib
import multiprocessing.connection
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path


class Helper:
    """The helper of this process and of its children; it ends when all of them have ended.

    module: what it runs, with the path of its socket as argument; the module calls `serve`.
    """

    def __init__(self, module):
        self.module = module
        self.address = self.process = None

    def connect(self):
        """Return a connection (a socket) to the helper; start it if there is none.

        Raises RuntimeError if it does not start.
        """
        if self.address:
            with contextlib.suppress(OSError):
                return _connect(self.address)
            shutil.rmtree(Path(self.address).parent, ignore_errors=True)  # of a helper that died
        self._start()
        return _connect(self.address)

    def _start(self):
        self.address = f"{tempfile.mkdtemp(prefix=f'{self.module}-')}/socket"
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, self.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )
        if self.process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the helper process of {self.module} did not start")
        atexit.register(self.process.stdin.close)


def serve(address, answer):
    """Fork for each connection at a socket, until standard input ends.

    answer: function that is called with the connection, in a process of its own.
    """
    signal.signal(signal.SIGCHLD, _bury)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(64)
        print("ready", flush=True)
        while True:
            ready = multiprocessing.connection.wait([door, sys.stdin.buffer])
            if sys.stdin.buffer in ready:
                break
            line, _ = door.accept()
            if os.fork() == 0:
                try:
                    door.close()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    answer(line)
                    os._exit(0)
                finally:
                    os._exit(1)
            line.close()
    shutil.rmtree(Path(address).parent, ignore_errors=True)


def _bury(*_):
    """Wait for those who have answered, or the system would forget the time that they took."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _connect(address):
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(address)
    except OSError:
        line.close()
        raise
    return line
