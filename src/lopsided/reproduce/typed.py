"""Typed: values of declared types from plain data, as JSON holds it; `lopsided.plain` goes the
other way.

Settings and numbers are frozen dataclasses; what their fields are declared as says how they are
read, and what they may be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache
from numbers import Integral, Real
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Bounds:
    """What a number may be.

    Attributes:
        least: the smallest value.
        most: the largest value.
        above: a value that must be exceeded.
        below: a value that must not be reached.
        multiple: of which the number is one; 0 asks for none.
    """

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    multiple: int = 0

    def hold(self, value: Any) -> bool:
        """Whether a number is within; what is not a number is not."""
        inside = self.least <= value <= self.most and self.above < value < self.below
        return bool(inside and not (self.multiple and value % self.multiple))

    def __str__(self) -> str:
        words = {
            "at least": self.least,
            "above": self.above,
            "at most": self.most,
            "below": self.below,
        }
        said = [
            f"{word} {value:,}" if isinstance(value, int) else f"{word} {value:g}"
            for word, value in words.items()
            if math.isfinite(value)
        ]
        kind = "whole" if self.multiple == 1 else f"a multiple of {self.multiple}"
        return " and ".join(said + [kind] * bool(self.multiple))


def typed(kind: type[T], value: Any, name: str = "numbers") -> T:
    """Return plain data as a value of a declared type.

    A type is a dataclass or a named tuple of types, a tuple of any length or a dictionary by text
    of one, one or None, a `Literal` of words, a text, or a number, with `Bounds` or without. Null
    stands for a number without bounds that is not defined.

    Args:
        kind: the type.
        value: plain data.
        name: of the value, for the sentence.

    Raises:
        ValueError: if the data is of another type or beyond its bounds; says where.

    Example:
        >>> typed(tuple[float, ...], [1, None])
        (1.0, nan)
    """
    return cast("T", _typed(kind, value, name))


def _typed(kind: Any, value: Any, name: str) -> Any:
    bare, bounds = (get_args(kind) if get_origin(kind) is Annotated else (kind, None))[:2]
    origin, inside = get_origin(bare), get_args(bare)
    if origin in (Union, UnionType):
        return None if value is None else _typed(inside[0], value, name)
    if origin is tuple:
        _require(isinstance(value, list | tuple), name, "a list", value)
        return tuple(_typed(inside[0], each, name) for each in value)
    if origin is dict:
        _require(isinstance(value, dict), name, "a table", value)
        return {key: _typed(inside[1], each, f"{name}.{key}") for key, each in value.items()}
    if origin is Literal:
        _require(value in inside, name, f"one of {', '.join(map(str, inside))}", value)
        return value
    if is_dataclass(bare) or hasattr(bare, "_fields"):
        return _composed(bare, value, name)
    if bare is str:
        text = isinstance(value, str) and value.isprintable()
        _require(text, name, "text that can be printed", value)
        return value
    if bare is bool:
        _require(isinstance(value, bool), name, "true or false", value)
        return value
    if bare is float and bounds is None and value is None:
        return math.nan
    number, word = (Integral, "a whole number") if bare is int else (Real, "a number")
    is_number = isinstance(value, number) and not isinstance(value, bool)
    _require(is_number, name, word, value)
    if bounds is not None and not (bounds.hold(value) and math.isfinite(value)):
        raise ValueError(f"{name} must be {bounds or 'finite'}, got {value}")
    # One number, one name: a ratio of 10 is a ratio of 10.0.
    return bare(value)


def _composed(kind: Any, value: Any, name: str) -> Any:
    """Return a dataclass or a named tuple by its fields."""
    _require(isinstance(value, dict), name, f"{kind.__name__} by its fields", value)
    declared = declared_fields(kind)
    for key in value:
        if key not in declared:
            raise ValueError(f"{name} has no {key}; it has {', '.join(declared) or 'nothing'}")
    if missing := [key for key in declared if key not in value and key not in _defaults(kind)]:
        raise ValueError(f"{name} must have {', '.join(missing)}")
    return kind(
        **{key: _typed(declared[key], each, f"{name}.{key}") for key, each in value.items()}
    )


def from_word(kind: Any, word: str, name: str) -> Any:
    """Return a word of a grid or a command line as plain data of a declared type; of a tuple, by
    commas.

    Raises:
        ValueError: for a word that is no number where one is declared.
    """
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(bare) is tuple:
        return [from_word(get_args(bare)[0], each, name) for each in word.split(",")]
    if bare not in (int, float):
        return word
    try:
        return bare(word)
    except ValueError:
        what = "a whole number" if bare is int else "a number"
        raise ValueError(f"{name} must be {what}, got {word!r}") from None


#: Annotations of a class, looked up once.
_hints: Callable[..., dict[str, Any]] = lru_cache(get_type_hints)


def declared_fields(kind: Any) -> dict[str, Any]:
    """Return the fields of a dataclass or a named tuple, and what they are declared as."""
    hints = _hints(kind, include_extras=True)
    names = [f.name for f in fields(kind)] if is_dataclass(kind) else kind._fields
    return {name: hints[name] for name in names}


def _defaults(kind: Any) -> set[str]:
    if not is_dataclass(kind):
        return set(kind._field_defaults)
    return {f.name for f in fields(kind) if f.default is not MISSING}


def _require(right: bool, name: str, what: str, value: Any) -> None:
    if not right:
        raise ValueError(f"{name} must be {what}, got {value!r}")
