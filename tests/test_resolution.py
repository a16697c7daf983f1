"""Finer regions of a pack: a sub-folder whose tables take the place of the pack's own and add up to them."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from fiscalsim import demography
from fiscalsim.assumptions import check_pack, load_pack, stage_inputs
from fiscalsim.demand import demand
from fiscalsim.errors import InputError
from fiscalsim.levers import read_yaml
from fiscalsim.parameters import OWN, resolutions
from fiscalsim.pipeline import WarmModels, noticed, run
from fiscalsim.quantities import StageInputs
from fiscalsim.scenario import json_schema, load_scenario, to_yaml
from tests.test_assumptions import REPOSITORY, Files, tiny_files, uniform, write

PARTS = {"N": (("N1", 0.75), ("N2", 0.25)), "S": (("S1", 0.5), ("S2", 0.5))}  # the towns of each city and their part of it
RATES = ("non_local_share", "tfr_relative", "e0_difference", "leaving_rate", "household_size", "srb", "cost_difference")


def cut(text: str, column: str) -> str:
    """A table by city as a table by town: amounts split, rates kept."""
    rows = list(csv.DictReader(io.StringIO(text)))
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        for town, share in PARTS[row["region"]]:
            rate = row.get("item") in RATES or column == ""
            writer.writerow(row | {"region": town} | ({} if rate else {column: f"{float(row[column]) * share:.12g}"}))
    return out.getvalue()


def two_level_files() -> Files:
    """The tiny pack with a resolution `town`: four towns in its two cities."""
    files = tiny_files()
    files["tiny/pack.yaml"] += "resolutions: {town: {unit_zh: 镇, unit_en: town}}\n"
    towns = "".join(
        f"{town},{town}镇,{town},{town},{town},{city},town,{tier},,D,assumption\n" for city, tier in (("N", 3), ("S", 1)) for town, _ in PARTS[city]
    )
    files["tiny/town/regions.csv"] = files["tiny/regions.csv"] + towns
    for name, column in (("population", "persons"), ("residence", "value"), ("vital", "value"), ("capacity", "value"), ("fiscal", "value"), ("coverage", "")):
        files[f"tiny/town/{name}.csv"] = cut(files[f"tiny/{name}.csv"], column)
    return files


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return write(tmp_path, two_level_files())


def said(home: Path, files: Files) -> str:
    return "\n".join(map(str, check_pack("tiny", write(home, files))))


# --- reading --------------------------------------------------------------------------------------------------------


def test_the_pack_is_read_at_each_of_its_resolutions(place):
    own, town = load_pack("tiny", place), load_pack("tiny", place, "town")
    assert check_pack("tiny", place) == [] and resolutions("tiny", place, []) == (OWN, "town")
    assert own.regions.labels == ("N", "S") and own.resolution == OWN and own.info.resolution == OWN
    assert town.regions.labels == ("N1", "N2", "S1", "S2") and town.resolution == town.info.resolution == "town"
    assert (own.info.unit_zh, town.info.unit_zh, town.info.unit_en) == ("市", "镇", "town")
    assert [row["region"] for row in town.tables["regions.csv"]] == ["P", "N", "S", "N1", "N2", "S1", "S2"]
    # a table of the sub-folder takes the place of the pack's own; national rows stay below it, every other table is the pack's
    assert {row["region"] for row in town.tables["coverage.csv"]} == {"*", "S1", "S2"}
    assert {row["file"] for row in town.tables["fiscal.csv"]} == {"tiny/town/fiscal.csv"}
    assert town.tables["observed.csv"] == own.tables["observed.csv"] and town.indicators == own.indicators and town.services == own.services


def test_the_digest_covers_what_is_read_and_no_more(place):
    own, town = load_pack("tiny", place).digest, load_pack("tiny", place, "town").digest
    assert own != town
    path = place / "assumptions/tiny/town/coverage.csv"
    path.write_text(path.read_text().replace("0.7", "0.6"))
    assert load_pack("tiny", place).digest == own and load_pack("tiny", place, "town").digest != town
    path = place / "assumptions/tiny/indicators.csv"
    path.write_text(path.read_text().replace(",40,", ",41,"))
    assert load_pack("tiny", place).digest != own


def test_clients_and_money_of_the_towns_are_those_of_their_cities_in_the_base_year(place):
    def staged(resolution):
        inputs = stage_inputs(load_pack("tiny", place, resolution), load_scenario("base", place, [f"resolution={resolution}"]), uniform)
        people, parts = demography.simulate(inputs.demography)
        return inputs, people, demand(people, parts, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)

    (city, people, asked), (town, finer, parts) = staged(OWN), staged("town")
    for region, members in (("N", ("N1", "N2")), ("S", ("S1", "S2"))):
        one, many = city.regions.index(region), [town.regions.index(name) for name in members]
        np.testing.assert_allclose(finer.persons[0, many].sum(axis=0), people.persons[0, one], rtol=1e-12)
        population = [s for s, service in enumerate(city.demand.services) if service.driver == "population"]
        np.testing.assert_allclose(parts.clients[0][many][..., population].sum(axis=0), asked.clients[0, one][..., population], rtol=1e-12)
        np.testing.assert_allclose(town.fiscal.own_revenue[:, many].sum(axis=1), city.fiscal.own_revenue[:, one], rtol=1e-12)
        np.testing.assert_allclose(town.supply.capacity[many].sum(axis=0), city.supply.capacity[one], rtol=1e-12)
    np.testing.assert_allclose(town.supply.base_coverage[[2, 3], :, 0], 0.7)


def test_what_is_published_by_city_is_compared_with_the_sum_of_its_towns(place):
    observed = stage_inputs(load_pack("tiny", place, "town"), load_scenario("base", place, ["resolution=town"]), uniform).observed
    assert dict(zip(observed["region"], observed["leaves"], strict=True)) == {"N": "N1;N2", "all": "N1;N2;S1;S2"}
    own = run(load_scenario("base", place), home=place, replay=False).tables["backcast"].set_index(["region", "item"])
    town = run(load_scenario("base", place, ["resolution=town"]), home=place, replay=False).tables["backcast"].set_index(["region", "item"])
    assert own.loc[("N", "population"), "modelled"] != own.loc[("all", "births"), "modelled"]
    assert town.loc[("N", "population"), "modelled"] == pytest.approx(own.loc[("N", "population"), "modelled"], rel=0.01)


# --- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "place_of", "told"),
    [
        (
            "population",
            "N1,male,15,49,675",
            "N1,male,15,49,676",
            "tiny/town/population.csv, persons: '901'",
            "N, male, 15: its parts add up to 900, as in tiny/population.csv",
        ),
        ("residence", "S1,urban,persons,100", "S1,urban,persons,101", "tiny/town/residence.csv, value: '201'", "S, urban, persons: its parts add up to 200"),
        ("capacity", "N2,bed,5", "N2,bed,6", "tiny/town/capacity.csv, value: '21'", "N, bed: its parts add up to 20, as in tiny/capacity.csv"),
        (
            "fiscal",
            "S1,education,2020,1,",
            "S1,education,2020,1.0001,",
            "tiny/town/fiscal.csv, value: '200010000'",
            "S, education, 2020: its parts add up to 200000000",
        ),
        ("fiscal", "N1,own_revenue,2021,30000", "N1,own_revenue,2021,30001", "tiny/town/fiscal.csv", "N, own_revenue, 2021: its parts add up to 400000000"),
        ("vital", "N1,external_net_migration,22.5", "N1,external_net_migration,24", "tiny/town/vital.csv", "N, external_net_migration: its parts add up to 30"),
    ],
)
def test_parts_that_do_not_add_up_are_one_problem_that_names_city_and_item(tmp_path, file, old, new, place_of, told):
    files = two_level_files()
    name = f"tiny/town/{file}.csv"
    assert files[name].count(old) == 1
    files[name] = files[name].replace(old, new)
    found = [str(problem) for problem in check_pack("tiny", write(tmp_path, files)) if "add up" in str(problem)]
    assert len(found) == 1 and place_of in found[0] and told in found[0]
    with pytest.raises(InputError, match="add up"):
        load_pack("tiny", tmp_path, "town")
    assert load_pack("tiny", tmp_path).resolution == OWN  # the pack's own tables are not touched by it


def test_a_cell_that_only_one_side_has_does_not_add_up(tmp_path):
    files = two_level_files()
    files["tiny/town/fiscal.csv"] = files["tiny/town/fiscal.csv"].replace("N1,own_revenue,2021,30000,万元,D,assumption\n", "")
    assert "N, own_revenue, 2021: its parts add up to 400000000" in said(tmp_path, files)


def test_an_unknown_resolution_names_what_the_pack_has(place):
    for asked in (lambda: load_scenario("base", place, ["resolution=twon"]), lambda: load_pack("tiny", place, "twon")):
        with pytest.raises(InputError) as caught:
            asked()
        assert len(caught.value.problems) == 1
        assert "'twon' - a resolution of pack tiny: own, town (did you mean 'town'?)" in str(caught.value)
    (place / "scenarios/bad.yaml").write_text("extends: [base]\nresolution: [town]\n")
    with pytest.raises(InputError, match=r"bad.yaml, row 2, resolution: .*a resolution of pack tiny: own, town"):
        load_scenario("bad", place)


def test_a_finer_resolution_needs_every_table_by_region_that_the_pack_has(tmp_path):
    files = two_level_files()
    del files["tiny/town/vital.csv"], files["tiny/town/capacity.csv"]
    found = said(tmp_path, files)
    assert "tiny/town/vital.csv" in found and "tiny/town/capacity.csv" in found and len(found.splitlines()) == 2


def test_regions_outside_every_city_and_cities_without_parts_are_problems(tmp_path):
    files = two_level_files()
    files["tiny/town/regions.csv"] = files["tiny/town/regions.csv"].replace("S1,S,town", "S1,P,town").replace("S2,S,town", "S2,P,town")
    found = said(tmp_path, files)
    assert "tiny/town/regions.csv, row 7, parent: 'P' - a region within one of N, S" in found


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("tiny/town/services.csv", "service\n", "tiny/town/services.csv: 'services.csv' - a table by region"),
        ("tiny/village/regions.csv", "region\n", "tiny/village: 'village' - a folder that resolutions of pack.yaml names"),
    ],
)
def test_files_that_nothing_would_read_are_problems(tmp_path, file, text, told):
    assert told in said(tmp_path, two_level_files() | {file: text})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("resolutions: [town]", "name of a sub-folder: {unit_zh, unit_en}"),
        ("resolutions: {town: {unit_zh: 镇}}", "the keys unit_zh, unit_en, each text"),
        ("resolutions: {own: {unit_zh: 镇, unit_en: town}}", "small letters, digits and -, not own"),
    ],
)
def test_what_pack_yaml_says_of_resolutions_is_checked(tmp_path, line, told):
    files = two_level_files()
    files["tiny/pack.yaml"] = files["tiny/pack.yaml"].replace("resolutions: {town: {unit_zh: 镇, unit_en: town}}", line)
    assert told in said(tmp_path, files)


# --- scenarios ------------------------------------------------------------------------------------------------------


def test_a_scenario_carries_its_resolution(place):
    own, town = load_scenario("base", place), load_scenario("base", place, ["resolution=town"])
    assert own.resolved()["resolution"] == OWN and town.resolved()["resolution"] == "town"
    assert own.digest != town.digest and {k: v for k, v in own.resolved().items() if k != "resolution"} == {
        k: v for k, v in town.resolved().items() if k != "resolution"
    }
    assert load_scenario("base", place, ["resolution=own"]).digest == own.digest
    # what is written out reads back to the same, and a file that extends it may go back to the pack's own
    (place / "scenarios/written.yaml").write_text(to_yaml(town), encoding="utf-8")
    assert load_scenario("written", place).digest == town.digest
    (place / "scenarios/back.yaml").write_text("extends: [written]\nresolution: own\n", encoding="utf-8")
    assert load_scenario("back", place).resolution == OWN
    schema = jsonschema.Draft202012Validator(json_schema())
    assert schema.is_valid({"pack": "tiny", "resolution": "town"}) and not schema.is_valid({"pack": "tiny", "resolution": 1})


def test_a_pack_and_a_scenario_of_different_resolutions_do_not_meet(place):
    with pytest.raises(InputError, match="the resolution that was loaded, own"):
        stage_inputs(load_pack("tiny", place), load_scenario("base", place, ["resolution=town"]), uniform)


def test_a_run_keeps_packs_of_different_resolutions_apart(place):
    warm = WarmModels()
    own = run(load_scenario("base", place), home=place, warm=warm, replay=False)
    town = run(load_scenario("base", place, ["resolution=town"]), home=place, warm=warm, replay=False)
    assert set(warm.packs) == {("tiny", OWN), ("tiny", "town")}
    assert set(own.tables["allocation"]["region"]) == {"N", "S"} and set(town.tables["allocation"]["region"]) == {"N1", "N2", "S1", "S2"}
    assert own.pack_digest != town.pack_digest and all(one["status"] == "optimal" for one in town.passes)


def test_an_area_with_less_than_half_a_client_is_no_part_of_an_indicator(place):
    """Cut fine, a rare service has areas with a third of a client, which the allocation leaves out: the rest served whole is 100 %."""
    inputs = stage_inputs(load_pack("tiny", place, "town"), load_scenario("base", place, ["resolution=town"]), uniform)
    people, parts = demography.simulate(inputs.demography)
    needed = demand(people, parts, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)
    clients = needed.clients.copy()
    clients[:, 1, 0, 0], clients[:, :, :, 1] = 0.3, 0.2
    seen = noticed(replace(needed, clients=clients)).clients
    assert (seen[:, 1, 0, 0] == 0).all() and (seen[..., 1] == 0.2).all()  # a service that is rare everywhere keeps its clients
    untouched = clients[..., 0] >= 0.5
    np.testing.assert_array_equal(seen[..., 0][untouched], clients[..., 0][untouched])


# --- the packs that have one ----------------------------------------------------------------------------------------


def finer_packs() -> list[tuple[str, str]]:
    found = []
    for path in sorted((REPOSITORY / "assumptions").glob("*/pack.yaml")):
        found += [(path.parent.name, name) for name in read_yaml(path).get("resolutions", {})]
    return found


def alike(inputs: StageInputs, s: int) -> bool:
    """Whether a service is given to everybody of an age alike, in towns and villages, at home or not."""
    need = inputs.demand.need[..., s]
    return inputs.demand.services[s].basis == "served" and bool((need[0] == need[1]).all())


@pytest.mark.parametrize(("pack", "resolution"), finer_packs())
def test_clients_by_county_add_up_to_those_by_city(pack, resolution):
    """People to the last one. Clients too where everybody of an age is served alike; else within what differs between a city's and its counties'
    split of ages over towns, villages and residents from elsewhere."""

    def staged(name):
        scenario = load_scenario(f"{pack}-baseline", REPOSITORY, [f"resolution={name}"])
        inputs = stage_inputs(load_pack(pack, REPOSITORY, name), scenario, demography.base_population)
        people, parts = demography.simulate(inputs.demography)
        return inputs, people, demand(people, parts, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)

    (city, people, asked), (finer, many, parts) = staged(OWN), staged(resolution)
    above = {row["region"]: row["parent"] for row in load_pack(pack, REPOSITORY, resolution).tables["regions.csv"]}
    for r, region in enumerate(city.regions):
        members = [i for i, name in enumerate(finer.regions) if above[name] == region or name == region]
        np.testing.assert_allclose(many.persons[0, members].sum(axis=(0, 1, 2, 3)), people.persons[0, r].sum(axis=(0, 1, 2)), rtol=0, atol=60)
        assert many.persons[0, members].sum() == pytest.approx(people.persons[0, r].sum(), abs=1e-3)
        for s, service in enumerate(city.demand.services):
            if service.driver == "population" and alike(city, s):
                assert parts.clients[0][members][..., s].sum() == pytest.approx(asked.clients[0, r, :, s].sum(), rel=1e-3), (region, service.code)
    for s, service in enumerate(city.demand.services):
        if service.driver == "population" and asked.clients[0, ..., s].sum() > 0:
            assert parts.clients[0, ..., s].sum() == pytest.approx(asked.clients[0, ..., s].sum(), rel=0.1), service.code
