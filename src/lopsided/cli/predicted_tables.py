"""How `lopsided predict` prints what it answers, in tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lopsided.cli.output import table_console
from lopsided.cli.predicted import ends, selection
from lopsided.naming import listed, short, tight

if TYPE_CHECKING:
    from lopsided import Counts


def print_samples(answer: Mapping[str, Any]) -> None:
    """Print such a summary as tables that fit 80 columns."""
    from rich.table import Table

    console, source, rows = table_console(), answer["source"], answer["classifiers"]
    console.print(
        f"[bold]{source['name']}[/]: {rows['number']} classifiers by"
        f" {answer['embeddings']['number']} embeddings",
        markup=True,
    )
    console.print(f"{source['reference']}; holds for: {source['assumptions']}\n", style="dim")
    table = Table(box=None, header_style="bold")
    for title in ("row", "‖w‖²", *(f"cos with {c}" for c in rows["cosines_between"][:5])):
        table.add_column(title, justify="right", no_wrap=True)
    for i, c in enumerate(rows["cosines_between"]):
        table.add_row(
            str(c),
            f"{rows['squared_norms'][c]:.6g}",
            *(_cosine(value) for value in rows["cosines"][i][:5]),
        )
    console.print(table)
    sizes = [f"{value:.6g}" for value in answer["directions"][:8]]
    more = len(answer["directions"]) - len(sizes)
    console.print(
        f"\ndirections of the logits: {', '.join(sizes) or 'none, all is zero'}"
        + (f", {more} more" if more else "")
    )


def print_summary(answer: Mapping[str, Any]) -> None:
    """Print a summary as tables that fit 80 columns."""
    from rich.table import Table

    console, source, groups = table_console(), answer["source"], answer["groups"]
    console.print(
        f"[bold]{source['name']}[/]: {answer['classes']} classes, {answer['samples']} samples,"
        f" ratio {answer['ratio']:.6g}",
        markup=True,
    )
    provenance = [
        source["reference"],
        f"holds for: {source['assumptions']}" if source["assumptions"] else "",
    ]
    console.print("; ".join(filter(None, provenance)) + "\n", style="dim")
    limit = 5 if groups[0]["count"] < 10**10 else 3
    shown = ends(len(groups))
    named = "names" in groups[0]
    table = Table(box=None, header_style="bold")
    table.add_column("samples a class", justify="right", no_wrap=True)
    table.add_column("classes", justify="left" if named else "right", no_wrap=not named)
    for title in ("‖w‖²", "‖μ‖²", "cos(w, μ)"):
        table.add_column(title, justify="right", no_wrap=True)
    for before, g in zip([-1, *shown[:-1]], shown, strict=True):
        if g - before > 1:
            table.add_row("⋮")
        row = groups[g]
        norms = (f"{row[f'{part}_squared_norm']:.6g}" for part in ("classifier", "embedding"))
        classes = listed(row["names"]) if named else str(row["size"])
        table.add_row(str(row["count"]), classes, *norms, _cosine(row["alignment"]))
    console.print(table)
    between = answer["cosines_between"]
    called = {g["count"]: tight(g["names"]) if named else str(g["count"]) for g in groups}
    chosen = selection(len(between), min(limit, 4) if named else limit)
    for part, title in (
        ("classifiers", "cosines of classifiers w"),
        ("embeddings", "cosines of class means μ"),
    ):
        table = Table(box=None, header_style="bold")
        table.add_column("classes" if named else "samples", justify="right", no_wrap=True)
        for j in chosen:
            table.add_column(called[between[j]], justify="right", no_wrap=not named)
        for i in chosen:
            table.add_row(
                called[between[i]], *(_cosine(answer[part]["cosines"][i][j]) for j in chosen)
            )
        console.print(f"\n{title}", style="bold")
        console.print(table)
    ratios = [_number(answer[part]["squared_norm_ratio"]) for part in ("classifiers", "embeddings")]
    console.print(f"\nlargest over smallest class: ‖w‖² {ratios[0]}, ‖μ‖² {ratios[1]}")


#: What keeps class means of some laws from being compared with a network's as they are.
CENTERING = (
    "class means μ are the law's own, not about their unweighted mean, as a network's are measured;"
    " Geometry.about_mean moves them there"
)


def print_centering() -> None:
    """Say that the class means are not about their mean."""
    table_console().print(f"\n{CENTERING}", style="dim")


def print_comparison(rows: list[dict[str, Any]], counts: Counts) -> None:
    """Print a comparison as a table that fits 80 columns."""
    from rich.table import Table

    console = table_console()
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("\nloss", overflow="fold")
    for title in (
        "norms\nw",
        "norms\nμ",
        "cosine\nw",
        "cosine\nμ",
        "aligned\nw, μ",
        "to ETF\nw",
        "to ETF\nμ",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        far = row["distance_to_etf"]
        table.add_row(
            row["loss"],
            *(_number(row[f"{part}_norm_ratio"], 4) for part in ("classifier", "embedding")),
            *(_cosine(row[f"{part}_minority_cosine"], 4) for part in ("classifier", "embedding")),
            _cosine(row["minority_alignment"], 4),
            *("" if far is None else f"{far[part]:.4f}" for part in ("classifiers", "embeddings")),
        )
    console.print(table)
    rarest = "" if counts.names is None else f" ({listed(rows[0]['rarest'], ' and ')})"
    notes = [
        f"norms: squared norm, {ends_of(counts)}",
        f"cosine: between the two rarest classes{rarest}; aligned: of the rarest class",
        "to ETF: distance from 0 to 2, of classifiers w and of class means μ; those of LDT are not"
        " about their mean, as a network's are measured",
        "weights, shifts and additive margins have no effect as the ridge vanishes",
    ]
    if rows[0]["distance_to_etf"] is None:
        notes.append(
            f"no distances: {counts.groups.m} distinct counts, and their time grows with the square"
        )
    console.print("\n" + "\n".join(notes), style="dim")


def ends_of(counts: Counts) -> str:
    """Return in words over which class the largest is taken, by names where there are some."""
    large, small = int(counts.distinct[-1]), int(counts.distinct[0])
    if counts.names is None:
        return f"class of {large} samples over class of {small}"
    first = counts.groups.first
    names = [short(name) for name in counts.called(first[[-1, 0]])]
    return f"{names[0]} ({large} samples) over {names[1]} ({small})"


def _number(value: float | None, digits: int = 5) -> str:
    return "undefined" if value is None else f"{value:.{digits}g}"


def _cosine(value: float | None, digits: int = 5) -> str:
    if value is None:
        return ""
    small = 1e-14 < abs(value) < 10.0 ** (1 - digits)
    return f"{value:.1e}" if small else f"{round(value, digits) + 0.0:.{digits}f}"
