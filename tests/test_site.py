"""The site: without solutions, readable on a phone, with search, for everybody."""

import functools
import http.server
import os
import re
import threading
from pathlib import Path

import pytest

from mlelabs.instructor import build, site
from tests.browser import PATIENCE, chromium, serious_findings
from tests.test_leaks import given_lines, secret_lines

SHOTS = os.environ.get("SCREENSHOTS")  # a folder: what a reader sees, to be looked at
PAGES = ["index", "data", *(f"{lab}/{lab}" for lab in build.labs())]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site as files."""
    folder = tmp_path_factory.mktemp("site")
    assert site.write_site(folder) == 0
    return folder


@pytest.fixture(scope="module")
def address(built):
    """The site as a server shows it."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(built))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def open_page(browser, address, name, width):
    page = browser.new_page(viewport={"width": width, "height": 850})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/{name}.html")
    return page


def test_site_holds_every_page_and_no_secret(built):
    for name in PAGES:
        assert (built / f"{name}.html").is_file()
    texts = [path.read_text("utf-8") for path in built.rglob("*.html")]
    texts += [path.read_text("utf-8") for path in built.rglob("*.js")]
    everything = "\n".join(texts)
    secrets = secret_lines(*map(build.read_lab, build.labs()))
    secrets = secrets.difference(*map(given_lines, build.labs()))
    assert len(secrets) > 500, "the labs have solutions and hidden tests; were they found?"
    plain = everything.replace("&#39;", "'").replace("&quot;", '"').replace("&gt;", ">")
    assert not [line for line in secrets if line in plain or line in everything]
    assert not list(built.rglob("*.ipynb")) and not (built / "_sources").exists()


def test_site_asks_nobody_else(built):
    """No script, style or picture comes from another server."""
    for name in PAGES:
        text = (built / f"{name}.html").read_text("utf-8")
        loaded = re.findall(r'<(?:script|img)[^>]* src="(.+?)"|<link[^>]* href="(.+?)"', text)
        assert loaded and not [path for path in loaded if "://" in "".join(path)], name


@pytest.mark.parametrize("name", PAGES)
def test_page_on_a_phone_and_for_everybody(name, browser, address):
    page = open_page(browser, address, name, 390)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, f"the page is {width} px wide on a phone of 390 px"
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"site-{name.replace('/', '-')}-phone.png")
    assert serious_findings(page) == []
    page.close()


def test_front_page_on_a_desktop(browser, address):
    page = open_page(browser, address, "index", 1280)
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "site-index.png")
    assert serious_findings(page) == []
    page.close()


def test_search_finds(browser, address):
    page = open_page(browser, address, "index", 1280)
    page.get_by_placeholder("Search").fill("calibration")
    page.keyboard.press("Enter")
    page.locator("#search-results li a").first.wait_for()
    found = page.locator("#search-results li").all_inner_texts()
    assert any("Lab 2" in text for text in found)
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "site-search.png")
    page.close()
