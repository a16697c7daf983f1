"""The desk in a real browser: no error, no side scroll, no request to anywhere else, and the main job by keyboard.

Screenshots go to the folder FISCALSIM_SCREENSHOTS, else to pytest's temporary folder.
"""

import re
from urllib.parse import urlencode, urlparse

import pytest

from fiscalsim.dashboard.frame import PAGES
from tests.browser.real import CHROMIUM, CONTRAST, CUT, LOCALES, PATIENCE, SIZES, WORDS, address, context_of, headline_of, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lang", LOCALES)
def test_every_page_fits_the_screen_uncut_and_dark_enough_and_asks_only_its_own_server(server, browser, shots, lang, size):
    context = context_of(browser, lang, size)
    page = context.new_page()
    hosts, wrong = set(), []
    page.on("request", lambda request: hosts.add(urlparse(request.url).netloc))
    for name in PAGES:
        page.goto(address(server, name, lang))
        settled(page)
        page.screenshot(path=shots / f"{name}-{lang}-{SIZES[size][0]}.png")
        wide, inner = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        main = page.locator("[data-testid=stMain]")
        side = main.evaluate("node => node.scrollWidth - node.clientWidth")
        if wide > inner or side > 0:
            wrong.append(f"{name}: scrolls sideways by {max(wide - inner, side)}")
        if page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count():
            wrong.append(f"{name}: error box")
        tops = {round(link.bounding_box()["y"]) for link in page.locator("[data-testid=stTopNavLink]").all()}
        if len(tops) > 1:
            wrong.append(f"{name}: navigation in {len(tops)} rows")
        empty = page.locator(".js-plotly-plot").evaluate_all("nodes => nodes.filter(n => !n.querySelector('.trace, .points, .bars, .scatterlayer *')).length")
        if empty:
            wrong.append(f"{name}: {empty} empty charts")
        wrong += [f"{name}: {words}" for words in page.evaluate(CUT)]
        wrong += [f"{name}: {colours}: {words}" for colours, words in page.evaluate(CONTRAST).items()]
        if lang == "zh" and name != "sources":
            words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\b[0-9a-f]{8}\b", "", page.evaluate(WORDS)))
            wrong += [f"{name}: English word {word}" for word in words]
    context.close()
    assert hosts == {urlparse(server).netloc}
    assert wrong == []


def test_the_overview_lies_inside_one_office_screen(server, browser):
    context = context_of(browser, "zh", "office")
    page = context.new_page()
    page.goto(address(server, "overview", "zh"))
    settled(page)
    for what in (".fs-headline", "[data-testid=stMetric]", "[data-testid=stDataFrame]", ".fs-legend", ".js-plotly-plot"):
        for node in page.locator(what).all():
            box = node.bounding_box()
            assert box is None or box["y"] + box["height"] <= 768, what
    for label in ("保存", "撤销", "复位", "分享", "导出"):
        assert page.get_by_role("button", name=label).first.bounding_box()["y"] < 768
    context.close()


def test_a_lever_moved_by_keyboard_changes_the_page_and_undo_brings_it_back(server, browser, shots):
    context = context_of(browser, "zh", "office")
    page = context.new_page()
    page.goto(address(server, "fiscal", "zh"))
    settled(page)
    before = headline_of(page)
    slider = page.get_by_role("slider", name=re.compile("转移支付总量")).first
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "old => document.querySelector('.fs-headline')?.innerText !== undefined && document.querySelector('.fs-headline').innerText !== old",
        arg=before,
        timeout=PATIENCE,
    )
    settled(page)
    assert page.get_by_role("button", name=re.compile("已改")).count() == 1
    page.wait_for_function("() => location.href.includes('fiscal.transfer_pool')", timeout=30_000)  # the address follows the page
    page.screenshot(path=shots / "moved-zh-1366.png")
    page.get_by_role("button", name="复位").click()
    page.wait_for_function("old => document.querySelector('.fs-headline')?.innerText === old", arg=before, timeout=PATIENCE)
    context.close()


def test_a_saved_run_opens_for_another_user_and_its_link_survives_navigation(server, browser, shots):
    first, second = context_of(browser, "zh", "office"), context_of(browser, "zh", "office")
    page = first.new_page()
    page.goto(address(server, "overview", "zh", set={"fiscal.transfer_pool": 1.05}))
    settled(page)
    page.get_by_role("button", name="保存").click()
    page.locator(".fs-tag.good").wait_for(timeout=PATIENCE)
    digest = page.locator(".fs-tag.good").inner_text().split()[-1]
    settled(page)
    said = headline_of(page)
    other = second.new_page()
    other.goto(f"{server}/?{urlencode({'run': digest, 'lang': 'zh'})}")
    settled(other)
    assert headline_of(other) == said
    other.get_by_role("link", name="财力收支").click()
    other.wait_for_function(
        "old => document.querySelector('.fs-headline')?.innerText !== undefined && document.querySelector('.fs-headline').innerText !== old", arg=said
    )
    settled(other)
    assert f"run={digest}" in other.url
    first.close()
    second.close()


def test_the_replay_runs_when_it_is_asked_for(server, browser, shots):
    context = context_of(browser, "zh", "office")
    page = context.new_page()
    page.goto(address(server, "delivery", "zh"))
    settled(page)
    page.get_by_role("button", name="推演", exact=True).click()
    page.locator(".js-plotly-plot").first.wait_for(timeout=PATIENCE)
    settled(page)
    page.screenshot(path=shots / "replayed-zh-1366.png")
    assert page.locator("[data-testid=stAlertContentError]").count() == 0
    context.close()
