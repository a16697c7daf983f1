"""Each rule with arithmetic that a reviewer can do in the head; no solver is asked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from fiscalsim.allocation import FAMILIES, GOALS_WITHOUT_SWITCH
from fiscalsim.allocation import formulation as f
from fiscalsim.scenario import FAMILY_NAMES
from tests.allocation.worlds import world


def at(**terms):
    """A stand-in for the model: numbers where variables would stand."""
    return SimpleNamespace(t=SimpleNamespace(**terms))


def test_the_table_of_contents_is_what_scenarios_may_switch():
    assert {family.name for family in FAMILIES} - set(GOALS_WITHOUT_SWITCH) == set(FAMILY_NAMES)


def test_every_family_says_its_fact_in_a_sentence():
    for family in FAMILIES:
        assert family.sentence.endswith(".") and len(family.sentence) > 30, family.name
        assert "Price:" in family.rule.__doc__, family.name


def test_every_yuan_of_a_region_is_somewhere():
    m = at(means=np.array([[60.0]]), bond_rate=0.03)
    m.recurrent, m.capital, m.debt_before, m.carried_in = (lambda y, r: 80.0), (lambda y, r: 12.0), (lambda y, r: 100.0), (lambda y, r: 5.0)
    m.reserve, m.carried = {(0, 0): 1.0}, {(0, 0): 4.0}
    m.general, m.earmarked, m.bond, m.unpaid = {(0, 0): 20.0}, {(0, 0): 10.0}, {(0, 0): 5.0}, {(0, 0): 0.0}
    assert f.spending_within_means(m, 0, 0)  # 80 + 12 + 1 + 4 + 3 of interest = 60 + 20 + 10 + 5 + 5
    m.carried[0, 0] = 5.0
    assert not f.spending_within_means(m, 0, 0)


def test_grants_of_two_regions_may_use_the_pool_and_not_a_yuan_more():
    m = at(general_pool=np.array([30.0]), earmarked_pool=np.array([8.0]))
    m.R, m.general, m.earmarked = (0, 1), {(0, 0): 10.0, (0, 1): 20.0}, {(0, 0): 3.0, (0, 1): 5.5}
    assert f.transfers_within_pool(m, 0, 0)
    assert not f.transfers_within_pool(m, 1, 0)


def test_earmarked_money_falls_with_the_clients_served():
    m = at(upper_cost=np.array([[[[4.0], [6.0]]]]))
    m.duty_of, m.earmarked = (lambda y, r: [(0, 0), (1, 0)]), {(0, 0): 5.0}
    m.x = {(0, 0, 0, 0): 0.5, (0, 0, 1, 0): 0.5}
    assert f.earmarked_for_its_service(m, 0, 0)
    m.x[0, 0, 1, 0] = 0.4
    assert not f.earmarked_for_its_service(m, 0, 0)


def test_a_region_pays_its_own_share_as_far_as_its_means_go():
    m = at(upper_cost=np.array([[[[4.0]]]]), own_cost=np.array([[[[6.0]]]]), own_share=np.array([[1.0]]))
    m.duty_of, m.x, m.earmarked = (lambda y, r: [(0, 0)]), {(0, 0, 0, 0): 0.5}, {(0, 0): 2.0}
    assert f.own_share_paid(m, 0, 0)  # 5 - 2 of its own >= 3
    m.earmarked[0, 0] = 2.1
    assert not f.own_share_paid(m, 0, 0)
    m.t.own_share[0, 0] = 0.5  # its means reach for half of its duty: 5 - 3.5 >= 1.5
    m.earmarked[0, 0] = 3.5
    assert f.own_share_paid(m, 0, 0)
    m.earmarked[0, 0] = 3.6
    assert not f.own_share_paid(m, 0, 0)


def test_the_reserve_is_a_share_of_own_revenue_and_grants():
    m = at(reserve_share=np.array([0.01]), own_revenue=np.array([[70.0]]))
    m.general, m.earmarked, m.reserve = {(0, 0): 20.0}, {(0, 0): 10.0}, {(0, 0): 1.0}
    assert f.reserve_kept(m, 0, 0)
    m.reserve[0, 0] = 0.99
    assert not f.reserve_kept(m, 0, 0)


def test_bonds_never_exceed_building():
    m = at()
    m.bond, m.capital = {(0, 0): 3.0}, lambda y, r: 3.0
    assert f.bonds_for_capital_only(m, 0, 0)
    m.bond[0, 0] = 3.1
    assert not f.bonds_for_capital_only(m, 0, 0)


def test_debt_stays_within_the_room_of_the_limit():
    m = at(debt_room=np.array([[2.0]]))
    m.debt = {(0, 0): 2.0}
    assert f.debt_within_limit(m, 0, 0)
    m.debt[0, 0] = 2.01
    assert not f.debt_within_limit(m, 0, 0)


def test_recurrent_spending_stays_under_its_cap():
    m = at(recurrent_cap=np.array([[103.0]]))
    m.recurrent = lambda y, r: 103.0
    assert f.recurrent_growth_within_revenue(m, 0, 0)
    m.recurrent = lambda y, r: 103.1
    assert not f.recurrent_growth_within_revenue(m, 0, 0)


def test_a_standard_once_raised_is_not_cut():
    m = at()
    m.x = {(0, 0, 0, 0): 1.08, (1, 0, 0, 0): 1.08}
    assert f.standards_never_fall(m, 1, 0, 0, 0)
    m.x[1, 0, 0, 0] = 1.07
    assert not f.standards_never_fall(m, 1, 0, 0, 0)


def test_what_is_cut_from_today_is_measured():
    m = at(today=np.array([[[0.6]]]))
    m.x, m.cut = {(0, 0, 0, 0): 0.5}, {(0, 0, 0, 0): 0.1}
    assert f.today_kept(m, 0, 0, 0, 0)
    m.cut[0, 0, 0, 0] = 0.05
    assert not f.today_kept(m, 0, 0, 0, 0)


def test_a_promise_that_fails_after_the_horizon_is_refused():
    m = at(tail_running=np.full((1, 1, 1, 1), 120.0), tail_standing=np.zeros((1, 1, 1)), tail_means=np.array([[70.0]]), tail_pool=np.array([1.1]))
    m.Y, m.K, m.cells_of, m.purchases = SimpleNamespace(last=lambda: 0), (0,), (lambda y, r: [(0, 0)]), lambda y, r: 0.0
    m.general, m.earmarked, m.unpaid_later = {(0, 0): 30.0}, {(0, 0): 10.0}, {(0, 0): 0.0}
    m.x = {(0, 0, 0, 0): 0.95}
    assert f.promise_outlives_the_horizon(m, 0, 0)  # 114 <= 70 + 1.1 x 40
    m.x[0, 0, 0, 0] = 1.0
    assert not f.promise_outlives_the_horizon(m, 0, 0)


def test_grants_move_a_tenth_a_year_beside_the_pool():
    m = at(general_before=np.array([100.0]), pool_fall=np.array([1.0]), pool_rise=np.array([1.05]), change_limit=0.1)
    m.general = {(0, 0): 115.5}
    assert f.transfer_change_limited(m, 0, 0, 0) and f.transfer_change_limited(m, 1, 0, 0)
    m.general[0, 0] = 115.6
    assert not f.transfer_change_limited(m, 1, 0, 0)
    m.general[0, 0] = 89.9
    assert not f.transfer_change_limited(m, 0, 0, 0)


def test_nobody_is_served_in_a_place_or_by_staff_that_are_not_there():
    m = at()
    m.stock, m.used, m.bought_places = {(0, 0, 0): 10.0}, (lambda y, r, k: 10.0), (lambda y, r, k: 0.0)
    assert f.served_within_capacity(m, 0, 0, 0) and f.staff_within_supply(m, 0, 0, 0)
    m.used = lambda y, r, k: 10.1
    assert not f.served_within_capacity(m, 0, 0, 0) and not f.staff_within_supply(m, 0, 0, 0)


def test_capacity_is_last_years_less_losses_plus_what_opens():
    m = at(retire=np.array([0.1]), capacity=np.array([[100.0]]), gained=np.array([0.5]), handed_over=np.zeros((1, 1, 1)))
    m.posts_gained = lambda y, r, k: 0.0
    m.stock, m.closed = {(0, 0, 0): 94.0}, {(0, 0, 0): 1.0}
    m.opened, m.into, m.out_of, m.convert = (lambda y, r, k: 10.0), (lambda k: []), (lambda k: [0]), {(0, 0, 0): 5.0}
    assert f.capacity_carried_forward(m, 0, 0, 0)  # 90 + 10 - 5 - 1
    m.stock[0, 0, 0] = 95.0
    assert not f.capacity_carried_forward(m, 0, 0, 0)


def test_orders_of_a_year_are_a_share_of_the_stock_and_a_small_start():
    m = at(build_rate=np.array([0.1]), build_least=np.array([[2.0]]), capacity=np.array([[50.0]]))
    m.built = {(0, 0, 0): 7.0}
    assert f.build_rate_limited(m, 0, 0, 0)
    m.built[0, 0, 0] = 7.1
    assert not f.build_rate_limited(m, 0, 0, 0)


def test_only_a_share_of_the_stock_is_converted():
    m = at(conversions=((0, 1),), surplus=np.array([0.05]), capacity=np.array([[40.0, 0.0]]))
    m.convert = {(0, 0, 0): 2.0}
    assert f.conversion_from_surplus(m, 0, 0, 0)
    m.convert[0, 0, 0] = 2.1
    assert not f.conversion_from_surplus(m, 0, 0, 0)


def test_what_is_missing_to_a_floor_or_target_is_measured():
    m = at(floor=np.array([0.8]), target=np.array([[5.0]]))
    m.x, m.below, m.worst_below = {(0, 0, 0, 0): 0.6}, {(0, 0, 0, 0): 0.2}, {(0, 0): 0.25}
    assert f.floor_guaranteed(m, 0, 0, 0, 0) and f.worst_floor_share(m, 0, 0, 0, 0)
    m.indicator, m.short = (lambda y, i: 4.5), {(0, 0): 0.5}
    assert f.binding_target_met(m, 0, 0) and f.expected_target_met(m, 0, 0)
    m.short[0, 0] = 0.4
    assert not f.binding_target_met(m, 0, 0) and not f.expected_target_met(m, 0, 0)


def test_cells_without_half_a_client_are_left_out():
    t = world()
    assert t.cells.all()
    small = np.array(t.clients)
    small[0, 0, 0, 0] = 0.4 / f.HEADS
    assert not (small * f.HEADS >= 0.5)[0, 0, 0, 0]


def test_what_is_bought_is_a_share_of_the_stock_and_of_the_budget():
    m = at(market=np.array([0.2]), capacity=np.array([[40.0]]), purchase_cap=0.1, own_revenue=np.array([[50.0]]))
    m.bought, m.purchases = {(0, 0, 0): 8.0}, lambda y, r: 5.0
    assert f.bought_within_market(m, 0, 0, 0) and f.purchases_within_cap(m, 0, 0)
    m.bought[0, 0, 0], m.purchases = 8.1, lambda y, r: 5.1
    assert not f.bought_within_market(m, 0, 0, 0) and not f.purchases_within_cap(m, 0, 0)


def test_a_region_gives_no_more_posts_than_the_share():
    m = at(mobility=0.05, capacity=np.array([[100.0]]))
    m.posts_out = {(0, 0, 0): 5.0}
    assert f.posts_moved_within_limit(m, 0, 0, 0)
    m.posts_out[0, 0, 0] = 5.1
    assert not f.posts_moved_within_limit(m, 0, 0, 0)
