"""What would mend a shortfall: ways as patches of the scenario, each at its least size, applied and solved again, with who gains, who loses and the cost.

A way is first asked on the warm model whether it could help at all, everybody else keeping what they have, and how large it must be; only what could
is then solved as a plan of its own, and only what that plan gives is said. Knows scenarios, the pipeline's question and the outcome of plans; must not
know words or pages. Persons are clients of the year shown, yuan of the year itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.allocation import GROUPS, Aim, Asker, Explained, OneCell, Outcome, Solved, explained, form_of, terms
from fiscalsim.assumptions import Pack, load_pack
from fiscalsim.axes import RESIDENCES
from fiscalsim.errors import InputError, NoSolution, Problem, nearest
from fiscalsim.pipeline import Posed, WarmModels, posed
from fiscalsim.scenario import Scenario
from fiscalsim.scenario import home as default_home
from fiscalsim.ways import WAYS, Known, Patch, Way

LEAST = 1.0  # persons; fewer is no help
NOTICED = 0.01  # a smaller part of the shortfall is no help either
HARD = 0.5  # persons lost in an area before it counts as losing
WHOLE = 0.995  # of a shortfall that is closed
LEAST_SHORT = 1e-4  # of a target's way; less is met
HALVINGS = 5
GIVE_UP = ("lower_target", "raise_less", "raise_later")
Say = Callable[[float, str], None]


@dataclass(frozen=True)
class Picked:
    """One shortfall that is asked for: a region's service (residence urban, rural or both), or an indicator of the plan."""

    region: str = ""
    service: str = ""
    residence: str = "both"
    indicator: str = ""


@dataclass(frozen=True)
class Repairs:
    """`shortfalls`: rank, year, region, residence, service (or the indicator's code), goal (floor, standard, target), persons (or units of the indicator),
    yuan, clients (or the target), limited_by.

    `repairs`: shortfall (rank), place (1 is best; 0 does not help), way, size, set, persons (more served in the cell, or units), closed (share of the
    shortfall), yuan (more spent up to the year), yuan_year (in the year), each (yuan a person), persons_all (more served in the whole plan), losers
    (persons who lose), loser_region, loser_service, works_from (first year in which the cell has more; may lie after the year), helps, solved (as a
    plan of its own; a way that could not help even with nobody else getting less is not).
    """

    year: int
    shortfalls: pd.DataFrame
    repairs: pd.DataFrame
    places: pd.DataFrame  # names of the regions
    services: pd.DataFrame  # names of services and indicators


# --- which shortfalls -----------------------------------------------------------------------------------------------

SHORTFALL = ["year", "region", "residence", "service", "goal", "persons", "yuan", "clients", "limited_by", "r", "s"]


def largest(outcome: Outcome, asked: Posed, year: int, top: int) -> pd.DataFrame:
    """The largest shortfalls of a year: floors before the full standard, in turn by yuan and by persons; columns as `Repairs.shortfalls`."""
    y = asked.inputs.horizon.index(year)
    cells = np.argwhere(outcome.clients[y] - outcome.served[y] >= HARD)
    table = pd.DataFrame([_shortfall(outcome, asked, year, int(r), int(s), "both") for r, s in cells], columns=SHORTFALL)
    order: list[Any] = []
    for goal in ("floor", "standard"):
        mine = table[table["goal"] == goal]
        turns = [list(mine.sort_values([by, "region", "service"], ascending=[False, True, True]).index) for by in ("yuan", "persons")]
        for pair in zip(*turns, strict=True):
            order += [i for i in dict.fromkeys(pair) if i not in order]
    return _ranked_rows(table.loc[order[:top]])


def _ranked_rows(table: pd.DataFrame) -> pd.DataFrame:
    table = table.reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def _shortfall(outcome: Outcome, asked: Posed, year: int, r: int, s: int, residence: str) -> tuple[Any, ...]:
    y, at = asked.inputs.horizon.index(year), list(_positions(residence))
    clients = float(outcome.clients_in[y, r, at, s].sum())
    missing, below = clients - float(outcome.served_in[y, r, at, s].sum()), float(outcome.below_in[y, r, at, s].sum())
    code, service = asked.inputs.regions.labels[r], asked.needed.services.labels[s]
    held = outcome.limited_by.query("year == @year and region == @code and service == @service")["limited_by"]
    floor = below >= HARD
    persons = below if floor else missing
    limit = str(held.iloc[0]) if len(held) else ""
    return (year, code, residence, service, "floor" if floor else "standard", persons, persons * outcome.standard[y, r, s], clients, limit, r, s)


def _positions(residence: str) -> tuple[int, ...]:
    return (0, 1) if residence == "both" else (RESIDENCES.index(residence),)


def _picked(outcome: Outcome, asked: Posed, year: int, picked: Picked) -> pd.DataFrame:
    """The shortfall that is asked for, as one row; none where nothing is short."""
    y = asked.inputs.horizon.index(year)
    if picked.indicator:
        i = _position("indicator", picked.indicator, asked.forms.codes)
        units, limit = float(outcome.short[y, i]), ""
        at = asked.needed.years.index(year)
        row = (year, "plan", "both", picked.indicator, "target", units, np.nan, float(asked.forms.target[at, i]), limit, -1, i)
        rows = [row] if units > LEAST_SHORT * asked.forms.distance[i] else []
    else:
        r = _position("region", picked.region, asked.inputs.regions.labels)
        s = _position("service", picked.service, asked.needed.services.labels)
        if picked.residence not in ("both", *RESIDENCES):
            raise InputError([Problem("shortfall", None, "residence", picked.residence, f"both, {', '.join(RESIDENCES)}")])
        row = _shortfall(outcome, asked, year, r, s, picked.residence)
        rows = [row] if row[5] >= HARD else []
    return _ranked_rows(pd.DataFrame(rows, columns=SHORTFALL))


def _position(what: str, code: str, known: tuple[str, ...]) -> int:
    if code not in known:
        raise InputError([Problem("shortfall", None, what, code, f"one of the {len(known)} of this place", nearest(code, known))])
    return known.index(code)


def _aim(row: Mapping[Any, Any], y: int) -> Aim:
    if row["goal"] == "target":
        return Aim(y, indicator=int(row["s"]))
    return Aim(y, int(row["r"]), _positions(str(row["residence"])), int(row["s"]))


# --- asking on the warm model ---------------------------------------------------------------------------------------


class Trial:
    """One scenario's plan and its shortfalls, and what patches of it would do."""

    def __init__(self, scenario: Scenario, pack: Pack, year: int, warm: WarmModels | None):
        self.scenario, self.pack, self.year = scenario, pack, year
        self.asker = Asker(warm.passes if warm is not None else None)
        self.asked = posed(pack, scenario)
        self.now: Solved = self.asker.solved(self.asked.inputs, self.asked.needed, self.asked.money, self.asked.forms)
        self.y = self.asked.inputs.horizon.index(year)

    def posed(self, patch: Patch) -> Posed:
        """The stages before the allocation, with the patch."""
        return posed(self.pack, replace(self.scenario, set={**self.scenario.set, **patch}))

    def known(self, row: Mapping[Any, Any]) -> Known:
        """What ways may have to know of a shortfall."""
        info = self.asked.inputs.info
        years = self.asked.inputs.horizon.labels
        if row["goal"] != "target":
            return Known(info.base_year, years, self.year)
        sign = -1.0 if row["clients"] < 0 else 1.0
        return Known(info.base_year, years, self.year, str(row["service"]), sign * (float(row["clients"]) - float(row["persons"])))

    def could(self, patch: Patch, rows: list[dict[Any, Any]], bases: list[OneCell]) -> list[float] | None:
        """What each shortfall could gain by the patch with nobody else getting less; None where the patch gives the model other rows."""
        asked = self.posed(patch)
        numbers = terms(asked.inputs, asked.needed, asked.money, asked.forms)
        try:
            form = form_of(self.now.passes, numbers)
        except NoSolution:
            return None
        found = []
        for row, base in zip(rows, bases, strict=True):
            try:
                there = OneCell(self.now.passes, self.now.solution, _aim(row, self.y), numbers, form, base)
                found.append(there.most() - base.reached)
            except NoSolution:
                found.append(np.nan)
        return found


def _least_size(trial: Trial, way: Way, rows: list[dict[Any, Any]], bases: list[OneCell]) -> float | None:
    """The least size at which the way does for every shortfall what it can do at most, by halving; 0 where it could do nothing, None if it cannot be asked."""
    known = trial.known(rows[0])
    top = way.most
    best = trial.could(way.of(trial.scenario, known, top), rows, bases)
    if best is None or np.isnan(best).all():
        return None
    wanted = [0.99 * gain for gain in best]
    mine = [i for i, gain in enumerate(best) if gain > bases[i].least]
    if not mine:
        return 0.0
    low, high = 0.0, top
    for _ in range(HALVINGS):
        middle = way.rounded((low + high) / 2)
        if not low < middle < high:
            break
        patch = way.of(trial.scenario, known, middle)
        gains = trial.could(patch, [rows[i] for i in mine], [bases[i] for i in mine]) if patch else None
        if gains is not None and all(gain >= wanted[i] for gain, i in zip(gains, mine, strict=True)):
            high = middle
        else:
            low = middle
    return high


def _worth_asking(way: Way, priced: set[str]) -> bool:
    """Whether a way that cannot be asked on the warm model touches a limit that holds."""
    return not way.eases or bool(priced & set(way.eases))


# --- trying them ----------------------------------------------------------------------------------------------------


def repairs(
    scenario: Scenario,
    *,
    home: Path | None = None,
    year: int | None = None,
    top: int = 10,
    picked: Picked | None = None,
    ways: tuple[Way, ...] = WAYS,
    progress: Say | None = None,
    warm: WarmModels | None = None,
    pack: Pack | None = None,
) -> Repairs:
    """The largest shortfalls of a year, or the picked one, and what each way does to them; `year` is the plan's target year when left out.

    Each way is taken at the least size that does what it can, solved once as a plan and read for every shortfall. `warm` is what a worker keeps.
    Errors: InputError, NoSolution of the scenario itself; a way without a plan is recorded.
    """
    say = progress or (lambda fraction, stage: None)
    say(0.0, "read")
    trial = _trial(scenario, home, year, warm, pack)
    year = trial.year
    found = largest(trial.now.outcome, trial.asked, year, top) if picked is None else _picked(trial.now.outcome, trial.asked, year, picked)
    say(0.1, "repair")
    table = pd.DataFrame(_tried(trial, found, ways, say) if len(found) else [], columns=COLUMNS)
    return Repairs(year, found.drop(columns=["r", "s"]), ranked(table), trial.asked.inputs.info.region_names, _names(trial.asked))


def why(
    scenario: Scenario,
    picked: Picked,
    *,
    home: Path | None = None,
    year: int | None = None,
    warm: WarmModels | None = None,
    pack: Pack | None = None,
    progress: Say | None = None,
) -> tuple[pd.DataFrame, Explained | None]:
    """The picked shortfall (as `Repairs.shortfalls`) and why it is not smaller; None where nothing is short."""
    say = progress or (lambda fraction, stage: None)
    say(0.0, "read")
    trial = _trial(scenario, home, year, warm, pack)
    found = _picked(trial.now.outcome, trial.asked, trial.year, picked)
    say(0.5, "explain")
    told = None
    for row in found.to_dict("records")[:1]:
        told = explained(trial.now.passes, trial.now.solution, _aim(row, trial.y))
        if row["goal"] == "target":
            told = told.times(float(trial.asked.forms.distance[int(row["s"])]))
    return found.drop(columns=["r", "s"]), told


def parts_table(told: Explained | None) -> pd.DataFrame:
    """part (entitled, the groups in the order in which they are lifted, provided), value: entitled less the groups is provided."""
    rows = [] if told is None else [("entitled", told.need), *((group, -told.parts[group]) for group in GROUPS), ("provided", told.have)]
    return pd.DataFrame(rows, columns=["part", "value"])


def limits_table(told: Explained | None) -> pd.DataFrame:
    """family, group, gain and loss by a step more and less (persons, or units of the indicator), next (limit that then holds), together (with which limit)."""
    rows = [] if told is None else [(one.family, one.group, one.gain, one.loss, one.next, one.with_) for one in told.limits]
    return pd.DataFrame(rows, columns=["family", "group", "gain", "loss", "next", "together"])


def _trial(scenario: Scenario, home: Path | None, year: int | None, warm: WarmModels | None, pack: Pack | None) -> Trial:
    read = pack if pack is not None else load_pack(scenario.pack, home or default_home(), scenario.resolution)
    year = read.info.plan_target_year if year is None else year
    first, last = read.info.base_year + 1, read.info.horizon_end
    if not first <= year <= last:
        raise InputError([Problem("shortfall", None, "year", str(year), f"a year of the horizon, {first} to {last}")])
    return Trial(scenario, read, year, warm)


def _tried(trial: Trial, found: pd.DataFrame, ways: tuple[Way, ...], say: Say) -> list[dict[str, Any]]:
    """Rows of `Repairs.repairs`: every way at its least size, and the two best together where neither closes the shortfall."""
    rows: list[dict[Any, Any]] = found.to_dict("records")
    bases = [OneCell(trial.now.passes, trial.now.solution, _aim(row, trial.y)) for row in rows]
    priced: set[str] = set()
    for base in bases:
        base.most()
        priced |= base.priced()
    chosen: dict[str, tuple[Way, float, Patch]] = {}
    done: list[dict[str, Any]] = []
    known = trial.known(rows[0])
    for i, way in enumerate(ways):
        say(0.1 + 0.4 * i / len(ways), "repair")
        if not way.of(trial.scenario, known, way.most) or (not way.asked and rows[0]["goal"] != "target"):
            continue
        size = _least_size(trial, way, rows, bases) if way.asked else None
        if size is None:
            size = way.most if _worth_asking(way, priced) else 0.0
        if size == 0.0:
            patch = way.of(trial.scenario, known, way.most)
            done += [_vain(row, way.name, way.most, patch) for row in rows]
        else:
            chosen[way.name] = (way, size, way.of(trial.scenario, known, size))
    plans = Plans(trial, rows)
    # ways that give the model other rows come last, so that the others find the passes warm
    for i, (name, (way, size, patch)) in enumerate(sorted(chosen.items(), key=lambda item: bool(item[1][0].eases))):
        say(0.5 + 0.5 * i / (len(chosen) + 1), "repair")
        told = plans.tried(name, size, patch)
        if size < way.most and min(_closed(told)) < WHOLE:  # the plan gives what a way brings to others first: would more of it help?
            patch = way.of(trial.scenario, known, way.most)
            more = plans.tried(name, way.most, patch)
            if max(b - a for a, b in zip(_closed(told), _closed(more), strict=True)) >= NOTICED:
                told, chosen[name] = more, (way, way.most, patch)
        done += told
    done += _together(plans, rows, done, chosen)
    return done


class Plans:
    """Patches solved as plans of their own and read for every shortfall; a patch that changes the model's rows does not cost the others their basis."""

    def __init__(self, trial: Trial, rows: list[dict[Any, Any]]):
        self.trial, self.rows, self.now = trial, rows, trial.now.outcome

    def tried(self, name: str, size: float, patch: Patch) -> list[dict[str, Any]]:
        """One row a shortfall."""
        words = shown(patch)
        try:
            asked = self.trial.posed(patch)
            then = self.trial.asker.solved(asked.inputs, asked.needed, asked.money, asked.forms).outcome
        except NoSolution:
            return [{"shortfall": row["rank"], "way": name, "size": size, "set": words, "helps": False, "solved": False} for row in self.rows]
        known = {"way": name, "size": size, "set": words, "solved": True}
        return [{**known, **effect(self.now, then, row, self.trial.asked, self.trial.year)} for row in self.rows]


def _together(plans: Plans, rows: list[dict[Any, Any]], done: list[dict[str, Any]], chosen: dict[str, tuple[Way, float, Patch]]) -> list[dict[str, Any]]:
    """For one shortfall that no way closes: the two best that set different things, applied together."""
    helping = sorted((row for row in done if row["helps"]), key=lambda row: -row["closed"])
    if len(rows) != 1 or len(helping) < 2 or helping[0]["closed"] >= WHOLE:
        return []
    first = chosen[helping[0]["way"]][2]
    for other in helping[1:]:
        second = chosen[other["way"]][2]
        if not set(first) & set(second):
            both = plans.tried(f"{helping[0]['way']}+{other['way']}", np.nan, {**first, **second})
            return both if _closed(both)[0] >= helping[0]["closed"] + NOTICED else []
    return []


def _closed(rows: list[dict[str, Any]]) -> list[float]:
    """What each row closes; a way without a plan closes nothing."""
    return [float(row.get("closed", 0.0)) for row in rows]


def shown(patch: Patch) -> str:
    """A patch as `--set` takes it, its parts apart by semicolons."""
    return "; ".join(f"{path}={value}".replace("'", "") for path, value in patch.items())


COLUMNS = [
    "shortfall",
    "place",
    "way",
    "size",
    "set",
    "persons",
    "closed",
    "yuan",
    "yuan_year",
    "each",
    "persons_all",
    "losers",
    "loser_region",
    "loser_service",
    "works_from",
    "helps",
    "solved",
]


def _vain(row: Mapping[Any, Any], name: str, size: float, patch: Patch) -> dict[str, Any]:
    """A way that could not help even with nobody else getting less: no plan is solved for it."""
    nothing = dict.fromkeys(("persons", "closed", "yuan", "yuan_year", "persons_all", "losers"), 0.0)
    told = {"shortfall": row["rank"], "way": name, "size": size, "set": shown(patch), "each": np.nan, "works_from": 0}
    return {**told, **nothing, "loser_region": "", "loser_service": "", "helps": False, "solved": False}


def _names(asked: Posed) -> pd.DataFrame:
    """Names of services and of the indicators that are decided, by code."""
    rows = [{"service": i.code, "name_zh": i.name_zh, "name_en": i.name_en} for i in asked.inputs.indicators if i.code in asked.forms.codes]
    services = [{"service": s.code, "name_zh": s.name_zh, "name_en": s.name_en} for s in asked.inputs.demand.services]
    return pd.DataFrame(services + [row for row in rows if row["service"] not in {s["service"] for s in services}])


def effect(now: Outcome, then: Outcome, row: Mapping[Any, Any], asked: Posed, year: int) -> dict[str, Any]:
    """What a way does to one shortfall and to everybody else in the year."""
    y, labels = asked.inputs.horizon.index(year), asked.inputs.horizon.labels
    change = then.served[y] - now.served[y]
    if row["goal"] == "target":
        path = now.short[:, row["s"]] - then.short[:, row["s"]]
        least = LEAST_SHORT * float(asked.forms.distance[row["s"]])
    else:
        at, r, s = list(_positions(str(row["residence"]))), row["r"], row["s"]
        lost, served = (now.below_in - then.below_in, then.served_in - now.served_in)
        path = (lost if row["goal"] == "floor" else served)[:, r, at, s].sum(axis=1)
        least = LEAST
    gained = float(path[y])
    fewer = np.minimum(change, 0.0)
    worst = np.unravel_index(int(fewer.argmin()), fewer.shape)
    losing = fewer[worst] <= -HARD
    more = then.spent - now.spent
    helps = gained >= least and gained >= NOTICED * row["persons"]
    since = [label for label, value in zip(labels, path, strict=True) if value >= max(least, NOTICED * row["persons"])]
    return {
        "shortfall": row["rank"],
        "persons": gained,
        "closed": gained / row["persons"],
        "yuan": float(more[: y + 1].sum()),
        "yuan_year": float(more[y]),
        "each": float(more[: y + 1].sum()) / gained if helps else np.nan,
        "persons_all": float(change.sum()),
        "losers": float(-fewer[fewer <= -HARD].sum()) + 0.0,
        "loser_region": asked.inputs.regions.labels[worst[0]] if losing else "",
        "loser_service": asked.needed.services.labels[worst[1]] if losing else "",
        "works_from": since[0] if since else 0,
        "helps": helps,
    }


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Places of the ways that help: those that close the shortfall by yuan, then by persons served elsewhere; then the others, what closes more first.

    What lowers a standard or a target stands behind them all.
    """
    closed, helps = table["closed"].fillna(0.0).astype(float), table["helps"].astype(bool)
    given_up = table["way"].isin(GIVE_UP)  # to want less is the last resort, though it costs nothing
    table = table.assign(_tenth=np.where(given_up, 1, np.where(closed >= WHOLE, -11, -(closed.clip(upper=1.0) * 10).round())))
    keys = table.assign(yuan=table["yuan"].where(helps, 0.0), persons_all=table["persons_all"].where(helps, 0.0), _tenth=table["_tenth"].where(helps, 0.0))
    order = keys.sort_values(["shortfall", "helps", "_tenth", "yuan", "persons_all"], ascending=[True, False, True, True, False], kind="stable").index
    table = table.loc[order]
    place = table.groupby("shortfall").cumcount() + 1
    return table.assign(place=np.where(table["helps"].astype(bool), place, 0)).drop(columns="_tenth").reset_index(drop=True)
