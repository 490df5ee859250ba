"""The words of a command line -> the verb they ask for, or one sentence about why they do not."""

from __future__ import annotations

import contextlib
import difflib
import io
import itertools
import os
import re
import sys
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import tyro

CONFIG = (tyro.conf.OmitArgPrefixes, tyro.conf.DisallowNone, tyro.conf.FlagCreatePairsOff)
DESCRIPTION = (
    "The geometry of classifiers trained on lopsided (class-imbalanced) data. --help after a verb"
    " tells its options; lopsided --version, the version."
)

#: What tyro leaves with where words make no verb; a signal meanwhile leaves with another.
REFUSED = 2

Verb = TypeVar("Verb")

#: What tyro passes on of Python -> the same in words.
_WORDS: dict[str, str | Callable[[re.Match[str]], str]] = {
    r"Error parsing (\S+): could not convert string to float: (.*)": r"\1 must be a number, got \2",
    r"Error parsing (\S+): invalid literal for int\(\) with base 10: (.*)": (
        r"\1 must be a whole number, got \2"
    ),
    r"Error parsing (\S+): Exceeds the limit.*": r"\1 must be a whole number of fewer digits",
    r"Error parsing (\S+): no type matching FLOAT could be instantiated from \[(.*)\]": (
        r"\1 must be a number, got \2"
    ),
    r"Error parsing (\S+): no type matching INT could be instantiated from \[(.*)\]": (
        r"\1 must be a whole number, got \2"
    ),
    r"([Mm]issing value for argument '.*')\. Expected 1 values": r"\1",
    r"(.*)\. Expected one of \((.*?)\)(.*)": lambda found: (
        f"{found[1]}; there are {_choices(found[2])}{found[3]}"
    ),
}


class UsageError(ValueError):
    """What is wrong with a command line."""


def parse(verbs: type[Verb], words: Sequence[str]) -> Verb:
    """Return the verb, its options filled in.

    Raises:
        UsageError: if the words make none.
        SystemExit: if they ask for help, which has been printed, or on a signal.
    """
    _require_once(words)
    box = io.StringIO()
    # The parser colours its help wherever it writes to a terminal.
    page = io.StringIO() if os.environ.get("NO_COLOR") else sys.stdout
    try:
        with contextlib.redirect_stderr(box), contextlib.redirect_stdout(page):
            return tyro.cli(
                verbs,
                prog="lopsided",
                description=DESCRIPTION,
                args=_join_values(words),
                config=CONFIG,
            )
    except SystemExit as stop:
        if stop.code == REFUSED:
            raise UsageError(_sentence(box.getvalue())) from None
        if not stop.code and isinstance(page, io.StringIO) and page is not sys.stdout:
            print(page.getvalue(), end="")
        raise
    except (
        AssertionError
    ) as error:  # of tyro's own options, such as for the completion of an unknown shell
        raise UsageError(str(error)) from None


def require_verb(words: Sequence[str], verbs: Collection[str]) -> None:
    """Refuse words that do not begin with a verb, or with an option that needs none.

    Raises:
        UsageError: naming the verbs, and the one that was perhaps meant.
    """
    there_are = f"there are {', '.join(verbs)}"
    if not words:
        raise UsageError(f"name what to do; {there_are}; see lopsided --help")
    first = words[0]
    if first in verbs or first in ("-h", "--help") or first.startswith("--tyro-"):
        return
    if first.startswith("-"):
        near = difflib.get_close_matches(first, ("--help", "--version"), 1)
        meant = f"did you mean {near[0]}" if near else f"name first what to do: {', '.join(verbs)}"
        raise UsageError(f"no option {first} goes before a verb; {meant}")
    near = difflib.get_close_matches(first, verbs, 1)
    meant = f"did you mean {near[0]}? There" if near else "there"
    raise UsageError(f"there is no verb {first!r}; {meant} {there_are.removeprefix('there ')}")


def require_filled(words: Sequence[str]) -> None:
    """Refuse a word that is empty: as a path it would be the current folder, and as a text often
    the same as no option.

    Raises:
        UsageError: naming the option, or the place.
    """
    for before, word in itertools.pairwise(("", *words)):
        option, _, value = word.partition("=")
        if not word:
            option = before
        elif value or "=" not in word or not word.startswith("--"):
            continue
        if words[0] == "reproduce" and option == "--counts":
            continue  # a setting of a claim, of which no text means none
        what = option if option.startswith("--") and "=" not in option else "a word"
        raise UsageError(f"{what} is empty, as where a variable of the shell is not set")


def _require_once(words: Sequence[str]) -> None:
    """Refuse an option that comes twice, of which the parser would take the last.

    Raises:
        UsageError: naming it.
    """
    names = [word.partition("=")[0].replace("_", "-") for word in words if word.startswith("--")]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"{twice[0]} is given twice; give it once")


def _sentence(box: str) -> str:
    """Return what a box drawn by tyro, in ASCII or not, says first, and the option that it thinks
    was meant.
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box)
    lines = [line.strip("│ ") for line in plain.splitlines() if not line.startswith(("╭", "╰"))]
    if len(lines) > 1 and set(lines[1]) == {"-"}:
        del lines[:2]  # the title and its line
    said = itertools.takewhile(lambda line: line and not set(line) <= {"-", "─"}, lines)
    meant = re.search(r"Perhaps you meant:[\s│]*(--[\w-]+)", plain)
    sentence = " ".join(said).rstrip(".")
    for words, told in _WORDS.items():
        sentence = re.sub(f"^{words}$", told, sentence)
    other = meant is not None and not re.search(rf"{meant[1]}(?![\w-])", sentence)
    return f"{sentence[:1].lower()}{sentence[1:]}" + (
        f"; perhaps {meant[1]} was meant" if meant and other else "; see lopsided --help"
    )


def _choices(told: str) -> str:
    """Return tyro's choices, which come in another order each time and with a None that is none of
    them.
    """
    return ", ".join(sorted(set(re.findall(r"'(.*?)'", told)) - {"None"}))


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
