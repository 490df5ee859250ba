"""What --help says of options: their texts on whole lines, and defaults where they tell something.

Only --help asks this, so no other command line waits for it.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from dataclasses import MISSING, field, fields, is_dataclass, make_dataclass
from typing import Annotated, Any, get_type_hints

import tyro

#: Defaults that say no more than that the option was not given.
_MUTE = ("None", "False", "", "''")


def brief(verb: type) -> type:
    """Return a verb of which only the first sentence is told, for the list of all verbs."""
    shown: type = make_dataclass(verb.__name__, [], bases=(verb,), frozen=True)
    shown.__doc__ = inspect.cleandoc(verb.__doc__ or "").partition("\n\n")[0]
    return shown


def explained(verb: type) -> type:
    """Return a verb with the same options, as --help shows it."""
    told, hints = _texts(verb), get_type_hints(verb, include_extras=True)
    options: list[Any] = []
    for each in fields(verb):
        hint = hints[each.name]
        if isinstance(hint, type) and is_dataclass(hint):
            if each.default_factory is MISSING:  # the settings of a claim have words of their own
                options.append((each.name, explained(hint)))
            continue
        option = tyro.conf.arg(help=told.get(each.name), help_behavior_hint=_behavior)
        default = field() if each.default is MISSING else field(default=each.default)
        options.append((each.name, Annotated[hint, option], default))
    shown: type = make_dataclass(verb.__name__, options, bases=(verb,), frozen=True)
    shown.__doc__ = verb.__doc__
    return shown


def _behavior(default: str) -> str:
    return "" if default in _MUTE else f"(default: {default})"


def _texts(verb: type) -> dict[str, str]:
    """Return the text below each field in the source of a dataclass and those it is made of."""
    told: dict[str, str] = {}
    for kind in reversed(verb.__mro__):
        if not is_dataclass(kind):
            continue
        try:
            source = ast.parse(textwrap.dedent(inspect.getsource(kind)))
        except OSError:  # made of another, as those with the settings of a claim are
            continue
        (body,) = (node.body for node in source.body if isinstance(node, ast.ClassDef))
        for option, text in itertools.pairwise(body):
            if isinstance(option, ast.AnnAssign) and isinstance(option.target, ast.Name):
                match text:
                    case ast.Expr(ast.Constant(str(words))):
                        told[option.target.id] = " ".join(words.split())
    return told
