"""Which rows belong together: what is missing, doubled or does not add up once all tables of a pack lie side by side.

Knows the pack format's tables; must not know scenarios or what a number is used for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fiscalsim.assumptions.catalogue import catalogue_problems
from fiscalsim.assumptions.tables import (
    ALL,
    ASSUMPTION,
    EVERY,
    FISCAL_ONCE,
    FISCAL_PATHS,
    NO_TARGET,
    PER,
    RELIEF_BY_RESIDENCE,
    RELIEF_CARE,
    REPORTED,
    SHAPES,
    VITAL_ITEMS,
    Row,
    missing,
    unknown_codes,
)
from fiscalsim.axes import AGES, OPEN_AGE, RESIDENCES, SEXES
from fiscalsim.errors import Problem, nearest
from fiscalsim.levers import Document, Lever
from fiscalsim.parameters import NATIONAL, PARAMETERS, Parameter
from fiscalsim.quantities import FUNDS

PARTS_TOLERANCE = 0.5  # of a person, place or yuan: finer regions add up to the last unit
SUM_TOLERANCE = 1e-3  # published margins of one census may differ by rounding, not by more
SHARE_TOLERANCE = 1e-6


def leaves_of(tables: dict[str, list[Row]]) -> list[Row]:
    """Regions that are no other region's parent, in the official order."""
    parents = {row["parent"] for row in tables["regions.csv"]}
    return [row for row in tables["regions.csv"] if row["region"] not in parents]


def sources_exist(tables: dict[str, list[Row]], parameters: dict[str, Parameter], document: Document) -> list[Problem]:
    known = [ASSUMPTION, *(row["source"] for row in tables["sources.csv"])]
    what = "a source of sources.csv"
    problems = []
    for file, shape in SHAPES.items():
        if shape.graded:
            problems += unknown_codes(tables[file], "source", known, what)
    problems += [Problem(p.file, p.row, f"{p.path}.source", p.source, what, nearest(p.source, known)) for p in parameters.values() if p.source not in known]
    cited = document.data["plan"]["document"]
    if cited not in known:
        problems.append(Problem(document.name, document.row("plan", "document"), "plan.document", cited, what, nearest(cited, known)))
    return problems


def uncertain_paths(tables: dict[str, list[Row]], levers: Iterable[Lever]) -> list[Problem]:
    """What uncertainty.csv draws must be levers that may change from year to year; what a row follows is another row that follows nothing."""
    rows = tables["uncertainty.csv"]
    free = [row["path"] for row in rows if not row["follows"]]
    by_year = [lever.path for lever in levers if PARAMETERS.get(lever.path, (False,))[0]]
    problems = unknown_codes(rows, "path", by_year, "a lever that may change from year to year")
    problems += unknown_codes([row for row in rows if row["follows"]], "follows", free, "a path of this table that follows no other")
    problems += [
        Problem(row["file"], row["line"], "correlation", "", "a number from -1 to 1 where follows is given, else nothing")
        for row in rows
        if (row["correlation"] is None) == bool(row["follows"])
    ]
    return problems


def codes_known(tables: dict[str, list[Row]]) -> list[Problem]:
    services = [row["service"] for row in tables["services.csv"]]
    resources = [row["resource"] for row in tables["resources.csv"]]
    regions = [row["region"] for row in tables["regions.csv"]]
    leaves = [row["region"] for row in leaves_of(tables)]
    problems = []
    for file in ("population.csv", "residence.csv", "vital.csv", "capacity.csv", "fiscal.csv"):
        problems += unknown_codes(tables[file], "region", leaves, "a region of regions.csv that has no parts")
    problems += unknown_codes(tables["coverage.csv"], "region", [*leaves, EVERY], "a region of regions.csv, or *")
    problems += unknown_codes(tables["observed.csv"], "region", [*regions, ALL], "a region of regions.csv, or all")
    problems += unknown_codes(tables["published.csv"], "region", regions, "a region of regions.csv")
    problems += unknown_codes(tables["births.csv"], "region", [*regions, ALL], "a region of regions.csv, or all")
    problems += unknown_codes(tables["zones.csv"], "inside", leaves, "a region of regions.csv that has no parts")
    for file in ("needs.csv", "standards.csv", "coverage.csv", "requires.csv", "queues.csv"):
        problems += unknown_codes(tables[file], "service", services, "a service of the catalogue")
    for file in ("requires.csv", "capacity.csv", "purchase.csv", "staff.csv"):
        problems += unknown_codes(tables[file], "resource", resources, "a resource of resources.csv")
    problems += unknown_codes(tables["projects.csv"], "resource", [*resources, EVERY], "a resource of resources.csv, or *")
    for column in ("from", "to"):
        problems += unknown_codes(tables["conversions.csv"], column, resources, "a resource of resources.csv")
    problems += unknown_codes((row for row in tables["priority.csv"] if row["kind"] == "residence"), "name", RESIDENCES, " or ".join(RESIDENCES))
    problems += unknown_codes((row for row in tables["priority.csv"] if row["kind"] == "region"), "name", regions, "a region of regions.csv")
    for row in tables["indicators.csv"]:
        measure = row["measure"]
        if measure in ("coverage", "clients_per", "standard", "standard_growth"):
            problems += unknown_codes([row], "of", services, "a service of the pack's catalogue")
        elif measure.startswith("capacity") or measure == "compliance":
            problems += unknown_codes([row], "of", resources, "a resource of resources.csv")
        elif measure == "reported":
            problems += unknown_codes([row], "of", REPORTED, f"one of {', '.join(REPORTED)}")
        elif measure in ("count_per", "insured_share"):
            printed = [other["indicator"] for other in tables["indicators.csv"] if other["base_value"] is not None]
            problems += unknown_codes([row], "of", printed, "an indicator of this table with a base value")
        if measure in ("clients_per", "capacity_per", "count_per"):
            problems += unknown_codes([row], "per", PER, f"one of {', '.join(PER)}")
        elif measure == "capacity_share":
            problems += unknown_codes([row], "per", resources, "a resource of resources.csv")
    problems += unknown_codes(tables["conflicts.csv"], "indicator", [row["indicator"] for row in tables["indicators.csv"]], "an indicator of indicators.csv")
    return [*problems, *catalogue_problems(tables)]


def whole_pack(document: Document, pack: str, tables: dict[str, list[Row]]) -> Iterator[Problem]:
    """What is missing, doubled or does not add up once all rows lie side by side; `pack` is the folder that is named."""
    base = document.data["base_year"]
    leaves = leaves_of(tables)
    regions = [row["region"] for row in leaves]
    services = tables["services.csv"]
    if not regions:
        yield Problem(f"{pack}/regions.csv", None, "region", "", "at least one region")
    for row in tables["regions.csv"]:
        if row["parent"] == row["region"]:
            yield Problem(row["file"], row["line"], "parent", row["parent"], "another region, or nothing")
    yield from _population_whole(pack, tables, regions)
    yield from missing(
        tables["residence.csv"],
        ("region", "residence", "item"),
        ((r, h, item) for r in regions for h in RESIDENCES for item in ("persons", "non_local_share")),
        f"{pack}/residence.csv",
        "a row for every region and residence",
    )
    yield from missing(
        tables["vital.csv"], ("region", "item"), ((r, item) for r in regions for item in VITAL_ITEMS), f"{pack}/vital.csv", "a row for every region and item"
    )
    yield from _shares_whole(pack, tables, regions)
    yield from missing(tables["mortality.csv"], ("sex", "age"), ((x, a) for x in SEXES for a in AGES), f"{pack}/mortality.csv", "a rate for every sex and age")
    yield from missing(
        tables["mover_schedule.csv"], ("sex", "age"), ((x, a) for x in SEXES for a in AGES), f"{pack}/mover_schedule.csv", "a rate for every sex and age"
    )
    for h in RESIDENCES:
        if not sum(row["asfr"] for row in tables["fertility.csv"] if row["residence"] == h) > 0:
            yield Problem(f"{pack}/fertility.csv", None, "residence", h, "rates above zero for this residence")
    for row in tables["mortality.csv"]:
        if not row["mx"] > 0:
            yield Problem(row["file"], row["line"], "mx", str(row["mx"]), "a death rate above zero")
    for item in (*FISCAL_ONCE, *FISCAL_PATHS):
        yield from missing(
            [row for row in tables["fiscal.csv"] if row["item"] == item],
            ("region", "item", "year"),
            ((r, item, base) for r in regions),
            f"{pack}/fiscal.csv",
            f"a value of the base year {base}",
        )
    yield from _no_gap_years(tables, base)
    yield from _births_whole(tables, base)
    yield from _services_whole(pack, base, tables, leaves)
    funds = [(fund, item) for fund in FUNDS for item in ("contributors", "beneficiaries", "contribution", "benefit", "reserve_months")]
    funds += [(fund, "subsidy") for fund in ("residents_pension", "residents_medical")]
    yield from missing(tables["funds.csv"], ("fund", "item"), funds, f"{NATIONAL}/funds.csv", "a row for every fund and item")
    yield from _relief_whole(pack, tables["relief.csv"])
    needed = [row["resource"] for row in tables["resources.csv"]]
    yield from missing(
        tables["capacity.csv"],
        ("region", "resource"),
        ((r, k) for r in regions for k in needed),
        f"{pack}/capacity.csv",
        "a row for every region and resource that a service needs",
    )
    for row in services:
        if row["kind"] == "place" and row["service"] not in {need["service"] for need in tables["requires.csv"]}:
            yield Problem(f"{pack}/requires.csv", None, "service", row["service"], "a resource for a service of kind place")
    yield from _indicators_whole(tables)


def _relief_whole(pack: str, rows: list[Row]) -> Iterator[Problem]:
    """A pack that states rules for the destitute states all that they act on, and its shares hold everyone."""
    if not rows:
        return
    wanted = [(item, residence) for item in RELIEF_BY_RESIDENCE for residence in RESIDENCES] + [(item, ALL) for item in RELIEF_CARE]
    yield from missing(rows, ("item", "residence"), wanted, f"{pack}/relief.csv", "a row for every item and residence (care: all)")
    care = tuple(item for item in RELIEF_CARE if item.endswith("_part"))
    for items, what in ((("destitute_part",), "shares of town and country sum to 1"), (care, "shares of the care levels sum to 1")):
        total = sum(row["value"] for row in rows if row["item"] in items)
        if abs(total - 1.0) > SHARE_TOLERANCE:
            yield Problem(f"{pack}/relief.csv", None, "value", f"{total:.15g}", what)


def parts_add_up(folder: str, whole: dict[str, list[Row]], tables: dict[str, list[Row]]) -> Iterator[Problem]:
    """Where finer regions do not add up to the pack's own, cell by cell: people by sex and age group and by residence, migrants from outside
    the pack, places and staff, and every item of the budget by year."""
    if "regions.csv" not in whole:
        return
    cities = [row["region"] for row in whole["regions.csv"] if row["region"] not in {other["parent"] for other in whole["regions.csv"]}]
    above = {row["region"]: row["parent"] for row in tables["regions.csv"]}
    city_of: dict[str, str] = {}
    for row in leaves_of(tables):
        at, seen = row["region"], set[str]()
        while at not in cities and at in above and at not in seen:
            seen.add(at)
            at = above[at]
        if at in cities:
            city_of[row["region"]] = at
        else:
            yield Problem(row["file"], row["line"], "parent", row["parent"], f"a region within one of {', '.join(cities)}", nearest(row["parent"], cities))
    for city in cities:
        if city not in city_of.values():
            yield Problem(f"{folder}/regions.csv", None, "region", city, "the regions that are its parts")
    used = {row["resource"] for row in tables["resources.csv"]}  # rows of resources that the pack has no use for were dropped
    for file, key, column, items in _ADDED:
        if file not in whole:
            continue
        before = [row for row in whole[file] if row.get("resource") in (None, *used)]

        def added(
            rows: list[Row], city: Mapping[str, str], key: tuple[str, ...] = key, column: str = column, items: tuple[str, ...] = items
        ) -> dict[Any, float]:
            found: dict[Any, float] = defaultdict(float)
            for row in rows:
                if row["region"] in city and (not items or row["item"] in items):
                    found[(city[row["region"]], *(row[name] for name in key))] += row[column]
            return found

        own, parts = added(before, dict(zip(cities, cities, strict=True))), added(tables[file], city_of)
        for cell in {**own, **parts}:
            total, expected = parts.get(cell, 0.0), own.get(cell, 0.0)
            if abs(total - expected) > PARTS_TOLERANCE:
                what = ", ".join(map(str, cell[1:]))
                place = whole[file][0]["file"] if whole[file] else file
                yield Problem(f"{folder}/{file}", None, column, f"{total:.15g}", f"{cell[0]}, {what}: its parts add up to {expected:.15g}, as in {place}")


# what finer regions add up to: file, key beside the region, column, items (empty: every row)
_ADDED = (
    ("population.csv", ("sex", "age_from"), "persons", ()),
    ("residence.csv", ("residence", "item"), "value", ("persons",)),
    ("vital.csv", ("item",), "value", ("external_net_migration",)),
    ("capacity.csv", ("resource",), "value", ()),
    ("fiscal.csv", ("item", "year"), "value", ()),
)


def _population_whole(pack: str, tables: dict[str, list[Row]], regions: list[str]) -> Iterator[Problem]:
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in tables["population.csv"]:
        groups[row["region"], row["sex"]].append(row)
    for region in regions:
        for sex in SEXES:
            if (region, sex) not in groups:
                yield Problem(f"{pack}/population.csv", None, "region, sex", f"{region}, {sex}", "age groups for every region and sex")
            else:
                yield from _tiled(groups[region, sex], 0, f"{region}, {sex}")
    elders: dict[str, list[Row]] = defaultdict(list)
    for row in tables["open_ages.csv"]:
        elders[row["sex"]].append(row)
    for rows in elders.values():
        yield from _tiled(rows, min(row["age_from"] for row in rows), rows[0]["sex"])
    for (region, sex), rows in groups.items():
        last = max(rows, key=lambda row: row["age_from"])
        if last["age_from"] < OPEN_AGE and last["age_from"] not in {row["age_from"] for row in elders[sex]}:
            yield Problem(f"{pack}/open_ages.csv", None, "sex, age_from", f"{sex}, {last['age_from']}", f"groups that split {region}'s open group")


def _tiled(rows: list[Row], first: int, who: str) -> Iterator[Problem]:
    """Age groups follow each other from `first` without gap or overlap, the last one open."""
    expected: int | None = first
    for row in sorted(rows, key=lambda row: row["age_from"]):
        if row["age_from"] != expected:
            wanted = "no group after the open one" if expected is None else f"a group from age {expected}: ages follow without gap or overlap"
            yield Problem(row["file"], row["line"], "age_from", str(row["age_from"]), f"{who}: {wanted}")
        if row["age_to"] is not None and row["age_to"] < row["age_from"]:
            yield Problem(row["file"], row["line"], "age_to", str(row["age_to"]), f"{who}: not below age_from {row['age_from']}")
        expected = None if row["age_to"] is None else row["age_to"] + 1
    if expected is not None:
        row = max(rows, key=lambda row: row["age_from"])
        yield Problem(row["file"], row["line"], "age_to", str(row["age_to"]), f"{who}: the last group is open (age_to empty)")


def _shares_whole(pack: str, tables: dict[str, list[Row]], regions: list[str]) -> Iterator[Problem]:
    people: dict[str, float] = defaultdict(float)
    sexes: dict[str, set[str]] = defaultdict(set)
    towns: dict[str, float] = defaultdict(float)
    for row in tables["population.csv"]:
        people[row["region"]] += row["persons"]
        sexes[row["region"]].add(row["sex"])
    for row in tables["residence.csv"]:
        if row["item"] == "persons":
            towns[row["region"]] += row["value"]
    for region in regions:
        if sexes[region] == set(SEXES) and region in towns and abs(towns[region] - people[region]) > SUM_TOLERANCE * people[region]:
            yield Problem(
                f"{pack}/residence.csv",
                None,
                "value",
                f"{towns[region]:.15g}",
                f"{region}: urban and rural persons sum to its population {people[region]:.15g}",
            )
        if region in people and not people[region] > 0:
            yield Problem(f"{pack}/population.csv", None, "persons", "0", f"{region}: somebody lives there")
    taken: dict[str, float] = defaultdict(float)
    for row in tables["zones.csv"]:
        taken[row["inside"]] += row["share"]
        if taken[row["inside"]] > 1 + SHARE_TOLERANCE:
            yield Problem(row["file"], row["line"], "share", f"{taken[row['inside']]:.15g}", f"the zones inside {row['inside']} hold at most all of its people")
    shares = [row for row in tables["vital.csv"] if row["item"] == "destination_share"]
    total = sum(row["value"] for row in shares)
    if shares and abs(total - 1) > SHARE_TOLERANCE:
        yield Problem(shares[0]["file"], shares[-1]["line"], "value", f"{total:.15g}", "destination_share sums to 1 over the regions")
    for row in tables["vital.csv"]:
        signed, divides = row["item"] in ("e0_difference", "external_net_migration"), row["item"] in ("srb", "household_size")
        if row["value"] < 0 and not signed or row["value"] == 0 and divides:
            yield Problem(row["file"], row["line"], "value", f"{row['value']:.15g}", f"{row['item']} {'above zero' if divides else 'not negative'}")


def _no_gap_years(tables: dict[str, list[Row]], base: int) -> Iterator[Problem]:
    years: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in tables["fiscal.csv"]:
        if row["item"] in FISCAL_PATHS and row["year"] >= base:
            years[row["region"], row["item"]].add(row["year"])
    file = tables["fiscal.csv"][0]["file"] if tables["fiscal.csv"] else "fiscal.csv"
    for (region, item), found in years.items():
        for year in range(base, max(found)):
            if year not in found and year > base:
                yield Problem(file, None, "region, item, year", f"{region}, {item}, {year}", "no year missing between published ones")


def births_of(tables: dict[str, list[Row]], region: str) -> dict[int, float]:
    """{year: births} that shape a region's young ages: its own rows of births.csv, else its parent's, else those of `all`."""
    parents = {row["region"]: row["parent"] for row in tables["regions.csv"]}
    by_region: dict[str, dict[int, float]] = defaultdict(dict)
    for row in tables["births.csv"]:
        by_region[row["region"]][row["year"]] = row["value"]
    return next((by_region[name] for name in (region, parents.get(region, ""), ALL) if name in by_region), {})


def _births_whole(tables: dict[str, list[Row]], base: int) -> Iterator[Problem]:
    """Where births are given, every region has some, year after year back from the base year."""
    if not tables["births.csv"]:
        return
    file = tables["births.csv"][0]["file"]
    for row in tables["births.csv"]:
        if row["year"] > base:
            yield Problem(row["file"], row["line"], "year", str(row["year"]), f"at most the base year {base}; later births are published figures: observed.csv")
        elif not row["value"] > 0:
            yield Problem(row["file"], row["line"], "value", str(row["as_written"]), "above zero")
    for leaf in leaves_of(tables):
        years = births_of(tables, leaf["region"])
        absent = [year for year in range(min([*years, base]), base + 1) if year not in years]
        for year in absent:
            yield Problem(file, None, "region, year", f"{leaf['region']}, {year}", "births of the region, its parent or all for every year up to the base year")


def _services_whole(pack: str, base: int, tables: dict[str, list[Row]], leaves: list[Row]) -> Iterator[Problem]:
    tiers = sorted({row["tier"] for row in leaves})
    rules = {(row["rule"], row["tier"]) for row in tables["sharing.csv"]}
    known_rules = sorted({rule for rule, _ in rules} | {LOCAL})
    covered = {(row["service"], row["region"], row["residence"]) for row in tables["coverage.csv"]}
    dated: dict[str, list[int]] = defaultdict(list)
    for row in tables["standards.csv"]:
        dated[row["service"]].append(row["year"])
    needs: dict[str, list[Row]] = defaultdict(list)
    for row in tables["needs.csv"]:
        needs[row["service"]].append(row)
    for row in tables["services.csv"]:
        code = row["service"]
        if row["floor"] > row["ceiling"]:
            yield Problem(row["file"], row["line"], "floor", f"{row['floor']:.15g}", f"not above the ceiling {row['ceiling']:.15g}")
        if not needs[code]:
            yield Problem(f"{pack}/needs.csv", None, "service", code, "at least one row")
        yield from _needs_clear(row, needs[code])
        if not dated[code] or min(dated[code]) > base:
            yield Problem(
                f"{pack}/standards.csv", None, "service, year", f"{code}, {min(dated[code], default=base)}", f"a standard in force in the base year {base}"
            )
        rule = row["sharing_rule"]
        for tier in tiers:
            if rule != LOCAL and (rule, str(tier)) not in rules and (rule, ALL) not in rules:
                yield Problem(
                    row["file"],
                    row["line"],
                    "sharing_rule",
                    rule,
                    f"a rule of sharing.csv for tier {tier}",
                    "" if rule in known_rules else nearest(rule, known_rules),
                )
        for region in leaves:
            for residence in RESIDENCES:
                if not {(code, r, h) for r in (region["region"], EVERY) for h in (residence, ALL)} & covered:
                    yield Problem(f"{pack}/coverage.csv", None, "service, region, residence", f"{code}, {region['region']}, {residence}", "a row, or one for *")
    ceilings: dict[str, float] = {row["service"]: row["ceiling"] for row in tables["services.csv"]}
    for row in tables["coverage.csv"]:
        if row["service"] in ceilings and row["value"] > max(1.0, ceilings[row["service"]]):
            yield Problem(row["file"], row["line"], "value", f"{row['value']:.15g}", "a share from 0 to 1 (or to the service's ceiling), not percent")


def _needs_clear(service: Row, rows: list[Row]) -> Iterator[Problem]:
    """Ages only where the driver is population; no two rows of one residence and sex for the same age."""
    by_person = service["driver"] == "population"
    taken: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if by_person and row["rate"] > 1:
            yield Problem(row["file"], row["line"], "rate", f"{row['rate']:.15g}", "a share from 0 to 1, not percent: clients per person")
        if not by_person and (row["age_from"] is not None or row["age_to"] is not None or row["sex"] != ALL):
            yield Problem(
                row["file"],
                row["line"],
                "age_from",
                str(row["age_from"]),
                f"no ages and sex all, for the driver of {service['service']} is {service['driver']}",
            )
        first, last = age_span(row)
        if last < first:
            yield Problem(row["file"], row["line"], "age_to", str(row["age_to"]), f"not below age_from {first}")
        for other in taken[row["residence"], row["sex"]]:
            if max(first, age_span(other)[0]) <= min(last, age_span(other)[1]):
                yield Problem(row["file"], row["line"], "age_from", str(row["age_from"]), f"no age twice; row {other['line']} of {other['file']} covers it too")
        taken[row["residence"], row["sex"]].append(row)


def _indicators_whole(tables: dict[str, list[Row]]) -> Iterator[Problem]:
    for row in tables["indicators.csv"]:
        measure = row["measure"]
        if measure not in ("stated",) and not row["of"]:
            yield Problem(row["file"], row["line"], "of", "", f"codes, for measure {measure}")
        if measure in ("capacity_per", "capacity_share", "count_per") and not row["per"]:  # clients_per nothing is a plain count of clients
            yield Problem(row["file"], row["line"], "per", "", f"{'resources' if measure == 'capacity_share' else ', '.join(PER)}, for measure {measure}")
        if measure not in ("stated", "reported") and row["scale"] is None:
            yield Problem(row["file"], row["line"], "scale", "", f"a number, for measure {measure}")
        if measure in ("standard", "standard_growth") and len(row["of"]) > 1:
            yield Problem(row["file"], row["line"], "of", ";".join(row["of"]), f"one service, for measure {measure}")
        if measure == "stated" and not row["note"]:
            yield Problem(row["file"], row["line"], "note", "", "the reason why it is not computed, for measure stated")
        if row["target_value"] is None and row["target_op"] not in NO_TARGET and measure != "stated":
            yield Problem(row["file"], row["line"], "target_value", "", f"a number, for target_op {row['target_op']}")
        if row["target_op"] == "range" and (row["target_high"] is None or row["target_value"] is None or row["target_high"] < row["target_value"]):
            yield Problem(row["file"], row["line"], "target_high", str(row["target_high"] or ""), "the upper end of the range, not below target_value")
        for column in ("base", "target"):
            if row[f"{column}_from"] is not None and row[f"{column}_from"] > row[f"{column}_year"]:
                yield Problem(row["file"], row["line"], f"{column}_from", str(row[f"{column}_from"]), f"not after {column}_year {row[f'{column}_year']}")
    conflicting: dict[str, list[Row]] = defaultdict(list)
    for row in tables["conflicts.csv"]:
        conflicting[row["conflict"]].append(row)
    for code, rows in conflicting.items():
        if sum(row["chosen"] for row in rows) > 1:
            yield Problem(rows[0]["file"], rows[-1]["line"], "chosen", "yes", f"at most one chosen of the statements of {code}")


LOCAL = "local"  # the sharing rule of a service that no upper level pays


def age_span(row: Row) -> tuple[int, int]:
    """First and last age of a row; empty ages mean all."""
    return (0 if row["age_from"] is None else row["age_from"], OPEN_AGE if row["age_to"] is None else row["age_to"])
