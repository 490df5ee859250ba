"""English text that comes with scikit-learn, as contexts and next letters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats

#: The data sets whose descriptions are read.
DESCRIBED = ("iris", "digits", "wine", "breast_cancer", "diabetes", "linnerud")
#: The tokens.
LETTERS = "abcdefghijklmnopqrstuvwxyz "


class Contexts(NamedTuple):
    """What follows on what.

    Attributes:
        names: (m,) pairs of letters, the most frequent first; a space is shown as an underscore.
        counts: (27, m) how often each letter, or the space, follows on a pair.
    """

    names: list[str]
    counts: Floats


def contexts(m: int) -> Contexts:
    """Return the m most frequent pairs of letters in the descriptions of scikit-learn's data sets,
    and the letters that follow on them.

    Raises:
        ImportError: if scikit-learn is not installed.
        ValueError: if there are fewer pairs.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            "the text comes with scikit-learn: pip install 'lopsided[reproduce]'"
        ) from error
    text = " ".join(getattr(datasets, f"load_{name}")().DESCR for name in DESCRIBED)
    text = re.sub("[^a-z]+", " ", text.lower())
    followers: dict[str, Counter[str]] = {}
    for i in range(2, len(text)):
        followers.setdefault(text[i - 2 : i], Counter())[text[i]] += 1
    most = sorted(followers, key=lambda pair: (-followers[pair].total(), pair))[:m]
    if len(most) < m:
        raise ValueError(f"the text has {len(most)} pairs of letters, {m} were asked for")
    counts = np.array([[followers[pair][letter] for pair in most] for letter in LETTERS])
    return Contexts([pair.replace(" ", "_") for pair in most], counts.astype(np.float64))


def one_hot(names: Sequence[str]) -> Floats:
    """Return what a model sees of pairs of letters: (m, 54), a one for each of the two letters."""
    inputs = np.zeros((len(names), 2 * len(LETTERS)))
    for j, pair in enumerate(names):
        for place, letter in enumerate(pair.replace("_", " ")):
            inputs[j, place * len(LETTERS) + LETTERS.index(letter)] = 1
    return inputs
