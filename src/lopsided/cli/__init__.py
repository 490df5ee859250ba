"""The command line: one frozen dataclass a verb, whose fields are its options and whose docstring
is its help.

Verbs import what they need when they run, so that `lopsided --help` and `lopsided predict` never
wait for torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union

import tyro

from lopsided.cli.explore import Explore
from lopsided.cli.measure import Measure
from lopsided.cli.output import abandon_output, complain, ready_streams
from lopsided.cli.predict import Predict
from lopsided.cli.reproduce import Reproduce
from lopsided.cli.solve import Solve
from lopsided.cli.steer import Steer
from lopsided.cli.usage import parse, require_filled, require_verb
from lopsided.signals import leave_on_signals

#: Exit statuses: what was given cannot be used, our own mistake (EX_SOFTWARE of sysexits.h),
#: Ctrl-C.
UNUSABLE, MISTAKE, INTERRUPTED = 2, 70, 130
#: What there is to do, in the order of --help.
VERBS: Mapping[str, type] = {
    "predict": Predict,
    "solve": Solve,
    "measure": Measure,
    "steer": Steer,
    "reproduce": Reproduce,
    "explore": Explore,
}
#: Library -> the extra that brings it.
EXTRAS = {
    "torch": "torch",
    "safetensors": "torch",
    "matplotlib": "plot",
    "jinja2": "report",
    "sklearn": "reproduce",
    "PIL": "reproduce",
    "filelock": "reproduce",
    "threadpoolctl": "reproduce",
    "pyarrow": "arrow",
    "distributed": "cluster",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        The exit status: 0; 2 with one sentence on standard error for input that cannot be used; 130
        after Ctrl-C, 143 after SIGTERM, 129 where the terminal is closed; 70 for a mistake in
        lopsided itself. With LOPSIDED_TRACEBACK set the sentence is a traceback instead.
    """
    try:
        ready_streams()
        with leave_on_signals():
            _run(sys.argv[1:] if arguments is None else arguments)
            sys.stdout.flush()
    except SystemExit as stop:
        return int(stop.code or 0)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        abandon_output()
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("LOPSIDED_TRACEBACK"):
            raise
        return _answer(error)
    return 0


def _run(words: Sequence[str]) -> None:
    if list(words) == ["--version"]:
        from lopsided import __version__

        print(f"lopsided {__version__}")
        return
    require_verb(words, VERBS)
    require_filled(words)
    verbs = dict(VERBS)
    if len(words) > 1 and words[0] == "reproduce":  # with the options of a claim
        verbs["reproduce"] = Reproduce.for_words(words[1:])
    if {"-h", "--help"} & set(words):
        from lopsided.cli.help import brief, explained

        if words[0] in verbs:
            verbs[words[0]] = explained(verbs[words[0]])
        else:
            verbs = {name: brief(verb) for name, verb in verbs.items()}
    parse(_union(verbs), words).run()


def _union(verbs: Mapping[str, type]) -> Any:
    """Return all verbs as the parser takes them."""
    return Union[*(Annotated[verb, tyro.conf.subcommand(name)] for name, verb in verbs.items())]


def _answer(error: Exception) -> int:
    """Say in one sentence what is wrong and return the exit status."""
    if isinstance(error, ModuleNotFoundError) and (
        extra := EXTRAS.get(str(error.name).partition(".")[0])
    ):
        complain(f"this needs {error.name}; install it with: pip install 'lopsided[{extra}]'")
    elif isinstance(error, OSError) and error.strerror:
        if error.filename is None:
            abandon_output()
        complain(
            f"cannot {'write the output' if error.filename is None else f'use {error.filename}'}:"
            f" {error.strerror}"
        )
    elif isinstance(error, MemoryError) or _of_torch(error):
        complain(str(error) or "there is not enough memory")
    elif isinstance(error, RuntimeError) and "gloo" in str(error):
        complain(
            "another process of torchrun has ended or does not answer, and what it read is missing"
            f" ({error})"
        )
    elif any(kind.__name__ == "DistError" for kind in type(error).__mro__):
        complain(f"the processes of torchrun do not find each other ({error})")
    elif isinstance(error, (ValueError, TypeError, ArithmeticError, OSError, ImportError)):
        complain(str(error))
    else:
        what = f"{type(error).__name__}: {error}"
        complain(
            "this is a mistake in lopsided, please report it with what LOPSIDED_TRACEBACK=1 shows"
            f" ({what})"
        )
        return MISTAKE
    return UNUSABLE


def _of_torch(error: Exception) -> bool:
    """Whether torch could not get the memory it wanted, which it tells by an error like any
    other.
    """
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in str(error) or "out of memory" in str(error)
    )
