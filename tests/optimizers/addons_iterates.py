"""What TensorFlow Addons' optimizers make of given gradients.

Run by the Python of its own environment, without the kit: `addons_iterates.py rows.json in.npz
out.npz`. `test_same_as_addons.py` says what the rows are.
"""

import json
import sys

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa


def optimizer_of(row):
    """The row's optimizer, and what keeps an average of the weights, if anything does."""
    make = getattr(tfa.optimizers, row["cls"])
    if "wrapped" not in row:
        return make(**row["arguments"])
    inner = tf.keras.optimizers.legacy.SGD(**row["wrapped"])
    return make(inner, **row["arguments"])


def iterates(row, start, gradients):
    """The weights, or their averages, after each step: a list of rows of arrays."""
    optimizer = optimizer_of(row)
    variables = [tf.Variable(x, name=f"w{i}") for i, x in enumerate(start)]
    path = []
    for t, step in enumerate(gradients):
        if "rates" in row:
            optimizer.learning_rate = row["rates"][t]
        if row.get("sparse"):  # each row of the first array twice, half of it at a time
            rows = [i for i in range(len(start[0])) if (i + t) % 2] * 2
            step = [tf.IndexedSlices(tf.gather(step[0], rows) / 2, rows, start[0].shape)]
        optimizer.apply_gradients(zip(step, variables, strict=True))
        if row.get("average"):
            path.append([optimizer.get_slot(v, "average").numpy() for v in variables])
        else:
            path.append([v.numpy() for v in variables])
    return path


def main(rows, given, answer):
    """Reads the rows and the arrays, and writes an array `row/variable` for each of both."""
    with open(rows) as file:
        rows = json.load(file)
    answers = {}
    with np.load(given) as arrays:
        for name, row in rows.items():
            dtype, count = row.get("dtype", "float64"), 1 if row.get("sparse") else 3
            start = [arrays[f"start/{i}"].astype(dtype) for i in range(count)]
            steps = [arrays[f"gradients/{i}"].astype(dtype) for i in range(count)]
            path = iterates(row, start, list(zip(*steps, strict=True)))
            for i in range(count):
                answers[f"{name}/{i}"] = np.array([x[i] for x in path])
    np.savez(answer, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
