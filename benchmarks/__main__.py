"""Run every benchmark of the folder and print one table of ratios: python -m benchmarks [NAME]..."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

from benchmarks import Ratio

HERE = Path(__file__).resolve().parent


def table(rows: list[Ratio]) -> str:
    """Markdown: what, against, ratio, bar, within, times."""
    lines = ["| what | against | ratio | bar | within | times |", "|---|---|---:|---:|---|---|"]
    for row in rows:
        bar, within = ("", "") if row.bar is None else (f"{row.bar:g}", "yes" if row.value <= row.bar else "NO")
        lines.append(f"| {row.what} | {row.against} | {row.value:.3g} | {bar} | {within} | {row.times} |")
    return "\n".join(lines)


def main(wanted: list[str]) -> int:
    rows: list[Ratio] = []
    alone: list[str] = []
    names = [module.name for module in pkgutil.iter_modules([str(HERE)]) if not module.name.startswith("_")]
    for name in wanted or names:
        # only a script that offers ratios() may be imported: the others do their work when run
        if "def ratios(" in (HERE / f"{name}.py").read_text(encoding="utf-8"):
            print(f"{name} ...", file=sys.stderr, flush=True)
            rows += importlib.import_module(f"benchmarks.{name}").ratios()
        else:
            alone.append(name)
    if rows:
        print(table(rows))
    for name in alone:
        print(f"\n{name}", flush=True)
        subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
