"""What an assessment says: its headline in words and its bureau tables, each built once for page, report, spreadsheet and command line.

Knows the tables of an assessment, texts and units. Must not know HTML or widgets, and holds no number that is not in the tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fiscalsim.assess import ABOVE, CASES, GREEN, LEVELS, NEW, RED, Assessment
from fiscalsim.report.boards import Board
from fiscalsim.text import NONE, Unit, money, money_unit, number, percent, t

MOST_AREAS = 3  # named in a sentence
KINDS = ("service", "served", "target", "earmarked", "carried", "bond", "unpaid")
LESS = 0.5


# --- words ----------------------------------------------------------------------------------------------------------


def w(key: str, lang: str, **values: Any) -> str:
    """A text of the section `affordability`."""
    return t(f"affordability.{key}", lang, **values)


def area_names(found: Assessment, lang: str, field: str = "name") -> dict[str, str]:
    """Region -> name, and the levels above."""
    table = found.tables["regions"]
    return {**dict(zip(table["region"], table[f"{field}_{lang}"], strict=True)), ABOVE: w("above", lang)}


def service_names(found: Assessment, lang: str) -> dict[str, str]:
    """Service -> name, and the proposal's own new service."""
    table, new = found.tables["service_names"], found.summary["proposal"]["service"]
    return {**dict(zip(table["service"], table[f"name_{lang}"], strict=True)), NEW: new["name"][lang] if new else w("new_service", lang)}


def level_words(found: Assessment, level: float, lang: str, down: bool = True) -> str:
    """A level in the policy's own unit, rounded down so that it stays payable; else as a part of what is proposed."""
    shown = found.summary["proposal"]["shown"]
    if shown is None:
        share = math.floor(level * 1000 + 1e-9) / 1000 if down else level
        return w("level_part", lang, share=percent(share, 0 if abs(share * 100 - round(share * 100)) < 1e-9 else 1))
    value = shown["now"] + level * (shown["proposed"] - shown["now"])
    digits = 0 if max(abs(shown["now"]), abs(shown["proposed"])) >= 100 else 1
    scale = 10**digits
    towards = math.floor if shown["proposed"] >= shown["now"] else math.ceil
    value = towards(value * scale + 1e-9) / scale if down else value
    return w("level_value", lang, value=number(value, digits), unit=shown["unit"][lang])


def failing(found: Assessment, case: str, lang: str, most: int = MOST_AREAS) -> str:
    """The areas that cannot pay in a case, with first year and what is lacking then, the earliest first; empty where all can."""
    areas, names = found.tables["areas"], area_names(found, lang)
    rows: list[Any] = areas[areas[f"{case}_year"] > 0].sort_values([f"{case}_year", f"{case}_yuan"], ascending=[True, False], kind="stable").to_dict("records")
    words = [w("area_fails", lang, region=names[r["region"]], year=r[f"{case}_year"], amount=money(r[f"{case}_yuan"], lang)) for r in rows]
    head = t("format.comma", lang).join(words[:most])
    return head if len(words) <= most else w("more_areas", lang, head=head, n=len(words))


def first_case(found: Assessment) -> str:
    """The first case, in the printed order, in which an area fails; empty where none does."""
    areas = found.tables["areas"]
    return next((case for case in CASES if (areas[f"{case}_year"] > 0).any()), "")


def light_words(found: Assessment, lang: str) -> str:
    """The verdict with how many areas stand at its colour."""
    verdict = found.summary["verdict"]
    n = found.summary["counts"][verdict]
    words = w(verdict, lang)
    return words if verdict == GREEN else w("light_areas", lang, light=words, n=n)


def fails_words(found: Assessment, lang: str) -> str:
    """Who fails first, and in which case."""
    verdict = found.summary["verdict"]
    if verdict == GREEN:
        return w("holds", lang)
    if verdict == RED:
        return w("fails_base", lang, areas=failing(found, "base", lang))
    case = first_case(found)
    return w("fails_stress", lang, case=w(f"case_{case}", lang), areas=failing(found, case, lang))


def lasting_words(found: Assessment, lang: str) -> str:
    """The highest level that stays payable, and in how many futures."""
    told = found.summary
    if told["level"] <= 0.005:
        return w("level_none", lang, share=percent(setting(found, "futures_share"), 0))
    key = "level_least" if told["level"] >= told["largest_level"] - 1e-9 else "level"
    return w(key, lang, level=level_words(found, told["level"], lang), share=percent(told["level_share"], 0))


def headline(found: Assessment, lang: str) -> str:
    """H7: light, cost, peak, who fails when and by how much, the level that lasts."""
    told = found.summary
    share = told["peak_share_of_new_revenue"]
    return w(
        "headline",
        lang,
        light=light_words(found, lang),
        n=told["proposal"]["years"],
        total=money(told["total_yuan"], lang),
        year=told["peak_year"],
        peak=money(told["peak_yuan"], lang),
        share=NONE if share is None else percent(share),
        fails=fails_words(found, lang),
        level=lasting_words(found, lang),
    )


def advice(found: Assessment, lang: str) -> str:
    """What follows from the verdict."""
    told, case = found.summary, first_case(found)
    areas = failing(found, case, lang) if case else ""
    none = told["level"] <= 0.005
    key = f"advice_{told['verdict']}" + ("_none" if none and told["verdict"] == RED else "")
    return w(key, lang, **({} if told["verdict"] == GREEN else {"areas": areas, "level": level_words(found, told["level"], lang)}))


def setting(found: Assessment, name: str) -> float:
    rows = found.tables["settings"]
    return float(rows.loc[rows["name"] == name, "value"].iloc[0])


# --- tables ---------------------------------------------------------------------------------------------------------


def areas_board(found: Assessment, lang: str) -> Board:
    """C15: each area's first failing year by case, and its verdict."""
    names, told = area_names(found, lang), found.summary["counts"]
    records: list[Any] = found.tables["areas"].to_dict("records")
    rows = [
        (names[row["region"]], *(str(row[f"{case}_year"]) if row[f"{case}_year"] else w("never", lang) for case in CASES), w(f"short_{row['verdict']}", lang))
        for row in records
    ]
    heads = [w("col_region", lang), *(w(f"case_{case}", lang) for case in CASES), w("col_verdict", lang)]
    title = t("format.colon", lang, head=w("areas_title", lang), body=w("areas_finding", lang, **told))
    return Board(title, pd.DataFrame(rows, columns=heads), note=w("areas_note", lang))


def services_board(found: Assessment, lang: str) -> Board:
    """What the cost of the last assessed year is made of, summed over areas."""
    year, names = found.summary["proposal"]["start"] + found.summary["proposal"]["years"] - 1, service_names(found, lang)
    table = found.tables["services"].query("year == @year")
    unit = money_unit(float(table["yuan"].sum()) if len(table) else 0.0, lang)
    rows = []
    for code, part in table.groupby("service", sort=False):
        heads, whole = float(part["clients"].sum()), float(part["yuan"].sum())
        before = float((part["standard_before"] * part["clients"]).sum() / heads) if heads > 0 else float("nan")
        after = float((part["standard"] * part["clients"]).sum() / heads) if heads > 0 else float("nan")
        rows.append((names[str(code)], number(heads), number(before) if before > 0 else NONE, number(after), unit.show(whole)))
    heads_ = [w(f"col_{key}", lang) for key in ("service", "clients", "before", "after", "cost")]
    title = w("services_title", lang, year=year)
    return Board(title, pd.DataFrame(rows, columns=heads_), unit.name, note=w("services_note", lang), right=tuple(heads_[1:]))


def levels_board(found: Assessment, lang: str) -> Board:
    """The burden of every year by level of government, and what it is of revenue; the total first."""
    years, bears = found.tables["years"], found.summary["proposal"]["bears"]
    unit = money_unit(float(years["cost_yuan"].sum()), lang)
    columns = (*LEVELS, "building")

    def line(head: str, row: Any, shares: tuple[str, str, str]) -> tuple[str, ...]:
        return (head, *(unit.show(float(row[f"{name}_yuan"])) for name in columns), unit.show(float(row["cost_yuan"])), *shares)

    def shares(row: Any) -> tuple[str, str, str]:
        new, line_ = row["share_of_new_revenue"], row["reference_yuan"]
        return (percent(row["share_of_revenue"], 2), NONE if pd.isna(new) else percent(new), NONE if pd.isna(line_) else unit.show(float(line_)))

    sums = years[[f"{name}_yuan" for name in (*columns, "cost")]].sum()
    rows = [line(w("col_total", lang), sums, (NONE, NONE, NONE))]
    records: list[Any] = years.to_dict("records")
    rows += [line(str(int(row["year"])), row, shares(row)) for row in records]
    keys = ("year", *columns, "total", "share", "new", "reference")
    heads = [w(f"col_{key}", lang) for key in keys]
    note = w("levels_note", lang) if bears == "rule" else w("levels_note_bears", lang, **{name: percent(bears[name], 0) for name in LEVELS})
    return Board(w("levels_title", lang), pd.DataFrame(rows, columns=heads), unit.name, total=True, note=note, right=tuple(heads[1:]))


def regions_board(found: Assessment, lang: str) -> Board:
    """What each region itself pays, year by year; the total first."""
    cost, names = found.tables["cost"], area_names(found, lang)
    wide = cost[cost["level"].isin(("local", "building"))].pivot_table(index="region", columns="year", values="yuan", aggfunc="sum", sort=False)
    unit = money_unit(float(wide.to_numpy().sum()), lang)
    wide[w("col_total", lang)] = wide.sum(axis=1)
    whole = pd.DataFrame([wide.sum()], index=[""])
    table = pd.concat([whole, wide])
    shown = table.map(unit.show)
    shown.columns = [str(column) for column in table.columns]
    shown.insert(0, w("col_region", lang), [w("col_total", lang), *(names[str(code)] for code in wide.index)])
    return Board(w("regions_title", lang), shown.reset_index(drop=True), unit.name, total=True, right=tuple(shown.columns[1:]))


def balance_board(found: Assessment, lang: str, year: int | None = None) -> Board:
    """Money received, what is committed and what is left of it in a year of the base case, by region; the peak year when left out."""
    year = int(found.summary["peak_year"]) if year is None else year
    means = found.tables["means"].query("year == @year")
    room = found.tables["room"].query("case == 'base' and year == @year")
    table = means.merge(room[["region", "cost_yuan", "room_yuan", "short_yuan"]], on="region", how="left")
    # the cost decides about the unit: it is what the table is for
    unit, names = money_unit(float(table["cost_yuan"].max()), lang), area_names(found, lang)
    keys = ("received", "committed", "reserve", "other", "left", "growth", "room", "cost")
    records: list[Any] = table.to_dict("records")
    rows = [(names[row["region"]], *(unit.show(float(row[f"{key}_yuan"])) for key in keys), spare(row, unit)) for row in records]
    heads = [w(f"col_{key}", lang) for key in ("region", *keys, "spare")]
    return Board(w("balance_title", lang, year=year), pd.DataFrame(rows, columns=heads), unit.name, note=w("balance_note", lang), right=tuple(heads[1:]))


def spare(row: Mapping[str, Any], unit: Unit) -> str:
    """What is left of an area's room once the proposal is paid; what it lacks, as a minus."""
    left = -float(row["short_yuan"]) if row["short_yuan"] > 0 else float(row["room_yuan"]) - float(row["cost_yuan"])
    return unit.show(left, signed=True)


def tightest_board(found: Assessment, case: str, lang: str) -> Board:
    """The year of each area in which least is left, in one case."""
    room, names = found.tables["room"].query("case == @case"), area_names(found, lang)
    picked: list[dict[str, Any]] = []
    for _, part in room.groupby("region", sort=False):
        left = (part["room_yuan"] - part["cost_yuan"]).where(part["short_yuan"] <= 0, -part["short_yuan"])
        lines: list[Any] = part.to_dict("records")
        picked.append(lines[int(left.to_numpy().argmin())])
    unit = money_unit(max((float(row["cost_yuan"]) for row in picked), default=0.0), lang)
    rows = [(names[r["region"]], str(int(r["year"])), unit.show(float(r["room_yuan"])), unit.show(float(r["cost_yuan"])), spare(r, unit)) for r in picked]
    heads = [w(f"col_{key}", lang) for key in ("region", "year", "room", "cost", "spare")]
    title = w("tightest_title", lang, case=w(f"case_{case}", lang))
    return Board(title, pd.DataFrame(rows, columns=heads), unit.name, right=tuple(heads[1:]))


def stress_board(found: Assessment, lang: str) -> Board:
    """How each case is defined, and who cannot pay in it."""
    settings = found.tables["settings"].query("kind == 'case'")
    rows = []
    for case in CASES:
        notes = settings.loc[settings["name"] == case, ["path", "how", "value"]].itertuples(index=False)
        what = t("format.sep", lang).join(_bend_words(str(path), str(how), float(value), lang) for path, how, value in notes)
        if case == "both":
            what = t("format.comma", lang).join(w(f"case_{one}", lang) for one in CASES[1:3])
        rows.append((w(f"case_{case}", lang), what or NONE, failing(found, case, lang, 20) or w("never", lang)))
    heads = [w("col_case", lang), w("col_what", lang), w("short_areas", lang)]
    return Board(w("stress_title", lang), pd.DataFrame(rows, columns=heads), note=w("stress_note", lang))


def _bend_words(path: str, how: str, value: float, lang: str) -> str:
    name = t(f"affordability_path.{path.replace('.', '_')}", lang)
    small = path.split(".")[0] == "fiscal"
    figure = t("format.points", lang, value=number(value * 100, 1, signed=True)) if small else number(value, 1, signed=True)
    return f"{name} {figure}" if how == "add" else f"{name} ×{number(value, 1)}"


def crowding_board(found: Assessment, lang: str, year: int | None = None) -> Board:
    """What gives way in a year, summed over areas; the peak year when left out. A sentence in place of rows where nothing does."""
    told, year = found.summary["proposal"], int(found.summary["peak_year"]) if year is None else year
    table = found.tables["crowding"]
    title = w("crowding_title", lang, year=year)
    heads = [w(f"col_{key}", lang) for key in ("item", "without", "with", "change", "nature")]
    rows = _crowding_rows(found, table[table["year"] == year], lang)
    harmless = set(table["kind"]) <= {"carried", "earmarked"}
    note = w("crowding_note", lang)
    if harmless:
        note = w("crowding_none", lang, first=told["start"], last=told["start"] + told["years"] - 1) + t("format.between_sentences", lang) + note
    return Board(title, pd.DataFrame(rows, columns=heads), note=note, right=tuple(heads[1:4]))


def _crowding_rows(found: Assessment, table: pd.DataFrame, lang: str) -> list[tuple[str, ...]]:
    services = service_names(found, lang)
    goals = found.tables["indicator_names"].set_index("indicator")
    rows: list[tuple[str, ...]] = []
    for kind in KINDS:
        part = table[table["kind"] == kind]
        for what, lines in part.groupby("what", sort=False):
            before, after = float(lines["without"].sum()), float(lines["with_it"].sum())
            worse = after > before if kind in ("earmarked", "bond", "unpaid", "target") else after < before
            if not worse:
                continue
            if kind == "target":
                goal = goals.loc[str(what)]
                cells = [number(v, 2) for v in (before, after, after - before)]
                rows.append((str(goal[f"name_{lang}"]), *cells, w(f"nature_{goal['nature']}", lang)))
                continue
            if kind == "served":
                show: Any = Unit("", 1.0, 0)
                nature = w("nature_service", lang)
            else:
                show = money_unit(after - before, lang)
                nature = w(f"nature_{kind}", lang)
            name = services[str(what)] if what else ""
            item = t("format.dot", lang, a=name, b=w(f"give_{kind}", lang)) if name else w(f"give_{kind}", lang)
            item = f"{item} ({show.name})" if show.name else item
            rows.append((item, show.show(before), show.show(after), show.show(after - before, signed=True), nature))
    return rows


def futures_board(found: Assessment, lang: str) -> Board:
    """Levels, and the share of futures in which each is payable."""
    rows = [(level_words(found, float(level), lang, down=False), percent(float(share))) for level, share in found.tables["levels"].itertuples(index=False)]
    heads = [w("col_level", lang), w("col_payable", lang)]
    note = w("levels_curve_note", lang, n=found.summary["futures"], m=found.summary["sampled"])
    return Board(w("levels_curve_title", lang), pd.DataFrame(rows, columns=heads), note=note, right=(heads[1],))


def checks_board(found: Assessment, lang: str) -> Board:
    """The five checks, each with its figure."""
    signs = {"yes": "✔", "no": "✖", "unknown": NONE}
    records: list[Any] = found.tables["checks"].to_dict("records")
    rows = [(w(f"check_{row['check']}", lang), signs[row["passed"]], _check_figure(row, lang)) for row in records]
    return Board(
        w("checks_title", lang), pd.DataFrame(rows, columns=[w(f"col_{key}", lang) for key in ("check", "result", "figure")]), note=w("checks_note", lang)
    )


def _check_figure(row: Mapping[str, Any], lang: str) -> str:
    if pd.isna(row["figure"]):
        return w("figure_unknown", lang)
    shares = row["check"] in ("everyone", "lasting")
    n, of = (percent(row[key], 0) if shares else number(row[key], 2 if row["check"] == "not_outbid" else 0) for key in ("figure", "of"))
    return w(f"figure_{row['check']}", lang, **({"n": n} if row["check"] == "everyone" else {"n": n, "of": of}))


def settings_board(found: Assessment, lang: str) -> Board:
    """Every threshold, case and spread with its grade and source; notes are the assumptions' own words."""
    records: list[Any] = found.tables["settings"].to_dict("records")
    rows = []
    for row in records:
        name = w(f"case_{row['name']}", lang) if row["kind"] == "case" else w(f"setting_{row['name']}", lang)
        path = t(f"affordability_path.{row['path'].replace('.', '_')}", lang) if row["path"] else NONE
        rows.append((w(f"kind_{row['kind']}", lang), name, path, f"{row['value']:g}", t(f"grade.{row['grade']}", lang)))
    heads = [w(f"col_{key}", lang) for key in ("item", "name", "path", "value", "grade")]
    return Board(w("settings_title", lang), pd.DataFrame(rows, columns=heads), right=(heads[3],))


def policy_lines(found: Assessment, lang: str, names: Mapping[str, str]) -> list[str]:
    """What is proposed, in sentences; `names` are those of the levers."""
    told = found.summary["proposal"]
    lines = [w("policy_line", lang, why=told["why"][lang])]
    values = found.tables["lever_values"]
    first, last = told["start"], told["start"] + told["years"] - 1
    for path, part in values.groupby("path", sort=False):
        now, then = _range(part["without"], lang), _range(part["with_it"], lang)
        lines.append(w("lever_line", lang, first=first, last=last, name=names.get(str(path), str(path)), now=now, then=then))
    services = service_names(found, lang)
    for code, aim in told["coverage"].items():
        end = aim if not isinstance(aim, Mapping) else aim[max(aim)]
        lines.append(w("coverage_line", lang, name=services[code], last=last, then=percent(float(end), 0)))
    new = told["service"]
    if new:
        figures = {"from": new["age_from"], "to": new["age_to"], "rate": percent(new["rate"], 0), "yuan": number(new["yuan"]), "year": new["prices_of"]}
        lines.append(w("new_line", lang, name=new["name"][lang], **figures))
    return lines


def _range(values: pd.Series, lang: str) -> str:
    low, high = number(float(values.iloc[0]), 2), number(float(values.iloc[-1]), 2)
    return low if low == high else t("format.range", lang, lo=low, hi=high)


def duty_lines(found: Assessment, lang: str) -> list[str]:
    """Who bears it, and what the levels above must add."""
    told, sums = found.summary, found.tables["years"].sum()
    bears = told["proposal"]["bears"]
    lines = [w("rule_line", lang) if bears == "rule" else w("bears_line", lang, **{name: percent(bears[name], 0) for name in LEVELS})]
    if told["above"]:
        amount = money(float(sums["centre_yuan"] + sums["province_yuan"]), lang)
        lines.append(w("above_line", lang, n=told["proposal"]["years"], amount=amount))
    return lines


def total_line(found: Assessment, lang: str) -> str:
    """The whole cost and its two sides."""
    told, sums = found.summary["proposal"], found.tables["years"].sum()
    sides = {"local": money(float(sums["local_yuan"] + sums["building_yuan"]), lang), "above": money(float(sums["centre_yuan"] + sums["province_yuan"]), lang)}
    return w("total_line", lang, first=told["start"], last=told["start"] + told["years"] - 1, total=money(found.summary["total_yuan"], lang), **sides)


def all_boards(found: Assessment, lang: str) -> Sequence[tuple[str, Board]]:
    """Every table of the report in its order, with the key under which a spreadsheet names its sheet."""
    return (
        ("capacity", areas_board(found, lang)),
        ("services", services_board(found, lang)),
        ("levels", levels_board(found, lang)),
        ("regions", regions_board(found, lang)),
        ("balance", balance_board(found, lang)),
        ("stress", stress_board(found, lang)),
        ("crowding", crowding_board(found, lang)),
        ("futures", futures_board(found, lang)),
        ("checks", checks_board(found, lang)),
        ("settings", settings_board(found, lang)),
    )
