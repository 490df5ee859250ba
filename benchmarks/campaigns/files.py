"""Damaged and hostile files of features: each ends in one sentence, or is read as NumPy and
safetensors read it.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/files.py --cases 2000 --seed 0 --out
    benchmarks/records/campaigns/files.json

First every maker of `tests/damage.py`, through `lopsided measure` in this process and some of them
in a process of their own; then mutations of whole files of every format. Wrong is: a traceback,
another status than 2, anything but one printable sentence, a measurement that takes too long, and
an array that is not what the format's own library reads of the same file.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import numpy as np
from campaign import random_cases

import damage
from lopsided.cli import main
from lopsided.measure import open_store

#: Seconds that a file may take on a busy machine; every so many makers are tried in a process of
#: their own.
LIMIT, SAMPLED = 120.0, 6


class TooLongError(Exception):
    """A file was not answered in time."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooLongError


def measured(path: Path) -> tuple[int, str]:
    """Return status and standard error of `lopsided measure` in this process."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        status = main(["measure", str(path), "--json"])
    return status, error.getvalue()


def apart(path: Path) -> tuple[int, str]:
    """Return status and standard error of `lopsided measure` in a process of its own."""
    words = [sys.executable, "-m", "lopsided.cli", "measure", str(path), "--json"]
    done = subprocess.run(words, capture_output=True, timeout=LIMIT, check=False)
    return done.returncode, done.stderr.decode(errors="backslashreplace")


def not_a_sentence(status: int, error: str) -> str:
    """Return what is wrong with a refusal, if anything."""
    sentence = error.removesuffix("\n")
    fine = (
        status == 2
        and sentence.startswith("lopsided: ")
        and sentence.isprintable()
        and " at 0x" not in sentence
    )
    return "" if fine else f"status {status}: {error[-800:]!r}"


def differs(path: Path) -> str:
    """Return where the arrays that are read are others than those the format's own library reads,
    if they are.
    """
    store = open_store(path)
    (shard,) = store.shards
    features, labels = shard.rows(0, shard.n)
    read = {"features": features, "labels": labels, "weight": store.weight, "bias": store.bias}
    for name, array in damage.oracle(path).items():
        if read[name] is None or not np.array_equal(read[name], array, equal_nan=True):
            return f"{name} is not what its own library reads"
    return ""


def tried(make: Any, measure: Any, refused: bool) -> tuple[str, str]:
    """Measure one file, and return how that ended and what is wrong with it, if anything."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder))
            status, error = measure(path)
            if status or refused:
                return "refused", not_a_sentence(status, error).replace(folder, "FOLDER")
            return "accepted", differs(path)
    except (TooLongError, subprocess.TimeoutExpired):
        return "too long", "was not answered in time"
    except BaseException:
        return "traceback", traceback.format_exc()[-1500:]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def campaign(cases: int, seed: int) -> dict[str, Any]:
    """Try all makers, and as many mutations as there are cases."""
    signal.signal(signal.SIGALRM, _stop)
    os.environ.pop("LOPSIDED_TRACEBACK", None)
    ends: Counter[str] = Counter()
    wrong: list[dict[str, str]] = []

    def note(kind: str, name: str, outcome: tuple[str, str]) -> None:
        ends[f"{kind}: {outcome[0]}"] += 1
        if outcome[1]:
            wrong.append({"kind": kind, "file": name, "end": outcome[0], "problem": outcome[1]})
            print(f"{kind}, {name}: {outcome[1]}", file=sys.stderr)

    for i, (name, make) in enumerate(damage.REFUSED.items()):
        note("made by hand", name, tried(make, measured, refused=True))
        if i % SAMPLED == 0:
            note("made by hand, in a process of its own", name, tried(make, apart, refused=True))
    print(f"{len(damage.REFUSED)} files made by hand, {len(wrong)} wrong", flush=True)
    rng, formats = np.random.default_rng(seed), list(damage.WHOLE)
    for case in range(cases):
        name = formats[case % len(formats)]
        make = damage.edited(damage.WHOLE[name], lambda content: damage.mutated(content, rng))
        note(f"mutated {name}", f"case {case}", tried(make, measured, refused=False))
        if case % 100 == 99:
            print(f"{case + 1:,} of {cases:,} mutations, {len(wrong)} wrong", flush=True)
    return {
        "made by hand": len(damage.REFUSED),
        "ends": dict(sorted(ends.items())),
        "wrong": wrong,
    }


if __name__ == "__main__":
    random_cases(__doc__, "damaged and hostile files of features", campaign, 2000)
