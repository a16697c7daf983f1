"""Small worlds for the allocation's tests: every number is visible, and `world` draws random ones of the same shape."""

from __future__ import annotations

import numpy as np

from fiscalsim.allocation.formulation import Terms
from fiscalsim.allocation.terms import tie


def world(seed: int = 0, regions: int = 2, years: int = 4, pool: float = 1.0, means: float = 1.0, order: tuple[int, ...] | None = None) -> Terms:
    """Two kinds of service (cash at a floor of 1, places at a floor of .5), an ordinary and a staffed place, one conversion, two targets."""
    draw = np.random.default_rng(seed)
    tail, services, resources = 2, 4, 3
    people = draw.uniform(0.5, 5.0, (1, regions, 2, services)) * np.cumprod(draw.uniform(0.96, 1.05, (years + tail, 1, 1, services)), axis=0)
    unit = draw.uniform(0.1, 0.6, services)
    names = [f"r{i}" for i in range(regions)]
    order = order or tuple(range(regions))
    people = people[:, list(order)]
    names = [names[i] for i in order]
    uses = np.zeros((services, resources))
    uses[2, 0], uses[3, 1], uses[3, 2] = 1.0, 1.0, 0.2
    base = np.array([1.0, 0.95, 0.6, 0.4])[None, None] * np.ones((regions, 2, 1))
    running = people * unit
    spent = (running[0] * base).sum(axis=(1, 2))
    growth = np.cumprod(np.full(years + tail, 1.03))
    own = draw.uniform(0.3, 0.6, regions)[list(order)] * spent * means
    grants = spent - own / means
    tie_x = np.array([[[tie(n, h, s) for s in range(services)] for h in range(2)] for n in names])
    target_clients = np.zeros((years, 2, regions, 2, services))
    for i, s in enumerate((2, 3)):
        target_clients[:, i, :, :, s] = people[:years, :, :, s] / people[:years, :, :, s].sum(axis=(1, 2))[:, None, None]
    distance = np.array([0.3, 0.5])
    pool_growth = np.array([pool * 1.03] + [1.03] * (years - 1))
    return Terms(
        clients=people[:years],
        running=running[:years] * 0.8,
        standing=np.tile(np.array([0.2 * unit[2], 0.2 * unit[3], 0.0]), (years, regions, 1)),
        uses=uses,
        floor=np.array([1.0, 1.0, 0.5, 0.0]),
        ceiling=np.array([1.2, 1.0, 1.0, 1.0]),
        base_coverage=base,
        promise=np.array([True, True, False, False]),
        upper_cost=0.3 * running[:years],
        own_cost=0.7 * running[:years],
        own_share=np.minimum(1.0, np.outer(growth[:years], own + 0.6 * grants) / (0.7 * running[:years].sum(axis=(2, 3)))),
        means=np.outer(growth[:years], own),
        own_revenue=2 * np.outer(growth[:years], own),
        general_pool=pool * 0.6 * grants.sum() * growth[:years],
        earmarked_pool=pool * 0.4 * grants.sum() * growth[:years],
        general_before=0.6 * grants,
        pool_growth=pool_growth,
        pool_fall=np.minimum(1.0, pool_growth),
        pool_rise=np.maximum(1.0, pool_growth),
        change_limit=0.1,
        reserve_share=np.full(years, 0.01),
        recurrent_cap=np.outer(growth[:years] * 1.02 ** np.arange(1, years + 1), spent),
        bond_quota=np.full((years, regions), 0.2),
        bond_rate=0.03,
        debt_room=np.full((years, regions), 0.5),
        capacity=np.einsum("rhs,rhs,sk->rk", people[0], base, uses),
        staff=np.array([False, False, True]),
        lead=np.array([1, 2, 1]),
        retire=np.full(3, 0.02),
        build_rate=np.full(3, 0.1),
        build_least=np.full((regions, 3), 0.01),
        build_cost=np.full((years, 3), 0.3),
        salvage=np.ones((years, 3)),
        conversions=((0, 1),),
        gained=np.array([0.8]),
        conversion_cost=np.full((years, 1), 0.1),
        surplus=np.array([0.1]),
        tail_running=running[years:] * 0.8,
        tail_standing=np.zeros((tail, regions, resources)),
        tail_means=np.outer(growth[years:], own),
        tail_pool=growth[years:] / growth[years - 1],
        need_weight=np.ones((regions, 2)),
        target=np.tile(np.linspace(0.65, 0.9, years)[:, None], (1, 2)) / distance,
        target_clients=target_clients / distance[:, None, None, None],
        target_capacity=np.zeros((years, 2, regions, resources)),
        target_binding=np.array([True, False]),
        milestones=(years - 1,),
        domain_weight=np.ones(services),
        tie_x=tie_x,
        tie_r=np.array([tie(n) for n in names]),
        tie_s=np.arange(services) / 5,
        tie_i=np.array([0.2, 0.7]),
        tie_y=np.arange(years) / 9,
        rule_general=None,
        handed_over=np.zeros((years, regions, resources)),
        market=np.zeros(resources),
        rent=np.full((years, resources), 0.02),
        purchase_cap=0.1,
        mobility=0.0,
        service_weight=np.ones(services),
    )
