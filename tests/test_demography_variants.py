"""The UN's variants of a pack's baseline: they run, they differ as their names say, and the past stays where it is."""

import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from fiscalsim import demography
from fiscalsim.assumptions import load_pack, packs, published_margins, stage_inputs
from fiscalsim.scenario import load_scenario, scenario_ids

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME / "tools"))
import write_variants  # noqa: E402


@lru_cache(maxsize=16)
def projected(variant, pack="liaoning"):
    inputs = stage_inputs(load_pack(pack, HOME), load_scenario(f"{pack}-variant-{variant}", HOME), demography.base_population)
    return (inputs.demography, *demography.simulate(inputs.demography))


@pytest.mark.parametrize("variant", write_variants.NAMES)
def test_a_variant_keeps_the_identities_and_the_years_before_it_departs(variant):
    _, population, components = projected(variant)
    for name, worst in demography.identities(population, components):
        assert worst <= 1e-9, name
    _, medium, _ = projected("medium")
    known = medium.years.index(write_variants.departure("liaoning") - 1)
    np.testing.assert_allclose(population.persons[: known + 1], medium.persons[: known + 1], rtol=1e-4)


def test_low_medium_and_high_differ_by_the_uns_steps_and_by_nothing_else():
    (low, *_), (medium, *_), (high, *_) = (projected(name) for name in ("low", "medium", "high"))
    pack = load_pack("liaoning", HOME)
    women = medium.base_population[:, :, 1, 15:50].sum(axis=-1)

    def tfr(inputs, year):
        return float((inputs.tfr[inputs.years.index(year)] * women).sum() / women.sum())

    first = write_variants.departure("liaoning")
    for years, step in ((range(first, first + 5), 0.25), (range(first + 5, first + 10), 0.40), (range(first + 10, pack.info.horizon_end + 1), 0.50)):
        for year in years:
            assert tfr(high, year) - tfr(medium, year) == pytest.approx(step, abs=2e-3)
            assert tfr(medium, year) - tfr(low, year) == pytest.approx(step, abs=2e-3)
    np.testing.assert_array_equal(low.life_expectancy, high.life_expectancy)
    np.testing.assert_array_equal(low.external_migration, high.external_migration)


def test_nobody_moves_in_the_zero_migration_and_momentum_variants():
    first = write_variants.departure("liaoning")
    for variant in ("zero-migration", "momentum"):
        _, population, components = projected(variant)
        y = components.years.index(first)
        assert (components.internal_migration[y:] == 0).all()
        assert (components.external_migration[y:] == 0).all()
        assert np.abs(components.internal_migration[:y]).sum() > 0


def test_momentum_replaces_each_generation_of_women_once():
    """Net reproduction with the momentum variant's rates is one, region by region only up to their relative fertility."""
    inputs, _, _ = projected("momentum")
    girls = 1 / (1 + inputs.sex_ratio_at_birth)
    L = np.cumprod(demography.survivorship_ratio(demography.shift_to_life_expectancy(inputs.standard_mx, inputs.life_expectancy[-1])), axis=-1)[:, 1]
    net = girls[:, None] * inputs.tfr[-1] * np.einsum("ra,ha->rh", L, inputs.fertility_schedule)
    women = inputs.base_population[:, :, 1, 15:50].sum(axis=-1)
    assert (net * women).sum() / women.sum() == pytest.approx(1.0, abs=2e-3)


def test_constant_fertility_and_mortality_hold_the_last_published_year():
    last = write_variants.departure("liaoning") - 1
    fertility, mortality = projected("constant-fertility")[0], projected("constant-mortality")[0]
    y = fertility.years.index(last)
    np.testing.assert_allclose(fertility.tfr[y + 1 :], np.broadcast_to(fertility.tfr[y], fertility.tfr[y + 1 :].shape), rtol=1e-3)
    np.testing.assert_allclose(
        mortality.life_expectancy[y + 1 :], np.broadcast_to(mortality.life_expectancy[y], mortality.life_expectancy[y + 1 :].shape), atol=0.01
    )


def test_the_written_scenarios_are_those_of_the_tool(tmp_path):
    """The files cannot fall behind the baseline that they extend."""
    for name, (values, why_zh, _) in write_variants.variants("liaoning").items():
        scenario = load_scenario(f"liaoning-variant-{name}", HOME)
        own = {path: value for path, value in scenario.set.items() if path in values}
        for path, value in values.items():
            assert own[path] == pytest.approx(value), f"{name}: {path}"
        assert why_zh in scenario.why_zh


@pytest.mark.parametrize("name", [name for name in packs(HOME) if f"{name}-baseline" in scenario_ids(HOME)])
@pytest.mark.parametrize("variant", write_variants.NAMES)
def test_every_pack_can_be_run_in_every_variant(name, variant):
    """What the tool would write for any pack is inside the levers' ranges and keeps the identities."""
    values, _, _ = write_variants.variants(name)[variant]
    overrides = [f"{path}={write_variants.shown(value)}" for path, value in values.items()]
    inputs = stage_inputs(load_pack(name, HOME), load_scenario(f"{name}-baseline", HOME, overrides), demography.base_population)
    for what, worst in demography.identities(*demography.simulate(inputs.demography)):
        assert worst <= 1e-9, what


def test_an_observed_net_pattern_may_take_the_place_of_the_rogers_castro_curve(tmp_path):
    """A pack's own mover_schedule.csv: here the shape that people of 20-34 alone move, as net migration of 2010-2020 in the north-east has it."""
    import shutil

    for part in ("national", "two-counties"):
        shutil.copytree(HOME / "assumptions" / part, tmp_path / "assumptions" / part)
    shutil.copytree(HOME / "scenarios", tmp_path / "scenarios", ignore=shutil.ignore_patterns("[!t]*"))
    rows = [f"{sex},{age},{4 if 20 <= age < 35 else 0},C,derived,test" for sex in ("male", "female") for age in range(101)]
    (tmp_path / "assumptions/two-counties/mover_schedule.csv").write_text("\n".join(["sex,age,rate,grade,source,note", *rows]) + "\n", encoding="utf-8")
    scenario = load_scenario("two-counties-baseline", tmp_path, ["demography.reclassified_share=0"])
    inputs = stage_inputs(load_pack("two-counties", tmp_path), scenario, demography.base_population).demography
    assert set(np.unique(inputs.mover_schedule)) == {0.0, 1.0}
    assert np.flatnonzero(inputs.mover_schedule[0]).tolist() == list(range(20, 35))
    still = stage_inputs(
        load_pack("two-counties", tmp_path),
        load_scenario("two-counties-baseline", tmp_path, ["demography.internal_migration=0", "demography.external_migration=0"]),
        demography.base_population,
    ).demography
    moved, stayed = demography.simulate(inputs)[0].persons, demography.simulate(still)[0].persons
    changed = np.abs(moved[1] - stayed[1]).sum(axis=(0, 1, 2))
    assert (changed[20:35] > 0).all() and changed[40:].max() < 1e-9


@pytest.mark.parametrize("name", packs(HOME))
def test_the_size_of_each_step_of_the_starting_population_is_told(name):
    steps = demography.base_population_steps(**published_margins(load_pack(name, HOME)))
    whole = steps[steps["region"] == "all"].set_index("step")["share"]
    assert list(whole.index) == ["open_ages", "single_ages", "births", "residence"]
    assert ((steps["share"] >= 0) & (steps["share"] <= 0.1)).all()
    assert whole["single_ages"] > 0.005
    assert whole["residence"] < 1e-9  # a flat seed: said so, not hidden
    has_births = bool(load_pack(name, HOME).tables["births.csv"])
    assert (whole["births"] > 0) == has_births
