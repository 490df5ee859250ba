"""What every test shares: laws are tried on the same examples each time, however slow the machine
is today."""

from __future__ import annotations

import gc
import signal

import pytest
from hypothesis import settings

settings.register_profile("lopsided", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("lopsided")

# A shell lets what it runs in the background ignore Ctrl-C, nohup the end of its terminal, and so
# would all that tests start.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="the slow tests too")


def pytest_collection() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """Set aside what was imported: it stays, and to look through it for garbage takes a second
    each time."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="slow; run scripts/check --slow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
