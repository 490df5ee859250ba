"""What `lopsided measure` prints beside the metrics: JSON, why a distance is what it is, and the
command that writes the corrected head.
"""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from lopsided.cli.given import STDIN
from lopsided.cli.output import print_json, shown, table_console

if TYPE_CHECKING:
    from lopsided.cli.measure import Measure
    from lopsided.counts import Counts
    from lopsided.diagnosis import Diagnosis
    from lopsided.geometry import Geometry
    from lopsided.measure import Collapse
    from lopsided.measure.ood import Outside

#: What the file of the corrected head may be called, lest the command writes over another.
NAMES = ("head.safetensors", "corrected-head.safetensors")


def to_write_head(options: Measure, diagnosis: Diagnosis) -> str:
    """Return the command that writes the corrected head, where one was found and measured, and
    `lopsided steer` reads the same samples.
    """
    found = diagnosis.prescription
    if diagnosis.held_out is None or found is None or found.remedy == "nothing":
        return ""
    if options.labels is not None:
        return ""
    names = ("features", "held_out", "head", "loss")
    given = {f"--{name.replace('_', '-')}": getattr(options, name) for name in names}
    given |= options.training.settings
    if STDIN in given.values():  # it has been read, and a terminal would be waited for
        return ""
    read = options.features, options.held_out
    words: list[str] = []
    for name, value in given.items():
        if value is not None:
            option, word = name.replace("--training-labels", "--labels"), str(value)
            words += [f"{option}={word}"] if word.startswith("-") else [option, word]
    if options.ignore:
        words += ["--ignore", *map(str, options.ignore)]
    # Beside shards a head would be taken for theirs.
    inside = any(path and path.is_dir() and path.samefile(".") for path in read)
    folder = Path("..") if inside else Path()
    free = [name for name in NAMES if not (folder / name).exists()]
    out = str(folder / (free or NAMES[-1:])[0])
    command = shlex.join(["lopsided", "steer", *words, "--out", out])
    return f"The corrected head in a file: {command}"


def as_json(
    collapse: Collapse,
    predictions: dict[str, Geometry],
    gap: float | None,
    diagnosis: Diagnosis | None,
    outside: Outside | None = None,
) -> None:
    """Print everything as JSON."""
    from lopsided.measure.shown import SPLIT, splits_dict
    from lopsided.plain import plain

    result = collapse.to_dict()
    if predictions:
        distances = {
            name: collapse.geometry.distance(other)._asdict() for name, other in predictions.items()
        }
        result["distances"] = {name: plain(row) for name, row in distances.items()}
        if collapse.k <= SPLIT:
            result["splits"] = splits_dict(collapse.splits(predictions))
        result["verdict"] = collapse.verdict(predictions)
    if gap is not None:
        result["ufm_gap"] = gap
    if diagnosis is not None:  # its geometry is all of the above
        told = diagnosis.to_dict()
        result["diagnosis"] = {name: part for name, part in told.items() if name != "geometry"}
    if outside is not None:
        result["ood"] = outside.to_dict()
    print_json("measure", result)


def outside(found: Outside, counts: Counts) -> None:
    """Print how well scores tell samples of another distribution apart, as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    headers, rows = found.table(counts)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for header in headers:
        table.add_column(header, justify="left" if header == headers[0] else "right")
    for row in rows:
        table.add_row(*map(shown, row))
    console = table_console()
    console.print(found.sentence())
    console.print(table)


def splits(collapse: Collapse, predictions: dict[str, Geometry]) -> None:
    """Print how much of each distance is of the law, as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from lopsided.measure.shown import ALONE, SPLIT, splits_table

    if collapse.k > SPLIT:
        return
    found = collapse.splits(predictions)
    headers, rows = splits_table(found, collapse.counts)
    visible = next(iter(found.values())).visible
    seen = (
        "what the head sees is not defined"
        if math.isnan(visible)
        else f"the head sees {visible:.0%} of the class means' energy"
    )
    parts = "whole² = law² + single classes²" if len(headers) > 2 else ALONE
    title = f"why: {parts}; {seen}"
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for header in headers:
        table.add_column(header, justify="left" if header == headers[0] else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    table_console().print(table)
