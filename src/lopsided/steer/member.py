"""Member: a loss, a head or a rule as the tables `LOSSES`, `HEADS` and `RULES` list it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Member:
    """A loss, a head or a rule.

    Attributes:
        title: what it is, in a few words.
        function: for a loss, `Counts` to the module with its published settings; for a head,
            `Counts` and the feature dimensions to the module; a rule itself.
        needs: what the module, or the rule, is called with, in order: logits, cosines (logits of
            unit vectors), unprimed (logits without primes), features, view (features of one of two
            views), weight (of the head), means (of the classes), labels, label sets, shortcuts
            (classes that they point to), groups, counts, tau (its strength), radius.
        source: the paper, or "derived here".
    """

    title: str
    function: Callable[..., Any]
    needs: tuple[str, ...]
    source: str
