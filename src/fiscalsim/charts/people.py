"""People: the pyramid, the index of needs and the population balance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.axes import SEXES
from fiscalsim.charts.style import BLUE, INK, MUTED, ORANGE, Chart, blank, year_axis
from fiscalsim.charts.sums import Tables, service_names, years_of
from fiscalsim.text import number, people_unit, percent, t

OLD_AGE, WORKING_AGE = 65, 15  # limits of the age groups in which official statistics speak


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
    figure = blank(height, lang)
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
    digits = 0 if all(float(v).is_integer() for v in ticks) else 1
    shown_ticks = [number(v, digits) for v in ticks]
    figure.update_xaxes(tickvals=[-v for v in ticks[::-1]] + [0, *ticks], ticktext=[*shown_ticks[::-1], "0", *shown_ticks])
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
    figure = blank(height, lang)
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
    year_axis(figure, index.index.to_numpy(), ())
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
