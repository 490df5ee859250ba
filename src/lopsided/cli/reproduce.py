"""lopsided reproduce."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Optional

import tyro

from lopsided.cli.output import print_json, shown, table_console


@dataclass(frozen=True)
class Reproduce:
    """Put a claim of a paper to the test: figures, numbers, verdict.

    A run that has a record is not repeated; an interrupted one goes on where it was. The settings
    of a claim are options too: `lopsided reproduce CLAIM --help` shows them, and each that is no
    list is a key of --grid.
    """

    claim: Annotated[Optional[str], tyro.conf.Positional, tyro.conf.arg(metavar="CLAIM")] = None
    """a name that --list shows"""
    list: bool = False
    """name all claims"""
    report: bool = False
    """run nothing, only write the report over all records in --out"""
    grid: str = ""
    """settings to combine: "dataset=mnist,fashion-mnist ratio=1,10,100 seed=0,1" """
    processes: int = 1
    """runs of a grid at once, one thread each"""
    slurm: str | None = None
    """partition of Slurm: each run is a job there, queued again when it is preempted or its time is
    over; needs submitit"""
    data_dir: Optional[Path] = None
    """folder of data sets; also LOPSIDED_DATA"""
    out: Path = Path("results")
    """folder for records and report.html"""
    check: bool = False
    """exit with status 1 if a claim does not hold; with --report, if one of the records does not or
    cannot be read"""
    json: bool = False
    """print the record, of a --grid a list of them, or with --list the claims, as JSON"""

    @classmethod
    def for_words(cls, words: Sequence[str]) -> type[Reproduce]:
        """Return this verb with the settings of the claim that the words of a command line name.

        Raises:
            UsageError: for an option that the claim does not have.
        """
        from lopsided.cli import claims

        claim = claims.named(words, ("--list", "--report", "--check", "--json", "--help", "-h"))
        if claim is None:
            return cls
        claims.require_own(claim, cls, words)
        return claims.with_settings(cls, claim)

    def run(self) -> None:
        """Run, or list, or report."""
        from rich.table import Table

        from lopsided.cli.claims import given
        from lopsided.cli.console import Tables
        from lopsided.needs import need
        from lopsided.reproduce import CLAIMS, Place, grid
        from lopsided.reproduce.context import is_first

        self._refuse_ignored()
        console = Tables(stderr=self.json, soft_wrap=True, highlight=False, quiet=not is_first())
        if self.list and self.json:
            says = {claim.name: claim.statement for claim in CLAIMS.values()}
            print_json("claims", {"claims": says})
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
        from lopsided.reproduce import page, slurm

        if self.slurm is not None and self.processes != 1:
            raise ValueError("runs are --processes of this machine or jobs of --slurm, not both")
        if self.processes != 1 and self.claim is not None and not self.grid:
            raise ValueError("--processes is for the runs of a --grid; a single run is one process")
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
            page.require_place(self.out)
            claim = CLAIMS[self.claim]
            combinations = grid.combine(
                claim, self.grid, given(claim, getattr(self, "settings", None)), place
            )
            submitter = None if self.slurm is None else slurm.executor(claim, place, self.slurm)
            records = grid.run(claim, combinations, place, self.processes, console, submitter)
            if self.json and is_first():
                text = ",\n".join(record.to_json() for record in records)
                print(f"[{text}]" if self.grid else text)
            settings = [record.configuration for record in records]
            for record in records:
                if len(records) > 1:
                    name = grid.told_apart(claim, record.configuration, settings)
                    console.print(f"{shown(name)}:", end=" ")
                console.print(
                    "holds" if record.verdict.holds else "does not hold", style="bold", end=" "
                )
                console.print(shown(record.verdict.sentence))
            held = all(record.verdict.holds for record in records)
        else:
            found = page.read(self.out)
            held = not found.left_out and all(record.verdict.holds for record in found.records)
        if not is_first():
            return
        told = Tables(stderr=True, soft_wrap=True, highlight=False)
        with told.status("writing the report") as status:
            path = page.report(
                self.out,
                CLAIMS,
                lambda note: told.print(shown(note)),
                lambda what: status.update(f"writing the report: {what}"),
            )
        console.print(f"report: {shown(str(path))}")
        if self.check and not held:
            raise SystemExit(1)

    def _refuse_ignored(self) -> None:
        """Refuse options that would be ignored.

        Raises:
            ValueError: naming one of them.
        """
        if self.list:
            goal, apart = "--list names all claims", {"list", "json"}
        elif self.report:
            goal, apart = "--report only writes the page", {"report", "out", "check"}
        else:
            return
        for option in fields(Reproduce):
            if option.name not in apart and getattr(self, option.name) != option.default:
                flag = option.name.replace("_", "-")
                given = self.claim if option.name == "claim" else f"--{flag}"
                raise ValueError(f"{goal}, leave out {given}")


def _require_writable(folder: Path) -> None:
    """Find out before a long run, not after it, that its record cannot be written.

    Raises:
        OSError: if there is no folder, none can be made, or it takes no file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        error.filename = str(folder)  # and not that of the file that was tried
        raise
