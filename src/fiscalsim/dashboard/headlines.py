"""What each page says first: one or two sentences filled from the tables of a run, and the reason of a shortfall in words.

Knows tables, charts' sums and texts. Must not know widgets; holds no number that is not in the tables or the scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim import charts
from fiscalsim.dashboard import tallies
from fiscalsim.dashboard.linked import Cell, Sentence, sentence
from fiscalsim.levers import path_at
from fiscalsim.quantities import MET, PackInfo
from fiscalsim.report.boards import shortfalls
from fiscalsim.scenario import Scenario
from fiscalsim.text import NONE, has, money, money_unit, name_of, number, people, percent, t

Tables = Mapping[str, pd.DataFrame]


def what_names(tables: Tables, lang: str) -> dict[str, str]:
    """Names for the column `what`; a code that is both a service and an indicator means the service (see `indicator_names`)."""
    return indicator_names(tables, lang) | charts.service_names(tables, lang)


def indicator_names(tables: Tables, lang: str) -> dict[str, str]:
    """Indicator code -> name."""
    indicators = tables["indicator_names"]
    return dict(zip(indicators["indicator"], indicators[f"name_{lang}"], strict=True))


def document(tables: Tables, source: str) -> str:
    """Title of the document behind a source id, the id itself when the run does not hold it."""
    rows = tables["sources"]
    titles = rows.loc[rows["source"] == source, "title"] if "title" in rows.columns else pd.Series(dtype=str)
    return str(titles.iloc[0]) if len(titles) else source


def client_unit(tables: Tables, service: str, lang: str) -> str:
    """The word in which clients of a service are counted."""
    rows = tables["services"].set_index("service")
    if service not in rows.index:
        return ""
    column = f"client_unit_{lang}" if f"client_unit_{lang}" in rows.columns else f"client_{lang}"
    return str(rows.loc[service, column])


def definition(tables: Tables, row: pd.Series, lang: str) -> str:
    """What an indicator measures and what it is divided by; empty where it is not computed or an older run does not say."""
    measure = str(row["measure"])
    if measure == "stated" or "of" not in row.index:
        return ""
    resources = tables["resources"]
    names = charts.service_names(tables, lang) | dict(zip(resources["resource"], resources[f"name_{lang}"], strict=True))
    names |= {} if measure not in ("count_per", "insured_share") else indicator_names(tables, lang)

    def words(codes: str, kind: str) -> str:
        comma = t("format.comma", lang)
        return comma.join(t(f"{kind}.{code}", lang) if has(f"{kind}.{code}") else names.get(code, code) for code in codes.split(";") if code)

    key = f"{measure}_whole" if measure == "clients_per" and not row["per"] else measure
    return t(f"measure.{key}", lang, of=words(str(row["of"]), "fact" if measure == "reported" else "per"), per=words(str(row["per"]), "per"))


def base_check(row: pd.Series, lang: str) -> str:
    """The base value that the plan prints beside the one computed from the pack; empty where one of them is missing."""
    if pd.isna(row["base_printed"]) or pd.isna(row["base_computed"]):
        return ""
    sign = {"=": "", "full": ""}.get(str(row.get("base_op", "=")), str(row.get("base_op", "=")))
    printed, computed = charts.figure_text(float(row["base_printed"])), charts.figure_text(float(row["base_computed"]))
    return t("measure.base_check", lang, y=int(row["base_year"]), printed=sign + printed, computed=computed)


def contradictions(tables: Tables, row: pd.Series, lang: str) -> list[str]:
    """What else the plan says of the same matter, and why this statement or another is chosen."""
    if not row.get("against"):
        return [str(row["choice"])] if row.get("choice") else []
    names = indicator_names(tables, lang)
    others = t("format.comma", lang).join(names[code] for code in str(row["against"]).split(";"))
    return [t("measure.against", lang, others=others), str(row["choice"])]


def indicator_unit(tables: Tables, code: str, lang: str) -> str:
    """The unit of an indicator."""
    return str(tables["indicator_names"].set_index("indicator").loc[code, f"unit_{lang}"])


def overview(tables: Tables, info: PackInfo, year: int, lang: str) -> Sentence:
    """H1: targets met, floors held, the gap, where it lies and its first limit; the same words as the report's."""
    cells = _count_cells(lang) | {"gap": Cell("areas", t("col.total", lang), t("col.serve_all", lang))}
    counts = charts.indicator_counts(tables)
    short = shortfalls(tables, year)
    short = short[short["region"].isin(tables["regions"]["region"])]
    words: dict[str, Any] = {"ty": info.plan_target_year, "y": year, **{key: counts[key] for key in "nmkj"}}
    if short.empty:
        rest = charts.coverage(tables, year)
        rest = rest[rest["gap"] >= charts.CLASSES[1][0]]
        if len(rest):
            sums = {"regions": _largest(rest, "region", "unmet_yuan", charts.region_names(tables, lang), lang)}
            sums["services"] = _largest(rest, "service", "unmet_yuan", charts.service_names(tables, lang), lang)
            all_held = _floors(len(tables["regions"]), len(tables["regions"]), lang)
            return sentence("headline.overview_floors", lang, cells, floors=all_held, gap=money(charts.gap_yuan(tables, year), lang), **sums, **words)
        if counts["k"] + counts["j"] > 0:
            return sentence("report.headline_no_gap", lang, cells, **words)
        left = {"spare": Cell("means", t("tally.col_left_over", lang), t("col.amount", lang))}
        return sentence("headline.overview_ok", lang, left, y=year, place=name_of(info, lang), spare=money(max(spare(tables, year), 0.0), lang))
    held = floors_held(tables, year)
    size = "yuan" if short["yuan"].sum() > 0 else "units"
    limits = short.assign(first=short["limited_by"].map(charts.first_limit)).groupby("first")[size].sum()
    words |= {
        "floors": _floors(held["m"], held["n"], lang),
        "regions": _largest(short, "region", size, charts.region_names(tables, lang), lang),
        "services": _largest(short, "what", size, what_names(tables, lang), lang),
        "limit": charts.limit_tag(str(limits.idxmax()), lang),
    }
    if size == "units":
        return sentence("headline.overview_no_money", lang, cells, **words)
    cells["gap"] = Cell("areas", t("col.total", lang), t("col.money", lang))
    return sentence("headline.overview", lang, cells, gap=money(float(short["yuan"].sum()), lang), **words)


def _floors(held: int, areas: int, lang: str) -> Sentence:
    """How many areas hold their floors, linked to the table by area."""
    at = {name: Cell("areas", t("col.total", lang), t("tally.col_floors", lang), part) for part, name in enumerate("mn")}
    key, words = ("headline.floors_some", {"m": held, "n": areas}) if held < areas else ("headline.floors_all", {"n": areas})
    return sentence(key, lang, at, **words)


def _count_cells(lang: str) -> dict[str, Cell]:
    """Where the counts of targets stand: placeholder -> cell."""
    columns = {"n": "targets", "m": "met", "k": "missed", "j": "not_computable"}
    found = {name: Cell("counts", t("col.total", lang), t(f"tally.col_{column}", lang)) for name, column in columns.items()}
    binding = {"b": "with_number", "bm": "met"}
    return found | {name: Cell("counts", t("nature.binding", lang), t(f"tally.col_{column}", lang)) for name, column in binding.items()}


def _largest(short: pd.DataFrame, column: str, size: str, names: Mapping[str, str], lang: str) -> str:
    sums = short.groupby(column)[size].sum().sort_values(ascending=False, kind="stable")
    return t("format.comma", lang).join(names.get(str(code), str(code)) for code in sums.index[:2])


def spare(tables: Tables, year: int) -> float:
    """Means less needs of the whole place in `year`, yuan."""
    return float((charts.means_by_year(tables) - charts.needs_by_year(tables))[year])


def floors_held(tables: Tables, year: int) -> dict[str, int]:
    """n areas, m of them without any floor missed in `year`."""
    short = shortfalls(tables, year)
    missing = set(short.loc[short["goal"] == "floor", "region"])
    return {"n": len(tables["regions"]), "m": len(tables["regions"]) - len(missing)}


def why(tables: Tables, region: str, service: str, residence: str, year: int, lang: str, confirmed: list[str] | None = None, repair: str = "") -> str:
    """H2: how far one cell is from its standard, which limits hold it there (`confirmed` by easing them, else those with a price), the cheapest repair."""
    names = {"region": charts.region_names(tables, lang, "name")[region], "service": charts.service_names(tables, lang)[service]}
    cell = cell_of(tables, region, service, residence, year)
    if charts.class_of(cell["gap"]) == 0:
        return t("format.between_sentences", lang).join([t("headline.why_none", lang, **names), _where_more_goes(tables, region, year, lang)]).strip()
    tags = list(dict.fromkeys(charts.limit_tag(one, lang) for one in confirmed or cell_limits(tables, region, service, residence, year)))
    words = {
        **names,
        "y": year,
        "residence": t(f"residence.{residence}", lang),
        "short": number(cell["short"]),
        "unit": client_unit(tables, service, lang),
        "coverage": percent(1 - cell["gap"]),
        "target": percent(1.0, 0),
    }
    key = "headline.why_unknown" if not tags else "headline.why" if len(tags) == 1 else "headline.why_two"
    words |= dict(zip(("limit", "second"), tags, strict=False))
    told = t(key, lang, **words)
    return t("format.between_sentences", lang).join([told, t("headline.why_repair", lang, repair=repair)]) if repair else told


def _where_more_goes(tables: Tables, region: str, year: int, lang: str) -> str:
    """Of an area without a shortfall in this service: to what more money would go, the service that lacks most yuan there; empty where nothing lacks."""
    cells = charts.coverage(tables, year)
    rest = cells[(cells["region"] == region) & (cells["gap"] >= charts.CLASSES[1][0])].sort_values("unmet_yuan", ascending=False, kind="stable")
    return t("why.next_place", lang, next=charts.service_names(tables, lang)[str(rest["service"].iloc[0])]) if len(rest) else ""


def cell_of(tables: Tables, region: str, service: str, residence: str, year: int) -> dict[str, float]:
    """clients, served, short and gap of one area (`both` = town and country together) and service."""
    by = ("region", "service") if residence == "both" else ("region", "residence", "service")
    rows = charts.coverage(tables, year, by)
    rows = rows[(rows["region"] == region) & (rows["service"] == service)]
    if residence != "both":
        rows = rows[rows["residence"] == residence]
    sums = rows[["clients", "served", "short", "unmet_yuan"]].sum()
    return {**{str(k): float(v) for k, v in sums.items()}, "gap": float(sums["short"] / sums["clients"]) if sums["clients"] > 0 else 0.0}


def cell_limits(tables: Tables, region: str, service: str, residence: str, year: int) -> list[str]:
    """Limits of the cell's floor shortfall, of most persons first; when its floor holds, those of the plan's targets for the year."""
    rows = tables["shortfalls"].query("year == @year and region == @region and what == @service")
    if residence != "both":
        rows = rows[rows["residence"] == residence]
    found: dict[str, float] = {}
    for row in rows.sort_values("units", ascending=False).itertuples():
        for place, family in enumerate(charts.limits_of(row.limited_by)):
            found[family] = max(found.get(family, 0.0), float(str(row.units)) / (1 + place))
    if not found and "limits" in tables:  # the floor holds: what keeps the service below full coverage
        rows = tables["limits"].query("year == @year and region == @region and service == @service")
        rows = rows if residence == "both" else rows[rows["residence"] == residence]
        for row in rows.itertuples():
            for place, family in enumerate(charts.limits_of(row.limited_by)):
                found[family] = max(found.get(family, 0.0), 1.0 / (1 + place))
    return sorted(found, key=lambda family: -found[family])


def reason(tables: Tables, scenario: Scenario, family: str, region: str, service: str, residence: str, year: int, lang: str) -> str:
    """Why this limit leaves no more for the cell, with its figures."""
    if family == "unknown" or region not in set(tables["regions"]["region"]):
        return t(f"limit.{family}.brief", lang)
    fiscal = tables["fiscal"].query("year == @year")
    items = fiscal[fiscal["region"] == region].groupby("item")["yuan"].sum()
    cell = cell_of(tables, region, service, residence, year)

    def lever(path: str) -> float:
        return float(path_at(scenario.value(path), [year])[0])

    return t(
        f"limit.{family}.why",
        lang,
        region=charts.region_names(tables, lang, "name")[region],
        service=what_names(tables, lang).get(service, service),
        year=year,
        unit=client_unit(tables, service, lang),
        claims=money(-float(items["first_claims"] + items["debt_interest"]), lang),
        means=money(float(charts.means_by_year(tables, region)[year]), lang),
        reserve=money(-float(items["reserve_kept"]), lang),
        pool=money(float(fiscal[fiscal["item"].isin(charts.POOLS)]["yuan"].sum()), lang),
        margin=number(100 * lever("allocation.recurrent_growth_margin"), 1),
        change=percent(lever("allocation.transfer_change_limit")),
        tail=number(lever("allocation.tail_years")),
        end=charts.years_of(tables)[-1],
        served=number(cell["served"]),
        need=number(cell["clients"]),
    )


def allocation(tables: Tables, info: PackInfo, year: int, lang: str) -> Sentence:
    """H3: the total, who gains and who loses against today's shares."""
    table = charts.transfer_table(tables, year)
    share = table["change"] / (table["total"] - table["change"])
    words = {"y": year, "upper": name_of(info, lang, "upper"), "total": money(float(table["total"].sum()), lang)}
    unit = money_unit(float(table["total"].max()), lang)
    rounded = (table["change"] / unit.divisor).round(unit.digits)
    whole, column = t("col.total", lang), t("tally.col_change_share", lang)
    cells = {"total": Cell("transfers", whole, whole)}
    if (rounded == 0).all():
        return sentence("headline.allocation_none", lang, cells, **words)
    worst = str(share.idxmin())
    counts = {"n": int((rounded > 0).sum()), "m": int((rounded < 0).sum())}
    cells |= {"n": Cell("transfers", whole, column), "m": Cell("transfers", whole, column, 1)}
    cells["drop"] = Cell("transfers", charts.region_names(tables, lang, "name")[worst], column)
    short = charts.region_names(tables, lang)[worst]
    return sentence("headline.allocation", lang, cells, **words, **counts, base_year=info.base_year, drop=percent(-float(share.min())), region=short)


def indicators(tables: Tables, info: PackInfo, lang: str) -> Sentence:
    """H4: targets met and missed, and which binding ones are missed."""
    counts, cells = charts.indicator_counts(tables), _count_cells(lang)
    if counts["n"] == 0:
        return sentence("finding.indicators_none", lang, {})
    words = {"ty": info.plan_target_year, **counts}
    if counts["b"] == 0:
        return sentence("headline.indicators_unbound", lang, cells, **words)
    missed = missed_binding(tables, lang)
    if not missed:
        return sentence("headline.indicators_all", lang, cells, **words)
    return sentence("headline.indicators", lang, cells, **words, missed=t("format.comma", lang).join(missed))


def missed_binding(tables: Tables, lang: str) -> list[str]:
    """Names of binding targets with a number that are not met, those that cannot be computed at the end and marked so."""
    names = indicator_names(tables, lang)
    rows = [row for row in charts.indicator_rows(tables) if row.nature == "binding" and np.isfinite(row.target) and row.status not in MET]
    missed = [names[row.code] for row in rows if row.status == "missed"]
    return missed + [t("status.not_computable_name", lang, name=names[row.code]) for row in rows if row.status != "missed"]


def people_(tables: Tables, info: PackInfo, year: int, region: str | None, lang: str) -> Sentence:
    """H5: residents, the old, and the needs that rise and fall most."""
    rows = tables["population"] if region is None else tables["population"].query("region == @region")
    total = rows.groupby("year")["persons"].sum()
    (_, o0), (_, o1) = charts.age_shares(tables, info.base_year, region), charts.age_shares(tables, year, region)
    words: dict[str, Any] = {
        "y": year,
        "region": name_of(info, lang) if region is None else charts.region_names(tables, lang, "name")[region],
        "p0": people(float(total[info.base_year]), lang),
        "p1": people(float(total[year]), lang),
        "change": t("word.grow_to" if total[year] >= total[info.base_year] else "word.shrink_to", lang),
        "o0": percent(o0),
        "o1": percent(o1),
        "old": t("word.rise" if o1 >= o0 else "word.fall", lang),
    }
    closing, aged = t("col.population", lang), t("tally.col_aged", lang)
    cells = {f"{name}{k}": Cell("balance", str(y), column) for name, column in (("p", closing), ("o", aged)) for k, y in enumerate((info.base_year, year))}
    clients = tallies.clients_by_service(tables, region)
    start, now = clients.loc[clients.index.min()], clients.loc[year]
    growth = (now / start.where(start > 0) - 1).dropna()
    if growth.empty or growth.max() < 0.005 or growth.min() > -0.005:
        return sentence("headline.people_plain", lang, cells, **words)
    names = charts.service_names(tables, lang)
    up, down = str(growth.idxmax()), str(growth.idxmin())
    moves = {"up": names[up], "up_by": percent(float(growth[up])), "down": names[down], "down_by": percent(-float(growth[down]))}
    cells |= {f"{way}_by": Cell("needs", moves[way], t("tally.col_change_percent", lang)) for way in ("up", "down")}
    return sentence("headline.people", lang, cells, **words, **moves)


def fiscal(tables: Tables, info: PackInfo, year: int, region: str | None, lang: str) -> Sentence:
    """H6: the means for the catalogue against the standards, and what comes first of each 100 yuan."""
    parts = charts.means_parts(tables, year, region)
    income = float(parts["own_revenue"] + parts["transfers_received"])
    gap = float(parts.sum()) - float(charts.needs_by_year(tables, region)[year])
    first = {"claims": "first_claims", "interest": "debt_interest", "reserve": "reserve_kept"}
    of_hundred = {name: number(-100 * float(parts[item]) / income, 1) for name, item in first.items()}
    now, share = t("tally.col_binds", lang, year=year), t("tally.col_of_hundred", lang)
    cells = {name: Cell("medium", t(f"fiscal_item.{item}", lang), share) for name, item in first.items()}
    cells |= {"means": Cell("medium", t("fiscal_item.means", lang), now), "gap": Cell("medium", t("tally.col_left_over", lang), now)}
    return sentence(
        "headline.fiscal",
        lang,
        cells,
        y=year,
        region=name_of(info, lang) if region is None else charts.region_names(tables, lang, "name")[region],
        means=money(float(parts.sum()), lang),
        word=t("word.more" if gap >= 0 else "word.less", lang),
        gap=money(abs(gap), lang),
        **of_hundred,
    )


def sources(tables: Tables, lang: str) -> Sentence:
    """How many values of which grade, how many checks passed."""
    grades = tables["sources"]["grade"].value_counts()
    counts = {grade.lower(): int(grades.get(grade, 0)) for grade in "ABCD"}
    checks, column = tables["checks"], t("tally.col_number", lang)
    rows = {"n": t("col.total", lang), "checks": t("tally.col_checks", lang), "passed": t("tally.col_checks_passed", lang)}
    rows |= {grade.lower(): t(f"grade.{grade}", lang) for grade in "ABCD"}
    cells = {name: Cell("grades", row, column) for name, row in rows.items()}
    words = {"n": sum(counts.values()), **counts, "checks": len(checks), "passed": int(checks["passed"].sum())}
    return sentence("headline.sources", lang, cells, **words)


def _prices(tables: Tables, limit: str, year: int) -> list[dict[str, Any]]:
    """Rows of the pass that counts persons, at the milestone nearest to `year`, where one more 100 million yuan was solved."""
    rows = tables["shadow_prices"]
    rows = rows[(rows["pass"].astype(str) == "1b") & (rows["limit"] == limit)]
    found: list[Any] = [row for row in rows.to_dict("records") if np.isfinite(float(row["right"]))]
    nearest = min((abs(int(row["year"]) - year) for row in found), default=0)
    return [row for row in found if abs(int(row["year"]) - year) == nearest]


@dataclass(frozen=True)
class Yuan:
    """What 100 million yuan more (right) and less (left) in the pool of `year` do to the first goal that changes; 'none' where nothing does.

    kind: floor (client-years brought to the floor), targets (distances from base to target), served (clients, or client-years over the horizon where
    `whole`), none. `points` is the change of mean coverage that goes with `served`.
    """

    kind: str
    year: int
    left: float
    right: float
    points: float = 0.0
    whole: bool = False


def value_of_yuan(tables: Tables, year: int) -> Yuan | None:
    """The first pass whose value is not zero, at the year nearest to `year`; None where nothing was solved."""
    rows = tables["shadow_prices"]
    rows = rows[(rows["limit"] == "transfers_within_pool") & rows["right"].notna()]
    if rows.empty:
        return None
    near = min(rows["year"], key=lambda y: (abs(int(y) - year), int(y)))
    sides = {(str(row["pass"]), str(row["unit"])): row for row in rows[rows["year"] == near].to_dict("records")}

    def found(kind: str, key: tuple[str, str], least: float, **more: Any) -> Yuan | None:
        row = sides.get(key)
        return Yuan(kind, int(near), float(row["left"]), float(row["right"]), **more) if row is not None and row["right"] >= least else None

    points = float(sides["4", "points"]["right"]) if ("4", "points") in sides else 0.0
    served = found("served", ("4", "clients"), 1.0, points=points) or found("served", ("4", "client_years"), 1.0, points=points, whole=True)
    if ("4", "coverage") in sides and not sides["4", "coverage"]["right"] > 0:  # the goal of the pass itself does not gain
        served = None
    targets = found("targets", ("2", "distance"), 1e-4) or found("targets", ("3", "distance"), 1e-4)
    return found("floor", ("1b", "clients"), 1.0) or targets or served or Yuan("none", int(near), 0.0, 0.0)


def leading_limit(tables: Tables, year: int) -> str:
    """The limit that holds most of what is not yet provided in `year`, by the yuan of the clients it reaches first; empty where all are served."""
    cells = charts.coverage(tables, year, ("region", "residence", "service"))
    rows = tables["limits"][tables["limits"]["year"] == year] if "limits" in tables else pd.DataFrame(columns=["region", "residence", "service", "limited_by"])
    both = cells.merge(rows[["region", "residence", "service", "limited_by"]], on=["region", "residence", "service"])
    both = both.assign(first=both["limited_by"].map(charts.first_limit))
    both = both[both["limited_by"] != ""]
    sums = both.groupby("first")["unmet_yuan"].sum()
    return str(sums.idxmax()) if len(sums) and sums.max() > 0 else ""


def best_year_of_yuan(tables: Tables, year: int) -> Yuan | None:
    """`value_of_yuan` at the year nearest to `year` (of two, the earlier) in which 100 million more serves anyone; None where it never does."""
    years = sorted({int(y) for y in tables["shadow_prices"]["year"]}, key=lambda y: (abs(y - year), y))
    found = (value_of_yuan(tables, y) for y in years)
    return next((one for one in found if one is not None and one.kind in ("floor", "served") and one.right >= 1), None)


def neediest(tables: Tables, year: int, of_money: bool) -> tuple[str, str, dict[str, float]] | None:
    """Region, service and cell (clients, short, unmet_yuan) of the largest shortfall in yuan; `of_money` among those that lack money first."""
    cells = charts.coverage(tables, year).sort_values("unmet_yuan", ascending=False, kind="stable")
    for row in cells[cells["gap"] >= charts.CLASSES[1][0]].to_dict("records"):
        region, service = str(row["region"]), str(row["service"])
        if not of_money or cell_limits(tables, region, service, "both", year)[:1] in (["spending_within_means"], ["transfers_within_pool"]):
            return region, service, {name: float(row[name]) for name in ("clients", "short", "unmet_yuan")}
    return None


def marginal_places(tables: Tables, year: int, lang: str) -> pd.DataFrame:
    """label, more, less: persons per 100 million yuan by area; empty when not computed."""
    names = charts.region_names(tables, lang)
    rows = [(names.get(row["region"], NONE), float(row["right"]), -float(row["left"])) for row in _prices(tables, "spending_within_means", year)]
    return pd.DataFrame(rows, columns=["label", "more", "less"])
