"""Who is short of what: the grid of shortfalls, one area's service over the years, and where one more 100 million yuan does most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from fiscalsim.charts.style import BLUE, CLASSES, LIGHT_BAR, ORANGE, Chart, blank, year_axis
from fiscalsim.charts.sums import Tables, coverage, domain_name, region_names, service_names
from fiscalsim.text import has, number, percent, t


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
    figure = blank(height, lang)
    for column, line in (("clients", {"color": ORANGE, "width": 3, "dash": "dash"}), ("served", {"color": BLUE, "width": 3})):
        figure.add_scatter(
            x=given.index, y=given[column], name=names[column], mode="lines", line=line, hovertemplate="%{y:,.0f}<extra>%{fullData.name}</extra>"
        )
    year_axis(figure, given.index.to_numpy(), ())
    figure.update_yaxes(tickformat=",.0f", rangemode="tozero", nticks=6)
    figure.update_layout(margin={"r": 24}, hovermode="x unified")
    share = (given["served"] / given["clients"].where(given["clients"] > 0)).dropna()
    ends = {"a": percent(float(share.iloc[0])), "b": percent(float(share.iloc[-1])), "y0": str(share.index[0]), "y1": str(share.index[-1])}
    return Chart(figure, ("finding.cell_path", ends), unit, data.reset_index(), lang)


def marginal_bars(where: pd.DataFrame, lang: str, height: int = 226, most: int = 6) -> Chart:
    """C5: `where` has label, more, less (persons per 100 million yuan more and less); the best one dark."""
    shown = where[where["more"] > 0].sort_values("more", ascending=False, kind="stable").head(most)
    columns = {"label": t("col.region", lang), "more": t("col.left", lang), "less": t("col.right", lang)}
    unit = t("unit.people_small", lang)
    if shown.empty:
        return Chart(None, ("finding.marginal_none", {}), unit, shown.rename(columns=columns), lang)
    figure = blank(height, lang)
    colours = [BLUE] + [LIGHT_BAR] * (len(shown) - 1)
    text = [number(v) for v in shown["more"]]
    figure.add_bar(y=shown["label"], x=shown["more"], orientation="h", marker={"color": colours}, text=text, textposition="outside", hoverinfo="y+text")
    figure.update_yaxes(autorange="reversed", ticks="", showgrid=False)
    figure.update_xaxes(visible=False, range=[0, float(shown["more"].max()) * 1.25])
    figure.update_layout(showlegend=False, margin={"t": 8})
    return Chart(figure, ("finding.marginal", {}), unit, shown.rename(columns=columns).round(0), lang)
