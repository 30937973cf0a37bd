"""How pytest re-executes the notebooks, and what each tree must show.

solutions/: nbval executes every notebook and compares all outputs with the committed ones.
labs/: must run to its end unsolved and score 0 (tests/test_labs.py).
authoring/: every answer of the bank meets its fate (tests/test_labs.py).
The network is cut in every kernel. With CI=true a skipped test is a failure.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
# nbgrader calls alembic by name
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
# Set before any kernel starts: several kernels share the cores, so one thread each
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def pytest_configure(config):
    """Give all kernels an IPython profile of their own, whose start-up file cuts the network."""
    profile = Path(tempfile.mkdtemp(prefix="ipython-"))
    shutil.copytree(ROOT / "tests" / "ipython", profile, dirs_exist_ok=True)
    os.environ["IPYTHONDIR"] = str(profile)
    config.add_cleanup(lambda: shutil.rmtree(profile, ignore_errors=True))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With CI=true, turn a skipped test into a failed one: CI has all that the tests need."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
