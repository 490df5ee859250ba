"""Reports: sections of blocks to one self-contained page, with one template and one style.

It knows neither claims nor records; who has something to tell makes sections of it.
"""

from __future__ import annotations

from lopsided.report.blocks import (
    Block,
    Figure,
    Fold,
    Items,
    Links,
    Mark,
    Play,
    Row,
    Table,
    Text,
    drawn,
)
from lopsided.report.page import Page, Section, Verbatim, render, write

__all__ = [
    "Block",
    "Figure",
    "Fold",
    "Items",
    "Links",
    "Mark",
    "Page",
    "Play",
    "Row",
    "Section",
    "Table",
    "Text",
    "Verbatim",
    "drawn",
    "render",
    "write",
]
