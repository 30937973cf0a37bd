"""Grade many submissions at once: executed elsewhere, recorded here by nbgrader.

nbgrader's own Autograde converter does all it always does, in one process that alone writes to the
gradebook. Only its Execute step is another one: it gives the notebook, as text, to a pool, and puts
in the outputs that come back. While a submission is away, the converter of another one works; a
lock sees to it that nbgrader's code runs for one at a time.
"""

import ast
import base64
import contextlib
import logging
import os
import stat
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, NbGraderPreprocessor, SaveAutoGrades
from nbgrader.utils import is_grade
from sqlalchemy.exc import SAWarning
from traitlets.config.loader import PyFileConfigLoader

from mlelabs.instructor.engine import honesty, sandbox
from mlelabs.instructor.engine.pool import Cluster, LocalPool

# nbgrader's own, at each new submission; nothing that whoever grades could do about it
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")

UNSAFE = "unsafe=True"  # the words without which nothing runs outside a sandbox
FILES, FILE_BYTES = 200, 50 << 20  # what may lie beside a submitted notebook


class Refused(Exception):
    """This submission is not graded; the message says why."""


class Grader:
    """Grades submissions of a course, as a context manager.

    `workers`: submissions at a time on this machine (default: one more than it has cores, for a
    kernel waits now and then). `scheduler`: address of a Dask cluster, instead of this machine.
    `unsafe`: no sandbox; students' code then runs with your rights. `cold`: a fresh Python for each
    kernel. `limits`: sandbox.Limits. `config`: nbgrader's, if not the course's nbgrader_config.py.
    Raises sandbox.SandboxError where there can be no sandbox.
    """

    def __init__(
        self,
        course,
        workers=None,
        scheduler=None,
        unsafe=False,
        cold=False,
        limits=None,
        config=None,
    ):
        self.course = Path(course).resolve()
        self.mode = "unsafe" if unsafe else "cold" if cold else "warm"
        self.config = _course_config(self.course, config)
        self.limits = limits or _limits(self.config)
        if not (unsafe or scheduler) and (lack := sandbox.missing()):
            raise sandbox.SandboxError(
                f"Not graded: students' code would run with your rights. {lack}. "
                f"Whoever wants that all the same must say so: {UNSAFE}"
            )
        modules = [] if cold else labs_imports(CourseDirectory(config=self.config))
        if scheduler:
            self.pool = Cluster(scheduler, modules)
        else:
            self.pool = LocalPool(modules, workers or (os.cpu_count() or 1) + 1)
        self.lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.close()

    def grade(self, submissions):
        """Grade (lab, student) pairs; yield a dict for each as it is done (see grade_all)."""
        with _program_path(), ThreadPoolExecutor(self.pool.size + 2) as threads:
            done = [threads.submit(self._grade, lab, student) for lab, student in submissions]
            try:
                for future in as_completed(done):
                    yield future.result()
            except BaseException:  # Ctrl-C, or nobody wants the rest
                for future in done:
                    future.cancel()
                self.pool.close()
                raise

    def _grade(self, lab, student):
        started = time.monotonic()
        record = {
            "student": student,
            "lab": lab,
            "status": "graded",
            "points": {},
            "max_points": 0.0,
            "needs_manual": False,
            "message": "",
            "suspicious": [],
        }
        log, lines = _log()
        try:
            coursedir = CourseDirectory(
                config=self.config, assignment_id=lab, student_id=_literal(student)
            )
            handed_in = coursedir.format_path(coursedir.submitted_directory, student, lab)
            _check_files(Path(handed_in))
            elsewhere = ExecuteElsewhere(self.pool, self.lock, coursedir, self.mode, self.limits)
            elsewhere.record = record
            with self.lock:
                converter = _Converter(coursedir=coursedir, config=self.config, log=log)
                converter.force = True
                converter.put_in(elsewhere)
                converter.start()
                _read_points(coursedir.db_url, lab, student, record)
        except Exception as error:
            record["status"] = "failed"
            record["message"] = _last_line(lines) or f"{error}"
        record["seconds"] = time.monotonic() - started
        return record


def grade_all(course, lab, students, workers=None, scheduler=None, unsafe=False, config=None):
    """Grade a lab of many students; yield a dict for each, in the order in which they are done.

    Keys: student, lab, status ("graded", "failed"), points (grade id -> points; None where a person
    must grade), max_points (their sum), needs_manual (True if any is None), message (why it failed,
    or which cell stopped the kernel), suspicious (list of text for a person to look at), seconds
    (from start to end, waiting included), cpu (seconds, of the student's own code).
    `config`: nbgrader's (traitlets' Config); default: the course's nbgrader_config.py.
    Raises sandbox.SandboxError where there can be no sandbox, unless `unsafe`.
    """
    with Grader(course, workers, scheduler, unsafe, config=config) as grader:
        yield from grader.grade([(lab, student) for student in students])


class _Converter(Autograde):
    """nbgrader's Autograde, for several at a time: it does not change the working directory."""

    def put_in(self, elsewhere):
        """Execute elsewhere, and hold void verdicts after the marks are saved."""
        steps = [
            elsewhere if isinstance(step, type) and issubclass(step, Execute) else step
            for step in self.autograde_preprocessors
        ]
        steps.insert(steps.index(SaveAutoGrades) + 1, HoldVoidVerdicts)
        self.autograde_preprocessors = steps

    def start(self):
        self.init_notebooks()
        self.writer = self.traits()["writer"].klass(parent=self, config=self.config)
        self.exporter = self.exporter_class(parent=self, config=self.config)
        self.convert_notebooks()


class ExecuteElsewhere(NbGraderPreprocessor):
    """nbgrader's step Execute, done by a pool. Adds what it finds to `record`."""

    def __init__(self, pool, lock, coursedir, mode, limits):
        super().__init__(enabled=True)
        self.pool, self.lock, self.coursedir = pool, lock, coursedir
        self.mode, self.limits = mode, limits
        self.record = {}

    def preprocess(self, nb, resources):
        """Return the notebook with the outputs of its cells. Raises PoolError."""
        lab = resources["nbgrader"]["assignment"]
        given = Path(self.coursedir.format_path(self.coursedir.source_directory, ".", lab))
        files, left_out = _files(Path(resources["metadata"]["path"]), given)
        excluded = self.coursedir.config.Autograde.get("exclude_overwriting", {}).get(lab, [])
        released = Path(self.coursedir.format_path(self.coursedir.release_directory, ".", lab))
        job = {
            "notebook": nbformat.writes(nb),
            "released": _only_shown(released / f"{resources['nbgrader']['notebook']}.ipynb"),
            "given": [path for path in files if (given / path).exists() and path not in excluded],
            "files": {path: base64.b64encode(file).decode() for path, file in files.items()},
            "limits": asdict(self.limits),
            "mode": self.mode,
        }
        # nbgrader has set this variable for its own time of work; now others work
        mark = os.environ.pop("NBGRADER_EXECUTION", "")
        self.lock.release()
        try:
            result = self.pool.run(job)
        finally:
            self.lock.acquire()
            os.environ["NBGRADER_EXECUTION"] = mark
        for cell, answer in zip(nb.cells, result["cells"], strict=True):
            if cell.cell_type == "code":
                cell.outputs = [nbformat.from_dict(output) for output in answer["outputs"]]
                cell.execution_count = answer["execution_count"]
        self.record["suspicious"] += result["suspicious"] + left_out
        own = _written_by_student(nb)
        sources = {name: cell.source for name, cell in own.items()}
        outputs = {name: cell.outputs for name, cell in own.items()}
        checks = [cell.source for cell in nb.cells if is_grade(cell)]
        self.record["suspicious"] += honesty.suspicious_source(sources)
        self.record["suspicious"] += honesty.shown_checks(outputs, checks)
        self.record["message"] = result["stopped"]
        self.record["cpu"] = self.record.get("cpu", 0) + result["cpu"]
        return nb, resources


class HoldVoidVerdicts(NbGraderPreprocessor):
    """A void verdict is no point and no zero: it waits for a person (after SaveAutoGrades)."""

    def preprocess(self, nb, resources):
        """Return both unchanged."""
        known = resources["nbgrader"]
        held = [cell.metadata.nbgrader.grade_id for cell in nb.cells if _is_void(cell)]
        if held:
            with Gradebook(known["db_url"]) as gradebook:
                for name in held:
                    grade = gradebook.find_grade(
                        name, known["notebook"], known["assignment"], known["student"]
                    )
                    grade.needs_manual_grade = True
                gradebook.db.commit()
        return nb, resources


def labs_imports(coursedir):
    """Modules that the released labs import, but not those that lie beside a lab."""
    found, beside = {}, set()
    root = Path(coursedir.format_path(coursedir.release_directory, ".", "*")).parent
    for path in sorted(root.glob("*/*.ipynb")):
        beside |= {file.stem for file in path.parent.iterdir()}
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type == "code":
                found |= dict.fromkeys(_imports(cell.source))
    return [module for module in found if module.split(".")[0] not in beside]


def _imports(source):
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    modules = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules += [node.module]
            modules += [f"{node.module}.{alias.name}" for alias in node.names]
    return modules


def _course_config(course, config=None):
    if config is None:
        config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    return config


def _limits(config):
    """Our limits, with nbgrader's own setting for a cell's seconds."""
    limits = sandbox.Limits()
    limits.cell_seconds = config.Execute.get("timeout") or limits.cell_seconds
    return limits


@contextlib.contextmanager
def _program_path():
    """Let nbgrader find alembic, which it calls by name."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([f"{sys.prefix}/bin", before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _literal(student):
    """A student's name in a pattern of nbgrader, which takes [ ] * ? for wildcards."""
    if any(letter in student for letter in "[]*?/") or student in (".", ".."):
        raise Refused(f"{student!r} cannot be a student's name: it holds one of [ ] * ? /")
    return student


def _check_files(folder):
    """Refuse what nbgrader would follow or wait for. Raises Refused."""
    count = size = 0
    paths = [folder.parent, folder, *folder.rglob("*")]
    for path in paths:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise Refused(f"{path.name} is a link, which could lead to files of yours")
        if stat.S_ISREG(status.st_mode):
            count, size = count + 1, size + status.st_size
        elif not stat.S_ISDIR(status.st_mode):
            raise Refused(f"{path.name} is neither a file nor a folder")
    if count > FILES or size > FILE_BYTES:
        raise Refused(
            f"{count} files of {size >> 20} MB together are too much: "
            f"{FILES} files and {FILE_BYTES >> 20} MB are allowed"
        )


def _files(folder, given):
    """What lies beside the notebook when it runs: (dict path -> bytes, list of what was left out).

    Never a notebook, for that holds the hidden tests; no link; nothing of the student's that would
    be imported instead of a real module.
    """
    files, left_out = {}, []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or path.suffix.lower() == ".ipynb":
            continue
        if not (given / name).exists() and honesty.shadows(name):
            left_out.append(f"{name}: left out, for it would replace a module of that name")
        else:
            files[name] = path.read_bytes()
    return files, left_out


def _only_shown(path):
    """Sources of a released notebook's code cells that are neither exercise nor check."""
    cells = nbformat.read(path, 4).cells if path.exists() else []
    code = [cell for cell in cells if cell.cell_type == "code"]
    kinds = [cell.metadata.get("nbgrader", {}) for cell in code]
    return [
        cell.source
        for cell, known in zip(code, kinds, strict=True)
        if not (known.get("grade") or known.get("solution"))
    ]


def _written_by_student(nb):
    """The code cells that a student can write: dict, name -> cell."""
    found = {}
    for number, cell in enumerate(nb.cells, 1):
        known = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and (known.get("solution") or not known.get("locked")):
            if not (known.get("grade") and not known.get("solution")):
                found[known.get("grade_id") or f"cell {number}"] = cell
    return found


def _is_void(cell):
    outputs = cell.get("outputs", [])
    return is_grade(cell) and any(output.get("ename") == honesty.VOID for output in outputs)


def _read_points(db_url, lab, student, record):
    """Put the marks of the gradebook into a record."""
    with Gradebook(db_url) as gradebook:
        for notebook in gradebook.find_submission(lab, student).notebooks:
            for grade in notebook.grades:
                held = grade.needs_manual_grade
                record["points"][grade.name] = None if held else grade.score
                record["max_points"] += grade.max_score
                record["needs_manual"] |= held


def _log():
    """A logger for one submission, and the list in which its errors will stand."""
    lines = []
    log = logging.Logger("grade", logging.ERROR)
    handler = logging.Handler()
    handler.emit = lambda line: lines.append(line.getMessage())
    log.addHandler(handler)
    return log, lines


def _last_line(lines):
    """Of what nbgrader logs, the last line of the first traceback."""
    for text in lines:
        if "Traceback (most recent call last)" in text:
            return text.strip().splitlines()[-1]
    return lines[0] if lines else ""
