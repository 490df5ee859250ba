"""Blocks: the parts of a report, as data, and drawings among them; the template knows how each kind
looks.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lopsided.files import printable
from lopsided.needs import need
from lopsided.together import DRAWING, LACKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Text:
    """A paragraph: of the text, small facts about it, or what it leads to."""

    kind: ClassVar[str] = "text"
    text: str
    role: Literal["plain", "facts", "lead"] = "plain"


@dataclass(frozen=True)
class Mark:
    """Whether something holds, in a word for the list of sections and in a sentence."""

    kind: ClassVar[str] = "mark"
    good: bool
    word: str
    sentence: str


@dataclass(frozen=True)
class Items:
    """Sentences below each other, or lines of a shell."""

    kind: ClassVar[str] = "items"
    lines: Sequence[str]
    code: bool = False


@dataclass(frozen=True)
class Figure:
    """A drawing with a caption; `wide` figures take the page's whole width."""

    kind: ClassVar[str] = "figure"
    caption: str
    svg: str
    wide: bool = False


@dataclass(frozen=True)
class Row:
    """Figures beside each other where the page is wide enough, under a common caption."""

    kind: ClassVar[str] = "row"
    figures: Sequence[Figure]
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """A table; cells are text, numbers already formatted; the first column names the row."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Links:
    """Words that lead to files beside the page, each a word and a relative address."""

    kind: ClassVar[str] = "links"
    title: str
    targets: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Play:
    """The explorer, as `lopsided.report.explorer.component` makes it."""

    kind: ClassVar[str] = "play"
    component: str


@dataclass(frozen=True)
class Fold:
    """Blocks behind a heading, folded away on a screen and open on paper."""

    kind: ClassVar[str] = "fold"
    title: str
    blocks: Sequence[Block]


Block = Text | Mark | Items | Figure | Row | Table | Links | Play | Fold

STYLE: Any = {
    "font.family": "sans-serif",
    # Text stays text, so that it can be read aloud and found; Verdana is as wide as DejaVu, with
    # which the drawing is laid out.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 8.5,
    # The page is seen through a drawing, but for the ground that a drawing gives to its axes.
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": "#767676",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.fonttype": "none",
}


def svg_of(drawing: Drawing, label: str) -> str:
    """Return a drawing as inline SVG, scalable, with a label for those who do not see it; the same
    drawing gives the same text.
    """
    mpl, buffer = need("matplotlib", "'lopsided[report]'"), io.StringIO()
    # Several drawings share one page, so the identifiers inside each must be its own.
    salt = sha256(label.encode()).hexdigest()
    with DRAWING, mpl.rc_context({**STYLE, "svg.hashsalt": salt}), warnings.catch_warnings():
        # Text stays text: signs that the font lacks here are drawn by a font of the reader's.
        warnings.filterwarnings("ignore", LACKING, UserWarning)
        drawing.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    start = text.index("<svg")
    words = printable(label).replace("&", "and").replace("<", "below").replace('"', "'")
    head, body = text[start:].split(">", 1)
    return f'{head} role="img" aria-label="{words}">{body}'


def drawn(
    draw: Callable[[Axes], object],
    label: str,
    caption: str = "",
    size: tuple[float, float] = (3.6, 2.5),
) -> Figure:
    """Return the figure that `draw` makes on one pair of axes, `size` in inches."""
    mpl, figure = (
        need(module, "'lopsided[report]'") for module in ("matplotlib", "matplotlib.figure")
    )
    with DRAWING, mpl.rc_context(STYLE):
        drawing = figure.Figure(figsize=size, layout="constrained")
        draw(drawing.subplots())
        return Figure(caption, svg_of(drawing, label))
