"""The button **Validate** in JupyterLab, answered by our hand-in check.

nbgrader brings the button; its own answer blocks the server while a lab runs, shows the source of
the tests, and takes a warning for a failure. `.jupyter/jupyter_server_config.json` switches this
server extension on and nbgrader's off. The check is a process of its own with a time limit, so
that JupyterLab stays alive whatever a lab does.
"""

import asyncio
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

SECONDS = 500  # a lab that defies interruption is ended then
# The dialog knows only failed cells: our report stands where it shows the error of one
STYLE = """<style>
.jp-Dialog-content:has(#validation-message) { width: 48em; max-width: 95%; max-height: 90%; }
#validation-message p, #validation-message .jp-RenderedText:has(> pre:empty) { display: none; }
#validation-message .jp-RenderedText { border: 0; padding: 0; }
#validation-message pre { white-space: normal; font-family: var(--jp-ui-font-family); }
#validation-message h2, #validation-message h3 { margin: 0.8em 0 0.3em; line-height: 1.3; }
#validation-message h2 { font-size: 1.2em; } #validation-message h3 { font-size: 1em; }
#validation-message ul { margin: 0; padding-left: 1.4em; }
#validation-message li { margin: 0.3em 0; }
</style>"""
ENDED = (
    "<h2>Not yet: the lab does not come to an end, and the check was stopped.</h2>Look for an "
    "endless loop, or for a cell that catches every exception and goes on."
)


class ValidateHandler(JupyterHandler):
    """Answers the button."""

    @web.authenticated
    async def post(self):
        """Check the saved notebook and answer in the form that nbgrader's dialog reads."""
        root = Path(self.settings["mlelabs_root"]).resolve()
        path = (root / self.get_argument("path")).resolve()
        if not path.is_relative_to(root):
            raise web.HTTPError(403, "outside of the folder that JupyterLab shows")
        work = partial(report_on, path)
        text = await asyncio.get_running_loop().run_in_executor(None, work)
        failed = [{"source": "", "error": STYLE + text, "raw_error": ""}]
        self.finish(json.dumps({"success": True, "value": {"failed": failed}}))


class VersionHandler(JupyterHandler):
    """The button asks first whether it and the server are of one version."""

    @web.authenticated
    def get(self):
        """There is nothing to disagree about: the answer has not changed for years."""
        self.finish(json.dumps({"success": True}))


def report_on(path, seconds=SECONDS):
    """Run the hand-in check on a notebook; return its report as HTML."""
    command = [sys.executable, "-m", "mlelabs.handin", "--html", str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return ENDED
    if done.stdout:
        return done.stdout
    return f"<h2>The check itself failed.</h2><pre>{done.stderr[-2000:]}</pre>"


def _load_jupyter_server_extension(server):
    server.web_app.settings["mlelabs_root"] = server.root_dir
    base = server.web_app.settings["base_url"]
    server.web_app.add_handlers(
        ".*$",
        [
            (url_path_join(base, "assignments/validate"), ValidateHandler),
            (url_path_join(base, "nbgrader_version"), VersionHandler),
        ],
    )
