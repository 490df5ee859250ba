"""What a network answers, counted: how often each class, and which class is taken for which."""

from collections import Counter

import numpy as np
import pytest

from lopsided.measure import Decisions
from lopsided.measure.state.confusions import Confusions


def drawn(k, n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, k)), rng.integers(0, k, n)


def decided(logits, labels, sizes=None):
    """Decisions on batches, merged."""
    joint = Decisions(logits.shape[1])
    for rows in np.split(np.arange(len(labels)), np.cumsum(sizes or [])):
        part = Decisions(joint.k)
        part.update(logits[rows], labels[rows])
        joint.merge(part)
    return joint


def by_pair(confusions):
    return {(a, b): n for a, b, n in zip(*map(np.ndarray.tolist, confusions.pairs()), strict=True)}


@pytest.mark.parametrize("sizes", [None, [1, 30, 69]])
def test_answers_and_confusions_are_those_of_the_definition(sizes):
    logits, labels = drawn(7, 200)
    decisions, answers = decided(logits, labels, sizes), logits.argmax(axis=1)
    np.testing.assert_array_equal(decisions.answered, np.bincount(answers, minlength=7))
    wrong = [(int(y), int(a)) for y, a in zip(labels, answers, strict=True) if y != a]
    assert by_pair(decisions.confusions) == Counter(wrong)
    assert decisions.confusions.missed == 0


def test_a_tie_is_answered_by_another_class():
    decisions = Decisions(3)
    decisions.update(np.zeros((1, 3)), [0])
    assert decisions.answered.tolist() == [0, 1, 0]
    assert by_pair(decisions.confusions) == {(0, 1): 1}


def test_answers_and_samples_are_as_many():
    decisions = decided(*drawn(7, 200))
    assert decisions.answered.sum() == decisions.counts.sum()
    assert decisions.confusions.pairs()[2].sum() == decisions.errors.sum()


def test_classes_taken_keep_the_confusions_among_them():
    logits, labels = drawn(7, 200)
    whole, chosen = by_pair(decided(logits, labels).confusions), [5, 2, 6]
    part = by_pair(decided(logits, labels).take(chosen).confusions)
    assert part == {
        (a, b): whole[chosen[a], chosen[b]] for a in range(3) for b in range(3) if a != b
    }


def test_pairs_beyond_the_room_lower_all_counts_by_at_most_what_is_said():
    rng, joint, seen = np.random.default_rng(0), Confusions(300), Counter()
    joint.room = 50
    for seed in range(8):
        part = Confusions(300)
        part.room = 40
        labels = rng.integers(0, 300, 500)
        answers = (labels + 1 + rng.integers(0, 299, 500) * (labels > 9)) % 300
        part.update(labels, answers)
        if seed % 2:
            joint.merge(part)
        else:
            joint.update(labels, answers)
        seen.update(zip(labels.tolist(), answers.tolist(), strict=True))
    found = by_pair(joint)
    assert len(found) <= joint.room
    assert 0 < joint.missed <= sum(seen.values()) / 41
    for pair, number in seen.items():
        assert number - joint.missed <= found.get(pair, 0) <= number
    frequent = {pair for pair, number in seen.items() if number > joint.missed}
    assert frequent <= found.keys()


def test_pairs_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="no pairs of 3 classes"):
        Confusions(3).merge_state(np.array([[9], [1]]), 0)
