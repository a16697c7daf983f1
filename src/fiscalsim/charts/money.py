"""Money: needs against means, transfers and who gains, spending by service, the budget and the funds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.charts.style import AXIS, BLUE, CONTEXT_DARK, ORANGE, Chart, blank, folded, hover, signed_bars, waterfall, year_axis
from fiscalsim.charts.sums import FIRST_ITEMS, Tables, fiscal_items, means_by_year, needs_by_year, region_names, residents, service_names, transfers_of
from fiscalsim.text import Unit, listed, money, money_unit, number, percent, t

MOST_YEARS_NAMED = 3  # in a finding; more are counted


def needs_and_means(tables: Tables, lang: str, baseline: Tables | None = None, ends: tuple[int, ...] = (), height: int = 210) -> Chart:
    """C2: what the standards cost against what there is, by year; the baseline's need dotted when levers moved."""
    frame = pd.DataFrame({"need": needs_by_year(tables), "means": means_by_year(tables)}).dropna()
    if frame.empty:
        return Chart(None, ("finding.needs_none", {}), "", frame, lang)
    if baseline is not None:
        frame["baseline"] = needs_by_year(baseline).reindex(frame.index)
    unit = money_unit(float(frame.abs().max().max()), lang)
    over = [int(y) for y in frame.index[frame["need"] > frame["means"]]]
    years = frame.index.to_numpy()
    figure = blank(height, lang)
    lines: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("means", "col.means", {"color": BLUE, "width": 3}),
        ("need", "col.need", {"color": ORANGE, "width": 3, "dash": "dash"}),
    )
    for column, name, line in lines:
        figure.add_scatter(x=years, y=frame[column] / unit.divisor, name=t(name, lang), mode="lines", line=line, hovertemplate=hover(unit))
    if over:  # the band between means and needs, where needs are above
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=years, y=frame["means"] / unit.divisor, **edge)
        figure.add_scatter(x=years, y=frame[["need", "means"]].max(axis=1) / unit.divisor, fill="tonexty", fillcolor="rgba(224,117,41,0.15)", **edge)
    if "baseline" in frame and not np.allclose(frame["baseline"], frame["need"], rtol=1e-9, equal_nan=True):
        dotted = {"color": CONTEXT_DARK, "width": 1.5, "dash": "dot"}
        figure.add_scatter(x=years, y=frame["baseline"] / unit.divisor, name=t("col.baseline_need", lang), mode="lines", line=dotted, hovertemplate=hover(unit))
    for year in ends:
        if years[0] < year < years[-1]:
            figure.add_vline(x=year, line={"color": AXIS, "width": 1, "dash": "dot"})
    year_axis(figure, years, ends)
    figure.update_yaxes(tickformat=",.0f" if frame.max().max() >= 10 * unit.divisor else ",.1f", nticks=6)
    figure.update_layout(margin={"r": 24}, hovermode="x unified")
    last = int(years[-1])
    if not over:
        finding: tuple[str, dict[str, str]] = ("finding.needs_none", {})
    elif over == list(range(over[0], last + 1)):
        finding = ("finding.needs", {"year": str(over[0])})
    else:
        few = len(over) <= MOST_YEARS_NAMED
        ends_of = {"n": str(len(over)), "first": str(over[0]), "last": str(over[-1])}
        finding = ("finding.needs_some", {"years": listed([str(y) for y in over], lang)}) if few else ("finding.needs_years", ends_of)
    names = {"need": t("col.need", lang), "means": t("col.means", lang), "baseline": t("col.baseline_need", lang)}
    data = (frame / unit.divisor).round(unit.digits).rename(columns=names)
    data.index.name = t("col.year", lang)
    return Chart(figure, finding, unit.name, data.reset_index(), lang)


def transfer_table(tables: Tables, year: int) -> pd.DataFrame:
    """Transfers of `year` in yuan by region: general, earmarked, total, per head (yuan), change against today; official order.

    Today is each region's share of the transfers received in the base year, times this year's total, so changes add up to zero.
    """
    rows = tables["transfers"].query("year == @year")
    kinds = np.where(rows["kind"] == "general", "general", "earmarked")
    table = rows.assign(kind=kinds).pivot_table(index="region", columns="kind", values="yuan", aggfunc="sum", fill_value=0.0, observed=True)
    table = table.reindex(index=list(tables["regions"]["region"]), columns=["general", "earmarked"]).fillna(0.0)
    table["total"] = table.sum(axis=1)
    table["per_head"] = table["total"] / residents(tables, year).reindex(table.index)
    fiscal = tables["fiscal"]
    base = fiscal[fiscal["item"] == "transfers_usual"]
    today = base[base["year"] == base["year"].min()].set_index("region")["yuan"].reindex(table.index)
    table["change"] = table["total"] - table["total"].sum() * today / today.sum()
    return table


def transfer_change(tables: Tables, year: int, lang: str, rule: str, per_head: bool = False, height: int = 330) -> Chart:
    """C7: who gains and who loses against today's shares, sorted; losses hatched."""
    table = transfer_table(tables, year)
    change = table["change"] / residents(tables, year).reindex(table.index) if per_head else table["change"]
    unit = Unit(t("unit.per_head", lang), 1.0, 0) if per_head else money_unit(float(table["total"].max()), lang)
    values = (change / unit.divisor).sort_values(ascending=False, kind="stable")
    values = values.rename(index=region_names(tables, lang))
    data = pd.DataFrame({t("col.region", lang): values.index, t("col.change", lang): values.round(unit.digits).to_numpy()})
    if (values.abs().round(unit.digits) == 0).all():
        return Chart(None, ("finding.transfers_none", {}), unit.name, data, lang)
    figure = signed_bars(values, unit.digits, lang, max(height, 60 + 22 * len(values)), horizontal=True)
    counts = {"n": str(int((values.round(unit.digits) > 0).sum())), "m": str(int((values.round(unit.digits) < 0).sum()))}
    return Chart(figure, ("finding.transfers", {"rule": rule, **counts}), unit.name, data, lang)


def spending_bars(tables: Tables, year: int, lang: str, region: str | None = None, height: int = 330, most: int = 12) -> Chart:
    """Where the catalogue's money of `year` goes: recurrent and building by service, largest first."""
    rows = tables["allocation"].query("year == @year")
    if region is not None:
        rows = rows[rows["region"] == region]
    sums = rows.groupby("service", observed=True)[["recurrent_yuan", "capital_yuan"]].sum()
    sums = sums.loc[sums.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    total = float(sums.to_numpy().sum())
    names = service_names(tables, lang)
    if not total > 0:
        return Chart(None, ("finding.allocation_none", {}), "", sums, lang)
    unit = money_unit(float(sums.sum(axis=1).max()), lang)
    shown = sums.head(most)
    figure = blank(max(height, 70 + 24 * len(shown)), lang)
    labels = [names[code] for code in shown.index]
    for column, colour in (("recurrent", BLUE), ("capital", ORANGE)):
        values = shown[f"{column}_yuan"] / unit.divisor
        figure.add_bar(y=labels, x=values, orientation="h", name=t(f"col.{column}", lang), marker={"color": colour}, hovertemplate=hover(unit, "x"))
    for label, value in zip(labels, shown.sum(axis=1) / unit.divisor, strict=True):
        figure.add_annotation(x=value, y=label, text=number(value, unit.digits), showarrow=False, xanchor="left", xshift=4)
    figure.update_layout(barmode="stack")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(visible=False, range=[0, float(shown.sum(axis=1).max()) / unit.divisor * 1.2])
    data = (sums / unit.divisor).round(unit.digits).rename(index=names)
    data = data.rename(columns={"recurrent_yuan": t("col.recurrent", lang), "capital_yuan": t("col.capital", lang)})
    data.index.name = t("col.service", lang)
    finding = ("finding.allocation", {"service": labels[0], "share": percent(float(sums.iloc[0].sum()) / total, 0)})
    return Chart(figure, finding, unit.name, data.reset_index(), lang)


def means_parts(tables: Tables, year: int, region: str | None = None) -> pd.Series:
    """Signed yuan of `year`: own revenue, transfers of the plan, what comes first; they add up to the means for the catalogue."""
    items = fiscal_items(tables, region).loc[[year]]
    parts = {"own_revenue": float(items["own_revenue"].iloc[0]), "transfers_received": float(transfers_of(items, region).iloc[0])}
    return pd.Series(parts | {item: float(items[item].iloc[0]) for item in FIRST_ITEMS})


def means_waterfall(tables: Tables, year: int, lang: str, region: str | None = None, height: int = 290) -> Chart:
    """C12: own revenue + transfers - what comes first = means for the catalogue."""
    parts = means_parts(tables, year, region)
    means = float(parts.sum())
    unit = money_unit(float(parts.abs().max()), lang)
    data = pd.DataFrame(
        {
            t("col.item", lang): [t(f"fiscal_item.{item}", lang) for item in [*parts.index, "means"]],
            t("col.amount", lang): [round(v / unit.divisor, unit.digits) for v in [*parts, means]],
        }
    )
    if not parts.abs().max() > 0:
        return Chart(None, ("app.nothing_to_draw", {}), unit.name, data, lang)
    shown = [item for item in parts.index if abs(parts[item]) > 1e-9 * abs(parts).max()]
    labels = [folded(t(f"fiscal_item.{item}", lang), lang) for item in [*shown, "means"]]
    values = [*(parts[item] for item in shown), means]
    figure = waterfall(labels, values, ["absolute"] + ["relative"] * (len(shown) - 1) + ["total"], unit, lang, height)
    return Chart(figure, ("finding.waterfall_short", {"year": str(year), "means": money(means, lang)}), unit.name, data, lang)


INCOME = ("own_revenue", "general", "earmarked", "bonds", "carried_in", "claims_unpaid")
SPENDING = ("first_claims", "debt_interest", "recurrent", "capital", "bond_interest", "other_spending", "reserve_kept", "carried_out")


def budget_table(tables: Tables, year: int, lang: str, region: str | None = None) -> tuple[pd.DataFrame, Unit, float]:
    """C13: income and spending of `year` side by side, its unit, and income less spending in yuan."""
    items = fiscal_items(tables, region).loc[year]
    income = {item: float(items[item]) for item in INCOME if abs(float(items[item])) > 0 or item in INCOME[:3]}
    side = {item: -float(items[item]) for item in SPENDING if abs(float(items[item])) > 0 or item in SPENDING[:4]}
    total = sum(income.values())
    unit = money_unit(total, lang)
    left = [(t(f"fiscal_item.{k}", lang), unit.show(v)) for k, v in income.items()]
    right = [(t(f"fiscal_item.{k}", lang), unit.show(v)) for k, v in side.items()]
    height = max(len(left), len(right))
    left += [("", "")] * (height - len(left))
    right += [("", "")] * (height - len(right))
    lines = [(*a, *b) for a, b in zip(left, right, strict=True)]
    lines.append((t("col.total", lang), unit.show(total), t("col.total", lang), unit.show(sum(side.values()))))
    columns = [t("col.income", lang), t("col.amount", lang), t("col.expense", lang), t("col.amount", lang) + " "]
    return pd.DataFrame(lines, columns=columns), unit, total - sum(side.values())


def fund_support(tables: Tables, lang: str, fund: str = "employees_pension", height: int = 250) -> Chart:
    """How many pay into a fund for one who draws from it, year by year, over the whole plan."""
    rows = tables["funds"]
    mine = rows[(rows["region"] == "plan") & (rows["fund"] == fund)].sort_values("year")
    per = (mine["contributors"] / mine["beneficiaries"].where(mine["beneficiaries"] > 0)).to_numpy(float)
    unit = t("unit.payers", lang)
    data = pd.DataFrame({t("col.year", lang): mine["year"].to_numpy(), unit: per.round(2)})
    if not np.isfinite(per).any():
        return Chart(None, ("app.nothing_to_draw", {}), unit, data, lang)
    figure = blank(height, lang)
    figure.add_scatter(x=mine["year"], y=per, mode="lines", line={"color": BLUE, "width": 3}, hovertemplate="%{y:.2f}<extra></extra>")
    year_axis(figure, mine["year"].to_numpy(), ())
    figure.update_yaxes(tickformat=".1f", rangemode="tozero", nticks=6)
    figure.update_layout(showlegend=False, margin={"r": 24})
    ends = {"y0": str(mine["year"].iloc[0]), "y1": str(mine["year"].iloc[-1]), "a": number(per[0], 2), "b": number(per[-1], 2)}
    return Chart(figure, ("finding.fund_support", {"fund": t(f"fund.{fund}", lang), **ends}), unit, data, lang)
