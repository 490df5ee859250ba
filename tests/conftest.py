"""What every test shares: laws are tried on the same examples each time, however slow the machine
is today."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("lopsided", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("lopsided")
