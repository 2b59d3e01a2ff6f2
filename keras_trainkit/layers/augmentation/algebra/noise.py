"""Noise, a value for each place of an image, hashed from one drawn number."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf


def levels(share: Any, shape: Any) -> Any:
    """(n, *shape) int32, uniform in [0, 256), from the (n,) `share` in [0, 1)."""
    # one pass of Threefry, of which an image's number comes, would cost ten times as much a pixel
    seed = _mix(tf.cast(share * 2.0**24, tf.uint32))
    places = tf.cast(tf.range(tf.reduce_prod(shape)), tf.uint32)
    bits = tf.bitwise.right_shift(_mix(places + seed[:, None]), tf.constant(24, tf.uint32))
    return tf.reshape(tf.cast(bits, tf.int32), tf.concat([[-1], shape], axis=0))


def _mix(x: Any) -> Any:
    """A bijection of 32 bits, each of which changes half of the others: Ettinger's lowbias32."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32))) * tf.constant(
            factor, tf.uint32
        )
    return x ^ tf.bitwise.right_shift(x, tf.constant(16, tf.uint32))
