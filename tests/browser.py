"""What the browser tests share: a browser, a server, and a judge of accessibility."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ARGUMENTS += ["--disable-sync", "--disable-component-update", "--disable-dev-shm-usage"]
PATIENCE = 180_000  # milliseconds: for a busy machine, never waited for in vain


@contextlib.contextmanager
def chromium():
    """A running Chromium; skips the test where none is installed."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        pytest.skip("needs Chromium: see tests/system-packages.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def serving(command, cwd, environment, path="/"):
    """A server on a free port, started by a command that holds PORT; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = cwd / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [part.replace("PORT", str(port)) for part in command],
            cwd=cwd,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(PATIENCE // 100):
            if server.poll() is not None:
                break
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address + path, timeout=10).close()
                break
            time.sleep(0.1)
        else:
            raise TimeoutError(log.read_text()[-3000:])
        assert server.poll() is None, log.read_text()[-3000:]
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def serious_findings(page):
    """What axe-core finds in a page and calls serious or critical, as text."""
    # JupyterLab's body has no height, and axe-core takes what is inside for hidden
    page.add_style_tag(content="body { min-height: 100vh }")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{violation['id']} at {node['target']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
