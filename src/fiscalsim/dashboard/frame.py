"""What stands around every page: session, levers, strip, navigation, and the wait for the worker.

Knows Streamlit's session and the engine. Must not know what a page shows; computes nothing itself.
"""

from __future__ import annotations

import os
import sys
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fiscalsim import scenario as scenario_module
from fiscalsim.dashboard import show
from fiscalsim.dashboard.engine import Answer, Engine, Failure, Job, Look
from fiscalsim.dashboard.state import BadLink, State, World, end_value, from_query, moved_levers, scenario_yaml, to_query, with_end_value
from fiscalsim.errors import FiscalsimError, InputError, IntegrityError
from fiscalsim.levers import Lever
from fiscalsim.prices import CONSTANT, CURRENT, at_prices, basis_of, price_words
from fiscalsim.quantities import PackInfo
from fiscalsim.scenario import Scenario
from fiscalsim.store import RunStore, SavedRun
from fiscalsim.text import LANGS, listed, name_of, number, t

PAGES = ("overview", "why", "allocation", "indicators", "people", "fiscal", "delivery", "compare", "sources")
OPEN_GROUPS = {"people": ("demography.tfr", "demography.life_expectancy"), "fiscal": ("fiscal.revenue_growth", "fiscal.transfer_pool")}
PICKED_GROUPS = ("standards", "targets")  # too many levers for a list: one is picked, then moved
PATIENCE = 0.6  # seconds a page waits before it shows the previous result; tried in a browser, desk.md section 5
POLL = 0.4
KEPT_STEPS = 50
LONGEST_SAVED_NAME = 70
LOGO = Path(__file__).parent / "static" / "logo.svg"


@dataclass(frozen=True)
class Desk:
    """What a page gets: the result it shows, the scenario behind it and where the session stands."""

    lang: str
    state: State
    world: World
    scenario: Scenario
    answer: Answer
    baseline: Answer | None
    saved: str  # folder of the saved run, empty for a preview
    stale: bool  # the result is still the previous one

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Tables of the result that is shown."""
        return self.answer.tables

    @property
    def info(self) -> PackInfo:
        """Names and years of the place."""
        return self.answer.info

    @property
    def digest8(self) -> str:
        """Digest of the result that is shown."""
        return self.saved[-8:] if self.saved else self.answer.key[:8]

    def source(self, *tables: str) -> str:
        """Where figures come from, in words."""
        names = t("format.comma", self.lang).join(t(f"table.{name}", self.lang) for name in tables)
        return t("app.source_run" if self.saved else "app.source_preview", self.lang, digest=self.digest8, table=names)


# --- the server's one engine ----------------------------------------------------------------------------------------


@st.cache_resource
def the_engine() -> Engine:
    """The engine of this server; every session shares it, none sees another's jobs."""
    home = scenario_module.home()
    return Engine(home, runs_folder(), workers=int(os.environ.get("FISCALSIM_WORKERS", "2")))


def runs_folder() -> Path:
    """Where runs are saved: FISCALSIM_RUNS, else `runs` below the folder in which the app was started."""
    return Path(os.environ.get("FISCALSIM_RUNS") or "runs").absolute()


def the_world() -> World:
    """The scenarios and packs of this server."""
    return World(scenario_module.home())


def session_id() -> str:
    """A name for this session that no other has."""
    if "id" not in st.session_state:
        st.session_state["id"] = uuid.uuid4().hex
    return str(st.session_state["id"])


# --- session state --------------------------------------------------------------------------------------------------


def state() -> State:
    """What this session looks at; from the address when the session begins."""
    if "state" not in st.session_state:
        world = the_world()
        try:
            st.session_state["state"] = _opened(from_query(dict(st.query_params), world), world)
        except BadLink as link:
            lang = st.query_params.get("lang", _browser_language())
            lang = lang if lang in LANGS else "zh"
            key = "error.bad_link" if link.near else "error.bad_link_plain"
            st.session_state["notice"] = t(key, lang, key=link.key, **({"nearest": link.near} if link.near else {}))
            st.session_state["state"] = State(world.scenarios()[0], lang)
        if "lang" not in st.query_params and "s" not in st.query_params:
            st.session_state["state"] = replace(st.session_state["state"], lang=_browser_language())
    current: State = st.session_state["state"]
    return current


def _browser_language() -> str:
    locale = st.context.locale or "zh"
    return "zh" if locale.lower().startswith("zh") else "en"


def _opened(wanted: State, world: World) -> State:
    """A state that names a saved run, with the scenario and levers of that run; the baseline and a notice when there is none."""
    if not wanted.run:
        return wanted
    try:
        run = RunStore(runs_folder()).open(wanted.run)
    except FiscalsimError as error:
        key = "error.damaged" if isinstance(error, IntegrityError) else "error.unknown_run"
        st.session_state["notice"] = t(key, wanted.lang, digest=wanted.run, **({"file": "manifest.json"} if key == "error.damaged" else {}))
        return replace(wanted, run="")
    return of_run(run, wanted, world)


def of_run(run: SavedRun, wanted: State, world: World) -> State:
    """The state that shows a saved run, ready for a change: its pack's first scenario and the levers that differ."""
    told = run.manifest["scenario"]
    base = next((name for name in world.scenarios() if world.base(name).pack == told["pack"]), "")
    if not base:
        st.session_state["notice"] = t("error.no_pack", wanted.lang, pack=told["pack"])
        return replace(wanted, run="")
    policy = told["policy"] if told["policy"] != world.base(base).policy else ""
    return State(base, wanted.lang, moved_levers(told["set"], world.base(base), world.levers(told["pack"])), policy, wanted.view, run.digest8)


def change(new: State, remember: bool = True) -> None:
    """Make `new` the session's state; the one before it can be had back."""
    old = state()
    if new == old:
        return
    if remember and not new.same_question(old):
        past = st.session_state.setdefault("past", [])
        past.append(old)
        del past[:-KEPT_STEPS]
    st.session_state["state"] = new


def view(key: str, value: Any) -> None:
    """Remember what is picked on a page, so that it travels along."""
    change(replace(state(), view={**state().view, key: value}), remember=False)


def _undo() -> None:
    past = st.session_state.get("past", [])
    if past:
        st.session_state["state"] = replace(past.pop(), lang=state().lang, view=state().view)


def _reset() -> None:
    change(State(state().base, state().lang, view=state().view))


def _choose_scenario() -> None:
    change(State(st.session_state["w:base"], state().lang))


def _choose_language() -> None:
    change(replace(state(), lang=st.session_state["w:lang"] or state().lang), remember=False)


def _reset_one(path: str) -> None:
    change(replace(state(), set={key: value for key, value in state().set.items() if key != path}, run=""))


def _moved(path: str) -> None:
    world, now = the_world(), state()
    lever = world.levers(world.base(now.base).pack)[path]
    set_lever(path, float(st.session_state[f"l:{path}"]) / _scale(lever))


def set_lever(path: str, value: float) -> None:
    """Move one lever to `value` (its own unit); back at the scenario's value it is no longer a change."""
    world, now = the_world(), state()
    base = world.base(now.base)
    lever = world.levers(base.pack)[path]
    first, last = years_of(world, now)
    given = base.value(path)
    others = {key: old for key, old in now.set.items() if key != path}
    if abs(value - end_value(given, last)) < lever.step / 1000:
        change(replace(now, set=others, run=""))
    else:
        change(replace(now, set={**others, path: with_end_value(given, last, first, value, lever)}, run=""))


def set_policy(policy: str) -> None:
    """Choose the rule by which transfers are shared."""
    now = state()
    change(replace(now, policy="" if policy == the_world().base(now.base).policy else policy, run=""))


def years_of(world: World, now: State) -> tuple[int, int]:
    """Base year and last year of the pack, as its latest result told; levers with a path are moved at the last one."""
    known = st.session_state.get("years", {}).get(world.base(now.base).pack)
    if known:
        return int(known[0]), int(known[1])
    return _pack_years(world.home, world.base(now.base).pack)


@st.cache_data(max_entries=32)
def _pack_years(home: Path, pack: str) -> tuple[int, int]:
    from fiscalsim.levers import read_yaml

    told = read_yaml(home / "assumptions" / pack / "pack.yaml")
    return int(told["base_year"]), int(told["horizon_end"])


def _scale(lever: Lever) -> float:
    return 1.0 if lever.shown_as == "number" else 100.0


# --- the sidebar ----------------------------------------------------------------------------------------------------


def sidebar(lang: str, can_save: bool) -> None:
    """Scenario, actions, levers, language; the same on every page."""
    world, now = the_world(), state()
    base = world.base(now.base)
    levers = world.levers(base.pack)
    with st.sidebar:
        st.session_state["w:base"] = now.base
        names = {name: name_of(world.base(name), lang) for name in world.scenarios()}
        st.selectbox(t("app.scenario", lang), list(names), format_func=lambda name: names[name], key="w:base", on_change=_choose_scenario)
        save, undo, reset = st.columns(3, gap="small")
        save.button(t("app.save", lang), type="primary", help=t("app.save_help", lang), on_click=_ask_save, disabled=not can_save, width="stretch")
        undo.button(t("app.undo", lang), help=t("app.undo_help", lang), on_click=_undo, disabled=not st.session_state.get("past"), width="stretch")
        moved = bool(now.set or now.policy or now.run)
        reset.button(t("app.reset", lang), help=t("app.reset_help", lang), on_click=_reset, disabled=not moved, width="stretch")
        groups: dict[str, list[Lever]] = {}
        for lever in levers.values():
            groups.setdefault(lever.group, []).append(lever)
        for group, first in OPEN_GROUPS.items():
            mine = groups.pop(group, [])
            with st.expander(t(f"group.{group}", lang), expanded=True):
                for lever in (one for one in mine if one.path in first):
                    _slider(lever, base, now, lang)
            rest = [one for one in mine if one.path not in first]
            changed = any(one.path in now.set for one in rest)
            if rest:
                with st.expander(t("app.group_more", lang, group=t(f"group.{group}", lang), n=len(rest)), expanded=changed):
                    for lever in rest:
                        _slider(lever, base, now, lang)
        for group, mine in groups.items():
            changed_ones = [one for one in mine if one.path in now.set]
            with st.expander(t("app.lever_count", lang, group=t(f"group.{group}", lang), n=len(mine)), expanded=bool(changed_ones)):
                if group in PICKED_GROUPS:
                    paths = {one.path: one for one in mine}
                    picked = st.selectbox(t(f"group.{group}", lang), list(paths), format_func=lambda path: name_of(levers[path], lang), key=f"w:{group}")
                    for lever in dict.fromkeys([*changed_ones, *([paths[picked]] if picked else [])]):
                        _slider(lever, base, now, lang)
                else:
                    for lever in mine:
                        _slider(lever, base, now, lang)
        _all_levers(levers, base, now, lang)
        st.session_state["w:lang"] = lang
        st.segmented_control(
            t("app.language", lang),
            LANGS,
            format_func=lambda one: t(f"language.{one}", lang),
            key="w:lang",
            on_change=_choose_language,
            label_visibility="collapsed",
            required=True,
        )


def _typed(path: str) -> None:
    world = the_world()
    lever = world.levers(world.base(state().base).pack)[path]
    set_lever(path, float(st.session_state[f"n:{path}"]) / _scale(lever))


def _all_levers(levers: Mapping[str, Lever], base: Scenario, now: State, lang: str) -> None:
    """Any lever by name, typed as a number, with the grade and document of its value."""
    with st.expander(t("app.all_levers", lang)):
        names = {path: name_of(lever, lang) for path, lever in levers.items()}
        path = st.selectbox(t("app.search_lever", lang), list(names), format_func=lambda one: names[one], key="w:any")
        if path is None:
            return
        lever, (_, last) = levers[path], years_of(the_world(), now)
        scale, digits, unit = _scale(lever), _digits(lever), name_of(lever, lang, "unit")
        value = end_value(now.set.get(path, base.value(path)), last)
        low, high = min(lever.lowest, value) * scale, max(lever.highest, value) * scale
        st.session_state[f"n:{path}"] = round(value * scale, 6)
        st.number_input(
            t("app.new_number", lang, unit=unit),
            round(low, 6),
            round(high, 6),
            step=round(lever.step * scale, 6),
            format=f"%.{digits}f",
            key=f"n:{path}",
            on_change=_typed,
            args=(path,),
        )
        shown: Answer | None = st.session_state.get("shown")
        rows = shown.tables["sources"] if shown is not None and shown.info.id == base.pack else pd.DataFrame({"key": []})
        for row in rows[rows["key"] == path].head(1).to_dict("records"):
            document = str(row.get("title") or row["source"])
            words = t("app.lever_source", lang, value=number(value * scale, digits), unit=unit, grade=t(f"grade.{row['grade']}", lang), document=document)
            show.note(words)


def _slider(lever: Lever, base: Scenario, now: State, lang: str) -> None:
    _, last = years_of(the_world(), now)
    scale, digits = _scale(lever), _digits(lever)
    given = base.value(lever.path)
    value = end_value(now.set.get(lever.path, given), last)
    low, high = min(lever.lowest, value) * scale, max(lever.highest, value) * scale
    st.session_state[f"l:{lever.path}"] = round(value * scale, 6)
    unit = name_of(lever, lang, "unit")
    dated = isinstance(given, Mapping)
    label = t("app.lever_label_year" if dated else "app.lever_label", lang, name=name_of(lever, lang), unit=unit, **({"year": last} if dated else {}))
    about = t("app.lever_help", lang, meaning=name_of(lever, lang, "meaning"), lo=number(low, digits), hi=number(high, digits), unit=unit, source=lever.source)
    sign = "+" if lever.shown_as == "points" else ""
    st.slider(
        label,
        round(low, 6),
        round(high, 6),
        step=round(lever.step * scale, 6),
        format=f"%{sign}.{digits}f",
        key=f"l:{lever.path}",
        help=about,
        on_change=_moved,
        args=(lever.path,),
    )
    if lever.path in now.set:
        words = {"base": number(end_value(given, last) * scale, digits), "now": number(value * scale, digits)}
        about = t("app.changed_help", lang)
        st.button(t("app.changed", lang, **words), key=f"undo:{lever.path}", type="tertiary", help=about, on_click=_reset_one, args=(lever.path,))


def _digits(lever: Lever) -> int:
    step = f"{lever.step * _scale(lever):.6f}".rstrip("0")
    return min(3, max(len(step.split(".")[1]), 0))


# --- jobs -----------------------------------------------------------------------------------------------------------


def _ask_save() -> None:
    now, world = state(), the_world()
    st.session_state["saving"] = world.job(now, save=tuple(_name_to_save(now, world, lang) for lang in LANGS))


def _name_to_save(now: State, world: World, lang: str) -> str:
    """The scenario's name, and behind it what was changed."""
    base = world.base(now.base)
    levers, (_, last) = world.levers(base.pack), years_of(world, now)
    gap = t("format.between_sentences", lang)
    changes = [f"{name_of(levers[path], lang)}{gap}{value_words(levers[path], end_value(value, last))}" for path, value in now.set.items()]
    changes += [t(f"policy.{now.policy}", lang)] if now.policy else []
    name = name_of(base, lang)
    if not changes:
        return name
    return t("app.name_with_changes", lang, name=name, changes=listed(changes, lang, 2))[:LONGEST_SAVED_NAME]


def value_words(lever: Lever, value: float) -> str:
    """A value of the lever as its slider shows it."""
    return number(value * _scale(lever), _digits(lever)) + ("%" if lever.shown_as == "percent" else "")


def ask_replay() -> None:
    """Compute the state once more with the month-by-month replay."""
    now, world = state(), the_world()
    st.session_state["replay"] = world.scenario(now).digest
    the_engine().ask(session_id(), world.job(now, replay=True))


def _finish_save(engine: Engine, lang: str) -> bool:
    """Look after a save that was asked for; True while it still runs."""
    job: Job | None = st.session_state.get("saving")
    if job is None:
        return False
    engine.ask(session_id(), job)
    look = engine.wait(session_id(), job, PATIENCE)
    if look.answer is None and look.failure is None:
        return True
    del st.session_state["saving"]
    if look.failure is not None:
        st.session_state["notice"] = failure_words(look.failure, lang)
    elif look.answer is not None:
        before: Answer | None = st.session_state.get("shown")
        st.session_state["done"] = t("app.saved", lang, digest=str(look.answer.record["run"])[-8:])
        if before is not None and before.key.split("|")[0] == job.digest and not same_figures(before, look.answer):
            st.session_state["notice"] = t("app.preview_differs", lang)
        st.session_state["shown"] = look.answer
    return False


def same_figures(preview: Answer, saved: Answer) -> bool:
    """Whether preview and saved result agree in what is provided and what is transferred, to a millionth."""
    for table, column in (("allocation", "provided"), ("transfers", "yuan")):
        key = [c for c in ("year", "region", "residence", "service", "kind") if c in preview.tables[table].columns]
        a = preview.tables[table].groupby(key)[column].sum()
        b = saved.tables[table].groupby(key)[column].sum()
        both = pd.concat([a, b], axis=1, keys=["a", "b"]).fillna(0.0)
        if ((both["a"] - both["b"]).abs() > 1e-6 * both["a"].abs().max()).any():
            return False
    return True


def failure_words(failure: Failure, lang: str) -> str:
    """What a user is told when a job has no result: where, why, what next; never a traceback."""
    if failure.kind == "input":
        lines = failure.text.splitlines()
        return t("error.bad_input", lang, n=len(lines)) + "\n\n" + "\n".join(f"- {line}" for line in lines)
    if failure.kind == "no_solution":
        return t("error.no_solution", lang, why=failure.text)
    if failure.kind == "disk":
        return t("error.disk_full", lang)
    if failure.kind == "integrity":
        return failure.text
    return t("error.interrupted", lang, id=failure.id)


def saved_folder(digest8: str) -> str:
    """Folder of the saved run with this digest, empty when there is none."""
    return next((name for name in RunStore(runs_folder()).names() if name.endswith("-" + digest8)), "")


@st.cache_resource(max_entries=6)
def _run_answer(folder: Path) -> Answer:
    """A saved run as an answer; its tables are verified when they are read."""
    run = RunStore(folder.parent).open(folder.name)
    tables = run.tables()
    told = {key: value for key, value in run.manifest["pack"].items() if key in PackInfo.__dataclass_fields__}
    record = {key: run.manifest[key] for key in ("passes", "timings", "versions", "solver_options", "pack_digest")}
    return Answer(f"{run.manifest['digest']}|saved", PackInfo(**told, region_names=tables["regions"]), tables, {**record, "run": run.name})


def look_for(engine: Engine, now: State, world: World) -> tuple[Look, str]:
    """The result of the session's state and the folder in which it is saved; asks for it and waits a little."""
    scenario = world.scenario(now)
    folder = saved_folder(now.run or scenario.digest8)
    if now.run and folder:
        return Look(answer=_run_answer(runs_folder() / folder)), folder
    job = world.job(now)
    asked = st.session_state.get("replay") == scenario.digest
    for better in (world.job(now, replay=True), job):
        found = engine.look(session_id(), better)
        if found.answer is not None and not (asked and better == job and not folder):
            return found, folder
    if folder:
        return Look(answer=_run_answer(runs_folder() / folder)), folder
    if st.session_state.get("replay") == scenario.digest:
        job = world.job(now, replay=True)
    engine.ask(session_id(), job)
    return engine.wait(session_id(), job, PATIENCE), ""


def look_at(job: Job) -> Look:
    """How a page's own job stands."""
    return the_engine().look(session_id(), job)


def ask_for(job: Job) -> None:
    """Ask for a page's own job, again where it failed before."""
    the_engine().forget_failure(session_id())
    the_engine().ask(session_id(), job)


@st.fragment(run_every=POLL)
def wait_for(look: Callable[[], Look], words: Callable[[Look], str]) -> None:
    """Say how a job stands, again and again, and draw the page anew when it has ended."""
    found = look()
    if found.answer is not None or found.failure is not None:
        st.rerun()
    st.info(words(found))
    if found.fraction > 0:
        st.progress(min(max(found.fraction, 0.0), 1.0))


# --- the strip ------------------------------------------------------------------------------------------------------


def strip(desk: Desk) -> None:
    """Scope, years, price basis, run state, review, data warnings; sharing and export at the right."""
    lang, info, tables = desk.lang, desk.info, desk.tables
    years = sorted(tables["allocation"]["year"].unique())
    assumed = int((tables["sources"]["grade"] == "D").sum())
    failed = int((~tables["checks"]["passed"].astype(bool)).sum())
    items = [
        (t("strip.scope", lang, place=name_of(info, lang), n=len(tables["regions"]), unit=name_of(info, lang, "unit")), ""),
        (t("strip.years", lang, first=years[0], last=years[-1]), ""),
        (price_words(tables, info.base_year, lang), "" if basis_of(tables) == CURRENT else "warn"),
        (t("strip.saved", lang, digest=desk.digest8), "good") if desk.saved else (t("strip.preview", lang), "warn"),
        (t("strip.unreviewed", lang), "warn"),
        *([(t("strip.assumed", lang, n=assumed), "warn")] if assumed else []),
        *([(t("strip.failed_checks", lang, n=failed), "bad")] if failed else []),
        *([(t("strip.made_up", lang), "bad")] if info.made_up else []),
    ]
    left, right = st.columns([5, 1.6], vertical_alignment="center")
    with left:
        show.tags(items)
    with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        _prices(desk)
        with st.popover(t("app.share", lang), type="tertiary"):
            show.note(t("app.link_help", lang))
            st.code(_link(desk), language=None, wrap_lines=True)
        with st.popover(t("app.export", lang), type="tertiary"):
            _export(desk)


def _prices(desk: Desk) -> None:
    """The switch between current and constant prices; every page follows it."""
    st.session_state["w:price_basis"] = basis_of(desk.tables) == CONSTANT
    words = t("prices.switch", desk.lang, year=desk.info.base_year)
    st.toggle(words, key="w:price_basis", help=t("prices.help", desk.lang, year=desk.info.base_year), on_change=_priced_otherwise)


def _priced_otherwise() -> None:
    view("prices", CONSTANT if st.session_state["w:price_basis"] else CURRENT)


def _link(desk: Desk) -> str:
    from urllib.parse import urlencode

    query = {"run": desk.digest8, "lang": desk.lang} if desk.saved else to_query(desk.state, desk.world)
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(query)}"


def _export(desk: Desk) -> None:
    lang = desk.lang
    name = name_of(desk.scenario, lang)
    text = scenario_yaml(desk.state, desk.scenario, name)
    st.download_button(t("app.download_yaml", lang), text, f"{name}-{desk.scenario.digest8}.yaml", "application/yaml", on_click="ignore", key="dl:yaml")
    if not desk.saved:
        show.note(t("app.save_first", lang))
        return
    if st.button(t("app.prepare", lang), key="dl:prepare"):
        st.session_state["files"] = (desk.saved, lang, basis_of(desk.tables), _files(desk))
    folder, language, basis, files = st.session_state.get("files", ("", "", "", {}))
    if (folder, language, basis) == (desk.saved, lang, basis_of(desk.tables)):
        for key, (file, content, kind) in files.items():
            st.download_button(t(f"app.{key}", lang), content, file, kind, on_click="ignore", key=f"dl:{key}")


def _files(desk: Desk) -> dict[str, tuple[str, bytes, str]]:
    """The report and the spreadsheet of a saved run, in memory."""
    from tempfile import TemporaryDirectory

    from fiscalsim.report import file_name, report_html, report_xlsx

    run, basis = RunStore(runs_folder()).open(desk.saved), basis_of(desk.tables)
    with TemporaryDirectory() as folder:
        book = report_xlsx(run, Path(folder) / "run.xlsx", desk.lang, basis).read_bytes()
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return {
        "download_report": (file_name([run], "overview", "html", desk.lang), report_html(run, desk.lang, basis).encode(), "text/html"),
        "download_xlsx": (file_name([run], "results", "xlsx", desk.lang), book, sheet),
    }


# --- one run of the script ------------------------------------------------------------------------------------------


def main(first: str = "overview") -> None:
    """Draw the app; `first` is the page of the plain address."""
    now = state()
    lang = now.lang
    st.set_page_config(page_title=t("app.title", lang), page_icon=str(LOGO), layout="wide", initial_sidebar_state=284)
    show.style()
    st.logo(str(LOGO.with_name(f"logo.{lang}.svg")), size="large", icon_image=str(LOGO))
    pages = [
        st.Page(lambda name=name: _page(name), title=t(f"page.{name}.name", lang), url_path=name, default=name == first)  # type: ignore[misc]
        for name in PAGES
    ]
    chosen = st.navigation(pages, position="top")
    chosen.run()
    _write_address()


def _write_address() -> None:
    query = to_query(state(), the_world())
    if dict(st.query_params) != query:
        st.query_params.from_dict(query)


def _page(name: str) -> None:
    now, world = state(), the_world()
    lang = now.lang
    notices = st.container()  # always there, so that a notice never shifts the page below it
    try:
        with notices:
            desk = _desk(now, world, lang)
        if desk is not None:
            strip(desk)
            from importlib import import_module

            import_module(f"fiscalsim.dashboard.pages.{name}").show_page(desk)
    except InputError as error:
        st.error(failure_words(Failure("", "input", str(error), ""), lang))
    except IntegrityError as error:
        st.error(str(error))
    except Exception:
        number_ = uuid.uuid4().hex[:8]
        print(f"[{number_}] {traceback.format_exc()}", file=sys.stderr, flush=True)
        st.error(t("error.page", lang, id=number_))


def _desk(now: State, world: World, lang: str) -> Desk | None:
    """The result to show; None while there is none at all, after saying why."""
    engine = the_engine()
    saving = _finish_save(engine, lang)
    look, folder = look_for(engine, now, world)
    sidebar(lang, can_save=not folder and not saving and look.failure is None)
    for key, say in (("notice", st.warning), ("done", st.success)):
        words = st.session_state.pop(key, "")
        if words:
            say(words)
    if saving:
        wait_for(lambda: engine.look(session_id(), st.session_state["saving"]) if "saving" in st.session_state else Look(), lambda _: t("app.saving", lang))
    shown: Answer | None = st.session_state.get("shown")
    if look.failure is not None:
        st.error(failure_words(look.failure, lang))
        if st.button(t("error.retry", lang)):
            engine.forget_failure(session_id())
            st.rerun()
        return None
    if look.answer is not None:
        shown = st.session_state["shown"] = look.answer
        st.session_state.setdefault("years", {})[look.answer.info.id] = (look.answer.info.base_year, look.answer.info.horizon_end)
        if not now.set and not now.policy:
            st.session_state["baseline"] = look.answer
    elif not saving:
        job = world.job(now, replay=st.session_state.get("replay") == world.scenario(now).digest)
        wait_for(lambda: engine.look(session_id(), job), lambda found: _wait_words(found, world.scenario(now), shown, lang))
    base = world.base(now.base)
    if shown is None or (look.answer is None and (shown.info.id, shown.info.resolution) != (base.pack, base.resolution)):
        return None
    baseline: Answer | None = st.session_state.get("baseline")
    if baseline is not None and ((baseline.info.id, baseline.info.resolution) != (shown.info.id, shown.info.resolution) or baseline is shown):
        baseline = None
    basis = str(now.view.get("prices", CURRENT))
    return Desk(lang, now, world, world.scenario(now), _priced(shown, basis), _priced(baseline, basis), folder, look.answer is None)


def _priced(answer: Answer | None, basis: str) -> Any:
    """The answer with its money at the prices that are looked at."""
    return answer if answer is None or basis == CURRENT else replace(answer, tables=at_prices(answer.tables, basis))


def _wait_words(look: Look, scenario: Scenario, shown: Answer | None, lang: str) -> str:
    if look.ahead:
        return t("app.queued", lang, n=look.ahead)
    if shown is None or (shown.info.id, shown.info.resolution) != (scenario.pack, scenario.resolution):
        return t("app.first_run", lang, name=name_of(scenario, lang), s=int(look.seconds))
    return t("app.waiting", lang, s=int(look.seconds))
