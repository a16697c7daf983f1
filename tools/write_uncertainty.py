"""Write the figures of docs/uncertainty.md, below its mark, from saved analyses.

python tools/write_uncertainty.py RUNS NAME...    # the analyses come from `fiscalsim risk`, which takes minutes to hours
"""

from __future__ import annotations

import sys
from pathlib import Path

from fiscalsim.report import risk_boards
from fiscalsim.report.boards import Board
from fiscalsim.uncertainty import SavedRisk, find_risk

PAGE = Path(__file__).parents[1] / "docs" / "uncertainty.md"
MARK = "<!-- written below this line -->"


def markdown(board: Board) -> str:
    """A board as a table of the page."""
    rows = [list(board.table.columns), ["---"] * len(board.table.columns), *board.table.to_numpy().tolist()]
    title = f"**{board.title}**" + (f" ({board.unit})" if board.unit else "")
    return "\n".join([title, "", *("| " + " | ".join(map(str, row)) + " |" for row in rows), "", board.note])


def section(saved: SavedRisk) -> str:
    """What one analysis says, the headline in both languages."""
    record, tables = saved.record, saved.tables()
    told = record["summary"]
    lines = [f"## {record['scenario_names']['zh']} {record['scenario_names']['en']}, {told['futures']} futures"]
    lines += [f"`fiscalsim risk {record['name']} --futures {told['futures']}` (seed {told['seed']}, scenario {record['scenario']['digest'][:8]})"]
    for lang in ("zh", "en"):
        gap = "" if lang == "zh" else " "
        lines.append(risk_boards.headline(record, tables, lang) + gap + risk_boards.fear_note(record, lang))
    lines += risk_boards.notes(record, tables, "en")[:-1]
    lines += [markdown(board) for board in (risk_boards.likelihood_board(record, tables, "en"), risk_boards.fan_board(tables, "en"))]
    return "\n\n".join([*lines, markdown(risk_boards.shares_board(tables, "en"))])


def main(runs: str, *names: str) -> None:
    """Write the page."""
    found = [section(find_risk(name, Path(runs))) for name in names]
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text("\n\n".join([head + MARK, *found]).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
