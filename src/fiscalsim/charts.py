"""Tables of a run in, plotly figures out, each with its finding in words and the same figures as a table.

Pure: reads no files, knows no screen and no model. A chart is a `Chart`: the figure (None when there is nothing to draw), the
key and values of its finding, the unit, and the data behind it as people read it. Report and dashboard use the same ones.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fiscalsim.axes import SEXES
from fiscalsim.quantities import LINEAR, MET
from fiscalsim.text import NONE, Unit, has, listed, money, money_unit, number, people_unit, percent, t

Tables = Mapping[str, pd.DataFrame]

BLUE, ORANGE, TEAL, WINE, TAN, PLUM = SERIES = ("#1B4F8F", "#E07529", "#19A3B3", "#621C0E", "#A97860", "#3C203C")
CONTEXT, CONTEXT_DARK, LIGHT_BAR, GRID, AXIS, MUTED, INK = "#8A94A6", "#667085", "#A9C4E4", "#E4E9F0", "#98A2B3", "#475467", "#1F2937"
# Depth of shortfall: lower bound, fill, text. Lightness falls from class to class, so it also prints in grey.
CLASSES = ((0.0, "#F5F7FA", INK), (0.005, "#FCE8D2", INK), (0.10, "#F3B27A", INK), (0.25, "#B9510E", "#FFFFFF"), (0.40, "#6E130D", "#FFFFFF"))
FONT = "'Microsoft YaHei', 'PingFang SC', 'Noto Sans CJK SC', 'Source Han Sans CN', 'WenQuanYi Zen Hei', sans-serif"
CONFIG = {"displaylogo": False, "showSendToCloud": False, "displayModeBar": False}
OLD_AGE, WORKING_AGE = 65, 15  # limits of the age groups in which official statistics speak

TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "colorway": SERIES,
        "margin": {"l": 8, "r": 14, "t": 28, "b": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "hoverlabel": {"font": {"family": FONT}},
        "xaxis": {"automargin": True, "gridcolor": GRID, "linecolor": AXIS, "zerolinecolor": AXIS, "fixedrange": True},
        "yaxis": {"automargin": True, "gridcolor": GRID, "linecolor": AXIS, "zerolinecolor": AXIS, "fixedrange": True},
        "bargap": 0.3,
    }
)


@dataclass(frozen=True)
class Chart:
    """A figure with what it says. `figure` is None when there is nothing to draw: then the finding says so."""

    figure: go.Figure | None
    finding: tuple[str, dict[str, str]]
    unit: str
    data: pd.DataFrame
    lang: str

    @property
    def title(self) -> str:
        """The finding as a sentence."""
        return t(self.finding[0], self.lang, **self.finding[1])

    def titled(self, width: int = 500) -> go.Figure | None:
        """The figure with its finding as title, wrapped, for a report where nothing stands above it."""
        if self.figure is None:
            return None
        wrap = max(12, 24 * width // 500) * (1 if self.lang == "zh" else 2)
        figure = go.Figure(self.figure)
        lines = textwrap.wrap(self.title, wrap)
        top = (figure.layout.margin.t or 28) + 22 * len(lines)
        figure.update_layout(title={"text": "<br>".join(lines), "x": 0, "xanchor": "left", "font": {"size": 15}}, margin={"t": top})
        return figure


# --- words for codes ------------------------------------------------------------------------------------------------


def region_names(tables: Tables, lang: str, field: str = "short") -> dict[str, str]:
    """Region code -> name, in official order."""
    table = tables["regions"]
    return dict(zip(table["region"], table[f"{field}_{lang}"], strict=True))


def service_names(tables: Tables, lang: str, field: str = "name") -> dict[str, str]:
    """Service code -> name, in the order of the catalogue."""
    table = tables["services"]
    return dict(zip(table["service"], table[f"{field}_{lang}"], strict=True))


def limit_tag(family: str, lang: str) -> str:
    """Short name of a limit as a bureau says it; several joined by `;` give the first."""
    return t(f"limit.{first_limit(family)}.tag", lang)


def first_limit(limited_by: Any) -> str:
    """The family that stands first in a `limited_by` cell, or `unknown`."""
    families = limits_of(limited_by)
    return families[0] if families else "unknown"


def limits_of(limited_by: Any) -> list[str]:
    """The families in a `limited_by` cell, in its order."""
    if not isinstance(limited_by, str):
        return []
    names = (part.split(":")[0].split("@")[0].strip() for part in limited_by.replace("|", ";").replace(",", ";").split(";"))
    return [name for name in names if name]


# --- sums that several charts share ---------------------------------------------------------------------------------


def coverage(tables: Tables, year: int, by: tuple[str, ...] = ("region", "service")) -> pd.DataFrame:
    """Clients, those served at the standard (each once) and the share still short, per group of `by`, in `year`.

    Columns clients, served, short (persons), gap (0..1), unmet_yuan (what serving them for the year would cost).
    """
    key = ["region", "residence", "service"]
    given = tables["allocation"].query("year == @year")[[*key, "coverage"]]
    need = tables["demand"].query("year == @year")[[*key, "clients", "cost_yuan"]]
    cells = need.merge(given, on=key, how="inner")
    share = cells["coverage"].clip(upper=1.0)
    cells["served"] = cells["clients"] * share
    cells["unmet_yuan"] = cells["cost_yuan"] * (1.0 - share)
    sums = cells.groupby(list(by), sort=False, observed=True)[["clients", "served", "unmet_yuan"]].sum().reset_index()
    sums["short"] = (sums["clients"] - sums["served"]).clip(lower=0.0)
    sums["gap"] = np.where(sums["clients"] > 0, sums["short"] / sums["clients"].where(sums["clients"] > 0, 1.0), 0.0)
    return sums


FIRST_ITEMS = ("first_claims", "debt_interest", "other_spending", "reserve_kept")  # signed: they come before the catalogue
POOLS = ("general_pool", "earmarked_pool")


def gap_yuan(tables: Tables, year: int) -> float:
    """What serving everyone entitled at the standards would cost more in `year`, yuan."""
    cells = coverage(tables, year)
    return float(cells.loc[cells["gap"] >= CLASSES[1][0], "unmet_yuan"].sum())


def _fiscal(tables: Tables, region: str | None) -> Any:
    """Yuan by year (rows) and item (columns) of a region, or of the whole place with the pools of transfers."""
    fiscal = tables["fiscal"]
    if region is not None:
        fiscal = fiscal[fiscal["region"] == region]
    return fiscal.pivot_table(index="year", columns="item", values="yuan", aggfunc="sum", observed=True).reindex(years_of(tables))


def years_of(tables: Tables) -> list[int]:
    """The years that the plan decides."""
    return sorted(int(year) for year in tables["allocation"]["year"].unique())


def means_by_year(tables: Tables, region: str | None = None) -> pd.Series:
    """Yuan left for the catalogue, by year: own money after first claims and the reserve, plus transfers (the whole place: their pools)."""
    items = _fiscal(tables, region)
    return items["own_revenue"] + items[list(FIRST_ITEMS)].sum(axis=1) + _transfers(items, region)


def _transfers(items: pd.DataFrame, region: str | None) -> pd.Series:
    return items[list(POOLS if region is None else ("general", "earmarked"))].sum(axis=1)


def needs_by_year(tables: Tables, region: str | None = None) -> pd.Series:
    """Yuan that serving everyone entitled at the standards costs, by year of the plan."""
    demand = tables["demand"]
    if region is not None:
        demand = demand[demand["region"] == region]
    return demand[demand["year"].isin(years_of(tables))].groupby("year")["cost_yuan"].sum()


def residents(tables: Tables, year: int) -> pd.Series:
    """Residents at the end of `year` by region."""
    return tables["population"].query("year == @year").groupby("region", sort=False)["persons"].sum()


# --- C1 the grid of shortfalls --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """Share still short per region (rows, official order) and service or domain (columns), 0..1."""

    gaps: pd.DataFrame
    columns: dict[str, str]  # code -> full name
    covered: int  # services without any gap, left out of the columns
    finding: tuple[str, dict[str, str]]
    lang: str

    @property
    def title(self) -> str:
        """The finding as a sentence."""
        return t(self.finding[0], self.lang, **self.finding[1])


WIDEST_GRID = 12


def shortfall_grid(tables: Tables, year: int, lang: str, scope: str, by_gap: bool = False) -> Grid:
    """C1: where and in what each area is short in `year`; more than twelve services with a gap become domains (worst service in it)."""
    cells = coverage(tables, year)
    regions = region_names(tables, lang)
    names = service_names(tables, lang)
    gaps = cells.pivot(index="region", columns="service", values="gap").reindex(index=list(regions), columns=list(names)).fillna(0.0)
    short = [code for code in gaps.columns if gaps[code].max() >= CLASSES[1][0]]
    covered = len(gaps.columns) - len(short)
    columns = {code: names[code] for code in (short if short else gaps.columns[:WIDEST_GRID])}
    finding = _grid_finding(gaps[short], regions, names, lang, scope)
    view = gaps[list(columns)]
    if len(columns) > WIDEST_GRID:
        domain = dict(zip(tables["services"]["service"], tables["services"]["domain"], strict=True))
        view = view.T.groupby(lambda code: domain[code], sort=False).max().T
        columns = {str(code): domain_name(str(code), lang) for code in view.columns}
    if by_gap:
        view = view.loc[view.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    return Grid(view, columns, covered, finding, lang)


def domain_name(domain: str, lang: str) -> str:
    """Name of a domain of the plan; a domain that the table does not know keeps its own word (packs may write it in Chinese)."""
    return t(f"domain.{domain}", lang) if has(f"domain.{domain}") else domain


def _grid_finding(gaps: pd.DataFrame, regions: dict[str, str], names: dict[str, str], lang: str, scope: str) -> tuple[str, dict[str, str]]:
    if gaps.empty or gaps.shape[1] == 0:
        return "finding.grid_none", {}
    width = (gaps >= CLASSES[1][0]).sum(axis=1) + gaps.sum(axis=1) / 1e3
    areas = [regions[code] for code in width[width > 0].sort_values(ascending=False, kind="stable").index[:2]]
    worst = names[str(gaps.mean().idxmax())]
    key = "finding.grid" if len(areas) > 1 else "finding.grid_one"
    return key, {"areas": t("format.comma", lang).join(areas), "service": worst, "scope": scope}


def grid_heads(grid: Grid, tables: Tables) -> dict[str, str]:
    """Column code -> the short head that fits the grid."""
    short = service_names(tables, grid.lang, "short")
    return {
        code: short[code] if code in short else t(f"domain_short.{code}", grid.lang) if has(f"domain_short.{code}") else name
        for code, name in grid.columns.items()
    }


def class_of(gap: float) -> int:
    """Class 0..4 of a shortfall given as a share."""
    return sum(gap >= low for low, _, _ in CLASSES) - 1


def grid_style(grid: Grid, tables: Tables) -> Any:
    """The grid as a pandas Styler: whole percents, nothing where nothing is short, fill and ink by class."""
    regions = region_names(tables, grid.lang)
    shown = grid.gaps.rename(index=regions, columns=grid_heads(grid, tables))
    shown.index.name = t("col.region", grid.lang)

    def colours(column: pd.Series) -> list[str]:
        styles = (CLASSES[class_of(float(gap))] for gap in column)
        return [f"background-color: {fill}; color: {ink}; text-align: center" for _, fill, ink in styles]

    def words(gap: Any) -> str:
        return "" if class_of(float(gap)) == 0 else str(max(1, round(float(gap) * 100)))

    return shown.style.apply(colours).format(words)


# --- C2 needs against means -----------------------------------------------------------------------------------------


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
    figure = _figure(height, lang)
    lines: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("means", "col.means", {"color": BLUE, "width": 3}),
        ("need", "col.need", {"color": ORANGE, "width": 3, "dash": "dash"}),
    )
    for column, name, line in lines:
        figure.add_scatter(x=years, y=frame[column] / unit.divisor, name=t(name, lang), mode="lines", line=line, hovertemplate=_hover(unit))
    if over:  # the band between means and needs, where needs are above
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=years, y=frame["means"] / unit.divisor, **edge)
        figure.add_scatter(x=years, y=frame[["need", "means"]].max(axis=1) / unit.divisor, fill="tonexty", fillcolor="rgba(224,117,41,0.15)", **edge)
    if "baseline" in frame and not np.allclose(frame["baseline"], frame["need"], rtol=1e-9, equal_nan=True):
        dotted = {"color": CONTEXT_DARK, "width": 1.5, "dash": "dot"}
        figure.add_scatter(
            x=years, y=frame["baseline"] / unit.divisor, name=t("col.baseline_need", lang), mode="lines", line=dotted, hovertemplate=_hover(unit)
        )
    for year in ends:
        if years[0] < year < years[-1]:
            figure.add_vline(x=year, line={"color": AXIS, "width": 1, "dash": "dot"})
    _year_axis(figure, years, ends)
    figure.update_yaxes(tickformat=",.0f" if frame.max().max() >= 10 * unit.divisor else ",.1f", nticks=6)
    figure.update_layout(margin={"r": 24}, hovermode="x unified")
    last = int(years[-1])
    if not over:
        finding: tuple[str, dict[str, str]] = ("finding.needs_none", {})
    elif over == list(range(over[0], last + 1)):
        finding = ("finding.needs", {"year": str(over[0])})
    else:
        finding = ("finding.needs_some", {"years": listed([str(y) for y in over], lang)})
    names = {"need": t("col.need", lang), "means": t("col.means", lang), "baseline": t("col.baseline_need", lang)}
    data = (frame / unit.divisor).round(unit.digits).rename(columns=names)
    data.index.name = t("col.year", lang)
    return Chart(figure, finding, unit.name, data.reset_index(), lang)


# --- C5 what one more 100 million yuan does -------------------------------------------------------------------------


def marginal_bars(where: pd.DataFrame, lang: str, height: int = 226, most: int = 6) -> Chart:
    """C5: `where` has label, more, less (persons per 100 million yuan more and less); the best one dark."""
    shown = where[where["more"] > 0].sort_values("more", ascending=False, kind="stable").head(most)
    columns = {"label": t("col.region", lang), "more": t("col.left", lang), "less": t("col.right", lang)}
    unit = t("unit.people_small", lang)
    if shown.empty:
        return Chart(None, ("finding.marginal_none", {}), unit, shown.rename(columns=columns), lang)
    figure = _figure(height, lang)
    colours = [BLUE] + [LIGHT_BAR] * (len(shown) - 1)
    text = [number(v) for v in shown["more"]]
    figure.add_bar(y=shown["label"], x=shown["more"], orientation="h", marker={"color": colours}, text=text, textposition="outside", hoverinfo="y+text")
    figure.update_yaxes(autorange="reversed", ticks="", showgrid=False)
    figure.update_xaxes(visible=False, range=[0, float(shown["more"].max()) * 1.25])
    figure.update_layout(showlegend=False, margin={"t": 8})
    return Chart(figure, ("finding.marginal", {}), unit, shown.rename(columns=columns).round(0), lang)


# --- C6 C7 transfers ------------------------------------------------------------------------------------------------


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
    figure = _signed_bars(values, unit.digits, lang, max(height, 60 + 22 * len(values)), horizontal=True)
    counts = {"n": str(int((values.round(unit.digits) > 0).sum())), "m": str(int((values.round(unit.digits) < 0).sum()))}
    return Chart(figure, ("finding.transfers", {"rule": rule, **counts}), unit.name, data, lang)


def _signed_bars(values: pd.Series, digits: int, lang: str, height: int, horizontal: bool) -> go.Figure:
    figure = _figure(height, lang)
    text = [number(v, digits, signed=True) for v in values]
    gain = values >= 0
    marker = {
        "color": [BLUE if up else ORANGE for up in gain],
        "line": {"color": [BLUE if up else ORANGE for up in gain], "width": 1},
        "pattern": {"shape": ["" if up else "/" for up in gain], "fillmode": "replace", "size": 7, "solidity": 0.35},
    }
    largest = float(values.abs().max()) or 1.0
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    span = [low - 0.25 * largest if low < 0 else 0.0, high + 0.25 * largest if high > 0 else 0.05 * largest]
    shared = {"marker": marker, "text": text, "textposition": "outside", "cliponaxis": False}
    if horizontal:
        figure.add_bar(y=values.index, x=values, orientation="h", hoverinfo="y+text", **shared)
        figure.update_yaxes(autorange="reversed", showgrid=False)
        figure.update_xaxes(range=span, showticklabels=False, zeroline=True, zerolinecolor=AXIS)
    else:
        figure.add_bar(x=values.index, y=values, hoverinfo="x+text", **shared)
        figure.update_xaxes(showgrid=False, side="top" if high <= 0.2 * largest else "bottom")
        figure.update_yaxes(range=span, showticklabels=False, zeroline=True, zerolinecolor=AXIS)
    figure.update_layout(showlegend=False, margin={"t": 8})
    return figure


# --- spending by service --------------------------------------------------------------------------------------------


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
    figure = _figure(max(height, 70 + 24 * len(shown)), lang)
    labels = [names[code] for code in shown.index]
    for column, colour in (("recurrent", BLUE), ("capital", ORANGE)):
        values = shown[f"{column}_yuan"] / unit.divisor
        figure.add_bar(y=labels, x=values, orientation="h", name=t(f"col.{column}", lang), marker={"color": colour}, hovertemplate=_hover(unit, "x"))
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


# --- C9 targets -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class IndicatorRow:
    """One target in its target year; NaN where the plan or the model has no number."""

    code: str
    nature: str
    status: str
    value: float
    target: float
    base: float
    target_year: int
    year_met: int | None


def plan_targets(names: pd.DataFrame) -> pd.DataFrame:
    """The rows of `indicator_names` that are the plan's targets (binding or expected), without the statements of its text."""
    return names[names["nature"] != "stated"]


def indicator_rows(tables: Tables, *, whole: bool = False) -> list[IndicatorRow]:
    """Every target of the plan as a whole, in the plan's order; with `whole` the statements of its text too."""
    table = tables["indicators"]
    value = table[table["region"] == "plan"].set_index(["indicator", "year"])["value"]
    rows = []
    for name in (tables["indicator_names"] if whole else plan_targets(tables["indicator_names"])).to_dict("records"):
        code, target_year = str(name["indicator"]), int(name["target_year"])
        base = name["base_printed"] if pd.notna(name["base_printed"]) else name["base_computed"]
        year_met = int(name["year_met"]) if pd.notna(name["year_met"]) else None
        found = _float(value.get((code, target_year)))
        rows.append(IndicatorRow(code, str(name["nature"]), str(name["status"]), found, _float(name["target_value"]), _float(base), target_year, year_met))
    return rows


def _float(value: Any) -> float:
    return float(value) if pd.notna(value) else float("nan")


def indicator_counts(tables: Tables) -> dict[str, int]:
    """n targets of the plan: m met, k missed, j not computable; b binding ones with a target number, bm of them met."""
    rows = indicator_rows(tables)
    binding = [row for row in rows if row.nature == "binding" and np.isfinite(row.target)]
    met, missed = (sum(row.status in states for row in rows) for states in (MET, ("missed",)))
    return {"n": len(rows), "m": met, "k": missed, "j": len(rows) - met - missed, "b": len(binding), "bm": sum(row.status in MET for row in binding)}


def status_words(row: IndicatorRow, lang: str) -> str:
    """The status as a bureau writes it: sign, word, distance and year."""
    if row.status == "met_early":
        return t("status.met_early", lang, year=row.year_met)
    if row.status == "missed" and np.isfinite(row.value) and np.isfinite(row.target):
        when = t("status.when_never", lang) if row.year_met is None else t("status.when_year", lang, year=row.year_met)
        return t("status.missed", lang, gap=figure_text(abs(row.target - row.value)), when=when)
    return t({"missed": "status.missed_short"}.get(row.status, f"status.{row.status}"), lang)


def figure_text(value: float) -> str:
    """An indicator's value: as many decimals as its size asks for, the dash when there is none."""
    if not np.isfinite(value):
        return NONE
    return number(value, 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0)


def indicator_table(tables: Tables, lang: str, *, whole: bool = False) -> pd.DataFrame:
    """C9: one row a target of the plan (with `whole`, every statement), ready to show.

    `progress` is the share of the way from base to target (0..1, NaN when not computable).
    """
    names = tables["indicator_names"].set_index("indicator")
    lines = []
    for row in indicator_rows(tables, whole=whole):
        name = names.loc[row.code]
        way = row.target - row.base
        done = 1.0 if row.status in MET else (row.value - row.base) / way if way else float("nan")
        lines.append(
            {
                "code": row.code,
                "name": name[f"name_{lang}"],
                "domain": domain_name(str(name["domain"]), lang),
                "nature": t(f"nature.{row.nature}", lang),
                "unit": name[f"unit_{lang}"],
                "base": figure_text(row.base),
                "forecast": figure_text(row.value),
                "target": figure_text(row.target),
                "progress": float(np.clip(done, 0.0, 1.0)) if np.isfinite(done) else np.nan,
                "status": status_words(row, lang),
                "year_met": NONE if row.year_met is None else str(row.year_met),
                "note": t(f"status.{_decided_by(str(name['measure']), row.nature)}", lang),
                "state": row.status,
                "target_year": row.target_year,
                "nature_code": row.nature,
            }
        )
    return pd.DataFrame(lines)


def _decided_by(measure: str, nature: str) -> str:
    """decided: the allocation aims at it; reported: computed, not aimed at; stated: not computed."""
    if measure == "stated":
        return "stated"
    return "decided" if measure in LINEAR and nature != "stated" else "reported"


def indicator_path(tables: Tables, code: str, lang: str, height: int = 230) -> Chart:
    """One indicator year by year, with its target."""
    table = tables["indicators"]
    path = table[(table["indicator"] == code) & (table["region"] == "plan")].sort_values("year")
    name = tables["indicator_names"].set_index("indicator").loc[code]
    target_year = int(str(name["target_year"]))
    known = path[np.isfinite(path["value"].astype(float))]
    unit = str(name[f"unit_{lang}"])
    data = pd.DataFrame({t("col.year", lang): path["year"], t("col.value", lang): path["value"], t("col.target", lang): path["target"]})
    if known.empty:
        return Chart(None, ("status.not_computable", {}), unit, data, lang)
    figure = _figure(height, lang)
    figure.add_scatter(x=known["year"], y=known["value"], name=t("col.forecast", lang), mode="lines+markers", line={"color": BLUE, "width": 3})
    if np.isfinite(known["target"].astype(float)).any():
        dashed = {"color": ORANGE, "dash": "dash", "width": 2}
        figure.add_scatter(x=known["year"], y=known["target"], name=t("col.target", lang), mode="lines", line=dashed)
    _year_axis(figure, known["year"].to_numpy(), (target_year,))
    figure.update_layout(margin={"r": 24})
    at = known[known["year"] == target_year]
    final = (at if len(at) else known).iloc[-1]
    values = {"name": str(name[f"name_{lang}"]), "year": str(int(final["year"])), "value": figure_text(float(final["value"]))}
    if np.isfinite(float(final["target"])):
        return Chart(figure, ("finding.path", {**values, "target": figure_text(float(final["target"]))}), unit, data, lang)
    return Chart(figure, ("finding.path_untargeted", values), unit, data, lang)


# --- C10 C11 people -------------------------------------------------------------------------------------------------


def _five_year(tables: Tables, year: int, region: str | None) -> pd.DataFrame:
    rows = tables["population"].query("year == @year")
    if region is not None:
        rows = rows[rows["region"] == region]
    sums = rows.assign(group=rows["age"] // 5 * 5).groupby(["group", "sex"], observed=True)["persons"].sum().unstack("sex")
    return sums.reindex(columns=list(SEXES)).fillna(0.0)


def age_shares(tables: Tables, year: int, region: str | None = None) -> tuple[float, float]:
    """Share under 15 and share of 65 and over."""
    rows = tables["population"].query("year == @year")
    if region is not None:
        rows = rows[rows["region"] == region]
    total = rows["persons"].sum()
    return float(rows.loc[rows["age"] < WORKING_AGE, "persons"].sum() / total), float(rows.loc[rows["age"] >= OLD_AGE, "persons"].sum() / total)


def pyramid(tables: Tables, year: int, base_year: int, lang: str, region: str | None = None, height: int = 430) -> Chart:
    """C10: five-year groups, men left, women right, the base year as an outline."""
    now, then = _five_year(tables, year, region), _five_year(tables, base_year, region)
    largest = float(max(now.max().max(), then.max().max())) if len(now) else 0.0
    unit = people_unit(largest, lang)
    if not largest > 0:
        return Chart(None, ("app.nothing_to_draw", {}), unit.name, now, lang)
    top = int(now.index.max())
    labels = {g: f"{g}+" if g == top else t("format.range", lang, lo=g, hi=g + 4) for g in now.index}
    figure = _figure(height, lang)
    for sex, sign, colour, name in (("male", -1, BLUE, "col.men"), ("female", 1, ORANGE, "col.women")):
        bars = now[sex] / unit.divisor
        shown = [f"{labels[int(g)]} {number(v, unit.digits)}{unit.name}" for g, v in zip(bars.index, bars, strict=True)]
        legend = f"{t(name, lang)} {year}"
        figure.add_bar(
            y=list(now.index), x=sign * bars, orientation="h", name=legend, marker={"color": colour}, hovertext=shown, hoverinfo="text+name", width=4.6
        )
        edges = np.append(then.index.to_numpy() - 2.5, then.index.max() + 2.5)
        line = {"color": INK, "width": 1.5, "shape": "vhv"}
        outline = np.append(sign * then[sex] / unit.divisor, sign * then[sex].iloc[-1] / unit.divisor)
        steps = np.repeat(edges, 2)[1:-1]
        widths = np.repeat(outline[:-1], 2)
        figure.add_scatter(y=steps, x=widths, mode="lines", line={**line, "shape": "linear"}, name=str(base_year), showlegend=sex == "male", hoverinfo="skip")
    ticks = _round_ticks(largest / unit.divisor)
    figure.update_xaxes(tickvals=[-v for v in ticks[::-1]] + [0, *ticks], ticktext=[number(v) for v in ticks[::-1]] + ["0"] + [number(v) for v in ticks])
    step = list(now.index)[::2]
    figure.update_yaxes(tickvals=step, ticktext=[labels[g] for g in step], showgrid=False)
    figure.update_layout(barmode="overlay", bargap=0.05)
    (c0, o0), (c1, o1) = age_shares(tables, base_year, region), age_shares(tables, year, region)
    values = {"o0": percent(o0), "o1": percent(o1), "c0": percent(c0), "c1": percent(c1)}
    kind = "narrow" if o1 > o0 and c1 < c0 else "wide" if c1 > c0 + 0.005 else "old" if o1 > o0 + 0.005 else "same"
    data = pd.DataFrame(
        {
            t("col.age", lang): [labels[g] for g in now.index],
            **{
                f"{t(f'col.{who}', lang)} {y}": (f[sex] / unit.divisor).round(unit.digits).to_numpy()
                for y, f in ((base_year, then), (year, now))
                for sex, who in (("male", "men"), ("female", "women"))
            },
        }
    )
    needed = {"narrow": ("o0", "o1"), "wide": ("c0", "c1"), "old": ("o0", "o1"), "same": ("o1",)}[kind]
    return Chart(figure, (f"finding.pyramid_{kind}", {k: values[k] for k in needed}), unit.name, data, lang)


def _round_ticks(largest: float) -> list[float]:
    step = 10 ** np.floor(np.log10(largest))
    for part in (0.2, 0.25, 0.5, 1.0):
        if largest / (step * part) <= 4:
            return [float(step * part * k) for k in range(1, int(largest / (step * part)) + 1)]
    return [float(step * k) for k in range(1, int(largest / step) + 1)]


def need_index(tables: Tables, lang: str, region: str | None = None, height: int = 250) -> Chart:
    """C11: people entitled by service, first year = 100; the one that falls most and the one that rises most stand out."""
    demand = tables["demand"]
    if region is not None:
        demand = demand[demand["region"] == region]
    years = sorted({*years_of(tables), int(demand["year"].min())}) if len(demand) else []
    sums = demand[demand["year"].isin(years)].pivot_table(index="year", columns="service", values="clients", aggfunc="sum", observed=True)
    sums = sums.loc[:, (sums > 0).all()]
    if sums.empty or len(sums) < 2:
        return Chart(None, ("app.nothing_to_draw", {}), "", sums, lang)
    index = sums / sums.iloc[0] * 100
    names, short = service_names(tables, lang), service_names(tables, lang, "short")
    down, up = str(index.iloc[-1].idxmin()), str(index.iloc[-1].idxmax())
    figure = _figure(height, lang)
    for code in [c for c in index.columns if c not in (down, up)] + [down, up]:
        line = {down: {"color": ORANGE, "width": 3, "dash": "dash"}, up: {"color": BLUE, "width": 3}}.get(code, {"color": "#C3CAD5", "width": 1})
        figure.add_scatter(
            x=index.index, y=index[code], mode="lines", line=line, name=names[code], showlegend=False, hovertemplate="%{y:.0f}<extra>%{fullData.name}</extra>"
        )
    ends = {code: float(index[code].iloc[-1]) for code in ({down, up} | set(index.iloc[-1].nlargest(3).index) | set(index.iloc[-1].nsmallest(3).index))}
    for code, y in _spaced(ends, float(index.max().max() - index.min().min()) or 1.0, height - 40).items():
        colour = {down: "#A34B0F", up: BLUE}.get(code, MUTED)
        figure.add_annotation(
            x=int(index.index[-1]), y=y, text=f"{short[code]} {ends[code]:.0f}", showarrow=False, xanchor="left", xshift=6, font={"color": colour, "size": 12}
        )
    _year_axis(figure, index.index.to_numpy(), ())
    figure.update_yaxes(tickformat=".0f")
    figure.update_layout(margin={"r": 78 if lang == "zh" else 110, "t": 8})
    low, high = ends[down], ends[up]
    data = index.round(1).rename(columns=names)
    data.index.name = t("col.year", lang)
    unit = t("unit.index", lang, year=int(index.index[0]))
    finding: tuple[str, dict[str, str]]
    if low < 99.5 and high > 100.5:
        finding = ("finding.index", {"down": names[down], "up": names[up]})
    elif high > 100.5:
        finding = ("finding.index_up", {"up": names[up]})
    else:
        finding = ("finding.index_down", {"down": names[down]})
    return Chart(figure, finding, unit, data.reset_index(), lang)


def _spaced(ends: dict[str, float], span: float, pixels: int, apart: int = 14) -> dict[str, float]:
    """Heights of line-end labels, pushed so far apart that none overlaps."""
    step = apart / pixels * span
    placed: dict[str, float] = {}
    last = -np.inf
    for code, y in sorted(ends.items(), key=lambda item: item[1]):
        last = max(y, last + step)
        placed[code] = last
    return placed


def balance_table(tables: Tables, lang: str, region: str | None = None) -> pd.DataFrame:
    """The population balance, persons: closing = opening + births - deaths + migration, a row a year."""
    rows, people = tables["components"], tables["population"]
    if region is not None:
        rows, people = rows[rows["region"] == region], people[people["region"] == region]
    sums = rows.groupby("year")[["births", "deaths", "external_migration", "internal_migration"]].sum()
    closing = people.groupby("year")["persons"].sum()
    sums.insert(0, "population", closing.reindex(sums.index))
    sums["change_total"] = sums["births"] - sums["deaths"] + sums["external_migration"] + sums["internal_migration"]
    sums = sums.rename(columns={c: t(f"col.{c}", lang) for c in sums.columns})
    sums.index.name = t("col.year", lang)
    return sums.reset_index()


def cell_path(tables: Tables, region: str, service: str, residence: str, lang: str, unit: str, height: int = 215) -> Chart:
    """Clients entitled to one service in one area (`both` residences or one) and those served at the standard, year by year."""
    rows = tables["allocation"]
    rows = rows[(rows["region"] == region) & (rows["service"] == service)]
    if residence != "both":
        rows = rows[rows["residence"] == residence]
    given = rows.assign(served=rows["coverage"].clip(upper=1.0) * rows["clients"]).groupby("year")[["clients", "served"]].sum()
    names = {"clients": t("col.clients", lang), "served": t("col.provided", lang)}
    data = given.round(0).rename(columns=names)
    data.index.name = t("col.year", lang)
    if given.empty or not given["clients"].max() > 0:
        return Chart(None, ("app.nothing_to_draw", {}), unit, data.reset_index(), lang)
    figure = _figure(height, lang)
    for column, line in (("clients", {"color": ORANGE, "width": 3, "dash": "dash"}), ("served", {"color": BLUE, "width": 3})):
        figure.add_scatter(
            x=given.index, y=given[column], name=names[column], mode="lines", line=line, hovertemplate="%{y:,.0f}<extra>%{fullData.name}</extra>"
        )
    _year_axis(figure, given.index.to_numpy(), ())
    figure.update_yaxes(tickformat=",.0f", rangemode="tozero", nticks=6)
    figure.update_layout(margin={"r": 24}, hovermode="x unified")
    share = (given["served"] / given["clients"].where(given["clients"] > 0)).dropna()
    ends = {"a": percent(float(share.iloc[0])), "b": percent(float(share.iloc[-1])), "y0": str(share.index[0]), "y1": str(share.index[-1])}
    return Chart(figure, ("finding.cell_path", ends), unit, data.reset_index(), lang)


# --- C12 C13 money --------------------------------------------------------------------------------------------------


def means_parts(tables: Tables, year: int, region: str | None = None) -> pd.Series:
    """Signed yuan of `year`: own revenue, transfers of the plan, what comes first; they add up to the means for the catalogue."""
    items = _fiscal(tables, region).loc[[year]]
    parts = {"own_revenue": float(items["own_revenue"].iloc[0]), "transfers_received": float(_transfers(items, region).iloc[0])}
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
    labels = [_folded(t(f"fiscal_item.{item}", lang), lang) for item in [*shown, "means"]]
    values = [*(parts[item] for item in shown), means]
    figure = _waterfall(labels, values, ["absolute"] + ["relative"] * (len(shown) - 1) + ["total"], unit, lang, height)
    return Chart(figure, ("finding.waterfall_short", {"year": str(year), "means": money(means, lang)}), unit.name, data, lang)


def _waterfall(labels: list[str], values: list[float], measures: list[str], unit: Unit, lang: str, height: int, signed: bool = False) -> go.Figure:
    figure = _figure(height, lang)
    shown = [v / unit.divisor for v in values]
    text = [number(v, unit.digits, signed=signed or (m == "relative")) for v, m in zip(shown, measures, strict=True)]
    figure.add_waterfall(
        x=labels,
        y=shown,
        measure=measures,
        text=text,
        textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": "#7FA8D6" if not signed else BLUE}},
        decreasing={"marker": {"color": ORANGE}},
        totals={"marker": {"color": BLUE if not signed else CONTEXT_DARK}},
        connector={"line": {"color": AXIS, "width": 1}},
        hoverinfo="x+text",
    )
    running, levels = 0.0, [0.0]
    for value, measure in zip(shown, measures, strict=True):
        running = value if measure in ("absolute", "total") else running + value
        levels.append(running)
    low, high = min(levels), max(levels)
    pad = 0.16 * ((high - low) or 1.0)
    figure.update_yaxes(
        range=[low - pad if low < 0 else 0.0, high + pad if high > 0 else pad], tickformat=",.0f" if max(abs(low), abs(high)) >= 10 else ",.1f", nticks=6
    )
    figure.update_xaxes(tickangle=0)
    figure.update_layout(showlegend=False, margin={"t": 8}, bargap=0.2)
    return figure


def _folded(label: str, lang: str) -> str:
    """A column label on two lines where it is long."""
    if "\uff08" in label:
        return label.replace("\uff08", "<br>\uff08")
    width = 5 if lang == "zh" else 12
    return "<br>".join(textwrap.wrap(label, width)) if len(label) > width else label


INCOME = ("own_revenue", "general", "earmarked", "bonds", "carried_in", "claims_unpaid")
SPENDING = ("first_claims", "debt_interest", "recurrent", "capital", "bond_interest", "other_spending", "reserve_kept", "carried_out")


def budget_table(tables: Tables, year: int, lang: str, region: str | None = None) -> tuple[pd.DataFrame, Unit, float]:
    """C13: income and spending of `year` side by side, its unit, and income less spending in yuan."""
    items = _fiscal(tables, region).loc[year]
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
    figure = _figure(height, lang)
    figure.add_scatter(x=mine["year"], y=per, mode="lines", line={"color": BLUE, "width": 3}, hovertemplate="%{y:.2f}<extra></extra>")
    _year_axis(figure, mine["year"].to_numpy(), ())
    figure.update_yaxes(tickformat=".1f", rangemode="tozero", nticks=6)
    figure.update_layout(showlegend=False, margin={"r": 24})
    ends = {"y0": str(mine["year"].iloc[0]), "y1": str(mine["year"].iloc[-1]), "a": number(per[0], 2), "b": number(per[-1], 2)}
    return Chart(figure, ("finding.fund_support", {"fund": t(f"fund.{fund}", lang), **ends}), unit, data, lang)


# --- C16 C17 delivery -----------------------------------------------------------------------------------------------


def planned_and_opened(steps: pd.DataFrame, lang: str, unit: str, height: int = 250) -> Chart:
    """C16: `steps` has year, planned, median, low, high (units open at the year's end, cumulative)."""
    columns = {"year": "col.year", "planned": "col.planned", "median": "col.opened"}
    data = steps[list(columns)].rename(columns={c: t(k, lang) for c, k in columns.items()}) if len(steps) else steps
    if steps.empty or not steps["planned"].max() > 0:
        return Chart(None, ("finding.delivery_none", {}), unit, data, lang)
    figure = _figure(height, lang)
    band = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=steps["year"], y=steps["high"], **band)
    figure.add_scatter(x=steps["year"], y=steps["low"], fill="tonexty", fillcolor="rgba(27,79,143,0.15)", **band)
    planned = {"color": CONTEXT_DARK, "width": 2, "dash": "dash", "shape": "hv"}
    figure.add_scatter(x=steps["year"], y=steps["planned"], name=t("col.planned", lang), mode="lines", line=planned)
    figure.add_scatter(x=steps["year"], y=steps["median"], name=t("col.opened", lang), mode="lines", line={"color": BLUE, "width": 3, "shape": "hv"})
    _year_axis(figure, steps["year"].to_numpy(), ())
    figure.update_yaxes(tickformat=",.0f", rangemode="tozero")
    figure.update_layout(margin={"r": 24})
    last = steps.iloc[-1]
    values = {"planned": number(last["planned"]), "opened": number(last["median"]), "year": str(int(last["year"]))}
    return Chart(figure, ("finding.delivery", values), unit, data, lang)


def waiting_bars(waits: pd.DataFrame, lang: str, height: int = 230) -> Chart:
    """C17: `waits` has label, median, p90 in months; a dot at the median, a bar to the ninetieth percentile."""
    unit = t("unit.months", lang)
    columns = {"label": "col.service", "median": "col.median", "p90": "col.p90"}
    shown = waits.sort_values("p90", ascending=False, kind="stable") if len(waits) else waits
    data = shown.rename(columns={c: t(k, lang) for c, k in columns.items()})
    if shown.empty:
        return Chart(None, ("finding.waiting_none", {}), unit, data, lang)
    figure = _figure(max(height, 60 + 28 * len(shown)), lang)
    for row in shown.itertuples():
        figure.add_scatter(x=[row.median, row.p90], y=[row.label] * 2, mode="lines", line={"color": LIGHT_BAR, "width": 6}, showlegend=False, hoverinfo="skip")
    marks = (("median", BLUE, "circle", "col.median"), ("p90", ORANGE, "diamond", "col.p90"))
    for column, colour, symbol, name in marks:
        text = [number(v, 1) for v in shown[column]]
        side = "middle right" if column == "p90" else "middle left"
        figure.add_scatter(
            x=shown[column],
            y=shown["label"],
            mode="markers+text",
            text=text,
            textposition=side,
            name=t(name, lang),
            marker={"color": colour, "size": 10, "symbol": symbol},
            hoverinfo="text+name",
        )
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    largest = float(shown["p90"].max()) or 1.0
    figure.update_xaxes(range=[-0.12 * largest, largest * 1.15], tickformat=".0f", showticklabels=False, zeroline=False)
    first = shown.iloc[0]
    return Chart(figure, ("finding.waiting", {"service": str(first["label"]), "p90": number(first["p90"], 1)}), unit, data.round(1), lang)


# --- C20 C21 two scenarios ------------------------------------------------------------------------------------------

FOLD_BELOW = 5e6  # yuan: a driver that rounds to 0.0 亿元 is folded into the rest, so no step is of no height


def difference_waterfall(parts: Mapping[str, float], lang: str, height: int = 260) -> Chart:
    """C20: why spending of B differs from A; `parts` is driver -> signed yuan, in the order of replacement. The axis starts at 0."""
    total = float(sum(parts.values()))
    unit = money_unit(max([abs(v) for v in parts.values()] + [abs(total)] or [0.0]), lang)
    fold = min(FOLD_BELOW, 0.5 * unit.divisor * 10.0**-unit.digits)
    large = {k: v for k, v in parts.items() if abs(v) >= fold}
    rest = total - sum(large.values())
    names = {k: t(f"driver.{k}", lang) for k in parts}
    data = pd.DataFrame(
        {
            t("col.item", lang): [*names.values(), t("driver.total", lang)],
            t("col.difference", lang): [round(v / unit.divisor, unit.digits) for v in [*parts.values(), total]],
        }
    )
    if not large:
        return Chart(None, ("finding.compare_none", {}), unit.name, data, lang)
    if abs(rest) >= fold:
        large["other"] = large.get("other", 0.0) + rest
    labels = [_folded(t(f"driver.{k}", lang), lang) for k in [*large, "total"]]
    figure = _waterfall(labels, [*large.values(), total], ["relative"] * len(large) + ["total"], unit, lang, height, signed=True)
    main = max(large, key=lambda k: abs(large[k]))
    values = {
        "word": t("word.more" if total >= 0 else "word.less", lang),
        "amount": money(abs(total), lang),
        "driver": t(f"driver.{main}", lang),
        "change": t("word.up" if large[main] >= 0 else "word.down", lang),
    }
    return Chart(figure, ("finding.compare", values), unit.name, data, lang)


def area_change(a: Tables, b: Tables, year: int, lang: str, height: int = 230) -> Chart:
    """C21: change of the money that closing all gaps would take, B less A, by area, sorted."""
    before = coverage(a, year, ("region",)).set_index("region")["unmet_yuan"]
    after = coverage(b, year, ("region",)).set_index("region")["unmet_yuan"]
    change = (after - before).reindex(list(b["regions"]["region"])).fillna(0.0)
    unit = money_unit(float(change.abs().max()), lang)
    values = (change / unit.divisor).sort_values(ascending=False, kind="stable").rename(index=region_names(b, lang))
    data = pd.DataFrame({t("col.region", lang): values.index, t("col.difference", lang): values.round(unit.digits).to_numpy()})
    rounded = values.round(unit.digits)
    if (rounded == 0).all():
        return Chart(None, ("finding.by_area_none", {}), unit.name, data, lang)
    figure = _signed_bars(values, unit.digits, lang, height, horizontal=False)
    return Chart(figure, ("finding.by_area", {"n": str(int((rounded < 0).sum())), "m": str(int((rounded > 0).sum()))}), unit.name, data, lang)


# --- where the figures come from ------------------------------------------------------------------------------------

GRADE_FILLS = {"A": BLUE, "B": LIGHT_BAR, "C": "#D8DEE8", "D": "#F3B27A"}  # firm ground is blue, our own assumption the colour of a gap


def evidence_bars(tables: Tables, year: int, lang: str, height: int = 300) -> Chart:
    """What a yuan of the catalogue's cost in `year` rests on: one bar a part, split by grade."""
    found = tables["evidence"].query("year == @year and part != 'weakest' and grade != ''")
    shares = found.pivot_table(index="part", columns="grade", values="share", sort=False, aggfunc="sum", fill_value=0.0).reindex(
        columns=list("ABCD"), fill_value=0.0
    )
    parts = list(shares.index)
    if not parts:
        return Chart(None, ("finding.no_evidence", {"year": str(year)}), "", pd.DataFrame(), lang)
    names = {part: t(f"evidence.{part}", lang) for part in parts}
    figure = _figure(height, lang)
    for grade, fill in GRADE_FILLS.items():
        values = (100 * shares[grade]).tolist()
        figure.add_bar(
            y=list(names.values()),
            x=values,
            orientation="h",
            name=t(f"grade.{grade}", lang),
            marker={"color": fill, "line": {"color": "#FFFFFF", "width": 1}},
            text=[f"{value:.0f}" if value >= 6 else "" for value in values],
            textfont={"color": "#FFFFFF" if grade == "A" else INK},
            textposition="inside",
            insidetextanchor="middle",
            hovertemplate="%{y} %{x:.1f}%<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"}, yaxis={"autorange": "reversed"}, xaxis={"range": [0, 100], "ticksuffix": "%"})
    assumed = {str(part): float(value) for part, value in shares["D"].items() if part != "paths"}
    worst = max(assumed, key=lambda part: assumed[part])
    words = {"year": str(year), "part": names[worst], "assumed": percent(assumed[worst], 0)}
    firm = (shares["A"] + shares["B"]).to_dict()
    words["firm"] = percent(float(firm.get("standard", 0.0)), 0)
    heads = {"part": "part", "grade": "grade", "yuan": "amount", "share": "share"}
    data = found.assign(part=found["part"].map(names))[list(heads)].rename(columns={name: t(f"col.{head}", lang) for name, head in heads.items()})
    return Chart(figure, ("finding.evidence", words), "%", data, lang)


# --- shared drawing -------------------------------------------------------------------------------------------------


def _figure(height: int, lang: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(template=TEMPLATE, height=height, separators=".,")
    return figure


def _hover(unit: Unit, axis: str = "y") -> str:
    return f"%{{{axis}:,.{unit.digits}f}} {unit.name}<extra>%{{fullData.name}}</extra>"


def _year_axis(figure: go.Figure, years: np.ndarray, ends: tuple[int, ...]) -> None:
    """First, last and end-of-plan years as ticks, or every one where few; never a half year."""
    first, last = int(years[0]), int(years[-1])
    ticks = {first, last, *(y for y in ends if first < y < last)}
    if last - first <= 6:
        ticks = set(range(first, last + 1))
    elif not ends:
        ticks |= {y for y in range(first, last) if y % 5 == 0 and y - first >= 2 and last - y >= 2}
    figure.update_xaxes(tickvals=sorted(ticks), ticktext=[str(y) for y in sorted(ticks)], range=[first, last], showgrid=False)
    figure.update_xaxes(ticks="outside", ticklen=6, tickcolor="rgba(0,0,0,0)")  # keeps the first year clear of the lowest value
