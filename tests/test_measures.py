"""The measures of the plans by hand: what each does to clients, cost, places and sources of money, and that the base year never moves."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fiscalsim import demography
from fiscalsim.assumptions import load_pack, measures, stage_inputs
from fiscalsim.axes import years_axis
from fiscalsim.levers import path_at, read_yaml
from fiscalsim.parameters import MEASURES
from fiscalsim.quantities import Resource
from fiscalsim.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[1]
YEARS = years_axis(2020, 2022)
NATIONAL = {path: cells["value"] for path, cells in read_yaml(ROOT / "assumptions" / "national" / "parameters.yaml").items()}


class Set:
    """National with some values set; the base year of a path keeps national's, as in a scenario."""

    def __init__(self, **values):
        self.values = {path.replace("__", "."): value for path, value in values.items()}

    def one(self, path):
        return float(self.values.get(path, NATIONAL[path]))

    def path(self, path, years, default=None):
        found = path_at(self.values.get(path, NATIONAL[path]), years)
        found[0] = path_at(NATIONAL[path], [years.labels[0]])[0]
        return found


def service(code, kind="benefit", domain="assistance", function="social_security", wage_share=0.5):
    return SimpleNamespace(code=code, kind=kind, domain=domain, function=function, wage_share=wage_share)


def place(code="nursing_bed", kind="place", cost=100_000.0, retire=0.02, rate=0.1):
    return Resource(code, "", "", kind, "", "", 1, retire, rate, 0.0, cost, 40.0, 0.0, "assumption")


def test_national_is_neutral():
    services = [service("dibao"), service("preschool", "place"), service("public_health", "network", function="health")]
    standard = np.full((3, 3), 1000.0)
    assert (measures.client_multiples(services, Set(), YEARS) == 1).all()
    assert (measures.opened_share(services, Set(), YEARS) == 0).all()
    assert (measures.held_back(Set(), YEARS) == 0).all()
    assert (measures.cost_multiples(services, standard, np.array([False, True, False]), np.ones(3, bool), Set(), YEARS) == 1).all()
    assert (measures.benefit_multiples(services, standard, Set(), YEARS) == 1).all()
    assert measures.changed_resources([place()], {"nursing_bed"}, Set()) == (place(),)
    assert (measures.purchases([place()], {"nursing_bed": (0.2, 1.0)}, Set()).market_share == 0).all()
    assert (measures.handed_over([place("day_care_place")], Set(), YEARS) == 0).all()
    assert (measures.other_sources(np.ones((3, 2)), np.ones(2), np.array([True, False]), Set(), YEARS) == 0).all()
    assert set(MEASURES) <= set(NATIONAL)


def test_outreach_finds_recipients_of_benefits_only_and_not_in_the_base_year():
    found = measures.client_multiples([service("dibao"), service("preschool", "place")], Set(demand__take_up=1.2), YEARS)
    assert found.tolist() == [[1, 1], [1.2, 1], [1.2, 1]]


def test_years_of_stay_thin_out_who_is_covered():
    found = measures.settled_coverage(Set(demand__residence_years=6), YEARS)
    assert found == pytest.approx([0.8, 0.8 * np.exp(-1), 0.8 * np.exp(-1)])  # a mean stay of six years


def test_a_later_pension_age_holds_back_whole_years_and_a_part():
    found = measures.held_back(Set(demand__pension_age=61.5), YEARS)
    assert found[0].sum() == 0
    assert found[1, [59, 60, 61, 62]].tolist() == [0, 1, 0.5, 0]


def test_users_pay_their_share_but_no_more_than_they_can_afford():
    bought, staffed = np.array([True]), np.array([False])
    standard = np.full((3, 1), 10_000.0)
    whole = measures.cost_multiples([service("preschool", "place")], standard, bought, staffed, Set(fees__user_share=0.2), YEARS)
    assert whole[:, 0] == pytest.approx([1, 0.8, 0.8])
    capped = measures.cost_multiples([service("preschool", "place")], standard, bought, staffed, Set(fees__user_share=0.2, fees__affordable_share=0.05), YEARS)
    assert capped[1, 0] == pytest.approx(1 - 0.05 * 17_000 / 10_000)  # of the income of the year before


def test_online_service_keeps_an_offline_part():
    found = measures.cost_multiples(
        [service("public_health", "network")], np.ones((3, 1)), np.zeros(1, bool), np.zeros(1, bool), Set(costs__online_share=0.9), YEARS
    )
    assert found[1, 0] == pytest.approx(1 - (1 - 0.3) * 0.3)


def test_support_of_the_destitute_follows_dibao_and_income_whichever_is_more():
    services = [service("dibao"), service("destitute_support")]
    standard = np.array([[5000.0, 6000.0]] * 3)
    by_dibao = measures.benefit_multiples(services, standard, Set(benefits__relief_growth=0.10, benefits__destitute_multiple=1.3), YEARS)
    assert by_dibao[2] == pytest.approx([1.21, 1.3 * 5000 * 1.21 / 6000])
    by_income = measures.benefit_multiples(services, standard, Set(benefits__destitute_income_share=0.7, benefits__destitute_multiple=1.3), YEARS)
    assert by_income[1, 1] == pytest.approx(0.7 * 17_000 / 6000)
    assert (by_income[0] == 1).all()


def test_the_rule_for_the_destitute_is_linxias_printed_arithmetic_to_a_few_yuan():
    """1.3 times 695 and 629 yuan a month and 4,788 a year; printed are 10,848, 9,816 and 6,216 (the plan rounds)."""
    for line, printed, off in ((695 * 12, 10_848, 6.0), (629 * 12, 9_816, 3.6), (4_788, 6_216, -8.4)):
        (least,) = measures.destitute_living(np.array([float(line)]), 1.3, np.zeros(1), 0.0)
        assert printed - least == pytest.approx(off)
    # 40 % of 23,338 in towns and 70 % of 8,113 in the country lie below both
    assert measures.destitute_living(np.array([4788.0]), 1.3, np.array([8113.0]), 0.7) == pytest.approx(6224.4)
    assert measures.destitute_living(np.array([4788.0]), 1.3, np.array([10_000.0]), 0.7) == pytest.approx(7000.0)


def test_linxias_destitute_get_the_larger_of_two_rules_and_their_level_of_care():
    pack = load_pack("linxia", ROOT)
    rules = ("benefits.destitute_multiple=1.3", "benefits.destitute_income_share=0.7", "benefits.destitute_urban_income_share=0.4")
    plain, ruled = (stage_inputs(pack, load_scenario("linxia-baseline", ROOT, given), demography.base_population).demand for given in ((), rules))
    s = [service.code for service in pack.services].index("destitute_support")
    d = [service.code for service in pack.services].index("dibao")
    years = list(range(2020, 2020 + len(ruled.standard)))
    assert (plain.standard_multiple[:, s] == 1).all() and ruled.standard_multiple[0, s] == 1
    # 2025 by hand: country 0.97 x the larger of 1.3 lines and 0.7 of last year's income, towns 0.03 x the same with 0.4, care by level
    y = years.index(2025)
    line = ruled.standard[y, d] / ruled.standard[0, d]
    income = {"rural": 10_450 + (12_200 - 10_450) / 2, "urban": 23_338 + 4 / 5 * (31_200 - 23_338)}
    living = 0.97 * max(1.3 * 4788 * line, 0.7 * income["rural"]) + 0.03 * max(1.3 * 7750 * line, 0.4 * income["urban"])
    care = (0.70 * 1680 + 0.15 * 3360 + 0.15 * 4800) * ruled.standard[y, s] / ruled.standard[0, s]
    assert ruled.standard[y, s] * ruled.standard_multiple[y, s] == pytest.approx(living + care)
    assert ruled.standard_multiple[y, s] > 1.0


def test_panjins_dibao_and_support_grow_by_seven_per_cent_a_year_as_its_plan_says():
    pack = load_pack("panjin", ROOT)
    codes = [service.code for service in pack.services]
    standard = stage_inputs(pack, load_scenario("panjin-baseline", ROOT), demography.base_population).demand.standard
    for code in ("dibao", "destitute_support"):
        path = standard[:, codes.index(code)]
        assert (path[5] / path[0]) ** (1 / 5) - 1 == pytest.approx(0.07, abs=5e-4)
    later = stage_inputs(pack, load_scenario("panjin-relief-growth", ROOT), demography.base_population).demand
    path = (later.standard * later.standard_multiple)[:, codes.index("dibao")]
    assert (path[1:16] / path[:15] - 1 >= 0.07 - 1e-3).all()


def test_private_builders_cost_the_budget_their_subsidy_and_lose_places_by_forced_exit():
    (found,) = measures.changed_resources([place()], {"nursing_bed"}, Set(supply__private_share=0.5, supply__private_subsidy=0.3, supply__forced_exit=0.03))
    assert found.build_cost == pytest.approx(100_000 * (0.5 + 0.5 * 0.3))
    assert found.retire_rate == pytest.approx(0.05)


def test_pay_keeps_staff_and_costs_wages():
    (found,) = measures.changed_resources([place("nurse", "staff", retire=0.1)], set(), Set(supply__retention_pay=0.1))
    assert found.retire_rate == pytest.approx(0.08)  # twice one tenth fewer leave
    cost = measures.cost_multiples(
        [service("nurses", "staffed", wage_share=0.9)], np.ones((3, 1)), np.zeros(1, bool), np.ones(1, bool), Set(supply__retention_pay=0.1), YEARS
    )
    assert cost[:, 0] == pytest.approx([1, 1.09, 1.09])


def test_a_place_bought_costs_its_building_spread_over_its_life_at_the_providers_return():
    bought = measures.purchases(
        [place()], {"nursing_bed": (0.2, 1.0)}, Set(supply__purchase_limit=1, supply__provider_return=0.06, supply__qualified_share=0.5)
    )
    assert bought.market_share == pytest.approx([0.1])
    assert bought.price[0] * sum(1.06**-n for n in range(1, 41)) == pytest.approx(100_000)


def test_paired_support_sums_to_zero_and_aid_goes_to_the_tagged():
    own, spent, aided = np.array([[100.0, 300.0, 50.0]] * 3), np.array([200.0, 400.0, 100.0]), np.array([True, False, True])
    found = measures.other_sources(own, spent, aided, Set(fiscal__paired_support=0.01), YEARS)
    assert found[1] == pytest.approx([2.0, -3.0, 1.0]) and (found[0] == 0).all()
    assert measures.other_sources(own, spent, aided, Set(fiscal__outside_aid=0.02), YEARS)[1] == pytest.approx([4.0, 0.0, 2.0])
