"""Jupyter's way to a kernel in a sandbox: a kernel provisioner.

jupyter_client asks a provisioner to start, watch and end a kernel. This one is not registered as an
entry point, for students get the project's settings but not this package: `register` tells
jupyter_client about it, in the processes that grade.
"""

import asyncio
import json
import os
import select
import shutil
import signal
import socket
import tempfile
from dataclasses import asdict
from importlib.metadata import EntryPoint

from jupyter_client.provisioning import KernelProvisionerBase, KernelProvisionerFactory
from traitlets import Unicode

from mlelabs.instructor.engine import sandbox

NAME = "mlelabs-forked"
SECONDS_TO_START = 60
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")


class ForkedKernel(KernelProvisionerBase):
    """A kernel forked by forkserver.py, in a sandbox or (mode "unsafe") without one.

    start_kernel() takes, besides Jupyter's own arguments: `files` (dict, path -> bytes, what lies
    beside the notebook), `given` (which of them cannot be changed), `limits` (sandbox.Limits),
    `mode` ("warm", "cold", "unsafe").
    """

    server = Unicode(help="the fork server's socket").tag(config=True)
    pid = descriptor = box = folder = connection = None

    @property
    def has_process(self):
        """True while there is something to watch or to clean up."""
        return self.descriptor is not None

    async def pre_launch(self, **kwargs):
        """Make the sandbox, and tell the manager where in it the sockets will be."""
        self.limits, self.mode = kwargs.pop("limits"), kwargs.pop("mode")
        files, given = kwargs.pop("files"), kwargs.pop("given")
        manager = self.parent
        manager.transport = "ipc"
        manager.cache_ports = False
        if self.mode == "unsafe":
            self.folder = tempfile.mkdtemp(prefix="mlelabs-")
            _write(f"{self.folder}/lab", files)
            self.sockets, inside = f"{self.folder}/s", f"{self.folder}/s"
        else:
            self.box = sandbox.Sandbox(files, self.limits, given)
            # through the descriptor: short enough for a socket's address, and surely this sandbox
            self.sockets = f"/proc/self/fd/{self.box.root}{sandbox.SOCKETS}/s"
            inside = f"{sandbox.SOCKETS}/s"
        manager.ip = self.sockets
        for number, channel in enumerate(CHANNELS, 1):
            setattr(manager, f"{channel}_port", number)
        self.connection_info = manager.get_connection_info()
        self.inside = _plain(self.connection_info) | {"ip": inside}
        kwargs.pop("extra_arguments", None)
        return await super().pre_launch(cmd=self.kernel_spec.argv, **kwargs)

    async def launch_kernel(self, cmd, **kwargs):
        """Have the kernel forked; return its connection information once it listens."""
        inside = self.mode != "unsafe"
        request = {
            "sandbox": self.box.pid if inside else None,
            "folder": sandbox.LAB if inside else f"{self.folder}/lab",
            "connection": self.inside,
            "connection_file": f"{sandbox.SOCKETS if inside else self.folder}/kernel.json",
            "environment": sandbox.environment() | ({} if inside else _outside(self.folder)),
            "limits": asdict(self.limits),
            "cold": self.mode == "cold",
        }
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.connection.setblocking(False)
        self.connection.connect(self.server)
        self.connection.send(json.dumps(request).encode())
        loop = asyncio.get_running_loop()
        while True:
            answer = await asyncio.wait_for(
                loop.sock_recv(self.connection, 1 << 16), SECONDS_TO_START
            )
            message = json.loads(answer or b'{"error": "the fork server ended"}')
            if "pid" in message:
                self.pid = message["pid"]
                self.descriptor = os.pidfd_open(self.pid)
            elif "ready" in message:
                break
            else:
                raise RuntimeError(f"no kernel: {message}")
        if self.mode == "cold":
            await self._await_sockets()
        return self.connection_info

    async def _await_sockets(self):
        """Wait until the kernel listens. Raises RuntimeError when it ends before."""
        for number in range(1, len(CHANNELS) + 1):
            while not _listens(f"{self.sockets}-{number}"):
                if await self.poll() is not None:
                    raise RuntimeError("the kernel ended before it listened")
                await asyncio.sleep(0.02)

    def processes(self):
        """Process ids of the kernel and of all that it started."""
        orphans = [self.box.first_pid, *sandbox.descendants(self.box.first_pid)] if self.box else []
        return [self.pid, *sandbox.descendants(self.pid), *orphans]

    async def poll(self):
        """None while the kernel runs, a number after it."""
        if self.descriptor is None or select.select([self.descriptor], [], [], 0)[0]:
            return -1
        return None

    async def wait(self):
        """Wait for the kernel's end; return a number."""
        while await self.poll() is None:
            await asyncio.sleep(0.02)
        return -1

    async def send_signal(self, signum):
        """Send a signal to the kernel itself."""
        if await self.poll() is None:
            signal.pidfd_send_signal(self.descriptor, signum)

    async def kill(self, restart=False):
        """End the kernel and every process that it started."""
        if self.box:
            self.box.close()
        elif self.pid:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        await self.wait()

    async def terminate(self, restart=False):
        """The same: a student's kernel has nothing to say at its end."""
        await self.kill(restart)

    async def cleanup(self, restart=False):
        """Give back what the kernel held."""
        if self.box:
            self.box.close()
        if self.connection:
            self.connection.close()
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def register():
    """Tell jupyter_client about this provisioner, in this process."""
    factory = KernelProvisionerFactory.instance(default_provisioner_name=NAME)
    place = f"{ForkedKernel.__module__}:{ForkedKernel.__name__}"
    factory.provisioners[NAME] = EntryPoint(NAME, place, "jupyter_client.kernel_provisioners")


def _plain(info):
    """Connection information as JSON has it: the key is text."""
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in info.items()}


def _outside(folder):
    """The environment of a kernel without a sandbox: a folder instead of the sandbox's /tmp."""
    names = ("HOME", "TMPDIR", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "JUPYTER_RUNTIME_DIR")
    return dict.fromkeys(names, folder) | {"IPYTHONDIR": f"{folder}/.ipython"}


def _write(folder, files):
    for path, content in files.items():
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)


def _listens(path):
    """True if somebody accepts connections at a Unix socket."""
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(path)
    except OSError:
        return False
    finally:
        probe.close()
    return True
