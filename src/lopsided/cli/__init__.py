"""The command line: one frozen dataclass a verb, whose fields are its options and whose docstring is its help.

Verbs import what they need when they run, so that `lopsided --help` and `lopsided predict` never wait for torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro
from rich.console import Console

from lopsided.cli.measure import Measure
from lopsided.cli.predict import Predict
from lopsided.cli.reproduce import Reproduce
from lopsided.cli.solve import Solve
from lopsided.cli.steer import Steer

Verb = (
    Annotated[Predict, tyro.conf.subcommand("predict")]
    | Annotated[Solve, tyro.conf.subcommand("solve")]
    | Annotated[Measure, tyro.conf.subcommand("measure")]
    | Annotated[Steer, tyro.conf.subcommand("steer")]
    | Annotated[Reproduce, tyro.conf.subcommand("reproduce")]
)

CONFIG = (tyro.conf.OmitArgPrefixes, tyro.conf.DisallowNone, tyro.conf.FlagCreatePairsOff)
DESCRIPTION = "The geometry of classifiers trained on lopsided (class-imbalanced) data."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        The exit status: 0, or 2 with one sentence on standard error for input that cannot be used.
    """
    words = _join_values(sys.argv[1:] if arguments is None else arguments)
    verb = tyro.cli(Verb, prog="lopsided", description=DESCRIPTION, args=words, config=CONFIG)
    try:
        verb.run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; Python must not complain again when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        Console(stderr=True).print("lopsided: interrupted")
        return 130
    except (ValueError, TypeError, ArithmeticError, OSError, MemoryError, ImportError) as error:
        if os.environ.get("LOPSIDED_TRACEBACK"):
            raise
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"lopsided: {_sentence(error)}")
        return 2
    return 0


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot use {error.filename}: {error.strerror}"
    return str(error)


def _join_values(words: Sequence[str]) -> list[str]:
    """Write `--counts -1,2` as `--counts=-1,2`, lest the parser take the value for an option."""
    joined: list[str] = []
    for word in words:
        numeric = len(word) > 1 and word[0] == "-" and (word[1].isdigit() or word[1] == ".")
        if numeric and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
