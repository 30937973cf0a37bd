"""A sandbox by bubblewrap, and what a kernel sees in it.

bubblewrap builds namespaces around a process that only waits (`cat`); the kernel, forked elsewhere
(forkserver.py), enters them. Their life is this object's: when `cat`'s input closes, because
close() was called or because we died, the first process of the namespace ends, and the kernel of
Linux ends all others with it.

Inside: the system's programs, the Python environment, `mlelabs` without the instructor's part, and
the data, all read-only; private /lab (where the notebook runs), /tmp and /k (its sockets). No
network but an own loopback, no gradebook, no solutions, no home, no other process.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import mlelabs

PROGRAM = "bwrap"
PACKAGE = Path(mlelabs.__file__).parent
LAB, SOCKETS, HOME = "/lab", "/k", "/tmp/home"
SECONDS_TO_START = 20
# of /etc only what programs need to find fonts, libraries and the time zone
SYSTEM = [
    "/usr",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
]


class SandboxError(Exception):
    """No sandbox; the message says what is missing and what to do."""


@dataclass
class Limits:
    """What a submission may use. Bytes, seconds, counts."""

    seconds: float = 600  # for the whole notebook
    cell_seconds: float = 120  # for one cell
    memory: int = 4 << 30  # address space, each process
    total_memory: int = 4 << 30  # private memory of all its processes together
    processes: int = 128  # threads count as processes
    file_bytes: int = 200 << 20  # one file
    disk_bytes: int = 512 << 20  # each of /lab, /tmp and /dev/shm, kept in memory
    output_bytes: int = 8 << 20  # everything the notebook shows


class Sandbox:
    """Namespaces that wait for a kernel.

    `files`: what lies in /lab at the start (dict, relative path -> bytes). `given`: those of them
    that cannot be changed, for checks rely on them.
    `pid`: of the waiting process, whose namespaces the kernel enters.
    `root`: where its file system can be reached from outside, for the sockets.
    Raises SandboxError if bubblewrap does not give us one.
    """

    def __init__(self, files, limits, given=()):
        program = shutil.which(PROGRAM)
        if not program:
            raise SandboxError("bubblewrap is missing: apt install bubblewrap")
        descriptors = {path: _in_memory(content) for path, content in files.items()}
        told, tell = os.pipe()
        options = [*_options(descriptors, limits, given), "--info-fd", str(tell)]
        try:
            self.process = subprocess.Popen(
                [program, *options, "--", "cat"],
                env={"PATH": "/usr/bin:/bin"},
                pass_fds=[*descriptors.values(), tell],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        finally:
            for descriptor in [*descriptors.values(), tell]:
                os.close(descriptor)
        with open(told, encoding="utf-8") as info:
            self._await_echo()
            first = json.loads(info.read())["child-pid"]  # number 1 of its process namespace
        self.first, self.first_pid = os.pidfd_open(first), first
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        self.pid = int(children[0])
        self.root = os.open(f"/proc/{self.pid}/root", os.O_PATH)

    def _await_echo(self):
        """Wait until `cat` answers: then all namespaces and mounts are in place."""
        answer = b""
        try:
            self.process.stdin.write(b"?")
            self.process.stdin.flush()
            if select.select([self.process.stdout], [], [], SECONDS_TO_START)[0]:
                answer = os.read(self.process.stdout.fileno(), 1)
        except BrokenPipeError:
            pass
        if answer != b"?":
            self.process.kill()
            why = self.process.communicate()[1].decode(errors="replace").strip()
            raise SandboxError(f"bubblewrap gives no sandbox here: {why or 'no answer'}")

    def close(self, seconds=20):
        """End every process inside and wait until they are gone. May be called again."""
        if self.root is None:
            return
        self.process.kill()  # the first process inside dies with it, and all others with that
        os.close(self.root)
        self.root = None
        self.process.communicate()
        gone = select.select([self.first], [], [], seconds)[0]
        if not gone:
            signal.pidfd_send_signal(self.first, signal.SIGKILL)
        os.close(self.first)


def descendants(pid):
    """Process ids of all that a process started and did not bury, the deepest last."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = " ".join((task / "children").read_text() for task in tasks).split()
    except OSError:
        return []
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def missing():
    """What a sandbox lacks here, as one line; empty if nothing does."""
    if not sys.platform.startswith("linux"):
        return "sandboxes need Linux (on Windows: WSL 2)"
    try:
        Sandbox({}, Limits()).close()
    except (SandboxError, OSError) as error:
        return str(error)
    return ""


def namespaces():
    """The kinds of namespaces that a kernel enters, as flags for setns(2)."""
    return _FLAGS | (0 if os.geteuid() == 0 else _NEW_USER)


# from <linux/sched.h>: mount, process, network, IPC and host name; Python has names from 3.12 on
_FLAGS = 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
_NEW_USER = 0x10000000


def student_id(pid):
    """A user id that nobody else has, for the kernel in the sandbox of process `pid`.

    Only root can choose one. It makes the limit on processes count this submission alone, which
    for root it would not do at all. Taken from the top of the ids that this machine knows.
    """
    last = Path("/proc/self/uid_map").read_text().split("\n")[-2].split()
    top = int(last[0]) + int(last[2])
    return top - 2 - pid % 40_000


def environment():
    """The environment variables of a kernel in the sandbox: nothing of ours but the language."""
    kept = {key: os.environ[key] for key in ("LANG", "LC_ALL", "TZ") if key in os.environ}
    return kept | {
        "HOME": HOME,
        "TMPDIR": "/tmp",
        "USER": "student",
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": HOME,
        "NUMBA_CACHE_DIR": HOME,
        "JUPYTER_RUNTIME_DIR": HOME,
        "IPYTHONDIR": f"{HOME}/.ipython",
        "MLELABS_DATA": str(_data()),
        "NBGRADER_EXECUTION": "autograde",
        **ONE_THREAD,
    }


# Several kernels share the cores. Threads of OpenMP and Arrow would not survive a fork either;
# without LOKY_MAX_CPU_COUNT joblib prints to stderr, which costs a check its points
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "LOKY_MAX_CPU_COUNT": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}


def _data():
    chosen = os.environ.get("MLELABS_DATA")
    return Path(chosen).expanduser().resolve() if chosen else PACKAGE.parent / "data"


def _font_lists():
    """matplotlib's lists of fonts: to make one takes a second, and may print to stderr."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = os.environ.get("MPLCONFIGDIR") or Path(cache) / "matplotlib"
    return sorted(Path(folder).glob("fontlist-*.json"))


def _in_memory(content):
    """A file descriptor from which bubblewrap reads a file of the sandbox."""
    descriptor = os.memfd_create("file")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _options(descriptors, limits, given):
    """bubblewrap's options."""
    command = ["--die-with-parent", "--new-session", "--hostname", "lab"]
    command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
    if os.geteuid() != 0:  # root needs no user namespace to make the others
        command += ["--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"]
    command += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for folder in ("/dev/shm", "/tmp", LAB):
        command += _scratch(folder, limits.disk_bytes)
    command += [*_scratch(SOCKETS, 1 << 20), "--perms", "0777", "--dir", HOME]
    for path in SYSTEM:
        command += ["--ro-bind-try", path, path]
    for name in ("bin", "sbin", "lib", "lib64"):  # links into /usr on today's systems
        is_link = os.path.islink(f"/{name}")
        command += (
            ["--symlink", f"usr/{name}", f"/{name}"]
            if is_link
            else ["--ro-bind-try", f"/{name}", f"/{name}"]
        )
    ours = {Path(sys.prefix), Path(sys.base_prefix), PACKAGE, _data()}
    ours = {path for path in ours if not path.is_relative_to("/usr")}
    above = {str(parent) for path in ours for parent in path.parents} - {"/", "/tmp"}
    for folder in sorted(above):  # bubblewrap itself would make them for its own user only
        command += ["--perms", "0755", "--dir", folder]
    for path in sorted(map(str, ours)):
        command += ["--ro-bind", path, path]
    for path in _font_lists():
        command += ["--ro-bind", str(path), f"{HOME}/{path.name}"]
    command += ["--tmpfs", str(PACKAGE / "instructor"), "--remount-ro", str(PACKAGE / "instructor")]
    folders = {str(parent) for path in descriptors for parent in Path(path).parents}
    for folder in sorted(folders - {"."}):
        if any(path.startswith(f"{folder}/") for path in given):  # cannot be moved away either
            command += _scratch(f"{LAB}/{folder}", limits.disk_bytes)
        else:
            command += ["--perms", "0777", "--dir", f"{LAB}/{folder}"]
    for path, descriptor in descriptors.items():
        if path in given:  # a mount of its own: not to be written to, moved or removed
            command += ["--perms", "0444", "--ro-bind-data", str(descriptor), f"{LAB}/{path}"]
        else:
            command += ["--perms", "0666", "--file", str(descriptor), f"{LAB}/{path}"]
    return [*command, "--remount-ro", "/"]


def _scratch(folder, size):
    """A private folder in memory that everybody inside may write to."""
    return ["--size", str(size), "--perms", "1777", "--tmpfs", folder]
