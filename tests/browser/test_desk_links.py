"""The figures of a headline in a real browser: each leads to its table on the same page, and the session stays as it is."""

import pytest

from tests.browser.real import CHROMIUM, address, context_of, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

IN_SIGHT = """id => { const box = document.getElementById(id).getBoundingClientRect(); return box.top >= 0 && box.top < window.innerHeight }"""


def test_a_figure_of_the_headline_brings_its_table_into_sight_and_loses_nothing(server, browser, shots):
    context = context_of(browser, "zh", "office")
    page = context.new_page()
    page.goto(address(server, "overview", "zh", set={"fiscal.transfer_pool": 1.1}))
    settled(page)
    said = page.locator(".fs-headline").first.inner_text()
    for anchor in sorted({link.get_attribute("href")[1:] for link in page.locator(".fs-headline a").all()}):
        page.locator(f".fs-headline a[href='#{anchor}']").first.click()
        page.wait_for_function(IN_SIGHT, arg=anchor, timeout=10_000)
        page.screenshot(path=shots / f"link-{anchor}.png")
        assert page.locator(".fs-headline").first.inner_text() == said
    page.go_back()
    settled(page)
    assert page.locator(".fs-headline").first.inner_text() == said
    context.close()
