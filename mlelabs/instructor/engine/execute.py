"""Execute one submission: always ends, keeps the points earned before, judges the verdicts.

In and out is plain data (JSON): what a student's kernel sends is text to us, never an object.
"""

import asyncio
import base64
import copy
import os
import time
from pathlib import Path

import nbformat
import zmq
import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_output
from traitlets import Any, Dict, Instance, Set
from traitlets.config import Config

from mlelabs.instructor.engine import honesty, idle, provisioner, sandbox

STOPPED = "GradingStopped"
SECONDS_TO_ANSWER = 30  # a canary takes milliseconds; longer means that the kernel is deaf
MESSAGE_BYTES = 32 << 20
QUEUED_MESSAGES = 200
IDLE = "Not run for grading: no points depend on this cell.\n"
FRESH_STARTS = 4  # of a kernel that ended: one mistake must not cost all later points


class Client(AsyncKernelClient):
    """A client without heartbeats (a thread each): the kernel's process is watched instead."""

    def start_channels(self, *args, **kwargs):
        super().start_channels(*args, **kwargs | {"hb": False})


class Submission(NotebookClient):
    """One submission's notebook, executed for grading."""

    limits = Instance(sandbox.Limits)
    new_manager = Any(help="makes a manager for one kernel")
    start = Dict(help="what its start_kernel() takes")
    idle = Set(help="numbers of cells that need not run")

    def __init__(self, notebook, **options):
        super().__init__(notebook, **options)
        self.started = time.monotonic()
        self.shown = 0  # bytes of output so far
        self.why = ""  # the kernel was stopped, if not empty
        self.told = []  # which cells ended a kernel or were interrupted, and why
        self.skipped = set()  # their numbers: they do not run again
        self.fresh_starts = 0
        self.suspicious = []
        self.known = {}  # fingerprints: dotted name -> numbers
        self.cpu = self.cpu_at_start = 0.0
        self.guard = None
        checks = [cell.source for cell in notebook.cells if _is_check(cell)]
        self.watched = frozenset().union(*map(honesty.used_names, checks))

    # --- the kernel

    async def begin(self):
        """Start a kernel. Raises what a kernel provisioner raises."""
        self.km = self.new_manager()
        await self.km.start_kernel(**self.start)
        await self.async_start_new_kernel_client()

    async def end(self):
        """End the kernel, if there is one, and give back what it held."""
        if self.guard:
            self.guard.cancel()
        if self.kc:
            self.kc.stop_channels()
            self.kc = None
        if self.km and self.km.provisioner:
            # a kernel that was stopped has taken its count along
            used = cpu_seconds(self.km.provisioner.processes()) - self.cpu_at_start
            self.cpu += max(0.0, used)
            await self.km.provisioner.kill()
            await self.km.provisioner.cleanup()

    async def _begin_anew(self, index):
        """Run in a fresh kernel all that came before cell `index`, but what ended a kernel."""
        self.fresh_starts += 1
        await self.end()
        self.why, self.known, self.shown = "", {}, 0
        counted = self.code_cells_executed
        await self.begin()
        for number, cell in enumerate(self.nb.cells[:index]):
            left_out = number in self.skipped | self.idle or not cell.source.strip()
            if cell.cell_type == "code" and not left_out:
                await super().async_execute_cell(copy.deepcopy(cell), number)
                if _is_given(cell):
                    await self._remember(cell)
        self.code_cells_executed = counted

    async def async_start_new_kernel_client(self):
        """Connect to a kernel that already listens; return the client.

        nbclient's own way waits 0.2 s for silence. All that is needed is that outputs arrive.
        """
        self.kc = self.km.client()
        self.kc.start_channels()
        self.kc.allow_stdin = False
        await self._await_outputs()
        self.cpu_at_start = cpu_seconds(self.km.provisioner.processes())
        self.guard = asyncio.ensure_future(self._guard())
        return self.kc

    async def _await_outputs(self):
        deadline = time.monotonic() + SECONDS_TO_ANSWER
        while time.monotonic() < deadline:
            request = self.kc.kernel_info()
            await self._reply_to(request, deadline)
            while await self.kc.iopub_channel.msg_ready() or await self._outputs_within(0.05):
                message = await self.kc.iopub_channel.get_msg(timeout=0)
                if (
                    message["parent_header"].get("msg_id") == request
                    and message["content"].get("execution_state") == "idle"
                ):
                    return
        raise CellTimeoutError("the kernel's outputs do not arrive")

    async def _outputs_within(self, seconds):
        return await self.kc.iopub_channel.socket.poll(int(1000 * seconds))

    async def _reply_to(self, request, deadline):
        """The content of the reply to a request. Raises DeadKernelError or CellTimeoutError."""
        while (left := deadline - time.monotonic()) > 0:
            if await self.kc.shell_channel.socket.poll(int(1000 * min(left, 1))):
                message = await self.kc.shell_channel.get_msg(timeout=0)
                if message["parent_header"].get("msg_id") == request:
                    return message["content"]
            else:
                await self._async_check_alive()
        raise CellTimeoutError(f"no answer within {SECONDS_TO_ANSWER} s")

    async def _ask(self, code, expressions):
        """Run code beside the notebook: (values of expressions, the text that it shows)."""
        deadline = time.monotonic() + min(SECONDS_TO_ANSWER, self._seconds_left())
        request = self.kc.execute(
            code, store_history=False, user_expressions=expressions, stop_on_error=False
        )
        reply = await self._reply_to(request, deadline)
        shown = None
        while time.monotonic() < deadline:
            if not await self._outputs_within(0.5):
                await self._async_check_alive()
                continue
            message = await self.kc.iopub_channel.get_msg(timeout=0)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            if message["msg_type"] == "execute_result":
                shown = content.get("data", {}).get("text/plain")
            if content.get("execution_state") == "idle":
                break
        values = reply.get("user_expressions") or {}
        return {n: v.get("data", {}).get("text/plain") for n, v in values.items()}, shown

    async def _guard(self):
        """Stop the kernel when its processes together take too much memory."""
        while True:
            await asyncio.sleep(0.5)
            used = memory_bytes(self.km.provisioner.processes(), self.limits.total_memory)
            if used > self.limits.total_memory:
                await self._stop(f"it took more than {self.limits.total_memory >> 20} MB of memory")

    async def _stop(self, why):
        """End the kernel; all that is left of the notebook stays without a verdict."""
        self.why = self.why or why
        if self.km and self.km.has_kernel:
            await self.km.provisioner.kill()

    def _seconds_left(self):
        return self.limits.seconds - (time.monotonic() - self.started)

    def _get_timeout(self, cell):
        return max(1, min(self.limits.cell_seconds, self._seconds_left()))

    # --- the cells

    async def async_execute_cell(self, cell, cell_index, **options):
        """Execute a cell; its verdict, if it is a check, is one that can be believed."""
        if cell.cell_type != "code" or not (cell.source.strip() or _is_check(cell)):
            return cell
        if cell_index in self.idle:
            cell.outputs = [new_output("stream", name="stdout", text=IDLE)]
            return cell
        if self.why:
            _fail(cell, STOPPED, f"not run: {self.why}")
            return cell
        name = _name(cell, cell_index)
        try:
            if self._seconds_left() <= 0:
                await self._stop(f"its {self.limits.seconds:g} s were over")
                raise DeadKernelError
            void = await self._canary(cell) if _is_check(cell) else ""
            await super().async_execute_cell(cell, cell_index, **options)
            if _is_check(cell):
                self._judge(cell, void)
            elif _is_given(cell):
                await self._remember(cell)
        except Exception as error:  # what a hostile kernel sends may break anything that reads it
            await self._stop(_reason(error))
            self.why = f"in cell {name}, {self.why}"
            self.told.append(self.why)
            self.skipped.add(cell_index)
            cell.outputs = []
            _fail(cell, STOPPED, self.why)
            await self._go_on(cell_index)
        return cell

    async def _go_on(self, index):
        """Go on behind a cell that ended the kernel, if there is time and patience left."""
        if self.fresh_starts < FRESH_STARTS and self._seconds_left() > 0:
            try:
                await self._begin_anew(index)
            except Exception as error:
                await self._stop(_reason(error))
                self.why = f"{self.told[-1]}; and again without it, {self.why}"

    async def _canary(self, cell):
        """Why this check's verdict will not be believed; empty if it will."""
        names = self.known.keys() & honesty.used_names(cell.source)
        canary = honesty.canary(cell.source, names)
        values, shown = await self._ask(canary.code, canary.expressions)
        if shown != canary.value:
            return "a canary beside it did not come back: something rewrites cells or outputs"
        seen = honesty.read_fingerprint(values.get("seen"), canary.nonce, names)
        if seen is None:
            return "a canary beside it did not come back: something rewrites values"
        changed = sorted(name for name in names if seen[name] != self.known[name])
        return f"what it calls was replaced: {', '.join(changed)}" if changed else ""

    async def _remember(self, cell):
        """Take the fingerprints of what a given cell binds and checks use."""
        bound = honesty.bound_names(cell.source)
        names = {name for name in self.watched if name.split(".")[0] in bound}
        if not self.known:
            names |= set(filter(honesty.is_builtin, self.watched))
        if names:
            nonce = os.urandom(8).hex()
            values, _ = await self._ask("", {"seen": honesty.fingerprint(nonce, names)})
            self.known |= honesty.read_fingerprint(values.get("seen"), nonce, names) or {}

    def _judge(self, cell, void):
        """Let a check's outputs stand, or make the verdict void."""
        known = cell.metadata.nbgrader
        if any(output.output_type == "error" for output in cell.outputs):
            # nbgrader takes the first output that decides: let it be the error
            cell.outputs = [o for o in cell.outputs if o.output_type != "execute_result"]
        else:
            void = void or honesty.wrong_form(cell.outputs, cell.source, known.points)
        if void:
            self.suspicious.append(f"{known.grade_id}: {void}")
            cell.outputs = []
            _fail(cell, honesty.VOID, f"{void}. Waits for a person")

    async def _check_raise_for_error(self, cell, cell_index, exec_reply):
        """Like nbgrader's Execute: an error in the reply is in the outputs, or is put there."""
        content = (exec_reply or {}).get("content", {})
        if content.get("ename") == "CellTimeoutError":
            limit = f"took more than {self.limits.cell_seconds:g} s and was interrupted"
            if cell_index not in self.skipped:
                self.skipped.add(cell_index)
                self.told.append(f"cell {_name(cell, cell_index)} {limit}")
        if content.get("status") == "error":
            named = [o.ename for o in cell.outputs if o.output_type == "error"]
            if content.get("ename") not in named:
                _fail(cell, str(content.get("ename")), str(content.get("evalue")))

    # --- what the kernel sends

    def process_message(self, msg, cell, cell_index):
        """Keep an output, unless there are too many of them."""
        if msg["msg_type"].startswith("comm"):
            return None  # widgets could redirect the outputs of later cells
        self.shown += len(str(msg["content"]))
        if self.shown > self.limits.output_bytes:
            if not self.why:
                self.why = f"it showed more than {self.limits.output_bytes >> 20} MB"
                asyncio.ensure_future(self._stop(self.why))
            if msg["msg_type"] != "status":
                return None
        return super().process_message(msg, cell, cell_index)

    def _update_display_id(self, display_id, msg):
        """Let no cell change what an earlier one showed."""


def execute(job, server):
    """Execute a job with kernels of the fork server at the socket `server`; return the result.

    job: dict with
        notebook  JSON text, sanitized, hidden tests included
        files     path -> base64, what lies beside the notebook
        given     which of them the student cannot change
        released  sources of cells as released (idle.py)
        limits    of sandbox.Limits
        mode      warm, cold, unsafe
    result: dict with
        cells       for each cell {"outputs": [...], "execution_count": ...}
        suspicious  list of text
        stopped     which cells ended the kernel or had to be interrupted, and why; else ""
        cpu         seconds of processor time that the student's kernel used
    """
    notebook = nbformat.reads(job["notebook"], 4)
    limits = sandbox.Limits(**job["limits"])
    files = {path: base64.b64decode(content) for path, content in job["files"].items()}
    provisioner.register()

    def new_manager():
        return AsyncKernelManager(
            kernel_name="python3",
            context=_context(),
            config=Config({provisioner.ForkedKernel.__name__: {"server": server}}),
            client_factory=Client,
        )

    client = Submission(
        notebook,
        new_manager=new_manager,
        start={"files": files, "given": job["given"], "limits": limits, "mode": job["mode"]},
        limits=limits,
        idle=idle.idle_cells(notebook, job["released"]),
        timeout=None,
        allow_errors=True,
        # a cell that is tagged to be skipped would not run, and a check that did not run passes
        skip_cells_with_tag=os.urandom(16).hex(),
        store_widget_state=False,
        shutdown_kernel="immediate",
        error_on_timeout={
            "ename": "CellTimeoutError",
            "evalue": f"no reply within {limits.cell_seconds:g} s",
            "traceback": [f"CellTimeoutError: no reply within {limits.cell_seconds:g} s"],
        },
        interrupt_on_timeout=True,
        raise_on_iopub_timeout=True,
        # on a busy machine outputs may come late, and nbclient's 4 s would cost points
        iopub_timeout=max(4, int(limits.cell_seconds / 4)),
    )
    asyncio.run(_execute(client))
    return {
        "cells": [
            {"outputs": cell.outputs, "execution_count": cell.execution_count}
            if cell.cell_type == "code"
            else {}
            for cell in notebook.cells
        ],
        "suspicious": client.suspicious,
        "stopped": "; ".join(client.told),
        "cpu": client.cpu,
    }


async def _execute(client):
    try:
        await client.begin()
        for index, cell in enumerate(client.nb.cells):
            await client.async_execute_cell(
                cell, index, execution_count=client.code_cells_executed + 1
            )
    finally:
        await client.end()


_contexts = []


def _context():
    """ZeroMQ's context of this process, with bounds on what a kernel can make us hold.

    A connection that breaks is not tried again: a socket could have become a link to elsewhere.
    """
    if not _contexts:
        context = zmq.asyncio.Context()
        for option, value in [
            (zmq.MAXMSGSIZE, MESSAGE_BYTES),
            (zmq.RCVHWM, QUEUED_MESSAGES),
            (zmq.RECONNECT_IVL, -1),
            (zmq.LINGER, 0),
        ]:
            context.setsockopt(option, value)
        _contexts.append(context)
    return _contexts[0]


def _reason(error):
    reasons = {DeadKernelError: "the kernel died", CellTimeoutError: "the kernel did not answer"}
    return reasons.get(type(error), f"the kernel sent what cannot be read ({type(error).__name__})")


def _is_check(cell):
    known = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and known.get("grade", False) and not known.get("solution")


def _name(cell, index):
    return cell.metadata.get("nbgrader", {}).get("grade_id") or f"number {index + 1}"


def _is_given(cell):
    known = cell.metadata.get("nbgrader", {})
    return known.get("locked", False) and not known.get("grade")


def _fail(cell, name, message):
    cell.outputs = [*(cell.get("outputs") or [])[:50]]
    cell.outputs.append(
        new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])
    )


def cpu_seconds(pids):
    """Processor time of processes, and of those that they started and buried."""
    ticks = 0
    for pid in pids:
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_bytes(pids, enough):
    """Memory that is the processes' own, together: exact only if it may be more than `enough`."""
    page = os.sysconf("SC_PAGE_SIZE")
    rough = sum(int(_read(f"/proc/{pid}/statm", "0 0").split()[1]) * page for pid in pids)
    if rough <= enough:
        return rough
    return sum(
        int(line.split()[1]) << 10
        for pid in pids
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines()
        if line.startswith("Private_")
    )


def _read(path, otherwise=""):
    try:
        return Path(path).read_text()
    except OSError:
        return otherwise
