"""What the desk promises, in a real browser: keyboard alone, readable colours, nothing cut, large text, uploads, files that open again."""

import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlparse

import pytest

from fiscalsim.dashboard.frame import PAGES
from fiscalsim.scenario import home, load_scenario
from tests.browser.real import BASE, CHROMIUM, CUT, LOCALES, PATIENCE, address, context_of, headline_of, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.mark.parametrize("lang", LOCALES)
def test_text_grows_to_twice_its_size_without_loss(server, browser, shots, lang):
    """As a browser's zoom does it: half as many pixels for the page."""
    context = browser.new_context(locale=LOCALES[lang], viewport={"width": 683, "height": 384}, device_scale_factor=2)
    page = context.new_page()
    wrong = []
    for name in PAGES:
        page.goto(address(server, name, lang))
        settled(page)
        page.screenshot(path=shots / f"large-{name}-{lang}.png")
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 1:
            wrong.append(f"{name}: scrolls sideways by {wide}")
        wrong += [f"{name}: {words}" for words in page.evaluate(CUT) if not words.startswith("beyond")]
    context.close()
    assert wrong == []


FOCUSED = """pattern => { const n = document.activeElement;
  if (['MAIN', 'BODY', 'SECTION'].includes(n.tagName)) return false;
  return new RegExp(pattern).test(n.getAttribute('aria-label') || n.innerText || n.id || n.getAttribute('data-testid') || '') }"""


def press_until(page, wanted, most=120):
    """Tab until the focus is on something whose name matches."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED, wanted):
            return
    pytest.fail(f"not reached by Tab: {wanted}")


def test_the_whole_path_goes_by_keyboard_alone(server, browser, shots):
    """Choose a scenario, move a lever, pick a cell, open the repairs, save, download: no click at all."""
    context = context_of(browser, "zh", "office")
    page = context.new_page()
    page.goto(f"{server}/?lang=zh")
    settled(page)  # a list that opens while the page is still being drawn may close again
    press_until(page, "方案")
    page.keyboard.press("ArrowDown")
    page.keyboard.type("两县基准")
    page.locator("[role=option]", has_text="两县基准").first.wait_for(timeout=30_000)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.fs-tag')?.innerText.includes('两县')", timeout=PATIENCE)
    settled(page)
    before = headline_of(page)
    press_until(page, "^转移支付总量")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.href.includes('fiscal.transfer_pool')", timeout=PATIENCE)
    settled(page)
    press_until(page, "data-grid-canvas")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter", "Space"):
        page.keyboard.press(key)
        page.wait_for_timeout(800)
    page.wait_for_function("() => location.href.includes('service')", timeout=60_000)
    settled(page)
    page.screenshot(path=shots / "keyboard-picked.png")
    press_until(page, "缺口与原因|看原因")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/why"), timeout=PATIENCE)
    settled(page)
    press_until(page, "^保存")
    page.keyboard.press("Enter")
    page.locator(".fs-tag.good").first.wait_for(timeout=PATIENCE)
    settled(page)
    press_until(page, "^导出")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="下载方案文件").wait_for(timeout=30_000)
    press_until(page, "下载方案文件")
    with page.expect_download() as caught:
        page.keyboard.press("Enter")
    assert caught.value.suggested_filename.endswith(".yaml")
    assert before
    context.close()


def test_a_downloaded_scenario_opens_again_and_runs_on_the_command_line(server, browser, tmp_path):
    context = context_of(browser, "zh", "office")
    page = context.new_page()
    page.goto(address(server, "fiscal", "zh", set={"fiscal.transfer_pool": 1.07, "demography.srb": 1.08}))
    settled(page)
    page.get_by_role("button", name="导出").click()
    with page.expect_download() as caught:
        page.get_by_role("button", name="下载方案文件").click()
    path = tmp_path / "mine.yaml"
    caught.value.save_as(path)
    scenario = load_scenario(path, home())
    assert scenario.digest == load_scenario(BASE, home(), ["fiscal.transfer_pool=1.07", "demography.srb=1.08"]).digest
    page.goto(address(server, "fiscal", "zh"))
    settled(page)
    page.get_by_role("button", name=re.compile("打开方案文件")).click()
    body = page.locator("[data-testid=stPopoverBody]")
    body.locator("input[type=file]").wait_for(state="attached")
    page.wait_for_timeout(300)
    seen = body.evaluate(
        """node => [...node.querySelectorAll('p, span, div')].filter(one => !one.children.length && one.getClientRects().length)
        .filter(one => !one.closest('style, [data-testid=stIconMaterial]')).map(one => one.textContent).join(' ')"""
    )
    assert re.findall("[A-Za-z]{2,}", seen) == []  # Streamlit's own English words on the uploader are not to be seen
    body.locator("input[type=file]").set_input_files(path)
    page.wait_for_function("() => location.href.includes('demography.srb')", timeout=PATIENCE)
    context.close()


def test_a_link_opens_the_same_figures_to_look_at_in_another_browser(server, browser):
    first, second = context_of(browser, "zh", "office"), context_of(browser, "zh", "office")
    page, other = first.new_page(), second.new_page()
    page.goto(address(server, "fiscal", "zh", set={"fiscal.transfer_pool": 1.09}))
    settled(page)
    page.get_by_role("button", name="分享").click()
    link = page.locator("[data-testid=stPopoverBody] [data-testid=stCode]").first.inner_text().strip()
    other.goto(link)
    settled(other)
    assert headline_of(other) == headline_of(page)
    assert other.locator(".fs-tag", has_text="只读查看").count() == 1
    other.get_by_role("link", name="人口与需求").click()
    other.wait_for_url(re.compile("/people"))
    settled(other)
    assert "ro=1" in other.url and "fiscal.transfer_pool" in other.url
    first.close()
    second.close()


def test_no_page_and_no_export_asks_another_host(server, browser):
    context = context_of(browser, "zh", "office")
    page = context.new_page()
    hosts = set()
    context.on("request", lambda request: hosts.add(urlparse(request.url).netloc or request.url.split(":")[0]))
    page.goto(address(server, "overview", "zh", set={"fiscal.transfer_pool": 1.06}))
    settled(page)
    page.get_by_role("button", name="保存").click()
    page.locator(".fs-tag.good").first.wait_for(timeout=PATIENCE)
    settled(page)
    page.get_by_role("button", name="导出").click()
    page.get_by_role("button", name="生成文件").click()
    for name in ("下载报告（网页）", "下载表格（xlsx）"):
        button = page.get_by_role("button", name=name)
        button.wait_for(timeout=PATIENCE)
        with page.expect_download() as caught:
            button.click()
        kept = Path(caught.value.path())
        if name.startswith("下载报告"):
            report = context.new_page()
            report.goto(f"file://{kept}")
            report.wait_for_timeout(1500)
            report.close()
    for name in PAGES:
        page.goto(address(server, name, "zh"))
        settled(page)
    context.close()
    assert hosts <= {urlparse(server).netloc, "file", "blob", "data"}


def test_an_upload_of_200_megabytes_is_refused_by_the_server_itself(server):
    request = urllib.request.Request(f"{server}/_stcore/upload_file/a/b", data=os.urandom(1000) * 200_000, method="PUT")
    with pytest.raises((urllib.error.HTTPError, OSError)):
        urllib.request.urlopen(request, timeout=120)


@pytest.mark.parametrize("path", ["/media/..%2f..%2fapp.py", "/..%2f..%2fetc/passwd", "/app/static/..%2fapp.py", "/component/x/..%2f..%2f..%2fetc/passwd"])
def test_no_address_reads_a_file_of_the_server(server, path):
    try:
        body = urllib.request.urlopen(server + path, timeout=30).read()
    except urllib.error.HTTPError as error:
        assert error.code in (400, 403, 404)
        return
    assert b"root:" not in body and b"fiscalsim" not in body
