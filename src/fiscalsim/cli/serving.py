"""The app and the newcomer's demo."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from fiscalsim.cli.computing import compute
from fiscalsim.cli.terminal import RUNS, RunsFolder, Settings, app, note, show_run
from fiscalsim.errors import InputError, Problem
from fiscalsim.text import t

DEMO = "liaoning-baseline"
APP_SECONDS = 60  # how long to wait for the app before giving up on opening a browser


@app.command("app")
def app_(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    runs: RunsFolder = Path("runs"),
) -> None:
    """Start the app in the browser; it listens on this machine only."""
    raise typer.Exit(_serve(port, runs, browser=False))


@app.command()
def demo(
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Stop after the headline.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the app.")] = 8501,
    runs: RunsFolder = Path("runs"),
) -> None:
    """The main job for a newcomer: Liaoning's baseline, its headline in words, then the app."""
    from fiscalsim.batch import whole_run
    from fiscalsim.scenario import load_scenario
    from fiscalsim.store import open_run

    scenario = load_scenario(DEMO)
    known = whole_run(scenario, None, runs)
    if known is None:
        note(t("cli.demo_run", Settings.lang, name=getattr(scenario, f"name_{Settings.lang}")))
    show_run(open_run(known or compute(scenario, runs)))
    if not no_browser:
        raise typer.Exit(_serve(port, runs, browser=True))


def _serve(port: int, runs: Path, browser: bool) -> int:
    """Run the app until it is stopped; its exit code."""
    import socket
    import subprocess
    from importlib.util import find_spec

    from fiscalsim.scenario import home

    if find_spec("streamlit") is None:
        raise InputError(t("cli.no_app", Settings.lang, command="pip install -c constraints.txt -e '.[app]'"))
    code = Path(__file__).resolve().parents[1]
    script = next((place / "app.py" for place in (code.parents[1], code / "_data") if (place / "app.py").is_file()), None)
    if script is None:
        raise InputError([Problem("app", None, "", "app.py", "the app's file beside the program; install fiscalsim again")])
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise InputError([Problem("app", None, "--port", str(port), "a free port: another program listens on this one")])
    url = f"http://localhost:{port}"
    note(t("cli.app_starts", Settings.lang, url=url, keys="Ctrl+C"))
    settings = {RUNS: str(runs.resolve()), "FISCALSIM_HOME": str(home().resolve()), "FISCALSIM_LANG": Settings.lang}
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
    server = subprocess.Popen(command, cwd=script.parent, env={**os.environ, **settings})  # Streamlit reads its config from the folder it starts in
    try:
        if browser:
            _open_browser(url, port, server.poll)
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        server.wait()
        return 0


def _open_browser(url: str, port: int, ended: Callable[[], int | None]) -> None:
    """Open the page once the server listens."""
    import socket
    import time
    import webbrowser

    for _ in range(APP_SECONDS * 5):
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                webbrowser.open(url)
                return
        if ended() is not None:
            return
        time.sleep(0.2)
