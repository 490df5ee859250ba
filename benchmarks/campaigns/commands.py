"""Random command lines of all verbs: each ends in status 0 or 2, one sentence at most, and never a
traceback.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/commands.py --cases 5000 --seed 0 --out
    benchmarks/records/campaigns/commands.json

A command line is a verb and random options of it, with values that are right, out of range, of
another kind, or hostile: NaN, numbers beyond float64, text that speaks to the terminal, files that
are none. It runs in this process, with limits of time and memory. Wrong is: another status, a
traceback, anything but one printable sentence on standard error of what is refused, anything on it
of what is answered, Python's own words in a sentence, or JSON that is none. Runs of claims are
tiny, or refused.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import numpy as np
from campaign import write

import damage
from lopsided.cli import VERBS, Reproduce, main
from lopsided.steer import FAMILIES, TARGETS

#: The folder of the project, whose place on a machine is no part of a record.
PROJECT = str(Path(__file__).resolve().parents[2])
#: Seconds that a command may compute, seconds that it may take on a busy machine, and bytes of
#: memory.
WORK, WAIT, MEMORY = 40.0, 400.0, 6 * 2**30
#: What only Python, NumPy or a parser would say.
ITS_OWN = re.compile(
    r"NoneType|object has no attribute|not subscriptable|unsupported operand|cannot convert|could"
    r" not convert|invalid literal"
    r"|math domain|list index|index \d+ is out of bounds|unexpected keyword|positional"
    r" argument|shape mismatch|broadcast|Traceback"
    r"|<class|0x[0-9a-f]{6}|too many values|not enough values"
    r"|codec can|Exceeds the limit|int too (large|big)|must be str|unhashable|array is too big"
)

FLOATS = [
    "0",
    "0.1",
    "1",
    "1e-3",
    "0.5",
    "2",
    "1e-9",
    "30",
    "nan",
    "inf",
    "-inf",
    "-1",
    "1e300",
    "1e-300",
    "1e400",
    "-0",
    "abc",
    "",
    "1,2",
]
FLOATS += ["0x10", "1_0", " 1", "٣", "1" * 400, "--json", "None", "1e-17", "\x1b[2J", "½"]
INTS = [
    "1",
    "2",
    "3",
    "4",
    "10",
    "0",
    "-1",
    "1.5",
    "1e3",
    "nan",
    "abc",
    "",
    "9" * 30,
    "9" * 5000,
    "100000000",
    "2147483648",
    "٣",
    "None",
]
WORDS = [
    "",
    "None",
    "foo",
    "\x1b[31mred",
    "a b",
    "x" * 5000,
    "[/]",
    "{}",
    "%s",
    "\udcff",
    "-",
    "--",
    "=",
    "true",
    "两",
    "\n",
    "\u202e",
]
COUNTS = [
    "50,50,5,5",
    "5,4,3",
    "10,10",
    "1,1",
    "9007199254740992,1",
    "1000000,1",
    "100,50,20,10,5,2",
    "3",
    "",
    ",",
    "5,,5",
    "0,1",
    "-1,5",
    "1.5,2",
]
COUNTS += [
    "nan,1",
    "inf,1",
    "1e400,1",
    "1e3,5",
    "9" * 30 + ",1",
    "9" * 5000 + ",1",
    "a,b",
    "5 5",
    "5;5",
    "5,5,",
    "\x1b[2J,1",
    "0.5,0.25,0.25",
    "7," * 300 + "7",
]
COUNTS += [
    ",".join(map(str, range(1, 41))),
    "2,1",
    "1,2,3,4",
    "[50, 5]",
    "50 50 5",
    "1e5,10",
    "1e-3,1",
]
FIELDS = {
    "k": [
        "2",
        "4",
        "10",
        "1000",
        "1",
        "0",
        "-4",
        "2.5",
        "nan",
        "1e12",
        "1000000000000",
        "9" * 400,
        "abc",
        "",
    ],
    "ratio": ["1", "10", "100", "0.5", "0", "-1", "nan", "inf", "1e300", "1e15", "3.7", "abc"],
    "minority": ["1", "5", "50", "0", "-5", "2.5", "nan", "inf", "1e300", "1e12", "x"],
    "rho": ["0.5", "0.25", "0", "1", "nan", "-1", "0.333"],
    "largest": ["100", "500", "1", "0", "nan", "1e300", "1e15", "2.5", "-7"],
    "exponent": ["1", "0", "2", "-1", "nan", "inf", "1e300"],
    "foo": ["1"],
}
PROFILES = {
    "step": ("k", "ratio", "minority", "rho"),
    "exponential": ("k", "largest", "ratio"),
    "zipf": ("k", "largest", "exponent"),
}
FORMS = [
    "seli",
    "etf",
    "squared",
    "regression",
    "contrastive",
    "free-bias",
    "nonnegative",
    "balanced",
    "supports",
    "label-sets",
    "foo",
    "",
]
GRIDS = [
    "",
    "ratio=1,10",
    "seed=0,1",
    "ratio=nan",
    "ratio=",
    "=",
    "foo=1",
    "ratio=1 ratio=2",
    "seed=1.5",
    "rate=1e300",
    "rate=-1",
    "rate=nan",
]
GRIDS += [
    "schedule=foo",
    "amp=fp8",
    "profile=foo",
    "depth=0",
    "depth=10000000000",
    "width=100000000",
    "batch=0",
    "bias=x",
    "device=tpu",
    "seed=-1",
]
GRIDS += [
    "rho=2",
    "momentum=1",
    "weight_decay=inf",
    "split=99999999999999999999",
    "counts=1,2",
    "\x1b=1",
    "seed=" + "9" * 5000,
]
#: Options of reproduce that keep every run that is done at all tiny.
TINY = ["--dataset", "digits", "--epochs", "1", "--width", "4", "--largest", "10"]


class TooLongError(Exception):
    """A command did not end in time."""


class Maker:
    """Makes command lines.

    Args:
        seed: of the random choices.
        folder: in which files of features are, and results go.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.random, self.folder, self.tame = random.Random(seed), folder, False
        self.whole, self.paths = _files(folder)

    def line(self) -> list[str]:
        """Return the words of a command line."""
        self.tame = self.random.random() < 0.5
        verb = self.random.choices(list(VERBS), [5, 4, 5, 4, 2, 1])[0]
        words = (
            [verb, *self.reproduce()] if verb == "reproduce" else [verb, *self.options(VERBS[verb])]
        )
        for _ in range(0 if self.tame else self.random.choices([0, 1, 2], [8, 2, 1])[0]):
            words = self.garble(words)
        return words

    def one_of(self, values: list[str], right: int) -> str:
        """Return one of the values, of which the first few are right, and of a tame line nothing
        else.
        """
        return self.random.choice(values[:right] if self.tame else values)

    def options(self, kind: Any) -> list[str]:
        """Return random options of a verb, its positional ones first."""
        words: list[str] = []
        hints = get_type_hints(kind, include_extras=True)
        fed = Path in _kinds(hints.get("features")) and self.random.random() < 0.6
        for name, hint in hints.items():
            if dataclasses.is_dataclass(hint):
                if hint.__name__ != "Classes":
                    words += self.options(hint)
                elif not fed:
                    words += self.classes()
            elif name == "features" and "Positional" in str(hint):
                words.insert(0, self.path())
            elif name == "features":
                words += [f"--{name}", self.path()] if fed else []
            elif self.random.random() < (0.07 if self.tame else 0.25):
                words += self.option(name, hint)
        if self.tame and {"weight_decay", "ridge"} <= set(hints) and "--ridge" not in words:
            words += self.option("ridge", float)
        return words

    def option(self, name: str, hint: Any) -> list[str]:
        """Return an option with a value of its kind, or of another."""
        kinds = set(_kinds(hint))
        flag = f"--{name.replace('_', '-')}"
        if kinds == {bool}:
            return [flag]
        return [
            flag,
            *(
                [f"{v}" for v in (self.one_of(INTS, 6) for _ in range(2))]
                if name == "ignore"
                else [self.value(name, kinds)]
            ),
        ]

    def value(self, name: str, kinds: set[Any]) -> str:
        """Return a value."""
        if not self.tame and self.random.random() < 0.08:
            return self.random.choice(WORDS)
        if name == "counts":
            return self.one_of(["20,20,20", *COUNTS], 8)
        if name in PROFILES:
            fields = [part for part in PROFILES[name] if self.tame or self.random.random() < 0.9]
            fields += ["foo"] * (not self.tame and self.random.random() < 0.05)
            return ",".join(f"{part}={self.one_of(FIELDS[part], 3)}" for part in fields)
        if name in ("report", "plot", "out"):
            places = [
                self.folder / "out.svg",
                self.folder / "out.svg",
                "/absent/x.svg",
                self.folder,
                "/dev/full",
                "x.gif",
            ]
            return self.one_of([str(place) for place in places], 2)
        if name == "scratch":
            return self.one_of([str(self.folder), "/absent", "/dev/null", ""], 1)
        if Path in kinds:
            return self.path()
        if name in ("target", "family"):
            known = [*{"target": TARGETS, "family": FAMILIES}[name]]
            return self.one_of([*known, "foo", ""], len(known))
        if name == "form":
            return self.one_of(FORMS, 10)
        if name == "processes":
            return self.one_of(["1", "0", "-1", "x", "1.5"], 1)
        words = sorted(kind for kind in kinds if isinstance(kind, str))
        if words:
            return self.one_of([*words, "foo", "None"], len(words))
        if float in kinds:
            return self.one_of(FLOATS, 6)
        return (
            self.one_of(INTS, 4)
            if int in kinds
            else self.one_of(["none", "free", "0.1", *WORDS, *FLOATS], 3)
        )

    def path(self) -> str:
        """Return a path of features, or of labels."""
        return self.random.choice(self.whole if self.tame else self.paths)

    def classes(self) -> list[str]:
        """Return class counts in one way, seldom in none or two."""
        words: list[str] = []
        for _ in range(1 if self.tame else self.random.choices([0, 1, 2], [1, 18, 1])[0]):
            way = self.random.choice(["counts", "counts", "counts", "labels", *PROFILES])
            if way == "labels":
                words += ["--labels", self.path()]
            else:
                words += [f"--{way}", self.value(way, {str})]
        return words

    def reproduce(self) -> list[str]:
        """Return options of reproduce under which nothing long is computed."""
        # A report shows every record of its folder: many folders, of few records each.
        out = ["--out", str(self.folder / f"results-{self.random.randrange(100)}")]
        way = self.random.choice(["list", "report", "claim", "claim", "claim", "wrong"])
        if way in ("list", "report"):
            return [f"--{way}", *out, *(["--json"] if self.random.random() < 0.5 else [])]
        if way == "wrong":
            claim = self.random.choice(
                [
                    "norms",
                    "uf-svm",
                    "which-law",
                    "behnia2023",
                    "contest",
                    "ridge-path",
                    "ufm-sgd",
                    *WORDS,
                ]
            )
            return [claim, "--grid", self.random.choice(["foo=1", "=", "seed", "a=b c"]), *out]
        words = [self.random.choice(["demo", "deep"]), *TINY, *out, "--grid", self.one_of(GRIDS, 3)]
        verb = Reproduce.for_words(words)
        hints = get_type_hints(get_type_hints(verb)["settings"], include_extras=True)
        for name in self.random.sample(sorted(hints), 2):
            if name not in ("dataset", "epochs", "width", "largest", "model"):
                words += self.option(name, hints[name])
        for flag, value in (
            ("--dataset", "/absent"),
            ("--epochs", "0"),
            ("--width", "100000000"),
            ("--largest", "-3"),
            ("--largest", "nan"),
        ):
            if not self.tame and self.random.random() < 0.08:
                words[words.index(flag) + 1] = value
        return words

    def garble(self, words: list[str]) -> list[str]:
        """Leave out, double, exchange or add a word."""
        if not words:  # a verb alone, which is left out already
            return words
        words, i = list(words), self.random.randrange(len(words))
        if words[0] == "reproduce":  # lest it become long
            return [*words, self.random.choice(["--foo", "--json=1", "-x", *WORDS])]
        kind = self.random.randrange(4)
        if kind == 0:
            del words[i]
        elif kind == 1:
            words.insert(i, words[i])
        elif kind == 2:
            words[i] = self.random.choice(WORDS)
        else:
            words.insert(i, self.random.choice(["--foo", "--help", "-h", "--json", *WORDS]))
        return words


def _kinds(hint: Any) -> list[Any]:
    """Return the plain types in an annotation, and the words of its literals."""
    if get_origin(hint) is Literal:
        return [str(value) for value in get_args(hint)]
    if (get_origin(hint) is not None and get_origin(hint) is not Union) or hasattr(
        hint, "__args__"
    ):
        return [kind for part in get_args(hint) for kind in _kinds(part)]
    return [hint] if isinstance(hint, type) else []


def _files(folder: Path) -> tuple[list[str], list[str]]:
    """Write whole and damaged files, and return the paths of the whole ones, and of all with some
    that lead nowhere.
    """
    whole, others = (
        [],
        [
            "/absent/x.npz",
            "",
            ".",
            "/dev/null",
            "/dev/zero",
            "x.pt",
            "\x1b[2J.npz",
            "\udcff.npz",
            "a\0b.npz",
            "x" * 5000 + ".npz",
        ],
    )
    damaged = random.Random(0).sample(sorted(damage.REFUSED.items()), 20)
    for paths, makers in ((whole, damage.WHOLE.items()), (others, damaged)):
        for name, make in makers:
            place = folder / re.sub(r"\W", "-", name)
            place.mkdir(exist_ok=True)
            paths.append(str(make(place)))
    np.save(folder / "labels.npy", np.arange(60) % 3)
    np.savetxt(folder / "targets.csv", np.eye(3), delimiter=",")
    whole += [str(folder / "labels.npy"), str(folder / "targets.csv")]
    return whole, [*whole * 4, *others]


def run(words: list[str]) -> tuple[str, str]:
    """Run a command line, and return how it ended and what is wrong with that, if anything."""
    out, error = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    signal.setitimer(signal.ITIMER_PROF, WORK)
    signal.setitimer(signal.ITIMER_REAL, WAIT)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            status = main(words)
    except TooLongError:
        return "too long", traceback.format_exc()[-1500:]
    except BaseException:
        return "traceback", traceback.format_exc()[-1500:]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    if status in (130, 143):  # somebody wants the campaign to end, and `main` took it for itself
        raise SystemExit(status)
    out.flush()
    error.flush()
    said, complaint = out.buffer.getvalue().decode(), error.buffer.getvalue().decode()  # type: ignore[attr-defined]
    return str(status), _wrong(words, status, said, complaint)


def _wrong(words: list[str], status: int, said: str, complaint: str) -> str:
    if status not in (0, 2):
        return f"status {status}: {complaint}"
    if status == 0 and words[0] != "reproduce" and complaint:
        return f"an answer and a complaint: {complaint}"
    if status == 0 and "--json" in words and not {"-h", "--help", "--report"} & set(words):
        try:
            json.loads(said, parse_constant=lambda word: 1 / 0)
        except (ValueError, ZeroDivisionError):
            return f"not JSON: {said[:300]}"
    if status == 2:
        last = (
            complaint.removesuffix("\n").split("\n")[-1]
            if words[0] == "reproduce"
            else complaint.removesuffix("\n")
        )
        if (
            not last.startswith("lopsided: ")
            or not last.isprintable()
            or len(last) < 20
            or complaint.count("lopsided: ") > 1 + said.count("lopsided")
        ):
            return f"not a sentence: {complaint!r}"
        if found := ITS_OWN.search(last):
            return f"Python's own words ({found[0]}): {last}"
    return ""


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooLongError


def campaign(cases: int, seed: int, out: Path | None) -> bool:
    """Run random command lines, write the record every hundred of them, and return whether all
    ended as they should.
    """
    out = None if out is None else out.resolve()  # the commands run in a folder of their own
    signal.signal(signal.SIGALRM, _stop)
    signal.signal(signal.SIGPROF, _stop)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ.pop("LOPSIDED_TRACEBACK", None)
    os.environ.pop("LOPSIDED_DATA", None)
    ends: Counter[str] = Counter()
    wrong: list[dict[str, Any]] = []
    slowest, began = 0.0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        maker = Maker(seed, Path(folder))
        for case in range(cases):
            words = maker.line()
            start = time.process_time()
            end, problem = run(words)
            if (seconds := time.process_time() - start) > slowest:
                slowest = seconds
                print(
                    f"slowest so far, {seconds:.1f} s: {' '.join(words)[:300]!r}", file=sys.stderr
                )
            ends[f"{words[0] if words and words[0] in VERBS else 'no verb'}: {end}"] += 1
            if problem:
                hide = [
                    word.replace(folder, "FOLDER")[:200].encode("unicode_escape").decode()
                    for word in words
                ]
                wrong.append(
                    {
                        "case": case,
                        "words": hide,
                        "end": end,
                        "problem": problem.replace(folder, "FOLDER").replace(PROJECT, "PROJECT")[
                            :1500
                        ],
                    }
                )
                print(f"case {case}: {' '.join(hide)}\n    {problem[-600:]}", file=sys.stderr)
            if case % 100 == 99 or case + 1 == cases:
                print(
                    f"{case + 1:,} of {cases:,}, {len(wrong)} wrong,"
                    f" {time.monotonic() - began:.0f} s",
                    flush=True,
                )
                told = {
                    "cases": case + 1,
                    "seed": seed,
                    "ends": dict(sorted(ends.items())),
                    "slowest, CPU s": round(slowest, 1),
                }
                write(out, "random command lines of all verbs", {**told, "wrong": wrong})
    return not wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    raise SystemExit(not campaign(given.cases, given.seed, given.out))
