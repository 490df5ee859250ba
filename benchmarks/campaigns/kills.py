"""Training killed at random moments: what is started again ends in the same record, to the bit, and
nothing is left behind.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/kills.py --kills 40 --seed 0 --out
    benchmarks/records/campaigns/kills.json

A life is one command, `reproduce deep` on the bundled digits, alone or as a grid of two runs in two
processes, which is killed with SIGKILL and started again until it has been killed a few times, and
then left in peace. Killed is the command itself, whose workers then have to end, or a worker, whose
run the command then has to start again. The moment is drawn: mostly from the seconds after a new
checkpoint, when training is surely under way, and otherwise from all seconds after the start.
Checkpoints are written every quarter of a second instead of every five, so that there is much to go
on from. Wrong is: a record that differs from that of an undisturbed run, a process that outlives
its command by ten seconds, a draft, checkpoint or lock of a run after its end, a command that
fails. The record is written after every life, and a second start goes on from it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import psutil
from campaign import write

from lopsided.reproduce.network import training

#: Workers import this file too, as the main module of a command that is started below.
training._SAVE_EVERY = 0.25

EPOCHS = 1200
SETTINGS = f"--dataset digits --largest 100 --width 96 --epochs {EPOCHS} --grid".split()
#: A run alone, and a grid of two.
RUNS = {
    "alone": ["depth=3 batch=55 seed=0"],
    "grid": ["depth=3 batch=55 seed=1,2", "--processes", "2"],
}
#: What is killed -> the runs, and how often in one life; a run that loses its process thrice would
#: be given up.
WAYS = {
    "the only process": ("alone", 4),
    "the parent of a grid": ("grid", 4),
    "a worker of a grid": ("grid", 2),
}
#: Seconds after which a life has gone on for too long.
LONG = 600
#: Seconds within which every process of a killed command is to have ended, on a busy machine too.
SOON = 30.0


class Command:
    """The command of a life, running."""

    def __init__(self, runs: str, folder: Path) -> None:
        self.folder, self.log = folder, folder.with_suffix(".log")
        words = [
            sys.executable,
            __file__,
            "--command",
            "reproduce",
            "deep",
            *SETTINGS,
            *RUNS[runs],
            "--out",
            str(folder),
        ]
        with self.log.open("w") as log:
            self.process = psutil.Popen(words, stdout=log, stderr=log)
        self.mark()

    def mark(self) -> None:
        """Forget what it has said and written so far."""
        self.said, self.written = len(self.output()), self.checkpoints()

    def output(self) -> str:
        """Return what it has said."""
        return self.log.read_text()

    def checkpoints(self) -> set[Path]:
        """Return the checkpoints that there are."""
        return set(self.folder.glob(".work/*/0*.safetensors"))

    def resumed(self) -> list[int]:
        """Return the epochs from which runs have gone on since the mark."""
        return [
            int(epoch)
            for epoch in re.findall(r"continued from epoch (\d+)", self.output()[self.said :])
        ]

    def over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def wait(self, seconds: float, checkpoint: bool = False) -> None:
        """Wait so long, or until the command is over, or there is a checkpoint newer than the
        mark.
        """
        end = time.monotonic() + seconds
        while (
            time.monotonic() < end
            and not self.over()
            and not (checkpoint and self.checkpoints() - self.written)
        ):
            time.sleep(0.01)

    def workers(self) -> list[psutil.Process]:
        """Return the processes of its runs."""
        return [
            child for child in self.process.children() if "spawn_main" in " ".join(child.cmdline())
        ]


def moment(command: Command, rng: random.Random) -> None:
    """Wait for the moment of a kill."""
    inside = rng.random() < 0.85
    if inside:
        command.wait(LONG, checkpoint=True)
    command.wait(rng.uniform(0, 3 if inside else 15))


def phase(folder: Path) -> dict[str, Any]:
    """Return where the runs of a folder are, by what they have on disk."""
    work = [path.parent for path in folder.glob(".work/*/lock")]
    epochs = [
        max((int(file.name[:8]) for file in path.glob("0*.safetensors")), default=0)
        for path in sorted(work)
    ]
    if not epochs:
        return {"phase": "writing the report" if any(folder.glob("*.json")) else "starting"}
    last = {0: "before the first checkpoint", EPOCHS: "after the last epoch"}
    return {"phase": last.get(max(epochs), "training"), "epochs": epochs}


def live(
    way: str, most: int, rng: random.Random, folder: Path, truth: dict[str, str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Live one life; return its kills, and what went wrong."""
    runs, limit = WAYS[way]
    kills: list[dict[str, Any]] = []
    wrong: list[str] = []
    family: list[psutil.Process] = []
    command = Command(runs, folder)
    while True:
        if len(kills) < min(limit, most):
            moment(command, rng)
        else:
            command.wait(LONG)
        if kills:
            kills[-1]["resumed"] = command.resumed()
        if command.over() or len(kills) == min(limit, most):
            break
        victims = command.workers() if way == "a worker of a grid" else [command.process]
        if not victims:
            continue
        family = command.process.children(recursive=True)
        kills.append({"killed": way, **phase(folder)})
        rng.choice(victims).kill()
        if way == "a worker of a grid":
            command.mark()
        else:
            command.process.wait()
            wrong += ["a process outlived its command" for _ in psutil.wait_procs(family, SOON)[1]]
            command = Command(runs, folder)
    if not command.over():
        command.process.kill()
        wrong.append("a command did not end")
    elif command.process.returncode:
        wrong.append(f"status {command.process.returncode}: {command.output()[-300:]}")
    wrong += ["a process outlived its command" for _ in psutil.wait_procs(family, SOON)[1]]
    return kills, [
        f"{way}: {what}" for what in [*wrong, *left(folder, truth, 2 if runs == "grid" else 1)]
    ]


def digests(folder: Path) -> dict[str, str]:
    return {path.stem: json.loads(path.read_text())["digest"] for path in folder.glob("*.json")}


def left(folder: Path, truth: dict[str, str], runs: int) -> list[str]:
    """Return what is in the folder of a life and should not be, or not as it is."""
    found = digests(folder)
    wrong = [
        f"{name} differs from the undisturbed run"
        for name, digest in found.items()
        if truth[name] != digest
    ]
    wrong += [f"there are {len(found)} records of {runs}"] * (len(found) != runs)
    rest = [
        path.name
        for path in folder.rglob("*")
        if path.name.endswith((".draft", ".safetensors")) or path.name == "lock"
    ]
    return wrong + [f"{name} is left" for name in rest]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="after which no life is begun")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    until = time.monotonic() + 60 * asked.minutes
    truth: dict[str, str] = {}
    for runs in RUNS:
        with tempfile.TemporaryDirectory() as place:
            command = Command(runs, Path(place) / "out")
            command.wait(LONG)
            if not command.over():
                command.process.kill()
                sys.exit(f"an undisturbed run did not end in {LONG} s: the machine is too busy")
            truth |= digests(command.folder)
    found: dict[str, Any] = {"seed": asked.seed, "lives": 0, "kills": [], "wrong": []}
    if (
        asked.out is not None
        and asked.out.exists()
        and (before := json.loads(asked.out.read_text()))["seed"] == asked.seed
    ):
        found = {name: before[name] for name in found}
    while len(found["kills"]) < asked.kills and time.monotonic() < until:
        way = list(WAYS)[found["lives"] % len(WAYS)]
        rng = random.Random(f"{asked.seed} {found['lives']}")
        with tempfile.TemporaryDirectory() as place:
            kills, wrong = live(
                way, asked.kills - len(found["kills"]), rng, Path(place) / "out", truth
            )
        found["lives"] += 1
        found["kills"] += kills
        found["wrong"] += wrong
        print(
            f"{len(found['kills'])} of {asked.kills}, {way}: {[kill['phase'] for kill in kills]},"
            f" wrong: {wrong}",
            file=sys.stderr,
        )
        write(asked.out, "training killed at random moments", {**summary(found["kills"]), **found})


def summary(kills: list[dict[str, Any]]) -> dict[str, Any]:
    inside = [kill for kill in kills if kill["phase"] == "training" and kill.get("resumed")]
    return {
        "phases": dict(Counter(kill["phase"] for kill in kills)),
        "killed": dict(Counter(kill["killed"] for kill in kills)),
        "inside training and resumed from a checkpoint": len(inside),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--command"]:
        from lopsided.cli import main as command

        sys.exit(command(sys.argv[2:]))
    main()
