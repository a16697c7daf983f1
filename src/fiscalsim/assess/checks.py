"""The five checks of 发改社会〔2021〕443号 on a proposal, each with the figure it stands on.

A local standard must be complete, reach everyone entitled, not outbid the national one, be paid for, and last. Knows tables; must not know words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.assess.cases import Settings
from fiscalsim.assess.cost import Kept, horizon_of, widened
from fiscalsim.assess.proposal import Proposal
from fiscalsim.assumptions import Pack, item_table
from fiscalsim.levers import path_at
from fiscalsim.pipeline import Posed

CHECKS = ("complete", "everyone", "not_outbid", "paid_for", "lasting")
NEARLY_ALL = 0.995  # of those entitled: rounds to all at whole percent


def five_checks(
    pack: Pack,
    asked: Posed,
    proposal: Proposal,
    kept: Kept,
    settings: Settings,
    areas: pd.DataFrame,
    verdict: str,
    level: float,
    share: float,
) -> pd.DataFrame:
    """check, passed (yes, no, unknown), figure, of: see texts `affordability.check.<name>`.

    complete: national items that the plan's list has, of all. everyone: clients of the proposal's services whom the plan serves in the last assessed
    year, share. not_outbid: the highest multiple of the national standard that it sets, and what is allowed. paid_for: areas that can pay in the base
    case, of all. lasting: share of futures in which the proposal as it stands is payable, and what is asked.
    """
    items = item_table(pack)
    listed, printed = int(items["plan_items"].ne("").sum()), bool(len(pack.tables.get("plan_items.csv", [])))
    cover = _covered(asked, proposal, kept)
    multiple = _multiple(proposal)
    paid = int((areas["verdict"] != "red").sum())
    rows = [
        ("complete", _state(listed == len(items)) if printed else "unknown", float(listed) if printed else np.nan, float(len(items))),
        ("everyone", "unknown" if np.isnan(cover) else _state(cover >= NEARLY_ALL), cover, 1.0),
        ("not_outbid", "unknown" if np.isnan(multiple) else _state(multiple <= settings.standard_multiple + 1e-9), multiple, settings.standard_multiple),
        ("paid_for", _state(verdict != "red"), float(paid), float(len(areas))),
        ("lasting", "unknown" if np.isnan(share) else _state(share >= settings.futures_share), share, settings.futures_share),
    ]
    return pd.DataFrame(rows, columns=["check", "passed", "figure", "of"])


def _state(holds: bool) -> str:
    return "yes" if holds else "no"


def _covered(asked: Posed, proposal: Proposal, kept: Kept) -> float:
    """Share of those entitled to the proposal's services who are served with it in the last assessed year; nan where it names none."""
    if proposal.service is not None and not proposal.services:
        return 1.0  # a new service is reckoned for everyone entitled
    if not proposal.services:
        return float("nan")
    y = asked.inputs.horizon.index(proposal.assessed[-1])
    columns = [asked.needed.services.index(code) for code in proposal.services]
    clients = asked.needed.clients[horizon_of(asked)][y][..., columns]
    served = clients * np.minimum(widened(proposal, 1.0, asked, kept)[y][..., columns], 1.0)
    return float(served.sum() / clients.sum()) if clients.sum() > 0 else float("nan")


def _multiple(proposal: Proposal) -> float:
    """The highest multiple of the national standard among the proposal's levers; 1 where it raises no standard of the catalogue."""
    found = [float(path_at(value, proposal.assessed).max()) for path, value in proposal.levers.items() if path.startswith("standards.")]
    if proposal.service is not None and not found:
        return float("nan")  # there is no national standard to compare with
    return max(found, default=1.0)
