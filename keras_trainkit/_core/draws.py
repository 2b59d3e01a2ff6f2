"""Stateless named random numbers: the same key, name and row give the same bits everywhere.

Threefry-2x32 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") is a hash of
(key, counter) made of additions, rotations and exclusive ors on 32-bit words.  The counter here
is (name, row), so eager, graph and XLA agree to the bit, and a row's numbers do not depend on
how many rows there are.  TensorFlow's own stateless floats differ between XLA and graph.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from keras_trainkit._core.lazy import tf

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_STEP = 2.0**-24


def threefry2x32(key: tuple[Any, Any], counter: tuple[Any, Any]) -> tuple[Any, Any]:
    """Twenty rounds of Threefry-2x32.

    Args:
        key: Two uint32 tensors.
        counter: Two uint32 tensors; all four broadcast together.

    Returns:
        Two uint32 tensors of random bits.
    """
    schedule = (key[0], key[1], key[0] ^ key[1] ^ tf.constant(_PARITY, tf.uint32))
    x0, x1 = counter[0] + schedule[0], counter[1] + schedule[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = _rotate_left(x1, rotation) ^ x0
        x0 = x0 + schedule[(group + 1) % 3]
        x1 = x1 + schedule[(group + 2) % 3] + tf.constant(group + 1, tf.uint32)
    return x0, x1


def _rotate_left(x: Any, bits: int) -> Any:
    left = tf.bitwise.left_shift(x, tf.constant(bits, tf.uint32))
    return left | tf.bitwise.right_shift(x, tf.constant(32 - bits, tf.uint32))


class Draw:
    """Random numbers asked for by name, one for each image.

    An augmentation's `sample(draw)` sees nothing else of chance.  Every number is a monotone
    function of 24 random bits, so the same code that draws at random also answers with a given
    quantile of each of its distributions (`Draw.fixed`), for pictures and for tests.

    Args:
        integers: Maps a name to an (n,) int32 tensor of whole numbers in [0, 2^24).
    """

    def __init__(self, integers: Callable[[str], Any]) -> None:
        self._integers = integers

    @classmethod
    def fixed(cls, quantile: float, rows: int = 1) -> Draw:
        """A draw in which every number stands at the same quantile and every coin is heads."""
        value = min(int(quantile * 2**24), 2**24 - 1)
        return _FixedDraw(lambda name: tf.fill([rows], value))

    @classmethod
    def hashed(cls, key: Any, rows: Any, names: tuple[str, ...]) -> Draw:
        """Numbers for all of `names` from one pass of Threefry.

        Args:
            key: (2,) uint32, the element's key.
            rows: (n,) integer tensor, the rows' places in the batch.
            names: Every name that will be asked for.
        """
        return cls.from_table(names, integers(key, rows, names))

    @classmethod
    def from_table(cls, names: tuple[str, ...], table: Any) -> Draw:
        """Numbers that stand in a table of `integers`, (n, k) for the k names."""
        columns = tf.unstack(table, num=len(names), axis=1)
        return cls(dict(zip(names, columns, strict=True)).__getitem__)

    def within(self, path: str) -> Draw:
        """The same draw, its names prefixed with `path`."""
        return type(self)(lambda name: self._integers(f"{path}/{name}"))

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> Any:
        """(n,) float32, uniform in [low, high)."""
        unit = tf.cast(self._integers(name), tf.float32) * _STEP
        return low + (high - low) * unit

    def coin(self, name: str, p: float = 0.5) -> Any:
        """(n,) bool, True with probability p; 0 and 1 are certain."""
        return self.uniform(name) < p

    def sign(self, name: str) -> Any:
        """(n,) float32, -1 or 1 with equal probability."""
        return tf.where(self.uniform(name) < 0.5, -1.0, 1.0)

    def normal(self, name: str, stddev: float = 1.0) -> Any:
        """(n,) float32, normal with mean 0."""
        # an odd numerator over 2^24 is exact in float32 and never -1, 0 or 1
        odd = 2 * self._integers(name) + 1 - 2**24
        centred = tf.cast(odd, tf.float32) * _STEP
        # of the lower half: near 1 the graph's erfinv loses digits, and 1 - 2^-24 becomes infinity
        lower = tf.math.erfinv(-tf.abs(centred)) * (stddev * np.sqrt(2.0).astype(np.float32))
        return tf.where(centred < 0, lower, -lower)

    def beta(self, name: str, alpha: float) -> Any:
        """(n,) float32, from Beta(alpha, alpha)."""
        return symmetric_beta_quantile(self._integers(name), alpha)

    def permutation(self, name: str) -> Any:
        """(n,) int32, a random order of the n rows."""
        values = self._integers(name)
        row = tf.range(tf.shape(values)[0])
        # rank by comparison: exact ties broken by row, whichever compiler runs it
        smaller = values[None, :] < values[:, None]
        tied = (values[None, :] == values[:, None]) & (row[None, :] < row[:, None])
        return tf.reduce_sum(tf.cast(smaller | tied, tf.int32), axis=1)


class _FixedDraw(Draw):
    def coin(self, name: str, p: float = 0.5) -> Any:
        return tf.ones_like(self._integers(name), dtype=tf.bool)

    def normal(self, name: str, stddev: float = 1.0) -> Any:
        # the ends of a normal distribution are no numbers to show
        return tf.clip_by_value(super().normal(name, stddev), -3.0 * stddev, 3.0 * stddev)

    def permutation(self, name: str) -> Any:
        rows = tf.shape(self._integers(name))[0]
        return (tf.range(rows) + 1) % rows


def integers(key: Any, rows: Any, names: tuple[str, ...]) -> Any:
    """(n, k) int32 in [0, 2^24): a number for each row and name, from one pass of Threefry.

    Args:
        key: (2,) uint32, the element's key.
        rows: (n,) integer tensor, the rows' places in the batch.
        names: The k names.
    """
    codes = tf.constant([zlib.crc32(name.encode()) for name in names], tf.uint32)
    counter = (codes[None, :], tf.cast(rows, tf.uint32)[:, None])
    bits, _ = threefry2x32((key[0], key[1]), counter)
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(8, tf.uint32)), tf.int32)


def names_of(sample: Callable[[Draw], Any]) -> tuple[str, ...]:
    """The names that `sample` asks for, found by running it once."""
    asked: list[str] = []

    def integers(name: str) -> Any:
        if name in asked:
            raise ValueError(f"`sample` draws {name!r} twice: the two would be equal.")
        asked.append(name)
        return tf.zeros([1], tf.int32)

    sample(Draw(integers))
    return tuple(asked)


def key_from_integer(value: Any) -> Any:
    """(2,) uint32 key from a scalar int64 tensor or a Python integer."""
    return tf.bitcast(tf.cast(value, tf.int64), tf.uint32)


def symmetric_beta_quantile(integers: Any, alpha: float) -> Any:
    """Quantiles of Beta(alpha, alpha) at (integers + 1/2) / 2^24.

    Near 0 the quantile function behaves as (u alpha B(alpha, alpha))^(1/alpha), which no table
    of it could follow; its ratio to that power is smooth in u, and for alpha > 1 in u^(1/alpha).
    The ratio stands in a table of 1,025 entries on [0, 1/2], the other half is its mirror image.
    """
    ratios, scale = _beta_table(alpha)
    upper = integers >= 2**23
    lower_half = tf.where(upper, 2**24 - 1 - integers, integers)
    u = (tf.cast(lower_half, tf.float32) + 0.5) * _STEP
    place = (2.0 * u) ** min(1.0, 1.0 / alpha) * (len(ratios) - 1)
    index = tf.minimum(tf.cast(place, tf.int32), len(ratios) - 2)
    table = tf.constant(ratios, tf.float32)
    left, right = tf.gather(table, index), tf.gather(table, index + 1)
    ratio = left + (right - left) * (place - tf.cast(index, tf.float32))
    quantile = ratio * tf.exp((tf.math.log(u) + scale) / alpha)
    return tf.where(upper, 1.0 - quantile, quantile)


@lru_cache(maxsize=32)
def _beta_table(alpha: float, entries: int = 1025) -> tuple[np.ndarray, float]:
    """Ratios q(u) / (u a B(a, a))^(1/a) over u in [0, 1/2], and log(a B(a, a))."""
    with tf.init_scope():
        a = tf.constant(alpha, tf.float64)
        scale = float(tf.math.log(a) + 2 * tf.math.lgamma(a) - tf.math.lgamma(2 * a))
        log_u = max(1.0, alpha) * np.log(np.linspace(0.0, 1.0, entries)[1:]) - np.log(2.0)
        u = np.exp(log_u)
        # bisect in log q: for small alpha the quantiles reach down to 1e-30 and below
        low, high = np.full_like(u, -700.0), np.full_like(u, np.log(0.5))
        for _ in range(70):
            middle = (low + high) / 2
            below = tf.math.betainc(a, a, np.exp(middle)).numpy() < u
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        # what lies below the search has reached its limit, 1, or is never asked for
        found = low > -699.0
        ratios = np.exp(np.where(found, (low + high) / 2 - (log_u + scale) / alpha, 0.0))
    return np.concatenate([[1.0], ratios]), scale
