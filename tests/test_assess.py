"""The affordability assessment: costs that can be worked out by hand, verdicts that follow from them, and a record that proves itself."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim.assess import (
    AMBER,
    CASES,
    GREEN,
    RED,
    Proposal,
    assess,
    assessment,
    check_assessment,
    load_proposal,
    open_assessment,
    proposal_ids,
    save,
    settings_of,
)
from fiscalsim.assess.cases import bent, futures
from fiscalsim.assess.judge import Held, areas_table, highest_level, verdicts
from fiscalsim.assess.proposal import at_level, checked, from_json, to_json
from fiscalsim.assumptions import load_pack
from fiscalsim.cli import main
from fiscalsim.errors import InputError, IntegrityError
from fiscalsim.levers import read_document
from fiscalsim.pipeline import run
from fiscalsim.report import affordability_boards as boards
from fiscalsim.report.affordability import affordability_html, affordability_xlsx
from fiscalsim.scenario import home, load_scenario

SCENARIO = "two-counties-baseline"
RANK = {GREEN: 0, AMBER: 1, RED: 2}


@pytest.fixture(scope="module", autouse=True)
def few_futures():
    """Four sampled futures instead of 36: the tests are about how they are counted, not about how many there are."""
    real = assessment.settings_of
    assessment.settings_of = lambda pack: replace(real(pack), futures=4)
    yield
    assessment.settings_of = real


@pytest.fixture(scope="module")
def scenario():
    return load_scenario(SCENARIO)


@pytest.fixture(scope="module")
def relief(scenario):
    return assess(scenario, load_proposal("two-counties-relief"))


def new_service(yuan: float, **more) -> Proposal:
    """A made-up service for everyone aged 80 and over, borne locally."""
    told = {
        "name": {"zh": "新", "en": "new"},
        "why": {"zh": "试", "en": "test"},
        "pack": "two-counties",
        "start": 2027,
        "years": 4,
        "service": {
            "name": {"zh": "新", "en": "new"},
            "age_from": 80,
            "age_to": 100,
            "rate": 0.5,
            "yuan": yuan,
            "prices_of": 2027,
            "wage_share": 0.0,
        },
        "bears": {"centre": 0.0, "province": 0.0, "local": 1.0},
        "source": "assumption",
        "grade": "D",
    }
    return Proposal.model_validate({**told, **more, "id": "new-service"}, strict=False)


@pytest.fixture(scope="module")
def lights(scenario):
    """The same service at three amounts: below what the tightest stressed year allows, between that and the tightest base year, and above both."""
    at_one = assess(scenario, new_service(1.0))
    room = at_one.tables["room"].assign(yuan=lambda r: r["room_yuan"] / r["cost_yuan"])
    base, stressed = room.loc[room["case"] == "base", "yuan"].min(), room.loc[room["case"] != "base", "yuan"].min()
    assert stressed < base
    amounts = {GREEN: 0.9 * stressed, AMBER: 0.5 * (base + stressed), RED: 1.1 * base}
    return room, {light: (amount, assess(scenario, new_service(amount))) for light, amount in amounts.items()}


# --- cost -----------------------------------------------------------------------------------------------------------


def test_a_raised_standard_costs_those_served_times_the_rise(scenario, relief):
    tables = run(scenario, replay=False).tables
    served = (
        tables["allocation"]
        .query("service == 'dibao'")
        .merge(tables["demand"].query("service == 'dibao'")[["year", "region", "residence", "standard_yuan"]], on=["year", "region", "residence"])
    )
    by_hand = (served["provided"] * served["standard_yuan"] * 0.05).groupby([served["year"], served["region"]]).sum()
    cost = relief.tables["cost"].groupby(["year", "region"])["yuan"].sum()
    for key, yuan in cost.items():
        assert yuan == pytest.approx(by_hand[key], rel=1e-6)


def test_what_lies_above_the_national_standard_is_local(relief):
    services, cost = relief.tables["services"], relief.tables["cost"]
    wide = cost.pivot_table(index=["year", "region"], columns="level", values="yuan", aggfunc="sum")
    for row in services.itertuples():
        above = row.clients * (max(row.standard - row.national, 0.0) - max(row.standard_before - row.national, 0.0))
        shared = row.clients * (min(row.standard, row.national) - min(row.standard_before, row.national))
        parts = wide.loc[(row.year, row.region)]
        assert parts["local"] >= above - 1.0
        assert parts["centre"] + parts["province"] <= shared + 1.0


def test_a_new_service_costs_its_clients_times_its_amount(scenario, lights):
    amount, found = lights[1][GREEN]
    people = run(scenario, replay=False).tables["population"].query("age >= 80")
    pack = load_pack("two-counties", home())
    heads = people.groupby(["year", "region"])["persons"].sum() * 0.5
    services = found.tables["services"].set_index(["year", "region"])
    assert len(services) == 4 * len(pack.regions)
    for key, row in services.iterrows():
        assert row["clients"] == pytest.approx(heads[key], rel=1e-9)
        assert row["yuan"] == pytest.approx(row["clients"] * row["standard"], rel=1e-9)
    first = services.loc[2027]
    spread = first["standard"] / amount  # prices of 2027: only the regional cost coefficient is left
    assert spread.between(0.5, 2.0).all() and np.isclose(np.average(spread), 1.0, atol=0.2)


def test_levels_sum_to_the_whole_and_years_to_the_total(relief):
    years, cost = relief.tables["years"].set_index("year"), relief.tables["cost"]
    assert cost.groupby("year")["yuan"].sum().to_numpy() == pytest.approx(years["cost_yuan"].to_numpy(), rel=1e-12)
    assert years["cost_yuan"].sum() == pytest.approx(relief.summary["total_yuan"], rel=1e-12)
    assert years["cost_yuan"].idxmax() == relief.summary["peak_year"]


def test_shares_written_down_are_the_shares_borne(scenario):
    proposal = new_service(100.0, bears={"centre": 0.3, "province": 0.2, "local": 0.5})
    found = assess(scenario, proposal)
    by_level = found.tables["cost"].groupby("level")["yuan"].sum()
    whole = by_level.sum()
    assert by_level["centre"] / whole == pytest.approx(0.3) and by_level["province"] / whole == pytest.approx(0.2)
    assert "above" in set(found.tables["areas"]["region"])


def test_a_wider_coverage_pays_for_places_and_again_for_what_retires(scenario):
    told = new_service(1.0).model_dump(exclude={"service", "bears"})
    proposal = Proposal.model_validate({**told, "coverage": {"childcare_places": 0.9}})
    found = assess(scenario, proposal)
    pack = load_pack("two-counties", home())
    place = next(r for r in pack.resources if r.code == "nursery_place")
    services = found.tables["services"].set_index(["year", "region"])
    building = found.tables["cost"].query("level == 'building'").set_index(["year", "region"])["yuan"]
    for region in pack.regions:
        more = services["clients"].xs(region, level="region") - services["clients_before"].xs(region, level="region")
        made = more - more.shift(fill_value=0.0) * (1 - place.retire_rate)
        least = made.clip(lower=0.0) * place.build_cost  # prices only rise
        assert (building.xs(region, level="region").reindex(more.index) >= least * 0.999).all() and least.iloc[0] > 0


# --- room and verdict -----------------------------------------------------------------------------------------------


def test_room_is_what_is_received_less_what_is_committed(relief):
    means = relief.tables["means"]
    left = means["received_yuan"] - means["committed_yuan"] - means["reserve_yuan"] - means["other_yuan"]
    assert left.to_numpy() == pytest.approx(means["left_yuan"].to_numpy(), rel=1e-9)
    base = relief.tables["room"].query("case == 'base' and region != 'above'")
    smaller = np.maximum(np.minimum(means["left_yuan"], means["growth_yuan"]), 0.0)
    assert base["room_yuan"].to_numpy() == pytest.approx(smaller.to_numpy())


@pytest.mark.parametrize("light", [GREEN, AMBER, RED])
def test_each_light_names_area_year_amount_and_level(lights, light):
    room, found = lights
    amount, one = found[light]
    assert one.summary["verdict"] == light
    words = boards.headline(one, "zh")
    level = one.summary["level"]
    if light == GREEN:
        assert (one.tables["room"]["short_yuan"] == 0).all() and level >= 1.0
        return
    case = boards.first_case(one)
    assert (case == "base") == (light == RED)
    areas = one.tables["areas"]
    worst = areas[areas[f"{case}_year"] > 0].iloc[0]
    there = room.query("case == @case and region == @worst.region").set_index("year")
    lacking = there["cost_yuan"] * amount - there["room_yuan"]
    first = int(lacking[lacking > 0.5].index[0])
    assert worst[f"{case}_year"] == first and worst[f"{case}_yuan"] == pytest.approx(lacking[first], rel=1e-6)
    names = boards.area_names(one, "zh")
    assert f"{names[worst['region']]}{first}年起" in words and level < (1.0 if light == RED else 3.0)


def test_the_highest_level_is_payable_and_the_next_is_not(lights):
    for amount, one in lights[1].values():
        told, curve = one.summary, one.tables["levels"].set_index("level")["share"]
        if told["level"] > 0:
            assert told["level_share"] >= 0.9 and curve[told["level"]] >= 0.9
        assert (curve[curve.index > told["level"] + 1e-6] < 0.9).all() or told["level"] == told["largest_level"]
        assert curve.sort_index().is_monotonic_decreasing, amount


def held(cost, money, growth) -> Held:
    return Held(np.array(cost), np.array(cost), np.array(money), np.array(growth))


MONEY = st.floats(-1e9, 1e9, allow_nan=False)
CASE = st.lists(st.tuples(st.floats(0, 1e9), MONEY, MONEY), min_size=6, max_size=6)


@given(st.lists(CASE, min_size=4, max_size=4), st.floats(1.0, 5.0))
@settings(max_examples=200, deadline=None)
def test_a_higher_level_is_never_greener(cells, factor):
    def cases(by: float) -> dict[str, Held]:
        found = {}
        for name, case in zip(CASES, cells, strict=True):
            cost, money, growth = (np.array([row[i] for row in case]).reshape(2, 3) for i in range(3))
            found[name] = held(cost * by, money, growth)
        return found

    low, high = verdicts(cases(1.0)), verdicts(cases(factor))
    assert all(RANK[b] >= RANK[a] for a, b in zip(low, high, strict=True))


@given(st.lists(CASE, min_size=4, max_size=4), st.lists(st.tuples(MONEY, MONEY), min_size=8, max_size=8))
@settings(max_examples=200, deadline=None)
def test_no_area_borrows_anothers_room(cells, others):
    """Whatever the other areas have, an area's verdict and first year stay."""
    first, other = {}, {}
    for i, (name, case) in enumerate(zip(CASES, cells, strict=True)):
        cost, money, growth = (np.array([row[j] for row in case]).reshape(2, 3) for j in range(3))
        first[name] = held(cost, money, growth)
        richer, wider = money.copy(), growth.copy()
        richer[:, 1:] += np.array(others[2 * i])
        wider[:, 1:] += np.array(others[2 * i + 1])
        other[name] = held(cost, richer, wider)
    a, b = (areas_table(one, ("x", "y"), (2027, 2028), True).iloc[0] for one in (first, other))
    pd.testing.assert_series_equal(a, b)


def test_grants_are_not_shared_out_anew_in_a_case(relief):
    """A case moves the pool; what a region receives beside its own money keeps its share of it."""
    assert (relief.tables["areas"]["verdict"] == GREEN).all()
    room = relief.tables["room"].pivot_table(index=["year", "region"], columns="case", values="money_yuan")
    assert (room["revenue_down"] <= room["base"] + 1.0).all() and (room["both"] <= room["ageing"] + 1.0).all()


@given(st.lists(st.floats(0.0, 2.9), min_size=1, max_size=40), st.floats(0.05, 1.0))
@settings(max_examples=200, deadline=None)
def test_halving_finds_the_level_that_the_wanted_share_can_pay(limits, wanted):
    def share(level: float) -> float:
        return float(np.mean([level <= limit for limit in limits]))

    level = highest_level(share, wanted, 3.0)
    assert level == 0.0 or share(level) >= wanted
    assert share(level + 1e-6) < wanted or level == 3.0


def test_futures_come_in_mirrored_pairs_and_only_the_seed_moves_them(few_futures):
    pack = load_pack("two-counties", home())
    told = settings_of(pack)
    assert told.futures == 36
    one, same, other = futures(told, 0), futures(told, 0), futures(told, 1)
    assert one == same and one != other and len(one) == 36
    for a, b in zip(one[::2], one[1::2], strict=True):
        for x, y in zip(a, b, strict=True):
            middle = (x.value + y.value) / 2
            assert middle == pytest.approx(0.0 if x.how == "add" else 1.0, abs=1e-12)


def test_a_case_leaves_the_years_before_it_as_they_were(scenario):
    pack = load_pack("two-counties", home())
    moved = bent(scenario, settings_of(pack).cases["both"], tuple(range(2020, 2036)), 2027, 2030)
    growth = moved.set["fiscal.revenue_growth"]
    assert growth[2026] == 0 and growth[2027] == pytest.approx(-0.01)
    life = moved.set["demography.life_expectancy"]
    base = scenario.value("demography.life_expectancy")
    assert base is not None and life[2030] - life[2026] > 0.9


# --- what gives way -------------------------------------------------------------------------------------------------


def test_what_gives_way_pays_for_the_proposal(lights):
    """With every region's grants fixed, less carried over, grants drawn, more debt and less spent on the rest make up what is paid first."""
    _, one = lights[1][RED]
    crowding = one.tables["crowding"]
    assert len(crowding) and set(crowding["kind"]) <= {"service", "served", "earmarked", "carried", "bond", "unpaid", "target"}
    sums = crowding.assign(change=lambda c: c["with_it"] - c["without"]).groupby(["year", "kind"])["change"].sum().unstack(fill_value=0.0)
    for kind in ("service", "earmarked", "carried", "bond", "unpaid"):
        sums[kind] = sums.get(kind, 0.0)
    last = int(one.tables["years"]["year"].max())
    found = -float(sums["carried"].get(last, 0.0)) - sums["service"].sum() + sums[["earmarked", "bond", "unpaid"]].sum().sum()
    assert found == pytest.approx(one.summary["total_yuan"], rel=0.02)  # interest and amounts too small to be noticed are the rest


# --- proposals ------------------------------------------------------------------------------------------------------


def test_every_proposal_in_the_house_can_be_read_and_written_again():
    assert len(proposal_ids()) >= 4
    for name in proposal_ids():
        one = load_proposal(name)
        assert from_json(to_json(one)) == one and one.id == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pack: two-counties\nyeers: 3\n", "did you mean 'years'"),
        ("pack: two-counties\n", "name"),
    ],
)
def test_a_mistyped_proposal_is_one_clear_error(text, words):
    with pytest.raises(InputError, match=words):
        checked(read_document(text, "p.yaml"), "p")


def test_shares_that_do_not_sum_to_one_are_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        new_service(1.0, bears={"centre": 0.5, "province": 0.2, "local": 0.5})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pack": "linxia"}, "the pack of the scenario"),
        ({"start": 2029}, "within the plan's horizon"),
        ({"levers": {"standards.dibaoo": 1.1}}, "did you mean"),
        ({"levers": {"standards.dibao": 3.0}}, "outside 1 .. 2"),
        ({"levers": {"allocation.tail_years": 3}}, "from year to year"),
        ({"coverage": {"childcare": 0.5}}, "did you mean"),
    ],
)
def test_a_proposal_that_does_not_fit_its_place_is_refused(scenario, change, words):
    with pytest.raises(InputError, match=words):
        assess(scenario, new_service(1.0).model_copy(update=change))


def test_half_a_level_sets_half_the_way(scenario):
    from fiscalsim.pipeline import posed

    proposal = load_proposal("two-counties-relief")
    inputs = posed(load_pack("two-counties", home()), scenario).inputs
    path = at_level(proposal, scenario, 0.5, inputs).set["standards.dibao"]
    assert path[2026] == 1.0 and path[2027] == pytest.approx(1.025)


# --- record and report ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filed(scenario, lights, tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return runs, save(lights[1][RED][1], scenario, runs)


def test_a_record_proves_itself_and_is_written_once(scenario, lights, filed):
    runs, folder = filed
    assert check_assessment(folder) == [] and save(lights[1][RED][1], scenario, runs) == folder
    assert [one.name for one in folder.parent.iterdir()] == [folder.name]
    again = open_assessment(folder).assessment()
    assert again.summary["verdict"] == RED
    for name, table in lights[1][RED][1].tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table.reset_index(drop=True), check_dtype=False)


def test_a_record_that_was_touched_is_refused(filed, tmp_path):
    _, folder = filed
    copy = shutil.copytree(folder, tmp_path / folder.name)
    table = copy / "room.parquet"
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    assert any("room.parquet" in line for line in check_assessment(copy))
    copy = shutil.copytree(folder, tmp_path / "other" / folder.name)
    head = json.loads((copy / "assessment.json").read_text(encoding="utf-8"))
    head["summary"]["verdict"] = GREEN
    (copy / "assessment.json").write_text(json.dumps(head), encoding="utf-8")
    assert check_assessment(copy)
    with pytest.raises(IntegrityError):
        affordability_html(open_assessment(copy), "zh", {})


def test_a_verdict_that_its_figures_do_not_give_is_found(lights):
    from fiscalsim.assess.record import broken

    one = lights[1][RED][1]
    assert broken(one.summary, one.tables) == []
    areas = one.tables["areas"].assign(verdict=GREEN)
    assert any("verdict" in line for line in broken(one.summary, {**one.tables, "areas": areas}))
    cost = one.tables["cost"].assign(yuan=lambda c: c["yuan"] * 1.01)
    assert any("sum" in line for line in broken(one.summary, {**one.tables, "cost": cost}))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_says_what_the_page_says(filed, lights, tmp_path, lang):
    _, folder = filed
    saved = open_assessment(folder)
    page = unescape(affordability_html(saved, lang, {}))
    assert boards.headline(lights[1][RED][1], lang) in page and boards.light_words(saved.assessment(), lang) in page
    assert saved.head["digest"] in page and "http://" not in page.split("</script>")[-1]
    book = affordability_xlsx(saved, tmp_path / "book.xlsx", lang, {})
    same = affordability_xlsx(saved, tmp_path / "again" / "book.xlsx", lang, {})
    assert book.read_bytes() == same.read_bytes()


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def test_the_command_prints_the_verdict_and_the_path(tmp_path, capsys):
    assert call("assess", SCENARIO, "two-counties-relief", "--runs", str(tmp_path), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["summary"]["verdict"] == GREEN and len(told["tables"]["areas"]) == 3
    assert call("check", told["path"]) == 0
    (open_assessment(told["path"]).path / "areas.parquet").write_bytes(b"")
    assert call("check", told["path"]) == 4


def test_an_unknown_proposal_is_bad_input(tmp_path, capsys):
    assert call("assess", SCENARIO, "two-counties-relef", "--runs", str(tmp_path)) == 2
    assert "two-counties-relief" in capsys.readouterr().err
