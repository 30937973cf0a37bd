"""The process from which kernels are forked: the libraries of the labs are loaded once.

    python -m mlelabs.instructor.engine.forkserver SOCKET [MODULE ...]

It has one thread (checked): a fork copies only the thread that calls it, and locks that others
hold stay locked for ever. It knows no course, and its environment holds no secrets, for every
kernel inherits its memory. It ends when its standard input closes.

A client connects to SOCKET, one connection for each kernel, and sends a request: dict with
    sandbox     pid whose namespaces to enter, or None for a kernel without a sandbox
    folder      where the notebook runs
    connection  Jupyter's connection information, and `connection_file`, where to write it
    environment, limits (of sandbox.Limits)
    cold        True for a fresh Python instead of this one with all it has loaded
The answers are {"pid": of the kernel}, {"ready": true} once it listens, and {"exit": status}.
When the connection closes, the kernel is killed.
"""

import ctypes
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import sys
import warnings
from pathlib import Path

from mlelabs.instructor.engine import sandbox

# These bind themselves to the shell that exists when they are imported: each kernel does it anew
BOUND_TO_SHELL = ("matplotlib_inline",)
MESSAGE_BYTES = 1 << 16
LIBC = ctypes.CDLL(None, use_errno=True)
# from <linux/prctl.h>
DEATH_SIGNAL, DUMPABLE, DROP_BOUNDING, AMBIENT, NO_NEW_PRIVILEGES = 1, 4, 24, 47, 38


def load(modules):
    """Import modules as a kernel would find them; return the names of those that fail.

    plotly, tqdm and matplotlib ask when they are imported whether they are in a notebook; so there
    is a kernel's shell while they are, and none afterwards.
    """
    import ipykernel.ipkernel
    import ipykernel.kernelapp  # noqa: F401  (what each kernel needs)
    from ipykernel.zmqshell import ZMQInteractiveShell
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    hooks = sys.displayhook, sys.excepthook, sys.modules["__main__"], list(warnings.filters)
    settings = {"HistoryManager": {"enabled": False}, "IPKernelApp": {"in_notebook": True}}
    ZMQInteractiveShell.instance(config=Config(settings))
    failed = []
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:  # a lab's own module, for one, lies beside its notebook
            failed.append(name)
    ZMQInteractiveShell.clear_instance()
    InteractiveShell.clear_instance()
    for name in [name for name in sys.modules if name.startswith(BOUND_TO_SHELL)]:
        del sys.modules[name]
    sys.displayhook, sys.excepthook, sys.modules["__main__"], warnings.filters[:] = hooks
    import builtins

    for name in ("get_ipython", "display"):  # the shell put them there, the next one will again
        vars(builtins).pop(name, None)
    return failed


def serve(path):
    """Fork a kernel for each connection, until standard input closes."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(f"{path}.new")
    os.chmod(f"{path}.new", 0o600)
    server.listen(64)
    os.rename(f"{path}.new", path)  # who sees it can connect
    # a signal wakes the selector through this pipe
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    for source in (server, wake, sys.stdin):
        selector.register(source, selectors.EVENT_READ)
    kernels = {}  # process id -> its connection
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                if not os.read(0, 1):
                    return
            elif key.fileobj is server:
                selector.register(server.accept()[0], selectors.EVENT_READ)
            elif key.fileobj == wake:
                os.read(wake, MESSAGE_BYTES)
                _bury(kernels)
            else:
                connection, request = key.fileobj, _receive(key.fileobj)
                if request:
                    kernels[_fork(connection, request, [server, selector])] = connection
                else:
                    selector.unregister(connection)
                    for pid in [p for p, c in kernels.items() if c is connection]:
                        os.kill(pid, signal.SIGKILL)
                        del kernels[pid]
                    connection.close()


def _receive(connection):
    try:
        return connection.recv(MESSAGE_BYTES)
    except OSError:
        return b""


def _bury(kernels):
    """Take notice of children that ended, and tell whoever asked for them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid in kernels:
            _say(kernels.pop(pid), exit=os.waitstatus_to_exitcode(status))


def _say(connection, **message):
    try:
        connection.send(json.dumps(message).encode())
    except OSError:
        pass  # nobody listens any more


def _fork(connection, request, ours):
    """Fork; return the child's process id. The child becomes the kernel and never returns."""
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        for thing in ours:
            thing.close()
        _become_kernel(connection, json.loads(request))
    except BaseException as error:
        _say(connection, error=f"{type(error).__name__}: {error}")
    finally:
        os._exit(70)


def _become_kernel(connection, request):
    limits = sandbox.Limits(**request["limits"])
    LIBC.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if request["sandbox"]:
        _enter(request["sandbox"])
        pid = os.fork()  # a process namespace takes only children in
        if pid:
            _say(connection, pid=pid)
            _wait_for(pid, connection)
        _drop_rights(request["sandbox"])
        LIBC.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)  # the change of user cleared it
    else:
        _say(connection, pid=os.getpid())
    os.setsid()
    _close_all_but(connection.fileno())
    os.environ.clear()
    os.environ.update(request["environment"])
    os.makedirs(request["folder"], exist_ok=True)
    os.chdir(request["folder"])
    Path("/proc/self/oom_score_adj").write_text("1000")  # short of memory, Linux ends this first
    _limit(limits)
    path = request["connection_file"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(request["connection"], file)
    if request["cold"]:
        # no word when it is ready: the client sees its sockets appear
        _say(connection, ready=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", path]
        os.execv(sys.executable, [*command, "--HistoryManager.hist_file=:memory:"])
    _run_kernel(connection, path)


def _enter(pid):
    """Enter the namespaces of the process `pid`. Raises OSError."""
    descriptor = os.pidfd_open(pid)
    if LIBC.setns(descriptor, sandbox.namespaces()) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the sandbox")
    os.close(descriptor)


def _wait_for(pid, connection):
    """Stay outside as the kernel's parent, and end as it ends."""
    os.closerange(0, connection.fileno())
    os.closerange(connection.fileno() + 1, 4096)
    connection.close()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os._exit(status & 0xFF)


def _drop_rights(sandbox_pid):
    """Become a user without any rights, for good. Raises OSError."""
    for capability in range(64):
        if LIBC.prctl(DROP_BOUNDING, capability, 0, 0, 0) != 0:
            break  # there are no more
    if os.geteuid() == 0 and sandbox.namespaces() & sandbox._NEW_USER == 0:
        user = sandbox.student_id(sandbox_pid)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    LIBC.prctl(AMBIENT, 4, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    if LIBC.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "cannot drop capabilities")
    LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    LIBC.prctl(DUMPABLE, 1, 0, 0, 0)  # else a process cannot read its own /proc/self


def _close_all_but(kept):
    null = os.open("/dev/null", os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.closerange(3, kept)
    os.closerange(kept + 1, 4096)


def _limit(limits):
    for name, value in [
        ("AS", limits.memory),
        ("NPROC", limits.processes),
        ("FSIZE", limits.file_bytes),
        ("CORE", 0),
        ("NOFILE", 1024),
    ]:
        kind = getattr(resource, f"RLIMIT_{name}")
        ceiling = resource.getrlimit(kind)[1]
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(kind, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file too large is an OSError, not the end


def _run_kernel(connection, path):
    """Be an IPython kernel, as `python -m ipykernel_launcher` is one, until killed."""
    if "numpy" in sys.modules:  # Python seeds `random` anew after a fork; numpy does not
        sys.modules["numpy"].random.seed()
    sys.argv = ["ipykernel_launcher", "-f", path]
    sys.path[0] = ""
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.parent_handle = 0  # not our child: nobody to watch
    app.initialize(["-f", path, "--HistoryManager.hist_file=:memory:"])
    if "matplotlib.pyplot" in sys.modules:
        # pyplot was imported with another shell: bind figures to this one, as the first would do
        sys.modules["matplotlib.pyplot"].switch_backend(os.environ["MPLBACKEND"])
    _say(connection, ready=True)
    connection.close()
    app.start()
    os._exit(0)


def main():
    """Load, check, serve."""
    path, *modules = sys.argv[1:]
    load(modules)
    threads = os.listdir("/proc/self/task")
    if len(threads) != 1:
        names = [Path(f"/proc/self/task/{t}/comm").read_text().strip() for t in threads]
        sys.exit(f"not safe to fork: a library started threads: {names}")
    gc.collect()
    gc.freeze()  # what is loaded stays in memory that all kernels share
    serve(path)


if __name__ == "__main__":
    main()
