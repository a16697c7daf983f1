"""The account of every region and year: everything received equals everything used and carried over, line by line.

Lines stand in the order of a budget report: what comes in, then what the law puts first, then the catalogue. Nothing is computed here that the
stages did not decide; a line that no one publishes or models is not invented.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fiscalsim.axes import Axis
from fiscalsim.quantities import Allocation, Array, FiscalCapacity, FiscalInputs, tidy

RECEIVED, USED = "received", "used"
COLUMNS = ["year", "region", "side", "line", "yuan"]


def base_lines(inputs: FiscalInputs, money: FiscalCapacity) -> dict[tuple[str, str], Array]:
    """(side, line) -> [R] yuan of the base year, in order.

    General bonds of that year paid for building outside the catalogue (Budget Law, article 35: borrowed money is for capital), so they stand on both sides.
    Transfers are net of what the region sent up, and one line per kind that is known: the part that is owed for the catalogue, and the rest.
    """
    earmarked = money.base_grants - money.base_general
    reserve = -_item(money, "reserve")[0]
    return {
        (RECEIVED, "own_revenue"): money.own_revenue[0],
        (RECEIVED, "earmarked"): earmarked,
        (RECEIVED, "general"): money.base_general,
        (RECEIVED, "bonds_outside"): inputs.new_bonds,
        (USED, "capital_outside"): inputs.new_bonds,
        (USED, "first_claims"): money.first_claims[0],
        (USED, "debt_interest"): money.debt_interest[0],
        (USED, "reserve"): reserve,
        (USED, "other_spending"): money.other_spending[0],
        (USED, "recurrent"): money.base_recurrent,
    }


def base_waterfall(inputs: FiscalInputs, money: FiscalCapacity) -> pd.DataFrame:
    """Columns of `balance` for the base year alone; needs no allocation."""
    return _table(base_lines(inputs, money), Axis("year", money.years.labels[:1]), money.regions)


def balance(inputs: FiscalInputs, money: FiscalCapacity, plan: Allocation) -> pd.DataFrame:
    """year, region, side (received, used), line, yuan: the base year, then every year of the plan; both sides are equal.

    In the plan's years building outside the catalogue and the bonds for it are in neither side: only their debt and interest are followed.
    """
    first = money.years.index(plan.years.labels[0])
    now = slice(first, first + len(plan.years))
    beside = money.means - (money.own_revenue - money.first_claims - money.debt_interest - money.other_spending)
    # a region may give (paired support, care settled elsewhere, the fund's gap): then it is a use
    lines = {
        (RECEIVED, "own_revenue"): money.own_revenue[now],
        (RECEIVED, "earmarked"): plan.earmarked.sum(axis=2),
        (RECEIVED, "general"): plan.general,
        (RECEIVED, "other_sources"): np.maximum(beside[now], 0.0),
        (RECEIVED, "bonds"): plan.bond,
        (RECEIVED, "carried_in"): np.concatenate([np.zeros((1, len(plan.regions))), plan.carried[:-1]]),
        (USED, "first_claims"): money.first_claims[now] - plan.unpaid,
        (USED, "debt_interest"): money.debt_interest[now],
        (USED, "bond_interest"): plan.interest,
        (USED, "reserve"): plan.reserve,
        (USED, "given_away"): np.maximum(-beside[now], 0.0),
        (USED, "other_spending"): money.other_spending[now],
        (USED, "recurrent"): plan.recurrent.sum(axis=(2, 3)),
        (USED, "capital"): plan.capital.sum(axis=2),
        (USED, "carried_out"): plan.carried,
    }
    return pd.concat([base_waterfall(inputs, money), _table(lines, plan.years, plan.regions)], ignore_index=True)


def balance_gap(table: pd.DataFrame) -> pd.Series:
    """Yuan received less yuan used by (year, region); zero but for rounding."""
    signed = table["yuan"].where(table["side"] == RECEIVED, -table["yuan"])
    return signed.groupby([table["year"], table["region"]]).sum()


def _item(money: FiscalCapacity, item: str) -> Array:
    rows = money.waterfall[money.waterfall["item"] == item]
    return rows["yuan"].to_numpy().reshape(len(money.years), len(money.regions))


def _table(lines: Mapping[tuple[str, str], Array], years: Axis, regions: Axis) -> pd.DataFrame:
    axes = {"year": years, "region": regions}
    shape = (len(years), len(regions))
    parts = [tidy(np.reshape(values, shape), axes, "yuan").assign(side=side, line=line) for (side, line), values in lines.items()]
    return pd.concat(parts, ignore_index=True)[COLUMNS]
