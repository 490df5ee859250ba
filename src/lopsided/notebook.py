"""Notebook: what a result looks like as the last line of a cell, in HTML and inline SVG.

It knows texts and arrays alone, so every noun can show itself by it, and takes no library. Colours
are read on light and dark pages; all text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.files import printable
from lopsided.naming import SHORT, short

#: Up to so many classes have a row; of more, so many are shown, evenly over their order.
ROWS = 24
#: Pixels: the side of a cell, and the width of names, bars and figures.
_CELL, _NAMES, _BARS, _FIGURES = 15, 130, 110, 60
_BAR, _POSITIVE, _NEGATIVE = "#4a86c5", "#7b5fb8", "#c06a1c"
_WORDS = (
    "one row each{some}; cosines with all of them in the same order, purple positive, brown"
    " negative, the strongest {top:.3g}"
)


def escape(text: str) -> str:
    """Return text as HTML, its quotes too, and what is not printable as its escape."""
    from html import escape  # which takes milliseconds to import that only notebooks have to wait

    return escape(printable(text, "\n"))


def picked(order: Ints) -> Ints:
    """Return the classes of an order that have a row.

    Example:
        >>> picked(np.arange(1000))[[0, 1, -1]]
        array([  0,  43, 999])
    """
    places = np.linspace(0, len(order) - 1, min(len(order), ROWS)).round().astype(np.int64)
    return np.asarray(order[places])


def card(title: str, *parts: str) -> str:
    """Return a title and parts of HTML below it."""
    # Notebooks set what is between dollars as mathematics, but for these classes, which pandas has.
    return (
        '<div class="tex2jax_ignore mathjax_ignore"><p style="margin:0 0 .4em">'
        f"<b>{escape(title)}</b></p>{''.join(parts)}</div>"
    )


def said(text: str, title: str = "") -> str:
    """Return a paragraph, its title in bold."""
    head = f"<b>{escape(title)}.</b> " if title else ""
    return f'<p style="margin:.3em 0;max-width:60em">{head}{escape(text)}</p>'


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Return rows of a name and a figure."""
    cells = "".join(
        f'<tr><td style="text-align:left">{escape(name)}</td>'
        f'<td style="text-align:right">{escape(figure)}</td></tr>'
        for name, figure in rows
    )
    return f"<table>{cells}</table>"


def rows(
    title: str,
    names: Sequence[str],
    lengths: Floats | Ints,
    cosines: Floats | None = None,
    of: int | None = None,
) -> str:
    """Return a drawing with one row a class: its name, its length as a bar, its cosines as cells.

    Args:
        title: of the drawing.
        names: of the p classes.
        lengths: (p,) not negative.
        cosines: (p, p) of the classes; NaN where not defined.
        of: how many classes there are, of which p are shown.
    """
    p, longest = len(names), float(np.max(lengths)) or 1.0
    some = f", {p} of {of:,}" if of is not None and of > p else ""
    top = 0.0 if cosines is None else _strongest(cosines)
    caption = f"one row a class{some}" if cosines is None else _WORDS.format(some=some, top=top)
    left = _NAMES + _BARS + _FIGURES
    width, height = left + (0 if cosines is None else _CELL * p), _CELL * p
    drawn = []
    for i, (name, length) in enumerate(zip(names, np.asarray(lengths).tolist(), strict=True)):
        y, shown = i * _CELL, escape(short(name, SHORT))
        figure = f"{length:,}" if isinstance(length, int) else f"{length:.4g}"
        drawn.append(
            f'<text x="{_NAMES - 6}" y="{y + 11}" text-anchor="end">{shown}</text>'
            f'<rect x="{_NAMES}" y="{y + 2}" width="{_BARS * length / longest:.1f}"'
            f' height="{_CELL - 4}" fill="{_BAR}"/>'
            f'<text x="{_NAMES + _BARS + 5}" y="{y + 11}">{figure}</text>'
        )
        if cosines is not None:
            drawn += [
                _cell(left + j * _CELL, y, value, top, (name, names[j]))
                for j, value in enumerate(cosines[i].tolist())
                if j != i
            ]
    return (
        f'<figure style="margin:.6em 0"><figcaption><b>{escape(title)}</b>, {escape(caption)}'
        f'</figcaption><svg xmlns="http://www.w3.org/2000/svg" role="img"'
        f' aria-label="{escape(title)}" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11"'
        f' fill="currentColor">{"".join(drawn)}</svg></figure>'
    )


def _cell(x: int, y: int, value: float, top: float, pair: tuple[str, str]) -> str:
    """Return the cell of a cosine, told to those who point at it; without colour where it is not
    defined.
    """
    known = value == value  # NaN is not
    colour, strength = (_POSITIVE if value > 0 else _NEGATIVE), abs(value) / top if known else 0.0
    figure = f"{value:.4f}" if known else "not defined"
    told = escape(f"{short(pair[0])}, {short(pair[1])}: {figure}")
    return (
        f'<rect x="{x}" y="{y}" width="{_CELL - 1}" height="{_CELL - 1}" fill="{colour}"'
        f' fill-opacity="{strength:.3f}"><title>{told}</title></rect>'
    )


def _strongest(cosines: Floats) -> float:
    """Return the largest cosine of two different classes, at least a little, lest colours make much
    of rounding.
    """
    apart = np.abs(cosines[~np.eye(len(cosines), dtype=bool)])
    return max(float(np.nanmax(apart, initial=0.0)), 0.02)
