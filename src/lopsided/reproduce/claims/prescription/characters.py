"""Characters that nobody has written: random strokes, a class each, drawn with a trembling hand."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.data.images import Images

#: Pixels of a side, strokes of a character, points on a stroke.
SIDE, STROKES, POINTS = 14, 3, 12
#: How far the pen may be from a stroke, in pixels.
PEN = 0.7


def characters(labels: Ints, k: int, seed: int, alphabet: int = 7) -> Images:
    """Return an image of a character for each label.

    A stroke is a parabola (a Bezier curve of three points) across the image; a sample moves each
    point, turns, stretches and shifts the whole.

    Args:
        labels: (n,) classes.
        k: number of characters in the alphabet.
        seed: of the hand.
        alphabet: seed of the characters.
    """
    letters = np.random.default_rng(alphabet).uniform(-0.8, 0.8, (k, STROKES, 3, 2))
    rng, t = np.random.default_rng(seed), np.linspace(0, 1, POINTS)[:, None]
    bases = np.hstack([(1 - t) ** 2, 2 * t * (1 - t), t**2])
    pixels = np.empty((len(labels), 1, SIDE, SIDE), np.uint8)
    for start in range(0, len(labels), 500):
        y = labels[start : start + 500]
        control = letters[y] + 0.12 * rng.standard_normal((len(y), STROKES, 3, 2))
        turn = np.eye(2) + 0.15 * rng.standard_normal((len(y), 1, 2, 2))
        shift = 0.1 * rng.standard_normal((len(y), 1, 1, 2))
        points = (bases @ control @ turn + shift).reshape(len(y), -1, 2)
        pixels[start : start + 500, 0] = _drawn((points + 1) * (SIDE - 1) / 2, rng)
    return Images(pixels, labels)


def _drawn(points: Floats, rng: np.random.Generator) -> Floats:
    """Return images of a pen at some points, in pixels, with noise."""
    grid = np.arange(SIDE)
    # The nearest point of all decides, so exponentials of separate axes cannot simply multiply.
    across = (grid - points[:, :, :1]) ** 2
    down = (grid - points[:, :, 1:]) ** 2
    nearest = (down[:, :, :, None] + across[:, :, None, :]).min(axis=1)
    ink = np.exp(-nearest / (2 * PEN**2)) + 0.1 * rng.standard_normal(nearest.shape)
    return np.asarray(np.clip(255 * ink, 0, 255))
