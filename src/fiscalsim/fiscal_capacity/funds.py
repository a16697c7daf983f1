"""The insurance funds: who pays in, who draws, and what that leaves, fund by fund; and what a gap asks of the budget.

Two pension and two medical funds. Heads come from the projected ages and the retirement age of each year; money a head moves with wages, except what the
budget pays a head in the residents' funds, which follows the catalogue's standard. Knows nothing of how a claim is then met.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.axes import AGES
from fiscalsim.quantities import FUNDS, Array, FiscalInputs, FundInputs, Population

WHOLE = "plan"
_STARTS_WORK = AGES.index(20)
_OLD = AGES.index(60)  # when the residents' pension begins and care costs more
MONEY = ("contribution", "subsidy", "benefit", "balance", "new_gap", "local_claim")


def in_work(persons: Array, men: Array, women: Array) -> tuple[Array, Array]:
    """Persons [Y,R] of 20 to the retirement age of the year (`men`, `women` [Y], may be a fraction), and those past it. `persons` is [Y,R,H,X,A]."""
    by_sex = persons.sum(axis=2)
    ages = np.array(AGES, dtype=float)
    before = np.clip(np.stack([men, women], axis=1)[:, :, None] - ages, 0.0, 1.0)  # [Y,X,A]
    grown = (ages >= AGES[_STARTS_WORK]).astype(float)
    return np.einsum("yrxa,yxa,a->yr", by_sex, before, grown), np.einsum("yrxa,yxa,a->yr", by_sex, 1.0 - before, grown)


def heads(population: Population, inputs: FundInputs) -> tuple[Array, Array, Array]:
    """Contributors, beneficiaries [F,Y,R] in persons, and the beneficiaries as they cost [F,Y,R], in persons of the cheaper kind.

    Employees pay until they retire and draw a pension after; medical funds pay for all whom they insure, and for the old (pensioners, or 60 and over)
    `old_multiple` times as much. Everyone insured in the residents' medical fund pays in.
    """
    workers, retired = in_work(population.persons, inputs.retirement_men, inputs.retirement_women)
    everyone = population.persons.sum(axis=(2, 3, 4))
    old = population.persons[..., _OLD:].sum(axis=(2, 3, 4))
    payers, drawers, weighted = [], [], []
    for f, fund in enumerate(FUNDS):
        share, drawing, dearer = inputs.contributors[f], inputs.beneficiaries[f], inputs.old_multiple[f]
        if fund == "residents_medical":
            payers.append(share * everyone)
            drawers.append(share * everyone)
            weighted.append(share * (everyone + (dearer - 1.0) * old))
        elif fund == "employees_medical":
            payers.append(share * workers)
            drawers.append(share * workers + drawing * retired)
            weighted.append(share * workers + dearer * drawing * retired)
        else:
            payers.append(share * workers)
            drawers.append(drawing * (retired if fund == "employees_pension" else old))
            weighted.append(drawers[-1])
    return np.stack(payers), np.stack(drawers), np.stack(weighted)


def flows(population: Population, inputs: FiscalInputs) -> dict[str, Array]:
    """contributors, beneficiaries (persons), contribution, subsidy, benefit, balance, new_gap, local_claim (yuan), each [F,Y,R].

    `subsidy` is what budgets already pay: in the residents' funds a sum a head that follows the catalogue's standard; in the employees' funds what the base
    year needs to come out even, kept in step with wages. `new_gap` is what a region's fund lacks beyond that since the base year, after pooling, and
    `local_claim` the part of it that falls on the region's own budget. Both are nothing in the base year; a surplus is no income.
    """
    funds = inputs.funds
    payers, drawers, weighted = heads(population, funds)
    wages = funds.wage_index[None, :, None]
    contribution = funds.contribution[:, None, None] * wages * payers
    benefit = funds.benefit[:, None, None] * wages * weighted
    subsidy = np.zeros_like(benefit)
    for f, fund in enumerate(FUNDS):
        if fund == "residents_pension":
            subsidy[f] = funds.subsidy[:, f, None] * drawers[f]
        elif fund == "residents_medical":
            subsidy[f] = funds.subsidy[:, f, None] * payers[f]
        else:
            subsidy[f] = _base_gap(benefit[f, 0] - contribution[f, 0])[None] * funds.wage_index[:, None]
    balance = contribution + subsidy - benefit
    gap = np.stack([fund_gap(balance[f], funds.wage_index, payers[f], inputs.fund_pooling) for f in range(len(FUNDS))])
    return {
        "contributors": payers,
        "beneficiaries": drawers,
        "contribution": contribution,
        "subsidy": subsidy,
        "benefit": benefit,
        "balance": balance,
        "new_gap": gap,
        "local_claim": inputs.fund_local_share[None, :, None] * gap,
    }


def _base_gap(gap: Array) -> Array:
    """The whole's gap [R], laid on the regions that lack; nothing where the whole has a surplus."""
    lacking = np.maximum(gap, 0.0)
    return lacking * (max(gap.sum(), 0.0) / lacking.sum() if lacking.sum() > 0 else 0.0)


def fund_gap(balance: Array, index: Array, payers: Array, pooling: Array) -> Array:
    """Yuan [Y,R] by which a fund's balance [Y,R] fell below the base year's, kept in step with wages (`index` [Y]), region by region.

    A pooled fund shares the whole gap by contributors; `pooling` [Y] is the share that is pooled. A gap that shrinks is no income.
    """
    since = balance[:1] * index[:, None] - balance
    whole = payers.sum(axis=1, keepdims=True)
    pooled = since.sum(axis=1, keepdims=True) * np.divide(payers, whole, out=np.zeros_like(payers), where=whole > 0)
    found = np.maximum((1.0 - pooling[:, None]) * since + pooling[:, None] * pooled, 0.0)
    found[0] = 0.0
    return found


def fund_table(population: Population, inputs: FiscalInputs) -> pd.DataFrame:
    """year, fund, region (`plan` for the whole), contributors, beneficiaries, then in yuan (columns end in `_yuan`) contribution, subsidy, benefit, balance,
    new_gap, local_claim and reserve.

    `reserve_yuan` is the whole's only: the base year's reserve and every balance since, without interest, as if no budget paid more than the subsidy;
    below nothing it is what is owed.
    """
    found = flows(population, inputs)
    years, regions = population.years, population.regions
    parts = []
    for f, fund in enumerate(FUNDS):
        columns = {name: values[f] for name, values in found.items()}
        names = np.tile(np.array(regions.labels, dtype=object), len(years))
        table = pd.DataFrame({"year": np.repeat(years.labels, len(regions)), "fund": fund, "region": names})
        whole = pd.DataFrame({"year": years.labels, "fund": fund, "region": WHOLE})
        for name, values in columns.items():
            column = f"{name}_yuan" if name in MONEY else name
            table[column], whole[column] = values.reshape(-1), values.sum(axis=1)
        opening = inputs.funds.reserve_months[f] / 12.0 * columns["benefit"][0].sum()
        table["reserve_yuan"] = np.nan
        whole["reserve_yuan"] = opening + np.concatenate([[0.0], np.cumsum(columns["balance"][1:].sum(axis=1))])
        parts += [table, whole]
    return pd.concat(parts, ignore_index=True)


def first_deficits(table: pd.DataFrame) -> pd.DataFrame:
    """fund, payers_per_drawer_first, payers_per_drawer_last, own_deficit, deficit, exhausted: of the whole, from table `funds`.

    `own_deficit`: first year in which benefits exceed contributions; `deficit`: in which they exceed contributions and the subsidy;
    `exhausted`: in which the reserve is used up. Missing where no year of the table shows it.
    """
    rows = []
    for fund, mine in table[table["region"] == WHOLE].groupby("fund", sort=False):
        mine = mine.sort_values("year")
        per = (mine["contributors"] / mine["beneficiaries"]).to_numpy()
        own = mine["benefit_yuan"] > mine["contribution_yuan"]
        tolerance = 1e-9 * mine["benefit_yuan"]
        rows.append((fund, per[0], per[-1], *(_first(mine, held) for held in (own, mine["balance_yuan"] < -tolerance, mine["reserve_yuan"] < 0))))
    return pd.DataFrame(rows, columns=["fund", "payers_per_drawer_first", "payers_per_drawer_last", "own_deficit", "deficit", "exhausted"])


def _first(table: pd.DataFrame, held: pd.Series) -> float:
    return float(table.loc[held, "year"].min()) if held.any() else float("nan")
