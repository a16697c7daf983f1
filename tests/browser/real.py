"""A real desk in a real browser: server, Chromium, addresses, and when a page has settled; shared by the browser tests."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import pytest

from fiscalsim.scenario import home

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8").split("\n", 1)[1]  # its first line says what it finds
CUT = (Path(__file__).parent / "cut.js").read_text(encoding="utf-8").split("\n", 1)[1]  # its first line says what it finds
SIZES = {"office": (1366, 768), "large": (1920, 1080)}
LOCALES = {"zh": "zh-CN", "en": "en-US"}
BASE = os.environ.get("FISCALSIM_BROWSER_SCENARIO", "two-counties-baseline")
# The words of the page without the ligatures of Streamlit's icons.
WORDS = """() => { const main = document.querySelector('[data-testid=stMain]').cloneNode(true);
  main.querySelectorAll('[data-testid=stIconMaterial], style, script').forEach(node => node.remove()); return main.textContent }"""
PATIENCE = int(os.environ.get("FISCALSIM_BROWSER_PATIENCE", "300000"))  # milliseconds until the first result of a pack


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_until_up(address, log):
    for _ in range(120):
        try:
            if urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read() == b"ok":
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(log.read_text())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    port = free_port()
    environment = os.environ | {"FISCALSIM_RUNS": str(folder / "runs"), "FISCALSIM_WORKERS": "1"}
    command = [sys.executable, "-m", "streamlit", "run", str(home() / "app.py"), f"--server.port={port}", "--server.address=127.0.0.1"]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, cwd=home(), env=environment, stdout=log, stderr=log)
        try:
            wait_until_up(f"http://127.0.0.1:{port}", folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def shots(tmp_path):
    folder = Path(os.environ.get("FISCALSIM_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def context_of(browser, lang, size):
    width, height = SIZES[size]
    return browser.new_context(locale=LOCALES[lang], viewport={"width": width, "height": height}, accept_downloads=True)


def address(server, page, lang, **more):
    slug = "" if page == "overview" else page
    return f"{server}/{slug}?{urlencode({'s': json.dumps({'v': 1, 'base': BASE, 'lang': lang, **more})})}"


def settled(page):
    """Wait until the page has its headline and the script has stopped."""
    page.locator(".fs-headline").first.wait_for(timeout=PATIENCE)
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=60_000)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=60_000)
    page.wait_for_timeout(400)


def headline_of(page):
    return page.locator(".fs-headline").first.inner_text()
