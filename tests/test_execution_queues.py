"""The waiting list against queueing theory: Erlang B and C, lists with impatience, Little's law, priorities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fiscalsim.execution import queue
from fiscalsim.execution.queues import Clients, Outcome, run_line
from tests.plain_line import PlainLine

N = 200_000
WARM = slice(5_000, N - 1_000)


def erlang_b(servers: int, load: float) -> float:
    """Share lost, by the recursion B(k) = aB(k-1) / (k + aB(k-1))."""
    b = 1.0
    for k in range(1, servers + 1):
        b = load * b / (k + load * b)
    return b


def erlang_c(servers: int, load: float) -> float:
    """Share that waits in M/M/c."""
    b = erlang_b(servers, load)
    return b / (1 - load / servers * (1 - b))


def erlang_a(servers: int, load: float, leaving: float) -> tuple[float, float]:
    """M/M/c+M with mean stay 1: share that finds all places taken, share that leaves the list; birth-death chain summed."""
    weights = [1.0]
    for n in range(1, servers * 40):
        weights.append(weights[-1] * load / (min(n, servers) + max(n - servers, 0) * leaving))
    p = np.array(weights) / math.fsum(weights)
    waiting = math.fsum(p[n] * (n - servers) for n in range(servers, len(p)))
    return math.fsum(p[servers:]), leaving * waiting / load


def waits(o: Outcome) -> np.ndarray:
    return (o.placed - o.clients.joins)[WARM]


def test_the_formulas_agree_with_the_tables_of_the_notes() -> None:
    assert erlang_c(1, 0.8) == pytest.approx(0.8)
    assert erlang_c(10, 8) == pytest.approx(0.40918, abs=5e-6)
    assert erlang_c(20, 18) == pytest.approx(0.55077, abs=5e-6)
    assert erlang_c(100, 95) == pytest.approx(0.50646, abs=5e-6)
    assert erlang_c(200, 190) == pytest.approx(0.36526, abs=5e-6)
    assert erlang_b(10, 8) == pytest.approx(0.12166, abs=5e-6)
    assert erlang_b(100, 95) == pytest.approx(0.04880, abs=5e-6)
    assert erlang_a(10, 8, 1e-9)[0] == pytest.approx(0.40918, abs=1e-4)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.8), (10, 8.0), (20, 18.0)])
def test_the_share_that_waits_is_erlang_c(servers: int, load: float) -> None:
    o = queue(load, 1.0, servers, N, np.random.default_rng(1))
    assert (waits(o) > 0).mean() == pytest.approx(erlang_c(servers, load), rel=0.02)


@pytest.mark.parametrize("stay", [None, (0.2, (1 - 0.35 * 0.2) / 0.65, 0.35)], ids=["exponential", "hyperexponential"])
def test_the_share_lost_is_erlang_b_for_any_stay_of_the_same_mean(stay: tuple[float, float, float] | None) -> None:
    o = queue(8.0, 1.0, 10, N, np.random.default_rng(1), patience=0, stay=stay)
    assert 1 - o.was_placed[WARM].mean() == pytest.approx(erlang_b(10, 8.0), rel=0.02)


@pytest.mark.parametrize(("load", "servers", "patience"), [(12.0, 10, 2.0), (9.0, 10, 1.0)])
def test_with_impatience_waiting_and_leaving_are_erlang_a(load: float, servers: int, patience: float) -> None:
    o = queue(load, 1.0, servers, N, np.random.default_rng(1), patience=patience)
    busy, leaves = erlang_a(servers, load, 1 / patience)
    assert 1 - o.was_placed[WARM].mean() == pytest.approx(leaves, rel=0.02)
    at_once = (waits(o) == 0).mean()  # PASTA: those who join see the long-run state
    assert 1 - at_once == pytest.approx(busy, rel=0.02)


def test_little_holds_for_the_list_and_for_the_places() -> None:
    o = queue(18.0, 1.0, 20, N, np.random.default_rng(2))
    joins, end = o.clients.joins, o.end
    grid = np.linspace(joins[5000], end, 40_001)[:-1]
    exits = np.sort(np.minimum(o.placed, end))
    length = np.searchsorted(joins, grid, side="right") - np.searchsorted(exits, grid, side="right")
    inside = np.searchsorted(exits, grid, side="right") - np.searchsorted(np.sort(o.placed + o.clients.stay), grid, side="right")
    kept = (o.placed - joins)[5000:]
    rate = (N - 5000) / (end - joins[5000])
    assert length.mean() == pytest.approx(rate * kept[np.isfinite(kept)].mean(), rel=0.02)
    assert inside.mean() == pytest.approx(rate * o.clients.stay[5000:].mean(), rel=0.02)


@pytest.mark.slow
def test_mean_waits_are_those_of_erlang_c() -> None:
    for servers, load, runs, rel in ((10, 8.0, 12, 0.02), (100, 95.0, 12, 0.06)):
        mean = np.mean([waits(queue(load, 1.0, servers, N, np.random.default_rng(seed))).mean() for seed in range(runs)])
        assert mean == pytest.approx(erlang_c(servers, load) / (servers - load), rel=rel)


@pytest.mark.slow
@pytest.mark.parametrize(("servers", "load"), [(100, 95.0), (200, 190.0)])
def test_the_share_that_waits_is_erlang_c_at_many_places(servers: int, load: float) -> None:
    share = np.mean([(waits(queue(load, 1.0, servers, N, np.random.default_rng(seed))) > 0).mean() for seed in range(20)])
    assert share == pytest.approx(erlang_c(servers, load), rel=0.02)


def test_those_of_the_first_class_wait_least_and_the_load_is_shared() -> None:
    o = queue(18.0, 1.0, 20, N, np.random.default_rng(3), shares=(0.2, 0.3))
    means = [waits(o)[o.clients.rank[WARM] == k].mean() for k in range(3)]
    # Cobham: W_k = C / (c (1 - s_{k-1}) (1 - s_k)) with s the load of the classes up to k, per place
    s = [0.0, 0.18, 0.45, 0.9]
    theory = [erlang_c(20, 18.0) / 20 / (1 - s[k]) / (1 - s[k + 1]) for k in range(3)]
    assert means[:2] == pytest.approx(theory[:2], rel=0.04)
    assert means[0] < means[1] < means[2]


@pytest.mark.parametrize("seed", range(6))
def test_the_line_runs_as_it_does_in_simpy_with_an_event_each(seed: int) -> None:
    """Three classes, people who give up, residents, those who joined before the start, places that come and go."""
    rng = np.random.default_rng(seed)
    n = 400
    joins = np.sort(rng.uniform(-40, 300, n))
    clients = Clients(joins, rng.exponential(30, n), joins + rng.exponential(60, n), rng.random(n) < 0.5, rng.integers(0, 3, n))
    days = np.concatenate([[0.0], np.sort(rng.uniform(1, 290, 8))])
    steps = [(float(day), int(places)) for day, places in zip(days, rng.integers(5, 60, 9), strict=True)]
    residents = rng.exponential(30, 20)
    fast, plain = run_line(clients, steps, residents, 300.0), PlainLine(clients, steps, residents, 300.0)
    assert np.isfinite(plain.placed).sum() > 100 and np.isinf(plain.placed).sum() > 10
    np.testing.assert_allclose(fast.placed, plain.placed, rtol=1e-12)
    assert fast.busy == plain.busy


# --- small lines by hand --------------------------------------------------------------------------------------------


def line(
    joins: list[float], stay: list[float], last: list[float], steps: list[tuple[float, int]], rank: list[int] | None = None, inside: tuple[float, ...] = ()
) -> Outcome:
    n = len(joins)
    clients = Clients(np.array(joins), np.array(stay), np.array(last), np.zeros(n, dtype=bool), np.array(rank or [0] * n))
    return run_line(clients, steps, np.array(inside), 100.0)


INF = math.inf


def test_one_place_is_taken_in_turn() -> None:
    o = line([1, 2, 3], [10, 10, 10], [INF] * 3, [(0.0, 1)])
    assert o.placed.tolist() == [1, 11, 21]


def test_who_has_left_the_list_is_passed_over() -> None:
    o = line([1, 2, 3], [10, 10, 10], [INF, 5, INF], [(0.0, 1)])
    assert o.placed.tolist() == [1, INF, 11]
    assert o.left_list.tolist() == [INF, 5, INF]


def test_a_higher_class_goes_first_and_nobody_is_put_out_for_it() -> None:
    o = line([1, 2, 3, 4], [10] * 4, [INF] * 4, [(0.0, 1)], rank=[2, 2, 1, 0])
    assert o.placed.tolist() == [1, 31, 21, 11]


def test_new_places_are_filled_from_the_head_of_the_list() -> None:
    o = line([1, 2, 3], [50, 50, 50], [INF] * 3, [(0.0, 1), (7.0, 3)])
    assert o.placed.tolist() == [1, 7, 7]


def test_places_taken_away_are_not_filled_again_but_nobody_is_put_out() -> None:
    o = line([1, 2, 3], [10, 10, 10], [INF] * 3, [(0.0, 2), (5.0, 1)])
    assert o.placed.tolist() == [1, 2, 12]
    assert o.busy == 0


def test_residents_keep_their_places_until_they_leave() -> None:
    o = line([1], [10], [INF], [(0.0, 2)], inside=(4.0, 9.0))
    assert o.placed.tolist() == [4]


def test_those_who_joined_before_the_start_are_served_at_the_start() -> None:
    o = line([-30, -20, 1], [5, 5, 5], [INF] * 3, [(0.0, 1)])
    assert o.placed.tolist() == [0, 5, 10]
