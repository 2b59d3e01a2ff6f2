"""DropBlock from Ghiasi et al. 2018, algorithm 1 and equation 1, one block at a time."""

import numpy as np


def gamma(rate, block, size):
    """Equation 1, each axis with its own block and size."""
    (bh, bw), (h, w) = block, size
    return rate / (bh * bw) * (h * w) / ((h - bh + 1) * (w - bw + 1))


def starts(block, size):
    """Where a block fits wholly inside, by its first corner."""
    return [(y, x) for y in range(size[0] - block[0] + 1) for x in range(size[1] - block[1] + 1)]


def blocks_over(block, size):
    """How many blocks cover each value."""
    cover = np.zeros(size, int)
    for y, x in starts(block, size):
        cover[y : y + block[0], x : x + block[1]] += 1
    return cover


def filled(dropped, block):
    """The union of all blocks that lie in `dropped`, (height, width)."""
    union = np.zeros_like(dropped)
    for y, x in starts(block, dropped.shape):
        window = np.s_[y : y + block[0], x : x + block[1]]
        union[window] |= dropped[window].all()
    return union
