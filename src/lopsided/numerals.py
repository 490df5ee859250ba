"""Numbers as text: class counts that were typed or pasted, where nothing may mean two things."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: What may be one number or several, as 1 500; of more groups no count is.
_SPACED = re.compile(r"\d{1,3}(?: \d{3}){1,5}")
#: The same with the spaces that spreadsheets and web pages part thousands by.
_UNBROKEN = re.compile(r"(?<!\d)\d{1,3}[\u00a0\u2007\u202f]\d{3}(?!\d)")
#: Brackets around all of a text; one that has no partner is part of a name.
_AROUND = re.compile(r"\[(.*)\]|\((.*)\)|\{(.*)\}", re.DOTALL)
#: Within a name a count and more, as where a comma between two classes is missing.
_COUNTED = re.compile(r"=\s*[+-]?\.?\d[\d.]*(e[+-]?\d+)?\s", re.IGNORECASE)


def pairs_of(text: str) -> list[tuple[str, int | float]]:
    """Return the names and numbers of a text such as "cat=50, dog=5", in brackets or not.

    Raises:
        ValueError: if a part of it is no name and number.
    """
    pairs, around = [], _AROUND.fullmatch(text.strip())
    inner = text if around is None else "".join(filter(None, around.groups()))
    for part in filter(None, (part.strip() for part in re.split(r"[,;\n]", inner))):
        name, equals, value = part.rpartition("=")
        name = name.strip()
        missing = not equals or not name or _COUNTED.search(name)
        if missing or len(numbers := numbers_of(value)) != 1:
            raise ValueError(
                f"counts with names must be name=number, with commas between them, got {part!r}"
            )
        pairs.append((name, numbers[0]))
    return pairs


def numbers_of(text: str) -> list[int | float]:
    """Return the numbers of a text with commas, semicolons, spaces or lines between them, in
    brackets or not.

    Raises:
        ValueError: if a word is no number, none is before a comma, or a comma, a point or a space
            may mean two things.
    """
    inner = text.strip().strip("[](){}")
    words = [word for word in re.split(r"[\s,;]+", inner) if word]
    if re.search(r"(^|[,;])\s*[,;]", inner):
        raise ValueError(f"in {text!r} the number before a comma is missing: each class needs one")
    if reason := _ambiguous(inner, words):
        raise ValueError(f"in {text!r} {reason}: leave it out of numbers, or give a list of them")
    try:
        return [int(word) if re.fullmatch(r"[+-]?\d+", word) else float(word) for word in words]
    except ValueError:
        raise ValueError(
            f"counts as text must be numbers with commas or spaces between them, got {text!r}"
        ) from None


def _ambiguous(inner: str, words: list[str]) -> str:
    """Return what may mean two things in a text of numbers, or nothing."""
    lines = [re.findall(r"[^\s,;]+", line) for line in inner.splitlines() if line.strip()]
    if _labelled(lines):
        return "a number of each line may be its label, and the other its count"
    if _headed(lines):
        return "numbers may be labels, and those in the line below them their counts"
    inside = re.search(r"\d,\d", inner)
    thousands = re.search(r"(?<![\d.])\d{1,3},\d{3}(?!\d)", inner)
    if inside and re.search(r"[^\s,][\s;]+[^\s,]", inner):
        return "a comma may part two numbers, or be the point or part the thousands of one"
    if thousands and re.search(r"[\s;]", inner):
        return "a comma may part two numbers or the thousands of one"
    parts = [part.strip(" ") for part in re.split(r"[,;\t\n]", inner)]
    spaced = [part for part in parts if _SPACED.fullmatch(part)]
    # Lines of many numbers are an array as it is printed, whose last line may have few.
    alone = bool(re.search(r"[,;\t]", inner)) or all(
        part in spaced or " " not in part for part in parts
    )
    if spaced and len(parts) > 1 and alone:
        return "a space may part two numbers or the thousands of one"
    if _UNBROKEN.search(inner) and re.search(r"[^\d\u00a0\u2007\u202f]", inner):
        return "a space that breaks no line may part two numbers or the thousands of one"
    fractions = [word for word in words if "." in word]
    grouped = [re.fullmatch(r"[+-]?[1-9]\d{0,2}(\.\d{3})+", word) for word in fractions]
    return "a point may part the thousands of a number" if grouped and all(grouped) else ""


def _labelled(lines: list[list[str]]) -> bool:
    """Return whether of two numbers a line the first or the second count up from 0 or 1, as labels
    do in a table and in what `uniq -c` prints.
    """
    if len(lines) < 2 or any(len(line) != 2 for line in lines):
        return False
    # With points, as in a numbered list.
    columns = ([word.rstrip(".") for word in column] for column in zip(*lines, strict=True))
    return any(map(count_up, columns))


def _headed(lines: list[list[str]]) -> bool:
    """Return whether the numbers of every other line count up from 0 or 1, with as many in the line
    below: labels above their counts, as R prints a table and a spreadsheet may have them.
    """
    above, below = lines[::2], lines[1::2]
    alike = [len(line) for line in above] == [len(line) for line in below]
    words = [word for line in above for word in line]
    return alike and len(words) > len(above) and count_up(words)


def count_up(words: Sequence[str], firsts: Sequence[int] = (0, 1)) -> bool:
    """Return whether words are whole numbers that count up from one of the first ones, as numbers
    of classes, rows and columns do.

    Example:
        >>> count_up(["1", "2", "3"]), count_up(["0", "2"])
        (True, False)
    """
    return any([*words] == [str(first + c) for c in range(len(words))] for first in firsts)
