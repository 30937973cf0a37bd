"""Write the students' repository: labs, data, environment, their part of the package.

`python -m mlelabs.instructor publish DIR` writes it, and later brings it up to date.
"""

import hashlib
import json
from pathlib import Path

import click

from mlelabs.instructor import build
from mlelabs.instructor.course import RoundError

# What students get; everything else stays here
GIVEN = [
    ".jupyter/default.jupyterlab-workspace",
    ".jupyter/jupyter_lab_config.py",
    ".jupyter/jupyter_server_config.json",
    ".jupyter/labconfig",
    ".jupyter/labextensions",
    "LICENSE",
    "assignments",
    "binder",
    "data",
    "environment.yml",
    "labs",
    "mlelabs",
    "pyproject.toml",
]
KEPT_BACK = [
    "mlelabs/instructor",
    "**/__pycache__",
    "**/.ipynb_checkpoints",
    "**/.progress.json",
    "**/drift-report.html",
    "**/.hypothesis",
]
MANIFEST = ".published.json"  # what was written, so that a foreign change is noticed


class PublishError(RoundError):
    """Nothing was published; the message says why."""


def files():
    """What students get: dict, path in their repository -> bytes.

    Raises PublishError if a file of ours is missing.
    """
    lock = build.ROOT / "binder" / "requirements.txt"  # without the maintainers' tools
    given = {"README.md": build.student_readme().encode(), "requirements.txt": lock.read_bytes()}
    for name in GIVEN:
        source = build.ROOT / name
        if not source.exists():
            raise PublishError(f"{name} is missing in {build.ROOT}")
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            relative = path.relative_to(build.ROOT)
            if path.is_file() and not _is_kept_back(relative):
                given[relative.as_posix()] = path.read_bytes()
    return given


def _is_kept_back(path):
    parts = (path, *path.parents)
    return any(part.match(pattern) for part in parts for pattern in KEPT_BACK)


def _check_current():
    """Raise PublishError if a lab is not up to date. Takes a while: it comes last."""
    stale = [lab for lab in build.labs() if not build.is_current(lab)]
    if stale:
        raise PublishError(f"not up to date: {', '.join(stale)}; run `make build` first")


def plan(target):
    """What there is to do in `target`: (files of `files`, their digests, paths that change).

    Raises PublishError if `target` holds what we did not write, or a lab is not up to date.
    """
    target = Path(target).resolve()
    if target == build.ROOT or build.ROOT in target.parents or target in build.ROOT.parents:
        raise PublishError(f"{target} is not apart from the instructor's repository")
    if target.is_file():
        raise PublishError(f"{target} is a file, not a folder")
    given, before = files(), _manifest(target)
    digests = {path: _digest(content) for path, content in given.items()}
    foreign = _foreign(target, before, digests)
    if foreign:
        listed = ", ".join(foreign[:5]) + (", ..." if len(foreign) > 5 else "")
        raise PublishError(
            f"{target} holds changes that are not ours: {listed}; undo or move them, "
            "or publish into another folder"
        )
    _check_current()
    changed = sorted(p for p in {*digests, *before} if digests.get(p) != before.get(p))
    return given, digests, changed


def publish(target):
    """Bring the students' repository in `target` up to date; return the paths that changed.

    Raises PublishError as `plan` does, before anything is written.
    """
    target = Path(target).resolve()
    given, digests, changed = plan(target)
    for path in changed:
        if path in given:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(given[path])
        else:
            (target / path).unlink(missing_ok=True)
    if changed:
        manifest = json.dumps(digests, indent=1) + "\n"
        (target / MANIFEST).write_text(manifest, encoding="utf-8")
    return changed


def _manifest(target):
    """What we wrote into `target` last time: dict, path -> digest; empty for a new one."""
    try:
        return json.loads((target / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError:
        raise PublishError(f"{target / MANIFEST} is damaged: publish into a new folder") from None


def _foreign(target, before, digests):
    """Files in `target` that somebody else changed, deleted or added since we wrote there.

    A file that already is what we would write is ours: an interrupted run left it.
    """
    found = {
        path.relative_to(target).as_posix(): _digest(path.read_bytes())
        for path in target.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(target).parts
    }
    found.pop(MANIFEST, None)
    changed = {p for p, d in found.items() if d not in (before.get(p), digests.get(p))}
    return sorted(changed | ((set(before) & set(digests)) - set(found)))


def _digest(content):
    return hashlib.sha256(content).hexdigest()


def run(folder, dry_run):
    """Publish, and say what changed. Raises PublishError before anything is written."""
    try:
        changed = plan(folder)[-1] if dry_run else publish(folder)
    except build.LabError as error:
        raise PublishError(str(error)) from None
    for path in changed:
        click.echo(path)
    click.echo(f"{len(changed)} files {'would change' if dry_run else 'written'} in {folder}")
