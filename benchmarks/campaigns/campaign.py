"""What campaigns share: a command line, and a record, which names versions and no places."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn


def random_cases(
    told: str, what: str, run: Callable[[int, int], dict[str, Any]], cases: int
) -> NoReturn:
    """Run a campaign of random cases as the command line says, write its record, and exit with
    status 1 if something came out wrong.

    Args:
        told: the documentation of the campaign, whose first line is its help.
        what: is tried, for the record.
        run: of so many cases from a seed, to what came of them, see `write`.
        cases: how many where the command line does not say.
    """
    parser = argparse.ArgumentParser(description=told.splitlines()[0])
    parser.add_argument("--cases", type=int, default=cases)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    found = {"cases": asked.cases, "seed": asked.seed, **run(asked.cases, asked.seed)}
    write(asked.out, what, found)
    sys.exit(bool(found["wrong"]))


def write(out: Path | None, what: str, found: dict[str, Any]) -> None:
    """Write a record, and say what came out.

    Args:
        out: of the JSON file; `None` writes none.
        what: was tried.
        found: what came of it; "wrong" lists what should not have been.
    """
    packages = ("lopsided", "numpy", "scipy", "torch", "safetensors", "pillow", "tyro", "rich")
    machine = {"processor": platform.machine(), "cores": os.cpu_count()}
    versions = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    record = {
        "what": what,
        **found,
        "machine": machine,
        "versions": versions,
        "date": datetime.now(UTC).date().isoformat(),
    }
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps({name: value for name, value in found.items() if name != "wrong"}, indent=1))
    print(f"{len(found['wrong'])} wrong", file=sys.stderr)
