"""What gives way: the plan with the proposal paid first beside the plan without it, every region with its own grants.

Knows the pipeline's question and plans; must not know verdicts or words. Amounts are yuan of the year, clients are heads.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim import allocation
from fiscalsim.assess.cost import Cost, horizon_of
from fiscalsim.pipeline import Posed
from fiscalsim.quantities import Allocation, Array, FiscalCapacity

NOTICED_YUAN = 1e4
NOTICED_CLIENTS = 1.0
NOTICED_SHORT = 1e-3  # of an indicator's distance


def paid_first(money: FiscalCapacity, cost: Cost, margin: float, now: slice) -> FiscalCapacity:
    """The money that is left for everything else once the proposal is paid: means, pool of earmarked grants and room under the growth limit."""
    means, pool, index = money.means.copy(), money.earmarked_pool.copy(), money.revenue_index.copy()
    means[now] -= cost.of_region
    pool[now] = np.maximum(pool[now] - cost.of_above, 0.0)
    grown = (1.0 + margin) ** np.arange(len(index))[now]
    index[now] -= cost.running / (money.base_recurrent[None] * grown[:, None])
    return replace(money, means=means, earmarked_pool=pool, revenue_index=index)


def crowding(asked: Posed, money: FiscalCapacity, cost: Cost) -> pd.DataFrame:
    """year, region, kind, what, without, with_it, unit (yuan, clients, distance): only what changes.

    kind: `service` (money spent on it), `served` (clients), `target` (how far short of the plan's indicator, the whole place), `earmarked`
    (grants owed for those served of which the plan had left a part undrawn), `carried` (money left for the next year), `bond` (new debt), `unpaid` (first
    claims). `money` fixes every region's grants, so that no region pays for another.
    """
    warm: dict[str, Any] = {}
    plans = []
    for capacity in (money, paid_first(money, cost, asked.inputs.rules.recurrent_growth_margin, horizon_of(asked))):
        plans.append(allocation.allocate(asked.inputs, asked.needed, capacity, asked.forms, warm=warm, prices=False))
    without, with_it = plans
    years, regions, services = without.years, without.regions, without.services
    found: list[tuple[Any, ...]] = []

    def changes(kind: str, unit: str, pick: Any, least: float, names: tuple[str, ...] | None) -> None:
        a, b = pick(without), pick(with_it)
        for cell in np.argwhere(np.abs(b - a) > least):
            y, r = int(cell[0]), int(cell[1])
            what = names[int(cell[2])] if names is not None else ""
            found.append((years.labels[y], regions.labels[r], kind, what, float(a[tuple(cell)]), float(b[tuple(cell)]), unit))

    changes("service", "yuan", _spent, NOTICED_YUAN, services.labels)
    changes("served", "clients", lambda plan: plan.served.sum(axis=2), NOTICED_CLIENTS, services.labels)
    changes("earmarked", "yuan", lambda plan: plan.earmarked.sum(axis=2), NOTICED_YUAN, None)
    for kind in ("carried", "bond", "unpaid"):
        changes(kind, "yuan", lambda plan, kind=kind: getattr(plan, kind), NOTICED_YUAN, None)
    for y, i in np.argwhere(np.abs(with_it.short - without.short) > NOTICED_SHORT):
        distance = float(asked.forms.distance[i])
        a, b = float(without.short[y, i]) * distance, float(with_it.short[y, i]) * distance
        found.append((years.labels[y], "plan", "target", asked.forms.codes[i], a, b, "distance"))
    columns = ["year", "region", "kind", "what", "without", "with_it", "unit"]
    return pd.DataFrame(found, columns=columns).astype({"year": np.int64, "without": float, "with_it": float})


def _spent(plan: Allocation) -> Array:
    found: Array = plan.recurrent.sum(axis=2) + plan.capital
    return found
