"""`fiscalsim list`: what there is to choose from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fiscalsim.cli.terminal import PackName, RunsFolder, Settings, app, note, print_json, print_rows
from fiscalsim.errors import InputError, Problem, nearest
from fiscalsim.text import has, name_of, t

if TYPE_CHECKING:
    from fiscalsim.assumptions import Pack


class Listing(StrEnum):
    """What `list` can show."""

    packs = "packs"
    scenarios = "scenarios"
    runs = "runs"
    levers = "levers"
    services = "services"
    items = "items"
    indicators = "indicators"
    sources = "sources"
    limits = "limits"


@app.command("list")
def list_(
    what: Annotated[Listing, typer.Argument(help="What to list.", show_default=False)],
    pack: PackName = "",
    runs: RunsFolder = Path("runs"),
    scenario: Annotated[str, typer.Option("--scenario", help="With limits: a scenario file or name; says which limits it holds.", show_default=False)] = "",
) -> None:
    """List packs, scenarios, runs, levers, services, items of the standard and of a plan, indicators, sources or limits."""
    if scenario and what is not Listing.limits:
        raise InputError([Problem("list", None, "--scenario", what.value, "limits: only they are switched by a scenario")])
    notes: list[str] = []
    if what is Listing.runs:
        rows, notes = _runs_listed(runs)
    else:
        rows = _limits_listed(scenario) if what is Listing.limits else _listed(what, pack)
    if Settings.json:
        print_json(rows)
    else:
        print_rows(rows)
    for line in notes:
        note(line)


def _listed(what: Listing, pack: str) -> list[dict[str, Any]]:
    from fiscalsim.assumptions import load_pack, packs
    from fiscalsim.scenario import home, load_scenario, scenario_ids

    lang, root = Settings.lang, home()
    if what is Listing.packs:
        infos = [load_pack(name, root).info for name in packs(root)]
        return [{"id": i.id, "name": getattr(i, f"name_{lang}"), "base_year": i.base_year, "horizon_end": i.horizon_end, "made_up": i.made_up} for i in infos]
    if what is Listing.scenarios:
        loaded = [load_scenario(name, root) for name in scenario_ids(root)]
        return [{"id": s.id, "name": getattr(s, f"name_{lang}"), "pack": s.pack, "policy": s.policy, "why": getattr(s, f"why_{lang}")} for s in loaded]
    if pack and pack not in packs(root):
        raise InputError([Problem("list", None, "--pack", pack[:80], f"one of {', '.join(packs(root))}", nearest(pack, packs(root)))])
    chosen = load_pack(pack or next(iter(packs(root))), root)
    if what is Listing.levers:
        return [
            {
                "path": lever.path,
                "name": getattr(lever, f"name_{lang}"),
                "unit": getattr(lever, f"unit_{lang}"),
                "lowest": lever.lowest,
                "highest": lever.highest,
                "step": lever.step,
                "source": lever.source,
            }
            for lever in chosen.levers
        ]
    if what is Listing.services:
        return [
            {"id": s.code, "name": getattr(s, f"name_{lang}"), "domain": s.domain, "kind": s.kind, "unit": getattr(s, f"client_unit_{lang}")}
            for s in chosen.services
        ]
    if what is Listing.items:
        return _items_listed(chosen, lang)
    if what is Listing.indicators:
        return [
            {
                "id": i.code,
                "name": getattr(i, f"name_{lang}"),
                "nature": i.nature,
                "target_year": i.target_year,
                "target_value": i.target_value,
                "unit": getattr(i, f"unit_{lang}"),
            }
            for i in chosen.indicators
        ]
    return [{key: row.get(key, "") for key in ("source", "title", "issuer", "date", "reference", "how_known")} for row in chosen.tables["sources.csv"]]


def _items_listed(pack: Pack, lang: str) -> list[dict[str, Any]]:
    """The national items with the plan's items that stand for each, then the plan's own items."""
    from fiscalsim.assumptions import catalogue

    def row(item: catalogue.Item | catalogue.PlanItem, in_plan: str, **more: Any) -> dict[str, Any]:
        known = {"id": item.code, "name": name_of(item, lang), "domain": item.domain, "carried": item.carried, "services": ";".join(item.services)}
        return known | {"in_plan": in_plan} | {key: more.get(key, "") for key in ("since", "clients", "ages", "payer")}

    national = [
        row(
            item,
            in_plan,
            since=item.from_year,
            clients=name_of(item, lang, "clients"),
            ages=f"{item.age_from}+" if item.age_to is None else f"{item.age_from}\N{EN DASH}{item.age_to}",
            payer=name_of(item, lang, "payer"),
        )
        for item, in_plan in zip(catalogue.items(pack), catalogue.item_table(pack)["plan_items"], strict=True)
    ]
    return national + [row(item, "own") for item in catalogue.plan_items(pack) if item.own]


def _limits_listed(scenario: str) -> list[dict[str, Any]]:
    """Every rule of the allocation; with a scenario also whether it holds there (what has no switch always does)."""
    from fiscalsim.allocation import FAMILIES
    from fiscalsim.scenario import load_scenario

    rows = [{"name": f.name, "sentence": _limit_words(f.name, f.sentence, Settings.lang), "unit": f.price_unit, "source": f.source} for f in FAMILIES]
    if not scenario:
        return rows
    held = load_scenario(scenario).limits
    return [row | {"held": t("field.on" if held.get(row["name"], True) else "field.off", Settings.lang)} for row in rows]


def _limit_words(family: str, sentence: str, lang: str) -> str:
    """The limit's own sentence; in Chinese the text table's, which says the same."""
    return t(f"limit.{family}.brief", lang) if lang == "zh" and has(f"limit.{family}.brief") else sentence


def _runs_listed(runs: Path) -> tuple[list[dict[str, Any]], list[str]]:
    from fiscalsim.report.review_boards import state_words
    from fiscalsim.reviews import ReviewBook, reviews_of
    from fiscalsim.store import RunStore

    store, lang = RunStore(runs), Settings.lang
    rows = [
        {
            "run": one.name,
            "scenario": one.manifest["scenario_names"][lang],
            "pack": one.manifest["pack"][f"name_{lang}"],
            "when": one.manifest["record"]["when"],
            "who": one.manifest["record"]["who"],
            "checks": one.manifest["checks_passed"],
            "review": state_words(reviews_of(one), lang),
        }
        for one in store.list()
    ]
    notes = [t("cli.damaged", lang, name=name, why=why) for name, why in store.damaged().items()]
    notes += [t("cli.failed_before", lang, name=f"{one['name']} {one['digest'][:8]}", why=one["reason"]) for one in store.failures()]
    notes += [t("cli.damaged_review", lang, why=line) for line in ReviewBook(runs).problems()]
    return rows, notes
