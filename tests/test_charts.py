"""Charts on a made-up province: what they say must be what they draw."""

import re

import numpy as np
import pandas as pd
import pytest

from fiscalsim import charts, text
from tests.desk_run import CITIES, SERVICES, desk_result

LANGS = text.LANGS


@pytest.fixture(scope="module")
def tables():
    return desk_result().tables


@pytest.fixture(scope="module")
def nothing_short(tables):
    full = tables["allocation"].assign(coverage=1.0)
    return {**tables, "allocation": full}


def numbers(figure):
    """Every finite number that the figure draws."""
    found = []
    for trace in figure.data:
        for values in (trace.x, trace.y):
            if values is not None:
                found += [v for v in values if isinstance(v, int | float | np.number)]
    return found


def every_chart(tables, lang):
    yield charts.needs_and_means(tables, lang, ends=(2025, 2030))
    yield charts.transfer_change(tables, 2030, lang, rule="x")
    yield charts.transfer_change(tables, 2030, lang, rule="x", per_head=True)
    yield charts.spending_bars(tables, 2030, lang)
    yield charts.indicator_path(tables, "nursing_share", lang)
    yield charts.pyramid(tables, 2035, 2020, lang)
    yield charts.need_index(tables, lang)
    yield charts.means_waterfall(tables, 2030, lang)
    yield charts.marginal_bars(pd.DataFrame({"label": ["a", "b"], "more": [2.0, 1.0], "less": [1.0, 1.0]}), lang)
    yield charts.waiting_bars(pd.DataFrame({"label": ["a"], "median": [2.0], "p90": [8.0]}), lang)
    steps = {"year": [2021, 2022], "planned": [5.0, 9.0], "median": [3.0, 8.0], "low": [2.0, 6.0], "high": [4.0, 9.0]}
    yield charts.planned_and_opened(pd.DataFrame(steps), lang, "x")
    yield charts.difference_waterfall({"people": -18e8, "standard": 5e8, "coverage": 1e4}, lang)
    parts = [("people", "B", 1.0), ("standard", "A", 0.3), ("standard", "D", 0.7), ("weakest", "D", 1.0)]
    rests = pd.DataFrame([(2030, part, grade, share * 1e9, share) for part, grade, share in parts], columns=["year", "part", "grade", "yuan", "share"])
    yield charts.evidence_bars({"evidence": rests}, 2030, lang)
    yield charts.area_change(tables, desk_result(poorer=1.1).tables, 2030, lang)


@pytest.mark.parametrize("lang", LANGS)
def test_every_chart_says_its_finding_and_brings_its_data(tables, lang):
    for chart in every_chart(tables, lang):
        assert chart.figure is not None
        assert chart.title and "{" not in chart.title
        assert len(chart.data) > 0
        assert np.isfinite(numbers(chart.figure)).all()


def test_chinese_charts_hold_no_english_words(tables):
    for chart in every_chart(tables, "zh"):
        words = [chart.title.replace("x", ""), *map(str, chart.data.columns)]
        words += [str(trace.name) for trace in chart.figure.data if trace.name]
        assert [w for w in words if re.search("[A-Za-z]{2,}", w)] == []


def test_no_chart_has_a_title_inside_or_a_second_axis(tables):
    for chart in every_chart(tables, "zh"):
        assert chart.figure.layout.title.text is None
        assert "yaxis2" not in chart.figure.layout.to_plotly_json()


def test_the_grid_keeps_the_official_order_whatever_is_short(tables):
    worse = charts.shortfall_grid(desk_result(poorer=1.5).tables, 2030, "zh", "全省")
    assert list(worse.gaps.index) == [c[0] for c in CITIES]


def test_the_grid_sorts_by_gap_only_when_asked(tables):
    grid = charts.shortfall_grid(tables, 2030, "zh", "全省", by_gap=True)
    sums = grid.gaps.sum(axis=1)
    assert list(sums) == sorted(sums, reverse=True)


def test_a_cell_of_the_grid_is_the_share_of_clients_not_served(tables):
    grid = charts.shortfall_grid(tables, 2030, "zh", "全省")
    key = "year == 2030 and region == 'tieling' and service == 'nursing_care'"
    given, need = tables["allocation"].query(key), tables["demand"].query(key)
    assert grid.gaps.loc["tieling", "nursing_care"] == pytest.approx(1 - given["provided"].sum() / need["clients"].sum())


def test_the_grid_names_the_two_areas_that_are_short_most_widely(tables):
    assert charts.shortfall_grid(tables, 2030, "zh", "全省").title == "铁岭、朝阳缺口面最广；普惠托育是全省短板"


def test_the_grid_leaves_out_services_that_nobody_lacks(tables):
    grid = charts.shortfall_grid(tables, 2030, "zh", "全省")
    assert "dibao" not in grid.gaps.columns
    assert grid.covered == len(SERVICES) - len(grid.gaps.columns)


def test_a_grid_without_any_gap_says_that_all_is_covered(nothing_short):
    grid = charts.shortfall_grid(nothing_short, 2030, "zh", "全省")
    assert grid.title == "各地各项服务均达到标准"
    assert grid.gaps.to_numpy().max() == 0


@pytest.mark.parametrize(("gap", "expected"), [(0, 0), (0.004, 0), (0.006, 1), (0.0999, 1), (0.1, 2), (0.25, 3), (0.3999, 3), (0.4, 4), (1, 4)])
def test_shortfalls_fall_into_the_five_classes_of_the_legend(gap, expected):
    assert charts.class_of(gap) == expected


def test_the_style_of_the_grid_prints_whole_percents_and_no_zero(tables):
    html = charts.grid_style(charts.shortfall_grid(tables, 2030, "zh", "全省"), tables).to_html()
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", html)
    assert all(cell.strip() == "" or 1 <= int(cell) <= 100 for cell in cells)
    assert "#6E130D" in html


def contrast(a, b):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_in_every_class_of_shortfall_can_be_read():
    assert min(contrast(fill, ink) for _, fill, ink in charts.CLASSES) >= 4.5


def test_classes_of_shortfall_get_darker_in_grey():
    fills = [fill for _, fill, _ in charts.CLASSES]
    grey = [contrast(fill, "#000000") for fill in fills]
    assert grey == sorted(grey, reverse=True)


def test_changes_of_transfers_add_up_to_zero(tables):
    table = charts.transfer_table(tables, 2030)
    assert table["change"].sum() == pytest.approx(0, abs=1e-3)
    assert table["total"].sum() == pytest.approx(tables["transfers"].query("year == 2030")["yuan"].sum())


def test_transfers_shared_as_today_show_no_bars(tables):
    fiscal = tables["fiscal"]
    base = fiscal[(fiscal["item"] == "transfers_usual") & (fiscal["year"] == 2020)]
    same = pd.DataFrame({"year": 2030, "region": base["region"], "kind": "general", "service": "", "yuan": base["yuan"] * 1.2})
    chart = charts.transfer_change({**tables, "transfers": same}, 2030, "zh", "按人均")
    assert chart.figure is None
    assert chart.title == "与现状相同"


def test_the_means_are_the_sum_of_their_parts(tables):
    parts = charts.means_parts(tables, 2030)
    assert parts.sum() == pytest.approx(charts.means_by_year(tables)[2030])


def test_the_waterfall_of_the_means_ends_at_the_means(tables):
    chart = charts.means_waterfall(tables, 2030, "zh")
    drawn = chart.figure.data[0]
    assert sum(drawn.y[:-1]) == pytest.approx(drawn.y[-1])


def test_a_year_with_needs_above_means_is_named_first(tables):
    poor = tables["fiscal"].copy()
    poor.loc[(poor["item"] == "own_revenue") & (poor["year"] < 2028), "yuan"] += 1e11
    rich = tables["fiscal"].copy()
    rich.loc[rich["item"] == "own_revenue", "yuan"] += 1e11
    assert charts.needs_and_means({**tables, "fiscal": rich}, "zh").title == "规划期内可用财力能够覆盖需求"
    assert charts.needs_and_means({**tables, "fiscal": poor}, "zh").title == "2028年起需求超过可用财力，缺口逐年扩大"


def test_the_baseline_is_dotted_only_when_it_differs(tables):
    same = charts.needs_and_means(tables, "zh", baseline=tables)
    other = {**tables, "demand": tables["demand"].assign(cost_yuan=tables["demand"]["cost_yuan"] * 1.1)}
    moved = charts.needs_and_means(tables, "zh", baseline=other)
    dashes = [[trace.line.dash for trace in chart.figure.data if trace.showlegend is not False] for chart in (same, moved)]
    assert dashes == [[None, "dash"], [None, "dash", "dot"]]


def test_income_equals_spending_in_the_budget_table(tables):
    for region in (None, "fuxin"):
        table, _, difference = charts.budget_table(tables, 2030, "zh", region)
        last = table.iloc[-1]
        assert last.iloc[1] == last.iloc[3]
        assert difference == pytest.approx(0, abs=1e-3)


def test_the_population_balance_adds_up_by_row(tables):
    table = charts.balance_table(tables, "en")
    change = table["Births"] - table["Deaths"] + table["External migration"] + table["Internal migration"]
    assert change.to_numpy() == pytest.approx(table["Change"].to_numpy())


def test_a_narrowing_pyramid_is_called_so(tables):
    assert charts.pyramid(tables, 2035, 2020, "zh").title.startswith("底部收窄、顶部加宽")


def test_the_pyramid_has_no_negative_tick(tables):
    assert [label for label in charts.pyramid(tables, 2035, 2020, "zh").figure.layout.xaxis.ticktext if "−" in label or "-" in label] == []


def test_the_index_starts_at_one_hundred(tables):
    chart = charts.need_index(tables, "zh")
    assert chart.data.iloc[0, 1:].astype(float).to_numpy() == pytest.approx(100)


def test_labels_at_line_ends_stand_apart(tables):
    chart = charts.need_index(tables, "zh", height=250)
    heights = sorted(note.y for note in chart.figure.layout.annotations)
    drawn = [v for trace in chart.figure.data for v in trace.y]
    pixels = np.diff(heights) / (max(drawn) - min(drawn)) * 210
    assert pixels.min() >= 13.9


def test_indicator_counts_add_up(tables):
    counts = charts.indicator_counts(tables)
    assert counts["m"] + counts["k"] + counts["j"] == counts["n"] == 3  # the plan's targets; what its text only states is not counted
    assert (counts["b"], counts["bm"]) == (2, 1)


def test_an_indicator_that_cannot_be_computed_is_neither_blank_nor_zero(tables):
    assert "fertility_stated" not in set(charts.indicator_table(tables, "zh")["code"])
    row = charts.indicator_table(tables, "zh", whole=True).set_index("code").loc["fertility_stated"]
    assert (row["status"], row["forecast"], row["note"]) == ("— 无法计算", "—", "只录原文")


def test_a_missed_target_says_by_how_much_and_when_it_is_met(tables):
    row = charts.indicator_table(tables, "zh").set_index("code").loc["nursing_share"]
    assert row["status"] == "✖ 未达标（差3.67，预计2030年达到）"


def test_a_driver_of_no_height_is_folded(tables):
    chart = charts.difference_waterfall({"people": -18e8, "standard": 5e8, "coverage": 1e4}, "zh")
    assert list(chart.figure.data[0].measure) == ["relative", "relative", "total"]
    assert chart.title == "支出少13.0亿元：服务人数减最多，各因素合计一致"


def test_drivers_add_up_to_the_total(tables):
    drawn = charts.difference_waterfall({"people": -18e8, "standard": 5e8, "coverage": 3e8}, "zh").figure.data[0]
    assert sum(drawn.y[:-1]) == pytest.approx(drawn.y[-1])


def test_two_equal_scenarios_say_so(tables):
    assert charts.difference_waterfall({"people": 0.0}, "zh").title == "两方案支出相同"
    assert charts.area_change(tables, tables, 2030, "zh").title == "两方案在此项上没有差别"


@pytest.mark.parametrize("lang", LANGS)
def test_empty_charts_say_what_is_not_there(tables, lang):
    nothing = [
        charts.marginal_bars(pd.DataFrame({"label": [], "more": [], "less": []}), lang),
        charts.waiting_bars(pd.DataFrame({"label": [], "median": [], "p90": []}), lang),
        charts.planned_and_opened(pd.DataFrame({"year": [], "planned": [], "median": [], "low": [], "high": []}), lang, "x"),
        charts.spending_bars({**tables, "allocation": tables["allocation"].assign(recurrent_yuan=0.0, capital_yuan=0.0)}, 2030, lang),
        charts.indicator_path(tables, "fertility_stated", lang),
        charts.need_index({**tables, "demand": tables["demand"].iloc[:0]}, lang),
    ]
    assert all(chart.figure is None and chart.title for chart in nothing)


def test_a_loss_is_hatched_and_a_gain_is_not(tables):
    bars = charts.transfer_change(tables, 2030, "zh", "最优").figure.data[0]
    assert all((shape == "/") == (value < 0) for shape, value in zip(bars.marker.pattern.shape, bars.x, strict=True))


def test_a_report_figure_carries_its_finding_as_title(tables):
    chart = charts.spending_bars(tables, 2030, "zh")
    assert chart.titled().layout.title.text.replace("<br>", "") == chart.title
    assert chart.figure.layout.title.text is None


@pytest.mark.parametrize(("cell", "families"), [("a;b", ["a", "b"]), ("", []), (None, []), (float("nan"), []), ("a", ["a"])])
def test_limits_are_read_in_their_order(cell, families):
    assert charts.limits_of(cell) == families
