"""How quickly the desk answers: python -m benchmarks.desk [--base SCENARIO]... [--moves N] [--sessions N] [--no-browser].

1. A moved slider: seconds from asking the engine to the new tables, over N moves of one step of every lever in turn; median, 90th percentile, and
   the median over a cold run of the same scenario (bar 0.1). The worker is warm, as it is from a user's second move on.
2. The same in a real browser: from the key press until the new figures stand on the page, and how long the first page takes (bar 3 s).
3. Sessions that move different sliders at once: the longest wait, the median wait, and the memory of the server and its workers.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from benchmarks import Ratio
from fiscalsim.dashboard.engine import Engine, Job
from fiscalsim.dashboard.state import State, World, end_value, with_end_value
from fiscalsim.pipeline import run
from fiscalsim.scenario import home

BASES = ("linxia-baseline", "liaoning-baseline")
SMALL = "two-counties-baseline"
LONGEST = 900.0  # seconds until a job counts as hung


def states(base: str, moves: int) -> list[State]:
    """One lever moved by one step from the scenario's value, every lever in turn, then by two steps, and so on; all different."""
    world = World(home())
    scenario = world.base(base)
    info = json.loads(json.dumps(_years(scenario.pack)))
    levers = [lever for lever in world.levers(scenario.pack).values() if lever.group not in ("standards", "targets")]
    found = []
    for k in range(moves):
        lever, steps = levers[k % len(levers)], 1 + k // len(levers)
        given = scenario.value(lever.path)
        now = end_value(given, info[1])
        new = now + steps * lever.step if now + steps * lever.step <= lever.highest else now - steps * lever.step
        found.append(State(base, set={lever.path: with_end_value(given, info[1], info[0], round(new, 10), lever)}))
    return found


def _years(pack: str) -> tuple[int, int]:
    from fiscalsim.levers import read_yaml

    told = read_yaml(home() / "assumptions" / pack / "pack.yaml")
    return int(told["base_year"]), int(told["horizon_end"])


def answered(engine: Engine, session: str, job: Job) -> float:
    """Seconds until the answer of a job is there."""
    began = time.perf_counter()
    engine.ask(session, job)
    look = engine.wait(session, job, LONGEST)
    if look.answer is None:
        raise SystemExit(f"{job.overrides}: {look.failure.text if look.failure else 'no answer'}")
    return time.perf_counter() - began


def percentile(seconds: list[float], share: float) -> float:
    """The value below which `share` of the seconds lie."""
    return sorted(seconds)[min(int(share * len(seconds)), len(seconds) - 1)]


def moved(base: str, moves: int) -> tuple[float, float, float, float]:
    """Median, 90th percentile and longest seconds of a moved slider through the engine, and seconds of a cold run."""
    world = World(home())
    run(world.base(SMALL), replay=False)  # imports are no part of a cold run
    began = time.perf_counter()
    run(world.base(base), replay=False)
    cold = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as runs:
        engine = Engine(home(), Path(runs), workers=1)
        try:
            answered(engine, "a", world.job(State(base)))
            seconds = [answered(engine, "a", world.job(state)) for state in states(base, moves)]
        finally:
            engine.close()
    return median(seconds), percentile(seconds, 0.9), max(seconds), cold


def at_once(base: str, sessions: int, moves: int = 3) -> tuple[float, float, int]:
    """Longest and median wait of sessions that move different sliders at once, and megabytes of this process with its workers."""
    world, waits = World(home()), list[float]()
    asked = states(base, sessions * moves)
    with tempfile.TemporaryDirectory() as runs:
        engine = Engine(home(), Path(runs), workers=2)
        try:
            for number in range(2):  # both workers warm, as a server is in the morning's second minute
                answered(engine, f"warm{number}", world.job(State(base, set={"fiscal.transfer_pool": 1.2 + number / 100})))

            def use(session: int) -> None:
                for move in range(moves):
                    waits.append(answered(engine, f"s{session}", world.job(asked[session * moves + move])))

            threads = [threading.Thread(target=use, args=(session,)) for session in range(sessions)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            pids = [os.getpid(), *(worker.process.pid for worker in engine._workers if worker.process is not None)]
            return max(waits), median(waits), sum(_resident(pid) for pid in pids)
        finally:
            engine.close()


def _resident(pid: int) -> int:
    """Megabytes of memory that a process holds."""
    pages = int((Path("/proc") / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


@contextmanager
def served() -> Iterator[str]:
    """The address of a desk on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(home() / "app.py"), f"--server.port={port}", "--server.address=127.0.0.1"]
    with tempfile.TemporaryDirectory() as runs:
        environment = os.environ | {"FISCALSIM_RUNS": runs, "FISCALSIM_WORKERS": "1"}
        process = subprocess.Popen(command, cwd=home(), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while True:
                try:
                    if urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).read() == b"ok":
                        break
                except OSError:
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def in_browser(base: str, moves: int = 10) -> tuple[float, float, float] | None:
    """Seconds of the first page when its result is there, median and longest seconds from a key press to new figures; None without a browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    address = urlencode({"s": json.dumps({"v": 1, "base": base, "lang": "zh"})})
    with served() as server, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(locale="zh-CN", viewport={"width": 1366, "height": 768}).new_page()
        page.goto(f"{server}/?{address}")
        page.locator(".fs-headline").first.wait_for(timeout=LONGEST * 1000)
        page.close()
        page = browser.new_context(locale="zh-CN", viewport={"width": 1366, "height": 768}).new_page()
        began = time.perf_counter()
        page.goto(f"{server}/fiscal?{address}")
        page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=LONGEST * 1000)
        first = time.perf_counter() - began
        slider = page.get_by_role("slider").nth(3)
        seconds = []
        for move in range(moves + 1):
            page.wait_for_timeout(1500)
            slider.focus()
            before = page.locator("[data-testid=stMain]").inner_text()
            began = time.perf_counter()
            page.keyboard.press("ArrowRight")
            page.wait_for_function(
                "old => { const now = document.querySelector('[data-testid=stMain]').innerText; return now !== old && !now.includes('正在试算') }",
                arg=before,
                timeout=LONGEST * 1000,
                polling=20,
            )
            if move:  # the first move also warms what a slider needs
                seconds.append(time.perf_counter() - began)
        browser.close()
        return first, median(seconds), max(seconds)


def ratios(bases: tuple[str, ...] = BASES, moves: int = 50, sessions: int = 20, browser: bool = True) -> list[Ratio]:
    """The rows of the table; shares of a cold run have a bar, plain seconds have none because machines differ."""
    rows = []
    for base in bases:
        middle, ninth, longest, cold = moved(base, moves)
        times = f"median {middle:.2f} s, 90th percentile {ninth:.2f} s, longest {longest:.2f} s, cold {cold:.1f} s, {moves} moves"
        rows.append(Ratio(f"a moved slider, {base}, through the engine", "a cold run", middle / cold, 0.1, times))
    for base in (SMALL, *bases[:1]):
        longest, middle, megabytes = at_once(base, sessions)
        rows.append(
            Ratio(
                f"{sessions} sessions at once, {base}",
                "one session's median",
                longest / max(middle, 1e-9),
                None,
                f"longest wait {longest:.1f} s, {megabytes} MB",
            )
        )
    for base in bases if browser else ():
        seen = in_browser(base)
        if seen is not None:
            first, middle, longest = seen
            times = f"first page {first:.2f} s, slider median {middle:.2f} s, longest {longest:.2f} s"
            rows.append(Ratio(f"the same in a browser, {base}", "3 s for a first page", first / 3.0, 1.0, times))
    return rows


def main() -> None:
    """Print the table."""
    from benchmarks.__main__ import table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", action="append", default=[])
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--no-browser", action="store_true")
    chosen = parser.parse_args()
    print(table(ratios(tuple(chosen.base) or BASES, chosen.moves, chosen.sessions, not chosen.no_browser)))


if __name__ == "__main__":
    main()
