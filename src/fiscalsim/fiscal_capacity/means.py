"""What there is to spend: own revenue, transfers, the claims that come first, and what is left for the catalogue.

In the base year what is left equals what was spent on the catalogue, so that pressure comes from change and not from an
invented gap. Knows nothing of how the money is then shared out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.axes import AGES, RESIDENCE, Axis
from fiscalsim.errors import ModelError
from fiscalsim.fiscal_capacity.funds import flows
from fiscalsim.quantities import Array, Components, Demand, FiscalCapacity, FiscalInputs, Population

WORKING = slice(AGES.index(20), AGES.index(60))
ROLLING_YEARS = 3  # the growth limit looks at the last three years' revenue (model.md section 4)


def shifted_growth(path: Array, shift: Array) -> Array:
    """A path [Y,R] whose yearly growth is raised by `shift` [Y] (share); the base year keeps its value."""
    growth = path[1:] / path[:-1] - 1.0
    index = np.cumprod(1.0 + growth + shift[1:, None], axis=0)
    return np.concatenate([path[:1], path[0] * index])


def rolling_index(revenue: Array) -> Array:
    """Index [Y,R], base year = 1, that grows each year by the mean growth of the last three years known by then.

    It never falls: the rule limits growth, it does not order cuts (a year of large refunds is felt through the means).
    """
    growth = revenue[1:] / revenue[:-1] - 1.0
    mean = np.stack([growth[max(0, i + 1 - ROLLING_YEARS) : i + 1].mean(axis=0) for i in range(len(growth))])
    return np.concatenate([np.ones((1, revenue.shape[1])), np.cumprod(1.0 + np.maximum(mean, 0.0), axis=0)])


def money_with_people(population: Population, components: Components, demand: Demand, inputs: FiscalInputs) -> Array:
    """Yuan [Y,R] that people bring to a region's means or take from them: the funds' new gaps, care insurance, grants for those who move to town,
    and care settled between regions. Nothing in the base year, and neutral unless a measure is set.
    """
    workers = population.persons[..., WORKING].sum(axis=(2, 3, 4))
    found = -flows(population, inputs)["local_claim"].sum(axis=0)
    found += inputs.care_contribution[:, None] * workers
    town = RESIDENCE.index("urban")
    arrived = np.maximum(components.internal_migration[:, :, town] + components.external_migration[:, :, town], 0.0)
    found[1:] += inputs.citizenship_grant[1:, None] * arrived
    found += inputs.settlement[:, None] * demand.treated_elsewhere
    found[0] = 0.0
    return found


def fiscal_capacity(inputs: FiscalInputs, years: Axis, regions: Axis, base_recurrent: Array, base_earmarked: Array, with_people: Array) -> FiscalCapacity:
    """Means and pools of every year, yuan.

    `base_recurrent` [R] is the calibrated catalogue spending of the base year, `base_earmarked` [R] the upper levels' share of it, `with_people` [Y,R]
    the money that follows people.
    Errors: ModelError where a region's published budget leaves no room for its catalogue.
    """
    own = shifted_growth(inputs.own_revenue, inputs.revenue_growth_shift)
    grants = inputs.expenditure - own[0] - inputs.new_bonds
    growth = np.cumprod(1.0 + inputs.transfer_growth)
    claims_index = inputs.claims_wage_share * inputs.wage_index + (1.0 - inputs.claims_wage_share) * inputs.price_index
    claims = inputs.first_claims_share * inputs.expenditure[None] * claims_index[:, None]
    usual = grants[None] * growth[:, None]
    reserve = inputs.reserve_share[:, None] * (own + usual)
    remaining = own + usual - claims - inputs.debt_interest - reserve
    for r, region in enumerate(regions):
        if grants[r] < 0 or base_recurrent[r] > remaining[0, r] or base_earmarked[r] > grants[r]:
            raise ModelError(
                f"base year of {region}: spending {inputs.expenditure[r]:.0f}, own revenue {own[0, r]:.0f}, transfers {grants[r]:.0f}, "
                f"left after first claims {remaining[0, r]:.0f}, catalogue {base_recurrent[r]:.0f}, earmarked {base_earmarked[r]:.0f} yuan do not fit together"
            )
    share = base_recurrent / remaining[0]
    stated = base_recurrent.sum() / remaining[0].sum()
    share_path = np.minimum(share[None] * inputs.catalogue_share[:, None] / stated, 1.0)
    share_path[0] = share
    other = (1.0 - share_path) * np.maximum(remaining, 0.0)
    beside = inputs.other_sources + with_people
    pool_growth = growth * inputs.pool_multiple
    pool_growth[0] = 1.0
    capacity = FiscalCapacity(
        years=years,
        regions=regions,
        own_revenue=own,
        first_claims=claims,
        other_spending=other,
        debt_interest=inputs.debt_interest,
        means=own - claims - inputs.debt_interest - other + beside,
        base_grants=grants,
        base_general=grants - base_earmarked,
        general_pool=(grants - base_earmarked).sum() * pool_growth,
        earmarked_pool=base_earmarked.sum() * pool_growth,
        reserve_share=inputs.reserve_share,
        base_recurrent=base_recurrent,
        revenue_index=rolling_index(own + usual),
        bond_quota=inputs.bond_quota,
        bond_rate=inputs.bond_rate,
        debt_room=inputs.debt_limit - inputs.other_debt,
        waterfall=pd.DataFrame(),
    )
    items = {
        "own_revenue": own,
        "transfers_usual": usual,
        "first_claims": -claims,
        "debt_interest": -inputs.debt_interest,
        "reserve": -reserve,
        "other_spending": -other,
        "other_sources": beside,
        "available_usual": own + usual - claims - inputs.debt_interest - reserve - other + beside,
    }
    tables = [
        pd.DataFrame({"year": np.repeat(years.labels, len(regions)), "region": np.tile(regions.labels, len(years)), "item": item, "yuan": values.reshape(-1)})
        for item, values in items.items()
    ]
    object.__setattr__(capacity, "waterfall", pd.concat(tables, ignore_index=True))
    return capacity
