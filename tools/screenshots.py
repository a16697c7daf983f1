"""Photograph the pages of the desk for a saved run, as docs/screenshots and the guides show them.

    python tools/screenshots.py RUN [--compare RUN2] [--runs runs] [--out docs/screenshots] [--page overview]... [--lang zh]... [--size 1366x768]

RUN is the name or digest of a run in the folder of runs. Needs a Chromium of the system and playwright (extra `test`).
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

from fiscalsim.dashboard.frame import PAGES
from fiscalsim.scenario import home
from fiscalsim.store import RunStore
from fiscalsim.text import t

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PANEL = "panel"  # the panel of all parameters, above the overview
LOCALES = {"zh": "zh-CN", "en": "en-US"}


def serve(runs: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The desk on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(home() / "app.py"), f"--server.port={port}", "--server.address=127.0.0.1"]
    environment = os.environ | {"FISCALSIM_RUNS": str(runs.resolve()), "FISCALSIM_WORKERS": "1"}
    process = subprocess.Popen(command, cwd=home(), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            if urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read() == b"ok":
                return process, address
        except OSError:
            time.sleep(0.5)
    process.terminate()
    raise SystemExit("the desk did not start")


def settle(page: Page) -> None:
    """Wait until the page has its headline, its script has stopped and its charts are drawn."""
    page.locator(".fs-headline").first.wait_for(timeout=300_000)
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=60_000)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')", timeout=60_000)
    page.wait_for_timeout(800)


def _labels(runs: Path, first: str, second: str) -> dict[str, tuple[str, str]]:
    """What the page calls the two runs, by language."""
    found = [RunStore(runs).open(name) for name in (first, second)]
    return {lang: tuple(f"{run.manifest['scenario_names'][lang]}·{run.digest8}" for run in found) for lang in LOCALES}


def pick(page: Page, labels: tuple[str, str]) -> None:
    """Choose the two runs on the page that compares."""
    for place, label in zip((".st-key-w-a", ".st-key-w-b"), labels, strict=True):
        box = page.locator(f"{place} input")
        box.click()
        box.fill(label[-8:])
        page.get_by_role("option", name=label).click()
        page.wait_for_timeout(700)  # until the script runs again
        settle(page)


def main() -> None:
    """Photograph every asked page in every asked language."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run by name or digest")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"))
    parser.add_argument("--page", action="append", choices=[*PAGES, PANEL], help="all when left out; compare only with --compare")
    parser.add_argument("--lang", action="append", choices=list(LOCALES), help="both when left out")
    parser.add_argument("--compare", metavar="RUN2", help="also the page that compares: RUN beside this second run of the folder")
    parser.add_argument("--size", default="1366x768")
    parser.add_argument("--tab", action="append", default=[], help="click the tab of this name first")
    parser.add_argument("--full", action="store_true", help="the whole page, not only the first screen")
    chosen = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no Chromium on this machine: install the system's package `chromium`")
    digest = RunStore(chosen.runs).open(chosen.run).manifest["digest"][:8]
    labels = _labels(chosen.runs, chosen.run, chosen.compare) if chosen.compare else {}
    names = chosen.page or [page for page in PAGES if page != "compare" or labels]
    if "compare" in names and not labels:
        parser.error("the page `compare` needs a second run: --compare RUN2")
    width, height = map(int, chosen.size.split("x"))
    chosen.out.mkdir(parents=True, exist_ok=True)
    process, address = serve(chosen.runs)
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
            for lang in chosen.lang or LOCALES:
                page = browser.new_context(locale=LOCALES[lang], viewport={"width": width, "height": height}).new_page()
                for name in chosen.page or [*(page for page in PAGES if page != "compare"), PANEL]:  # that page needs a second run
                    page.goto(f"{address}/{'' if name in ('overview', PANEL) else name}?{urlencode({'run': digest, 'lang': lang})}")
                    settle(page)
                    if name == PANEL:
                        page.get_by_role("button", name=t("app.all_levers", lang)).click()
                        settle(page)
                    if name == "compare":
                        pick(page, labels[lang])
                    for tab in chosen.tab:
                        page.get_by_role("tab", name=tab).click()
                        settle(page)
                    if chosen.full:
                        length = page.locator("[data-testid=stMain]").evaluate("node => node.scrollHeight")
                        page.set_viewport_size({"width": width, "height": max(height, int(length) + 10)})
                        page.wait_for_timeout(600)
                    path = chosen.out / f"{name}-{lang}.png"
                    page.screenshot(path=path)
                    page.set_viewport_size({"width": width, "height": height})
                    print(path)
            browser.close()
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()
