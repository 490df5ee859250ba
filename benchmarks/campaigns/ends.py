"""Commands told to end at random moments: what they wrote is whole or not there, nobody is left.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/ends.py --cases 80 --seed 1 --out
    benchmarks/records/campaigns/ends.json

A case is a command, somebody (the command, all processes of its terminal, or one of its workers), a
signal (Ctrl-C, SIGTERM, SIGHUP, SIGKILL) and a moment of the time that the command takes
undisturbed; a third of the moments are at its very end, when it writes. Wrong is: a command or
worker that goes on for half a minute, a traceback, a status that is neither the signal's nor that
of an answer or a refusal, an answer or file that is not the undisturbed one, a draft or temporary
file that is left (but by SIGKILL, which nobody can answer), and where the command, run again in the
same folder, does not end as if undisturbed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import psutil
from campaign import random_cases

#: The commands: words, and whether they have workers. Files are told by place, in a folder of the
#: case, or {data}, made once.
COMMANDS: dict[str, tuple[str, bool]] = {
    "measure, workers": (
        "measure {data}/train.npz --processes 3 --json --report page.html --plot figure.svg",
        True,
    ),
    "measure, one pass": ("measure {data}/train.npz --processes 2 --passes 1 --csv", True),
    "measure, held out": ("measure {data}/train.npz --held-out {data}/test.npz --json", False),
    "measure, outside": ("measure {data}/train.npz --ood {data}/test.npz --json", False),
    "predict": ("predict --zipf k=1000000,largest=1000000 --plot figure.png --json", False),
    "solve": (
        "solve --exponential k=60,largest=500,ratio=100 --path --plot figure.pdf --json",
        False,
    ),
    "steer": (
        "steer --features {data}/train.npz --held-out {data}/test.npz --out head.safetensors"
        " --json",
        False,
    ),
    "explore": ("explore --zipf k=50,largest=1000 --out page.html", False),
    "reproduce": ("reproduce uf-svm --out out", False),
    "reproduce, workers": (
        "reproduce deep --dataset digits --largest 40 --width 32 --depth 2 --epochs 8 --grid"
        " seed=0,1 --processes 2 --out out",
        True,
    ),
}
#: Who is told, in commands with workers and in those without.
TOLD = {True: ["the command", "its terminal", "a worker"], False: ["the command"]}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]
#: Seconds within which everybody has ended, on a busy machine too, and those a command may take.
SOON, LONG = 30.0, 300.0


class Outcome(NamedTuple):
    """How a command ended.

    Attributes:
        status: of the command, or `None` where it went on.
        out: what it printed.
        err: what it complained of.
        seconds: how long it took.
        alive: processes that outlived it.
        left: files in its folders that are temporary.
    """

    status: int | None
    out: bytes
    err: str
    seconds: float
    alive: int
    left: list[str]


class Running:
    """A command of a case, in a folder of its own, with temporary files in another."""

    def __init__(self, name: str, folder: Path, data: Path) -> None:
        self.folder, self.temporary = folder, folder.with_suffix(".tmp")
        self.said = folder.with_suffix(".out"), folder.with_suffix(".err")
        folder.mkdir(exist_ok=True)
        self.temporary.mkdir(exist_ok=True)
        words = [word.format(data=data) for word in COMMANDS[name][0].split()]
        out, err = self.said
        with out.open("wb") as o, err.open("wb") as e:
            self.started = time.monotonic()
            self.process = psutil.Popen(
                [sys.executable, "-m", "lopsided", *words],
                cwd=folder,
                stdin=-3,
                stdout=o,
                stderr=e,
                env={**os.environ, "TMPDIR": str(self.temporary)},
                start_new_session=True,
            )
        self.family: set[psutil.Process] = set()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is over, and get to know its processes."""
        while time.monotonic() < self.started + seconds and self.process.poll() is None:
            self.know()
            time.sleep(0.01)

    def know(self) -> list[psutil.Process]:
        """Return its workers."""
        try:
            children = self.process.children(recursive=True)
            self.family |= set(children)
            return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        except psutil.NoSuchProcess:
            return []

    def tell(self, who: str, number: signal.Signals, rng: random.Random) -> bool:
        """Send the signal; return whether there was somebody to send it to."""
        workers = self.know()
        try:
            if who == "its terminal":
                os.killpg(self.process.pid, number)
            elif who == "a worker":
                rng.choice(workers).send_signal(number)
            else:
                self.process.send_signal(number)
        except (psutil.NoSuchProcess, ProcessLookupError, IndexError):
            return False
        return True

    def end(self, seconds: float) -> Outcome:
        """Wait for the end of everybody."""
        try:
            status = self.process.wait(seconds)
        except psutil.TimeoutExpired:
            status = None
            self.process.kill()
        taken = time.monotonic() - self.started
        _, alive = psutil.wait_procs(list(self.family), SOON)
        for process in alive:
            process.kill()
        # The folder in which PyTorch keeps what it compiled is its own.
        left = [path.name for path in self.temporary.iterdir() if "torchinductor" not in path.name]
        left += [path.name for path in self.folder.rglob("*") if path.name.endswith(".draft")]
        out, err = (path.read_bytes() for path in self.said)
        return Outcome(status, out, err.decode(errors="replace"), taken, len(alive), left)


def contents(folder: Path) -> dict[str, int | str]:
    """Return the files that a command wrote, and what tells whether they are whole: the digest of a
    record and the end of a page, which both tell seconds, else the size. Checkpoints are no
    answers.
    """
    found: dict[str, int | str] = {}
    for path in folder.rglob("*"):
        if path.is_file() and ".work" not in path.parts and not path.name.endswith(".draft"):
            told: int | str = path.stat().st_size
            if path.suffix == ".json":
                told = json.loads(path.read_text())["digest"]
            elif path.suffix == ".html":
                told = "</html>" in path.read_text()[-200:]
            found[str(path.relative_to(folder))] = told
    return found


def wrong_in(
    found: Outcome, told: tuple[str, signal.Signals], files: dict[str, int | str], truth: Truth
) -> list[str]:
    """Return what should not have been."""
    who, number = told
    killed = number == signal.SIGKILL and who != "a worker"
    wrong = []
    if found.status is None:
        return ["it went on"]
    fine = {0, -number, 128 + number} | ({1, 2} if who == "a worker" else set())
    if found.status not in fine:
        wrong.append(f"status {found.status}: {found.err[-300:]}")
    if "Traceback" in found.err or "Exception" in found.err:
        wrong.append(f"a traceback: {found.err[-600:]}")
    if found.status == 0 and (len(found.out), files) != (len(truth.out), truth.files):
        wrong.append("status 0 without the whole answer")
    if not truth.out.startswith(found.out[:64]):
        wrong.append(f"another answer: {found.out[:200]!r}")
    wrong += [
        f"{name} is not whole: {told} for {truth.files.get(name, 'no such file')}"
        for name, told in files.items()
        if told != truth.files.get(name)
    ]
    if found.alive:
        wrong.append(f"{found.alive} processes outlived it")
    if found.left and not killed:
        wrong.append(f"left: {', '.join(found.left[:5])}")
    return wrong


class Truth(NamedTuple):
    """What a command answers undisturbed: its output, the sizes of its files, its seconds."""

    out: bytes
    files: dict[str, int | str]
    seconds: float


def undisturbed(name: str, place: Path, data: Path) -> Truth:
    running = Running(name, place, data)
    found = running.end(LONG)
    if found.status:
        sys.exit(f"{name} ended with {found.status}: {found.err}")
    return Truth(found.out, contents(place), found.seconds)


def make(data: Path) -> None:
    """Write the stored features that the commands read."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((20, 192)).astype(np.float32)
    for name, n in (("train", 60_000), ("test", 8_000)):
        y = np.r_[np.arange(20), np.minimum(rng.geometric(0.2, n - 20) - 1, 19)]
        features = weight[y] + rng.standard_normal((n, 192), np.float32)
        np.savez(data / f"{name}.npz", features=features, labels=y, weight=weight)


def case(
    index: int, seed: int, truths: dict[str, Truth], place: Path, data: Path
) -> tuple[str, list[str]]:
    """Run one case; return what it was, and what was wrong."""
    rng = random.Random(f"{seed} {index}")
    name = list(COMMANDS)[index % len(COMMANDS)]
    who, number = rng.choice(TOLD[COMMANDS[name][1]]), rng.choice(SIGNALS)
    truth = truths[name]
    share = rng.uniform(0.85, 1.05) if rng.random() < 1 / 3 else rng.uniform(0, 1)
    running = Running(name, place, data)
    running.wait(share * truth.seconds)
    heard = running.tell(who, number, rng)
    found = running.end(SOON + truth.seconds * (3 if who == "a worker" else 1))
    what = f"{name}: {number.name} to {who}"
    wrong = wrong_in(found, (who, number), contents(place), truth)
    if found.status:
        again = Running(name, place, data).end(LONG)
        if again.status or contents(place) != truth.files:
            wrong.append(f"run again it ended with {again.status}: {again.err[-300:]}")
    when = f"at {share:.2f}" if heard else "after the end"
    return what, [f"{what} {when}: {each}" for each in wrong]


def run(cases: int, seed: int) -> dict[str, Any]:
    """Tell so many commands to end, and return what came of them."""
    told: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        make(data)
        truths = {
            name: undisturbed(name, Path(folder) / f"truth{i}", data)
            for i, name in enumerate(COMMANDS)
        }
        for index in range(cases):
            what, found = case(index, seed, truths, Path(folder) / f"case{index}", data)
            told[what] += 1
            wrong += found
            print(index, what, found or "", file=sys.stderr, flush=True)
            for path in Path(folder).glob(f"case{index}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return {"told": dict(sorted(told.items())), "wrong": wrong}


if __name__ == "__main__":
    random_cases(__doc__, "commands told to end at random moments", run, 200)
