"""The rows that a sparse gradient names."""

from __future__ import annotations

from typing import Any

import keras

from keras_trainkit._core.lazy import tf


def summed_rows(gradient: Any) -> tuple[Any, Any]:
    """The rows of `tf.IndexedSlices`, and the whole gradient of each.

    A row that is named several times comes several times, each time with the same sum, so that
    every shape is known (XLA) and writing the results is the same in any order.
    """
    order = tf.argsort(gradient.indices, stable=True)
    rows = tf.gather(gradient.indices, order)
    begins = tf.cast(rows[1:] != rows[:-1], "int32")
    run = tf.pad(tf.cumsum(begins), [[1, 0]])[: tf.size(rows)]  # of an empty gradient: nothing
    sums = tf.math.unsorted_segment_sum(tf.gather(gradient.values, order), run, tf.size(rows))
    return rows, tf.gather(sums, run)


def gathered(variable: Any, rows: Any) -> Any:
    """Some rows of a variable: read from it where it lies, which a tensor of it would copy."""
    return tf.gather(variable.value if isinstance(variable, keras.Variable) else variable, rows)
