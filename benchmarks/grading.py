"""How fast is grading, against plain nbgrader and against what the students' own code takes?

    python benchmarks/grading.py                    # 40 submissions over all labs; about 15 minutes
    python benchmarks/grading.py --submissions 10 --labs 01-data-quality

The same class of honest submissions (solved, solved in other ways, half solved) is graded twice, in
two copies of the course: by `nbgrader autograde`, lab after lab, and by the engine, sandboxed.
Interleaved: half of plain nbgrader's share, then ours, then the other half, so that a machine
that becomes slower or faster does not favour one. Start-up is included. All marks are compared.

The limit is the processor time that the kernels took for the students' own cells, divided by the
number of cores: no grader on this machine can be faster with the same work. Plain nbgrader runs
every cell; the engine leaves out those on which no mark can depend (engine/idle.py).
Processor time comes from a control group where we may make one (root), else from the machine's
total; memory is the proportional share (PSS) of all processes, looked at once a second.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from mlelabs.instructor import bank, build

os.environ["PATH"] = os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]])
OURS = """
import json, sys
from mlelabs.instructor.engine.grade import Grader
course, workers, work = sys.argv[1], int(sys.argv[2]), json.load(sys.stdin)
with Grader(course, workers=workers or None) as grader:
    records = list(grader.grade(work))
json.dump(records, sys.stdout)
"""


def make_course(folder, submissions):
    """A course with submissions: list of (lab, student)."""
    for name in ("nbgrader_config.py", "solutions", "labs"):
        source = build.ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    for lab, student in submissions:
        path = folder / "submitted" / student / lab / f"{lab}.ipynb"
        path.parent.mkdir(parents=True)
        kinds = answers(lab)
        nbformat.write(submission(lab, kinds[int(student[1:]) % len(kinds)]), path)
    for lab in sorted({lab for lab, _ in submissions}):
        nbgrader(folder, "generate_assignment", lab, "--force")


def answers(lab):
    """Three ways to hand in a lab: dicts, exercise -> source."""
    cells = nbformat.read(build.notebook_path("solutions", lab), 4).cells
    solved = {c.id: c.source for c in cells if c.metadata.get("nbgrader", {}).get("solution")}
    accepted = [answer for answer in bank.read_answers(lab) if answer.kind == "accept"]
    other = {answer.exercise: answer.source for answer in accepted}
    half = bank.exercises(build.read_lab(lab))[::2]
    return [solved, solved | other, {name: solved[name] for name in half}]


def submission(lab, sources):
    """The released lab with sources put in."""
    notebook = nbformat.read(build.notebook_path("labs", lab), 4)
    for cell in notebook.cells:
        cell.source = sources.get(cell.id, cell.source)
    return notebook


def nbgrader(course, *arguments):
    """Run nbgrader's command line. Raises CalledProcessError."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    subprocess.run(command, cwd=course, check=True, capture_output=True)


class Meter:
    """Runs commands and adds up their wall time, processor time (seconds), peak memory (bytes)."""

    def __init__(self):
        self.wall = self.cpu = self.peak = 0

    def run(self, command, **options):
        """Run a command and return what it printed."""
        group = _control_group()
        before, started = _cpu(group), time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=options["cwd"],
            preexec_fn=lambda: _join(group),
        )
        watcher = threading.Thread(target=self._watch, args=(process,))
        watcher.start()
        printed, complaints = process.communicate(options.get("input", ""))
        watcher.join()
        self.wall += time.monotonic() - started
        self.cpu += _cpu(group) - before
        if process.returncode and options.get("must_succeed"):
            sys.exit(f"{' '.join(command[:5])} failed:\n{complaints[-2000:]}")
        return printed

    def _watch(self, process):
        while process.poll() is None:
            self.peak = max(self.peak, sum(map(_memory, _tree(process.pid))))
            time.sleep(1)


def _control_group():
    """A control group of our own that counts processor time (version 1 or 2), or None."""
    for base in ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"):
        group = Path(base) / "mlelabs-benchmark"
        try:
            group.mkdir(exist_ok=True)
        except OSError:
            continue
        if (group / "cpuacct.usage").exists() or (group / "cpu.stat").exists():
            return group
    return None


def _join(group):
    if group:
        (group / "cgroup.procs").write_text("0")


def _cpu(group):
    """Processor time so far, in seconds."""
    if group and (group / "cpuacct.usage").exists():
        return int((group / "cpuacct.usage").read_text()) / 1e9
    if group:
        return int((group / "cpu.stat").read_text().split()[1]) / 1e6
    ticks = list(map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:]))
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")  # not idle, not waiting


def _tree(pid):
    """A process and all its descendants."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [pid]
    for known in found:
        found += parents.get(known, [])
    return found


def _memory(pid):
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def marks(course, submissions):
    """All marks in a gradebook: dict (lab, student) -> {grade id: points or None}."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            (lab, student): {
                grade.name: None if grade.needs_manual_grade else grade.score
                for notebook in gradebook.find_submission(lab, student).notebooks
                for grade in notebook.grades
            }
            for lab, student in submissions
        }


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("--labs", default=",".join(build.labs()))
    parser.add_argument("--workers", type=int, default=0, help="default: cores + 1")
    options = parser.parse_args()
    labs = options.labs.split(",")
    work = [(labs[n % len(labs)], f"s{n:03}") for n in range(options.submissions)]
    with tempfile.TemporaryDirectory() as folder:
        plain, ours = Path(folder, "plain"), Path(folder, "ours")
        for course in (plain, ours):
            course.mkdir()
            make_course(course, work)
        slow, fast = Meter(), Meter()
        half = [pair for pair in work if labs.index(pair[0]) < len(labs) / 2] or work
        grade_plainly(slow, plain, half)
        command = [sys.executable, "-c", OURS, str(ours), str(options.workers)]
        told = {"input": json.dumps(work), "must_succeed": True}
        records = json.loads(fast.run(command, cwd=build.ROOT, **told))
        grade_plainly(slow, plain, [pair for pair in work if pair not in half])
        failed = [record for record in records if record["status"] != "graded"]
        before, after = marks(plain, work), marks(ours, work)
    report(slow, fast, records, len(work))
    different = [pair for pair in work if before[pair] != after[pair]]
    said = [f"{r['lab']} {r['student']}: {r['suspicious']}" for r in records if r["suspicious"]]
    print(f"marks: {len(work) - len(different)} of {len(work)} submissions identical")
    for line in [*map(str, different), *map(str, failed), *said]:
        print("  look at:", line)
    sys.exit(bool(different or failed or said))


def grade_plainly(meter, course, work):
    """One `nbgrader autograde` for each lab, for all its students at once."""
    for lab in sorted({lab for lab, _ in work}):
        command = [sys.executable, "-m", "nbgrader", "autograde", lab, "--log-level=ERROR"]
        meter.run(command, cwd=course)  # what it fails to grade shows in the marks


def report(slow, fast, records, count):
    """Print the figures."""
    own = sum(record.get("cpu", 0) for record in records)
    limit = own / os.cpu_count()
    print(f"{count} submissions, {os.cpu_count()} cores; seconds and MB")
    print(f"{'':16}{'wall':>9}{'CPU':>9}{'peak MB':>9}")
    for name, meter in [("plain nbgrader", slow), ("ours", fast)]:
        print(f"{name:16}{meter.wall:9.1f}{meter.cpu:9.1f}{meter.peak / 2**20:9.0f}")
    ratios = slow.wall / fast.wall, slow.cpu / fast.cpu, slow.peak / fast.peak
    print(f"{'plain / ours':16}{ratios[0]:9.2f}{ratios[1]:9.2f}{ratios[2]:9.2f}")
    print(f"students' own work: {own:.1f} CPU seconds; limit {limit:.1f} s wall")
    print(f"ours is {fast.wall / limit:.2f} times the limit")
    print(f"ours in CPU: {fast.cpu / own:.2f} times the students' own work")


if __name__ == "__main__":
    main()
