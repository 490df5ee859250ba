"""The style of all figures: colours told apart by lightness as well as by hue, and files that come
out the same every time.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lopsided.arrays import require_noun
from lopsided.counts import Counts
from lopsided.drafts import write_atomically
from lopsided.together import DRAWING, LACKING

_log = logging.getLogger("lopsided")

MAJORITY = "#1a5e9a"
MINORITY = "#c8571b"
MIDDLE = "#7a8b2b"
INK = "#1c1c1c"
GREY = "#8a8a8a"
FAINT = "#dddddd"
#: Negative cosines brown, positive ones purple; readable by the colour-blind.
DIVERGING = "PuOr"


def class_colours(counts: Counts | None, k: int) -> list[str]:
    """Return a colour a class: the largest classes in one, the smallest in another, those between
    in a third.

    Without counts, or where all are equal, every class has the colour of the largest.
    """
    if counts is None:
        return [MAJORITY] * k
    values = counts.values
    return list(
        np.where(
            values == values.max(), MAJORITY, np.where(values == values.min(), MINORITY, MIDDLE)
        ).tolist()
    )


def shades(many: int, few: Sequence[str]) -> Sequence[Any]:
    """Return as many colours, no two alike: those of a few, or if there are more as many shades."""
    return (
        few[:many] if many <= len(few) else list(colormaps["viridis"](np.linspace(0.85, 0, many)))
    )


def on_axes(ax: Axes | None) -> Axes:
    """Return the axes given, or those of a new figure of pyplot, which notebooks show.

    Raises:
        TypeError: if they are none, such as a whole figure, or all that `subplots` gave.
    """
    if ax is not None:
        require_noun(ax, Axes, "ax", "pyplot.subplots gives some, one for each picture")
        return ax
    from matplotlib import pyplot  # which chooses a window system, so not before it is wanted

    return pyplot.subplots(layout="constrained")[1]


def legible(name: object) -> str:
    """Return a name as the label of a line: matplotlib leaves out of legends what begins with an
    underscore.
    """
    return f" {name}" if str(name).startswith("_") else str(name)


def number(value: float, digits: int = 2) -> str:
    """Write a cosine as papers do, without the zero before the point and with a true minus sign."""
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return (
        text.replace("0.", ".", 1).replace("-", "−") if abs(value) < 1 else text.replace("-", "−")
    )


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as svg, png or pdf, by the ending of the path, byte for byte the same every
    time; whole, or not at all.

    Raises:
        ValueError: for another ending, or if at the path is something else than a file.
        OSError: if the file cannot be written; what was there before stays.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ("svg", "png", "pdf"):
        raise ValueError(f"a picture must end in .svg, .png or .pdf, got {str(path)!r}")
    undated = {"svg": {"Date": None}, "png": {}, "pdf": {"CreationDate": None}}[kind]
    style = rc_context({"svg.hashsalt": "lopsided", "svg.fonttype": "path"})
    with DRAWING, style, warnings.catch_warnings(record=True) as heard:
        warnings.filterwarnings("always", LACKING, UserWarning)
        content = BytesIO()
        figure.savefig(content, format=cast(Literal["svg"], kind), dpi=200, metadata=undated)
    write_atomically(Path(path), content.getvalue())
    lacking = dict[str, None]()
    for each in heard:
        if found := re.match(LACKING, str(each.message)):
            lacking[chr(int(found[1]))] = None
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if lacking:
        _log.warning(
            "the font lacks %s, of which %s has boxes: name one that has them in font.family of"
            " matplotlib (a matplotlibrc file)",
            " ".join(lacking),
            path,
        )
