"""Fractional max pooling from Graham 2014, section 3, one region at a time."""

from fractions import Fraction
from itertools import pairwise
from math import ceil

import numpy as np


def pseudo_random(length, count, u):
    """ceil(alpha (i + u)) for i from 0 to `count`, in exact numbers, moved to start at 0."""
    alpha = Fraction(length, count)
    sequence = [ceil(alpha * (i + u)) for i in range(count + 1)]
    return [a - sequence[0] for a in sequence]


def regions(boundaries, overlapping):
    """The elements of each region; an overlapping one ends with the next one's first."""
    for start, end in pairwise(boundaries):
        yield slice(start, end + overlapping)  # a slice stops at the border by itself


def pool(images, rows, columns, overlapping):
    """The maximum of each region of images (n, h, w, c)."""
    return np.stack(
        [
            np.stack(
                [images[:, y, x].max(axis=(1, 2)) for x in regions(columns, overlapping)], axis=1
            )
            for y in regions(rows, overlapping)
        ],
        axis=1,
    )
