"""The options of a claim: its own settings, from their declarations and their docstring."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Sequence
from dataclasses import field, fields, make_dataclass
from typing import Annotated, Any, Optional, get_args, get_origin

import tyro

from lopsided.cli.usage import UsageError
from lopsided.reproduce import CLAIMS
from lopsided.reproduce.claim import AnyClaim
from lopsided.reproduce.typed import declared_fields, from_word


def named(words: Sequence[str], flags: Sequence[str]) -> AnyClaim | None:
    """Return the claim that the words of a command line name: the first that is no option and no
    option's value.

    Args:
        words: of the command line.
        flags: options without a value.
    """
    value = False
    for word in words:
        if word.startswith("-"):
            value = "=" not in word and word not in flags
        elif not value:
            return CLAIMS.get(word)
        else:
            value = False
    return None


def with_settings(verb: type, claim: AnyClaim) -> type:
    """Return the dataclass of a verb with the settings of a claim as further options."""
    of_claim = make_dataclass("Settings", _options(claim), frozen=True)
    each = [("settings", of_claim, field(default_factory=of_claim))]
    extended: type = make_dataclass(verb.__name__, each, bases=(verb,), frozen=True)
    extended.__doc__ = f"{claim.title}: {claim.statement}\n\n{inspect.cleandoc(verb.__doc__ or '')}"
    return extended


def _options(claim: AnyClaim) -> list[tuple[str, Any, Any]]:
    """Return the fields of the options: None where one is not given."""
    told, defaults = _told(claim.settings), claim.configuration({})
    options: list[tuple[str, Any, Any]] = []
    for name, kind in declared_fields(claim.settings).items():
        bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        listed, default = get_origin(bare) is tuple, defaults[name]
        shown = (
            ",".join(x if isinstance(x, str) else f"{x:g}" for x in default) if listed else default
        )
        option = tyro.conf.arg(
            help=told.get(name, ""),  # python -OO leaves no docstrings
            help_behavior_hint=f"(default: {shown})" if shown != "" else "(default: none)",
            metavar="X,X,..." if listed else None,
        )
        options.append((name, Annotated[Optional[str if listed else bare], option], None))
    return options


def _told(settings: type) -> dict[str, str]:
    """Return what the docstrings of settings say of each field."""
    told: dict[str, str] = {}
    for kind in reversed(settings.__mro__):
        _, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
        section = attributes.partition("\n\n")[0]
        for found in re.finditer(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
            told[found[1]] = " ".join(found[2].split()).rstrip(".")
    return told


def given(claim: AnyClaim, options: object) -> dict[str, Any]:
    """Return the settings that were given, as data; lists by commas.

    Raises:
        ValueError: for a word in a list that is no number.
    """
    kinds, found = declared_fields(claim.settings), dict[str, Any]()
    for name, kind in kinds.items():
        value = getattr(options, name, None)
        if value is not None:
            is_list = get_origin(kind) is tuple
            found[name] = from_word(kind, value, name) if is_list else value
    return found


def require_own(claim: AnyClaim, verb: type, words: Sequence[str]) -> None:
    """Refuse an option that is neither the verb's nor the claim's.

    Raises:
        UsageError: naming the options that the claim has.
    """
    own = [_flag(name) for name in declared_fields(claim.settings)]
    known = {*own, *(_flag(f.name) for f in fields(verb)), "--help"}
    for word in words:
        flag = word.partition("=")[0].replace("_", "-")
        if flag.startswith("--") and flag not in known and not flag.startswith("--tyro"):
            # Two dashes would make all options alike.
            near = difflib.get_close_matches(flag[2:], [each[2:] for each in known], 1)
            meant = f"; did you mean --{near[0]}?" if near else ";"
            raise UsageError(
                f"the claim {claim.name} has no option {flag}{meant} its own are {', '.join(own)}"
            )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
