"""Every public call of the docstrings, made again with one argument in another form, or of another
kind.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/calls.py --out
    benchmarks/records/campaigns/calls.json

The examples of all docstrings are run, and what they call of the public functions, classes and
methods is kept with its arguments. Each call is then made anew, in a process of its own, with one
argument changed: to the same numbers in another form (a list, a tensor, another type or order of
bytes, memory of another layout), or to what may not belong there (NaN, a word, another shape).

Wrong is: the same numbers that are answered otherwise, an error that is none of `WORDS`, an
argument that was written to, and a call that does not end. A form may be refused, in words.
"""

from __future__ import annotations

import argparse
import copy
import doctest
import importlib
import inspect
import io
import json
import os
import pkgutil
import signal
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import torch
from campaign import write

import lopsided

#: Homes of what is public.
_PARTS = "predict solve measure measure.ood steer steer.posthoc plot report"
HOMES = ("lopsided", *(f"lopsided.{name}" for name in _PARTS.split()))
#: Errors in words; an extra may not be installed, what is asked for not fit into memory, no file be
#: there, a descent leave float64.
WORDS = (TypeError, ValueError, IndexError, ImportError, MemoryError, OSError, FloatingPointError)
#: Calls kept of each function, and seconds that one may take.
KEPT, SECONDS = 3, 60
#: Relative error of equal answers, and of those that are given in float16.
ERROR, NARROW = 2e-6, 1e-3


class Call(NamedTuple):
    """A call that a docstring makes."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]


def public() -> dict[Any, tuple[str, Callable[..., Any]]]:
    """Return by its code the name of each public function and method, and what calls it."""
    found: dict[Any, tuple[str, Callable[..., Any]]] = {}
    for home in HOMES:
        module = importlib.import_module(home)
        for name in module.__all__:
            noun = getattr(module, name)
            if inspect.isfunction(bare := inspect.unwrap(noun) if callable(noun) else noun):
                found.setdefault(bare.__code__, (f"{home}.{name}", bare))
            if not inspect.isclass(noun) or issubclass(noun, Exception):
                continue
            for part in dir(noun):
                static = inspect.getattr_static(noun, part)
                bare = inspect.unwrap(getattr(static, "__func__", static))
                own = inspect.isfunction(bare) and bare.__module__.startswith("lopsided")
                if own and not part.startswith("_"):
                    found.setdefault(bare.__code__, (f"{home}.{name}.{part}", bare))
                elif own and part == "__init__" and not is_dataclass(noun):
                    found.setdefault(bare.__code__, (f"{home}.{name}", noun))
    return found


def calls() -> list[Call]:
    """Run the examples of all docstrings and return the public calls that they make."""
    known, kept = public(), defaultdict[str, list[Call]](list)
    within = False

    def look(frame: Any, event: str, _: object) -> None:
        nonlocal within
        code = frame.f_code
        caller = frame.f_back.f_code.co_filename if frame.f_back else ""
        if event != "call" or within or code not in known or "<doctest" not in caller:
            return
        name, function = known[code]
        if len(kept[name]) == KEPT:
            return
        within = True  # to copy calls, too
        with suppress(Exception):  # what cannot be copied, such as a generator, is left out
            given = {each: frame.f_locals[each] for each in inspect.signature(function).parameters}
            kept[name].append(Call(name, function, copy.deepcopy(given)))
        within = False

    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(verbose=False)
    runner.optionflags = doctest.NORMALIZE_WHITESPACE
    for module in pkgutil.walk_packages(lopsided.__path__, "lopsided."):
        if "__main__" in module.name:
            continue
        for example in finder.find(importlib.import_module(module.name)):
            sys.setprofile(look)
            try:
                with redirect_stdout(io.StringIO()):
                    runner.run(example)
            finally:
                sys.setprofile(None)
    return [call for name in sorted(kept) for call in kept[name]]


def numbers(value: Any) -> np.ndarray[Any, Any] | None:
    """Return the array that an argument is, or None."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return value.numpy() if value.layout == torch.strided else None
    if isinstance(value, np.ndarray | list | tuple) and len(value):
        with suppress(ValueError, TypeError):
            array = np.asarray(value)
            return array if array.dtype.kind in "iuf" and array.size and array.ndim else None
    return None


def same(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield an argument in other forms."""
    if isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value):
        yield from {"float64": np.float64(value), "array": np.asarray(float(value))}.items()
        yield from {"tensor": torch.tensor(float(value), dtype=torch.float64)}.items()
        yield from {"fraction": Fraction(value), "decimal": Decimal(value)}.items()
        if value == int(value) and abs(value) < 2**31:
            yield from {"int": int(value), "int32": np.int32(value), "float": float(value)}.items()
    if isinstance(value, Path):
        yield "text", str(value)
    if isinstance(value, list | tuple) and value and isinstance(value[0], str):
        yield from {"tuple": tuple(value), "list": list(value), "array": np.array(value)}.items()
    if (a := numbers(value)) is None:
        return
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    locked = a.copy()
    locked.flags.writeable = False
    yield from {"list": a.tolist(), "array": a.copy(), "strided": wide[..., ::2]}.items()
    yield from {"fortran": np.asfortranarray(a), "read-only": locked}.items()
    yield from {
        "big-endian": a.astype(a.dtype.newbyteorder(">")),
        "object": a.astype(object),
    }.items()
    yield "tensor", torch.from_numpy(a.copy())
    whole = a.dtype.kind in "iu"
    for name in (
        *["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"],
        "float16",
        "float32",
    ):
        with np.errstate(all="ignore"):
            narrow = a.astype(name)
        if (narrow.astype(a.dtype) == a).all():
            yield name, narrow
    if not whole:
        yield "with a gradient", torch.from_numpy(a.copy()).requires_grad_()


def strange(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what may not belong in the place of an argument."""
    yield from {"none": None, "a word": "much", "a class": int, "a dictionary": {}}.items()
    yield from {"an empty list": [], "an object": object(), "three": 3, "bytes": b"abc"}.items()
    if isinstance(value, bool):
        yield from {"two": 2, "no": "no"}.items()
    elif isinstance(value, int | float):
        odd = (np.nan, np.inf, -np.inf, -abs(value) - 1, 0, 1e308, 1e-320, value + 0.5, 1j, True)
        yield from ((f"{each!r}", each) for each in odd)
        yield from {"a list": [value], "two numbers": np.array([value, value])}.items()
    elif isinstance(value, str):
        yield from {"in capitals": value.upper(), "blank": "", "with a zero": f"{value}\0"}.items()
    if (a := numbers(value)) is not None:
        f = a.astype(np.float64)
        for name, last in (("NaN", np.nan), ("infinity", np.inf), ("1e300", 1e300), ("-3", -3.0)):
            changed = f.copy()
            changed.flat[-1] = last
            yield name, changed
        yield from {"empty": a[:0], "one less": a[:-1], "twice": np.concatenate([a, a])}.items()
        yield from {"an axis more": a[None], "words": a.astype(str), "zeros": a * 0}.items()
        yield from {"complex": a + 1j, "a half more": f + 0.5, "tiny": f * 1e-300}.items()
        yield "masked", np.ma.masked_array(a, np.arange(a.size).reshape(a.shape) == 0)


def flat(value: Any, depth: int = 0) -> list[Any]:
    """Return the numbers and words that an answer is made of."""
    if depth > 8:
        return []
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.to(torch.complex128 if value.is_complex() else torch.float64).numpy()
    if isinstance(value, bool | str | type(None)):
        return [value]
    if isinstance(value, int | float | complex | np.number):
        return [float(value.real), float(value.imag)]
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biufc":
            parts = (value.real, value.imag) if value.dtype.kind == "c" else (value,)
            return [x for part in parts for x in [*map(float, part.ravel()), str(value.shape)]]
        return [*map(str, value.ravel()), str(value.shape)]
    if isinstance(value, torch.nn.Module):
        value = dict(value.state_dict())
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name, None) for field in fields(value)}
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple | set | frozenset):
        return [part for each in value for part in flat(each, depth + 1)]
    return [type(value).__name__]


def alike(one: list[Any], other: list[Any], error: float = ERROR) -> bool:
    """Return whether answers are the same up to rounding."""
    if len(one) != len(other):
        return False
    for a, b in zip(one, other, strict=True):
        numbers = isinstance(a, float) and isinstance(b, float)
        near = numbers and ((a != a and b != b) or abs(a - b) <= error * max(abs(a), abs(b), 1e-3))
        if a != b and not near:
            return False
    return True


def answer(call: Call, arguments: dict[str, Any]) -> tuple[str, Any]:
    """Make a call and return what came of it."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in inspect.signature(call.function).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += arguments[name]
        elif parameter.kind is parameter.VAR_KEYWORD:
            named |= arguments[name]
        elif parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = arguments[name]
        else:
            positional.append(arguments[name])
    own = ("self", "cls", "weight" if call.name.endswith("_") else "")  # written to by name
    watched = [value for name, value in arguments.items() if name not in own]
    before = flat(watched)
    torch.manual_seed(0)
    try:
        found = call.function(*positional, **named)
        found = list(found) if inspect.isgenerator(found) else found
        told: tuple[str, Any] = "answered", flat([found, arguments.get("self")])
    except WORDS:
        told = "refused", ""
    except Exception as error:
        words = "Use tensor.detach().numpy() instead" in str(error)  # torch says so to NumPy
        told = ("refused" if words else "wrong"), f"{type(error).__name__}: {str(error)[:200]}"
    if told[0] != "wrong" and not alike(before, flat(watched)):
        told = "wrong", "an argument was written to"
    return told


def apart(call: Call, arguments: dict[str, Any]) -> tuple[str, Any]:
    """Make a call in a process of its own."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        signal.alarm(SECONDS)
        warnings.simplefilter("ignore")
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            told = answer(call, arguments)
        with os.fdopen(writing, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    return tuple(json.loads(content)) if content else ("wrong", "it did not end, or died")


def tried(call: Call, tally: Counter[str]) -> Iterator[str]:
    """Make a call with each of its arguments changed, and yield what is wrong."""
    plain = apart(call, call.arguments)
    if plain[0] != "answered":
        yield f"{call.name}: as in its docstring it is {plain[0]}: {plain[1]}"
        return
    steady = alike(plain[1], apart(call, call.arguments)[1])
    for name, parameter in inspect.signature(call.function).parameters.items():
        if name in ("self", "cls") or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        value = call.arguments[name]
        for kind, forms in (("same", same(value)), ("strange", strange(value))):
            for form, given in forms:
                told, what = apart(call, call.arguments | {name: given})
                tally[f"{kind}, {told}"] += 1
                if told == "wrong":
                    yield f"{call.name}({name}: {form}): {what}"
                elif (told, kind) == ("answered", "same") and steady:
                    error = NARROW if form == "float16" else ERROR
                    if not alike(plain[1], what, error):
                        yield f"{call.name}({name}: {form}): another answer"


def main() -> None:
    """Make the calls and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", default="", help="calls whose name has this in it")
    options = parser.parse_args()
    out = None if options.out is None else options.out.resolve()
    made = [call for call in calls() if options.only in call.name]
    tally: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for i, call in enumerate(made):
            wrong += (found := list(tried(call, tally)))
            print(f"{i + 1} of {len(made)}: {call.name}", *found, sep="\n  ", flush=True)
    counted: dict[str, Any] = {"functions": len({call.name for call in made}), "calls": len(made)}
    counted |= {"variations": tally.total(), **dict(sorted(tally.items()))}
    write(out, "public calls with one argument changed", {**counted, "wrong": wrong})
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
