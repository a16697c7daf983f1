"""Fixtures of the browser tests."""

from tests.browser.real import browser, server, shots

__all__ = ["browser", "server", "shots"]
