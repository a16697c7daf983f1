"""What there is to spend, in the terms of a budget division: means, what comes first, who pays, the insurance funds, and how it fits what was published.

Reads people, need and the published budget; must not know how the money is then shared out among services.
"""

from fiscalsim.fiscal_capacity.accounts import balance, balance_gap, base_waterfall
from fiscalsim.fiscal_capacity.funds import first_deficits, fund_gap, fund_table
from fiscalsim.fiscal_capacity.levels import LEVELS, cost_by_level, split_by_level
from fiscalsim.fiscal_capacity.means import fiscal_capacity, money_with_people, rolling_index, shifted_growth
from fiscalsim.fiscal_capacity.published import far_from_one, later_outturn, reconciliation

__all__ = [
    "LEVELS",
    "balance",
    "balance_gap",
    "base_waterfall",
    "cost_by_level",
    "far_from_one",
    "first_deficits",
    "fiscal_capacity",
    "fund_gap",
    "fund_table",
    "later_outturn",
    "money_with_people",
    "reconciliation",
    "rolling_index",
    "shifted_growth",
    "split_by_level",
]
