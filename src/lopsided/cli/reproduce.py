"""lopsided reproduce."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from lopsided.cli.output import Tables, shown, table_console


@dataclass(frozen=True)
class Options:
    """Settings of a run; what is not given keeps the claim's default. More of them are keys of
    --grid.
    """

    dataset: str | None = None
    """digits, mnist, fashion-mnist, cifar-10, or a folder or tar of images (train/CLASS/IMAGE,
    test/CLASS/IMAGE)"""
    model: Literal["mlp", "resnet18", "vgg13"] | None = None
    """network"""
    width: int | None = None
    """units of the MLP's layers, or channels of the first stage"""
    bias: Literal["none", "decayed", "free"] | None = None
    """bias of the head: none, with weight decay, or free of it"""
    profile: Literal["step", "exponential", "given"] | None = None
    """shape of the class counts"""
    ratio: float | None = None
    """R, largest over smallest class count"""
    largest: int | None = None
    """samples of the largest class"""
    counts: str | None = None
    """the class counts of profile given, comma-separated"""
    epochs: int | None = None
    """passes over the data"""
    schedule: Literal["constant", "published"] | None = None
    """learning rate: constant, or divided by 10 twice"""
    seed: int | None = None
    """of initialisation and order of samples"""
    device: Literal["cpu", "cuda"] | None = None
    """where to train"""
    amp: Literal["off", "bf16"] | None = None
    """precision of training"""

    def given(self) -> dict[str, Any]:
        """Return the options that were given."""
        return {
            f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None
        }


@dataclass(frozen=True)
class Reproduce:
    """Put a claim of a paper to the test: figures, numbers, verdict.

    A run that has a record is not repeated; an interrupted one goes on where it was.
    """

    training: Options
    claim: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="CLAIM")] = None
    """a name that --list shows"""
    list: bool = False
    """name all claims"""
    report: bool = False
    """only write the report over all records in --out"""
    grid: str = ""
    """settings to combine: "dataset=mnist,fashion-mnist ratio=1,10,100 seed=0,1" """
    processes: int = 1
    """runs of a grid at once, one thread each"""
    data_dir: Path | None = None
    """folder of data sets; also LOPSIDED_DATA"""
    out: Path = Path("results")
    """folder for records and report.html"""
    json: bool = False
    """print the records, or with --list the claims, as JSON"""

    def run(self) -> None:
        """Run, or list, or report."""
        from rich.table import Table

        from lopsided.needs import need
        from lopsided.reproduce import CLAIMS, Place, grid
        from lopsided.reproduce.context import is_first

        console = Tables(stderr=self.json, soft_wrap=True, highlight=False, quiet=not is_first())
        if self.list and self.json:
            print(json.dumps({claim.name: claim.statement for claim in CLAIMS.values()}, indent=1))
            return
        if self.list:
            table = Table(box=None, header_style="bold")
            table.add_column("claim")
            table.add_column("what it says")
            for claim in CLAIMS.values():
                table.add_row(claim.name, claim.title)
            table_console().print(table)
            return
        for module in ("torch", "safetensors", "matplotlib", "jinja2", "filelock"):
            need(module, "'lopsided[reproduce]'")
        from lopsided.reproduce import page

        if self.claim is not None and self.claim not in CLAIMS:
            raise ValueError(f"no claim is called {self.claim!r}; there are {', '.join(CLAIMS)}")
        if self.claim is None and not self.report:
            raise ValueError(f"name a claim ({', '.join(CLAIMS)}), or give --list or --report")
        if self.claim is not None:
            environment = os.environ.get("LOPSIDED_DATA")
            place = Place(self.out, self.data_dir or (Path(environment) if environment else None))
            if place.data is not None and not place.data.is_dir():
                raise ValueError(
                    "--data-dir or LOPSIDED_DATA must be a folder of data sets, there is none at"
                    f" {place.data}"
                )
            _require_writable(self.out)
            combinations = grid.combine(CLAIMS[self.claim], self.grid, self.training.given(), place)
            records = grid.run(CLAIMS[self.claim], combinations, place, self.processes, console)
            if self.json and is_first():
                print("\n".join(record.to_json() for record in records))
            for record in records:
                console.print(
                    "holds" if record.verdict.holds else "does not hold", style="bold", end=" "
                )
                console.print(shown(record.verdict.sentence), markup=False)
        if not is_first():
            return
        told = Tables(stderr=True, soft_wrap=True, highlight=False, markup=False)
        path = page.report(self.out, CLAIMS, lambda note: told.print(shown(note)))
        console.print(f"report: {shown(str(path))}", markup=False)


def _require_writable(folder: Path) -> None:
    """Find out before a long run, not after it, that its record cannot be written.

    Raises:
        OSError: if there is no folder, none can be made, or it takes no file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()
