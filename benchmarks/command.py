"""What a command costs before it does anything: `lopsided predict` and the imports.

    python benchmarks/command.py

Each command is a fresh process; they take turns, and the least CPU time of several counts, user and
system. Compiled modules are kept in a folder of their own and made before the clock starts, as they
are where the library is installed.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile

import rows

TIMES = 10
PREDICT = ("-m", "lopsided.cli", "predict", "--step", "k=10,minority=5,ratio=10")
COMMANDS = {
    "predict": PREDICT,
    "predict --json": (*PREDICT, "--json"),
    "import lopsided": ("-c", "import lopsided"),
    "import numpy": ("-c", "import numpy"),
    "import numpy, tyro, rich": ("-c", "import numpy, tyro, rich.table"),
    "import scipy.linalg": ("-c", "import scipy.linalg"),
    "import torch": ("-c", "import torch"),
}


def cpu_seconds(words: tuple[str, ...], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
        } | {"PYTHONPYCACHEPREFIX": folder, "OMP_NUM_THREADS": "1"}
        for words in COMMANDS.values():
            cpu_seconds(words, environment)
        took = dict.fromkeys(COMMANDS, float("inf"))
        for _ in range(TIMES):
            for name, words in COMMANDS.items():
                took[name] = min(took[name], cpu_seconds(words, environment))
    floor = rows.Figure(
        "`import numpy`, the command's parser and tables", took["import numpy, tyro, rich"]
    )
    lines = [
        rows.Row(
            "`lopsided predict`",
            "s",
            took["predict"],
            0.25,
            rows.Figure("`import torch`", took["import torch"]),
            floor,
            "NumPy, the parser and the tables take what the floor says; the rest is the library and"
            " what the parser does with the options",
        ),
        rows.Row(
            "`import lopsided`",
            "s",
            took["import lopsided"],
            0.25,
            rows.Figure("`import scipy.linalg`", took["import scipy.linalg"]),
            rows.Figure("`import numpy`", took["import numpy"]),
        ),
    ]
    rows.save("command", lines, {"cpu seconds": took, "environment": rows.environment()})
    print(took)


if __name__ == "__main__":
    main()
