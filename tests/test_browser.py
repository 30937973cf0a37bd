"""The student's door in a real browser: from the front page to the file that is handed in."""

import json
import os
import re
import shutil
import sys
import urllib.request
from pathlib import Path

import nbformat
import pytest

from mlelabs.instructor import build, publish
from tests.browser import PATIENCE, chromium, serious_findings, serving

TOKEN = "student"
SHOTS = os.environ.get("SCREENSHOTS")  # a folder: what a student sees, to be looked at
# Every code cell was run, and none is running
FINISHED = """() => {
    const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells];
    return cells.every(c => c.type !== 'code' || c.sharedModel.source.trim() === ''
        || (c.executionCount !== null && c.executionState === 'idle'));
}"""

# Shows the part of the notebook that begins after this share of it
SCROLL = """part => {
    const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
    const shown = panel.querySelector('.jp-WindowedPanel-outer');
    shown.scrollTop = part * shown.scrollHeight;
}"""


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    """The students' repository, freshly published."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "is_current", lambda lab: True)
        target = tmp_path_factory.mktemp("door") / "labs"
        publish.publish(target)
    return target


@pytest.fixture(scope="module")
def address(students):
    """JupyterLab in the students' repository, started as its README says."""
    home = students.parent / "home"
    environment = {
        **{name: v for name, v in os.environ.items() if not name.startswith("JUPYTER")},
        "HOME": str(home),
        "JUPYTER_CONFIG_PATH": ".jupyter",
        "PYTHONPATH": str(students),
    }
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--port=PORT"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    with serving(command, students, environment, "/api") as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, address, students):
    """A fresh page for somebody who comes for the first time; afterwards its kernels are ended."""
    layout = students / ".jupyter" / "default.jupyterlab-workspace"
    remembered = students / ".jupyter" / "lab" / "workspaces" / "default-37a8.jupyterlab-workspace"
    assert remembered.exists()
    shutil.copy(layout, remembered)
    for told in students.glob("labs/*/.progress.json"):
        told.unlink()
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(PATIENCE)
    yield page
    shot(page, "last")
    page.close()
    for kernel in json.loads(api(address, "kernels")):
        api(address, f"kernels/{kernel['id']}", "DELETE")


def api(address, path, method="GET"):
    """Ask JupyterLab's server; return what it answers."""
    headers = {"Authorization": f"token {TOKEN}"}
    request = urllib.request.Request(f"{address}/api/{path}", headers=headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def shot(page, name):
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def open_front_page(page, address):
    page.goto(f"{address}/?token={TOKEN}")
    page.locator(".jp-MarkdownViewer h1").wait_for()


def open_lab(page, lab):
    """Click a lab on the front page and wait for its kernel."""
    number = int(lab[:2])
    page.locator(".jp-MarkdownViewer a", has_text=f"Lab {number}:").click()
    page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) h1:has-text('Lab {number}:')").wait_for()
    page.get_by_text("| Idle").wait_for()


def run_all(page):
    page.locator("[data-jp-item-name='restart-and-run']:visible").click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.wait_for_function(FINISHED)


def cell(page, name):
    """The cell of a grade id."""
    index = page.evaluate(
        "id => [...window.jupyterapp.shell.currentWidget.content.model.cells]"
        ".findIndex(c => c.sharedModel.id === id)",
        name,
    )
    assert index >= 0, f"no cell {name}"
    return page.locator(f".jp-NotebookPanel .jp-Cell[data-windowed-list-index='{index}']")


def table(page):
    return page.locator(".jp-OutputArea table:has(caption)").first


def test_front_page(page, address):
    open_front_page(page, address)
    page.locator(".jp-tocItem").get_by_text("Hand in").wait_for()
    shot(page, "front-page")
    for number in range(1, len(build.labs()) + 1):
        assert page.locator("h3 a", has_text=f"Lab {number}:").count() == 1
    menus = page.locator("#jp-MainMenu li").all_inner_texts()
    assert "File" in menus and "Nbgrader" not in menus
    commands = page.evaluate("() => window.jupyterapp.commands.listCommands()")
    instructors = [c for c in commands if c.startswith(("nbgrader", "jupytext", "debugger"))]
    assert not instructors, "only what students need"
    assert serious_findings(page) == []


@pytest.mark.parametrize("lab", build.labs())
def test_unsolved_lab_runs_and_tells_where_one_stands(lab, page, address):
    open_front_page(page, address)
    open_lab(page, lab)
    shot(page, f"{lab}-top")
    run_all(page)
    checked = [p for name, p in points(lab) if name.endswith("-check")]
    summary = f"0 of {sum(checked)} points by the visible checks: 0 of {len(checked)} exercises"
    table(page).get_by_text(summary).wait_for()
    assert table(page).get_by_text("not attempted yet").count() == len(checked)
    shot(page, f"{lab}-run")
    found = serious_findings(page)
    for part in (0.2, 0.5, 0.8):  # prose, code, figures and failed checks
        page.evaluate(SCROLL, part)
        page.wait_for_timeout(500)  # for what is rendered late; nothing depends on it
        found += serious_findings(page)
    assert found == []


def points(lab):
    return build.graded_cells(nbformat.read(build.notebook_path("labs", lab), 4))


def test_newcomer(page, address, students):
    """From the front page to the first passed check and to the file that is handed in."""
    lab = "01-data-quality"
    open_front_page(page, address)
    open_lab(page, lab)
    for _ in range(5):  # to the imports: title, where you stand (2), situation, imports
        page.keyboard.press("Shift+Enter")
    table(page).get_by_text("not run yet").first.wait_for()
    # solve exercise 1 by typing
    editor = cell(page, "count-missing").locator(".cm-content")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(solution(lab, "count-missing"))
    page.keyboard.press("Shift+Enter")
    cell(page, "count-missing-check").locator(".jp-InputPrompt").click()
    page.keyboard.press("Shift+Enter")
    table(page).get_by_text("✓ passes").wait_for()
    assert "2 of 27 points" in table(page).text_content()
    # a changed answer is no passed one
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\n# one more thought")
    page.keyboard.press("Shift+Enter")
    table(page).get_by_text("changed since its check").wait_for()
    cell(page, "count-missing-check").locator(".jp-InputPrompt").click()
    page.keyboard.press("Shift+Enter")
    table(page).get_by_text("✓ passes").wait_for()
    shot(page, "solved")
    # a restarted kernel has not forgotten it
    page.keyboard.press("Control+s")
    page.evaluate("() => { window.jupyterapp.commands.execute('kernelmenu:restart-and-clear'); }")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    table(page).wait_for(state="detached")
    cell(page, "opening-3").locator(".jp-InputPrompt").click()
    page.keyboard.press("Shift+Enter")
    table(page).get_by_text("✓ passes").wait_for()
    # Validate: the hand-in check
    page.get_by_role("button", name="Validate").click()
    report = page.locator("#validation-message")
    report.get_by_text("can be handed in, but points are missing").wait_for()
    said = report.inner_text()
    assert "1 of 12 exercises pass their visible checks: 2 of 27 points" in said
    assert "Not attempted (28 points): Exercise 2, Exercise 3" in said and "fails" not in said
    shot(page, "validate")
    assert serious_findings(page) == []
    saved = students / "labs" / lab / f"{lab}.ipynb"
    notebook = nbformat.read(saved, 4)
    assert "one more thought" in "".join(c.source for c in notebook.cells), "Validate saved it"


def solution(lab, exercise):
    """A solved exercise cell."""
    solved = nbformat.read(build.notebook_path("solutions", lab), 4)
    source = next(c.source for c in solved.cells if c.id == exercise)
    return re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", source)
