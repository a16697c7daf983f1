"""Whose money each service's cost is: centre, province, and the region itself, item by item.

The shares are those of the national plan for shared responsibilities (国办发〔2018〕6号: five tiers, and rules by item), applied to the national standard;
what a local standard adds is the region's own. Knows shares and costs; must not know what was actually transferred.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.quantities import Allocation, Array, Demand, DemandInputs, tidy

LEVELS = ("centre", "province", "local", "local_above")


def split_by_level(inputs: DemandInputs, national: Array, standard: Array, served: Array, cost: Array) -> dict[str, Array]:
    """Level -> [...,R,S] yuan that sum to `cost`. `national` and `standard` are yuan a client, `served` clients.

    Upper levels share the national standard for those who are served, wherever they are registered (money follows people); never more than the
    part of the cost that is at the national standard. The rest of that part is `local`; `local_above` is what the local standard adds.
    """
    at_national = np.minimum(national, standard)
    above = cost * np.divide(standard - at_national, standard, out=np.zeros(np.broadcast(standard, cost).shape), where=standard > 0)
    shared = np.minimum(at_national * served, cost - above)
    centre = inputs.central_share * shared
    province = (inputs.upper_share - inputs.central_share) * shared
    return {"centre": centre, "province": province, "local": cost - above - centre - province, "local_above": above}


def cost_by_level(inputs: DemandInputs, needed: Demand, plan: Allocation) -> pd.DataFrame:
    """year, region, service, level, yuan: the plan's recurrent cost by who owes it; levels sum to it exactly. Services without cost are left out."""
    first = needed.years.index(plan.years.labels[0])
    now = slice(first, first + len(plan.years))
    parts = split_by_level(inputs, needed.national_cost[now], needed.standard[now], plan.served.sum(axis=2), plan.recurrent.sum(axis=2))
    axes = {"year": plan.years, "region": plan.regions, "service": plan.services}
    table = pd.concat([tidy(parts[level], axes, "yuan").assign(level=level) for level in LEVELS], ignore_index=True)
    return table.loc[table["yuan"] != 0.0, ["year", "region", "service", "level", "yuan"]].reset_index(drop=True)
