"""The explorer: counts, losses and their geometries to play with, in one self-contained page.

Its mathematics is `predict` and `solve` once more, in JavaScript, and tested to be equal; a file a
subject, inlined here into the page. Nothing in it loads anything or makes markup of a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from lopsided import __version__
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry
from lopsided.numbering import require_one_order

#: The scripts in the order in which they build on each other.
SCRIPTS = (
    "algebra",
    "sets",
    "counts",
    "geometry",
    "ridge",
    "newton",
    "shape",
    "draw",
    "map",
    "frame",
    "state",
    "bars",
    "controls",
    "export",
    "compute",
    "views",
    "panels",
    "app",
)
#: The style sheets, those of special windows last.
STYLES = ("page", "controls", "drawings", "narrow")
#: By what a page says that it is one.
MARK = '<meta name="generator" content="lopsided explore'
#: The counts of a page that is given none: four classes, whose frame is seen whole.
FIRST = Counts([50, 50, 5, 5])
#: As many classes as a page can draw.
MOST_CLASSES = 100


def component(
    counts: CountsLike, measured: Mapping[str, Geometry] | None = None, linked: bool = False
) -> str:
    """Return the explorer as a part of a page: markup, style and script.

    Args:
        counts: of the classes it begins with.
        measured: title -> a geometry of these classes, to stand beside predictions.
        linked: the state is kept in the page's address, for a page that is nothing else.

    Raises:
        ValueError: for more classes than can be drawn, or a measured geometry of others, or of
            these by their names in another order.

    Example:
        >>> "<script>" in component([50, 5])
        True
    """
    counts = Counts.of(counts)
    if counts.k > MOST_CLASSES:
        raise ValueError(
            f"the explorer draws up to {MOST_CLASSES} classes, got {counts.k}; lopsided predict has"
            " no limit"
        )
    for title, geometry in (measured or {}).items():
        require_one_order(f"the geometry {title!r}", counts, geometry.counts)
    data = {
        "counts": counts.values.tolist(),
        "names": None if counts.names is None else list(counts.names),
        "measured": [
            _matrices(title, geometry, counts.k) for title, geometry in (measured or {}).items()
        ],
        "linked": linked,
    }
    body = "\n".join(_text(f"{name}.js") for name in SCRIPTS)
    markup = Template(_text("component.html")).substitute(data=_json(data))
    script = f'(() => {{\n"use strict";\n{body}\n}})();'
    style = "\n".join(_text(f"{name}.css") for name in STYLES)
    return f"<style>\n{style}</style>\n{markup}<script>\n{script}\n</script>\n"


def page(counts: CountsLike, measured: Mapping[str, Geometry] | None = None) -> str:
    """Return the explorer as a page of its own; the arguments of `component`.

    Raises:
        ValueError: as `component`.
    """
    return Template(_text("page.html")).substitute(
        component=component(counts, measured, linked=True), version=__version__
    )


def is_page(path: Path) -> bool:
    """Return whether a file is a page that `page` made."""
    with path.open("rb") as file:
        return MARK.encode() in file.read(4096)


def _matrices(title: str, geometry: Geometry, k: int) -> dict[str, Any]:
    if not geometry.paired or geometry.k != k:
        raise ValueError(
            f"the geometry {title!r} must be of the {k} classes that are counted, got"
            f" {geometry.k} classifiers of {geometry.m} kinds of samples"
        )
    parts = {
        "classifiers": geometry.classifiers,
        "means": geometry.embeddings,
        "logits": geometry.logits,
    }
    return {"title": title, "centered": geometry.source.centered} | {
        name: _nine(part.matrix()) for name, part in parts.items()
    }


def _nine(matrix: np.ndarray[Any, Any]) -> list[list[float]]:
    """Return a matrix to nine digits, which is what a page needs of it."""
    return [[float(f"{entry:.9g}") for entry in row] for row in matrix.tolist()]


def _json(data: object) -> str:
    """Return JSON in which nothing ends a script: `<` is written as its escape."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _text(name: str) -> str:
    return (files(__name__) / name).read_text(encoding="utf-8")
