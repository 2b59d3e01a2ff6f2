"""What DropConnect costs, and how near its test-time outputs come to the mean of many draws.

`python benchmarks/drop_connect.py` runs it, on TensorFlow, without XLA. Times are of 128 examples
through 512 x 512 weights in ms: the forward pass, and with the gradient. All ways take turns;
medians. The truth for a ReLU layer of 128 x 64 weights is the mean of draws made by NumPy, with
its standard error; errors are means of absolute differences.
"""

import argparse
import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_trainkit.layers import DropConnect

WAYS = {
    "Dense": None,
    "one mask": {"rate": 0.5},
    "Flipout, rate 1/2": {"rate": 0.5, "per": "example"},
    "Flipout, rate 0.3": {"rate": 0.3, "per": "example"},
    "Gaussian": {"rate": 0.3, "per": "example", "method": "gaussian"},
    "exact": {"rate": 0.3, "per": "example", "method": "exact"},
}


def passes(way, inputs):
    """The forward pass of a way, and the pass with the gradient, as graphs."""
    dense = layers.Dense(512, use_bias=False)
    layer = dense if way is None else DropConnect(dense, seed=1, **way)
    layer.build(inputs.shape)

    def forward():
        return layer(inputs, training=True)

    def backward():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(forward()))
        return tape.gradient(loss, layer.trainable_variables)[0]

    return tf.function(forward), tf.function(backward)


def times(repeats):
    """Prints a row for each way."""
    inputs = tf.constant(np.random.default_rng(0).normal(size=(128, 512)).astype("float32"))
    timed = {name: passes(way, inputs) for name, way in WAYS.items()}
    taken = {name: ([], []) for name in WAYS}
    for repeat in range(repeats + 1):
        for name, functions in timed.items():
            for function, record in zip(functions, taken[name], strict=True):
                begin = time.perf_counter()
                function().numpy()
                if repeat:  # the first traces
                    record.append(1000 * (time.perf_counter() - begin))
        print(f"round {repeat} of {repeats}", end="\r", file=sys.stderr, flush=True)
    print(f"{'ms':20}{'forward':>10}{'gradient':>10}")
    for name, records in taken.items():
        print(f"{name:20}" + "".join(f"{statistics.median(record):10.1f}" for record in records))


def errors(draws):
    """Prints a row for each rate."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=(16, 128)).astype("float32")
    w = generator.normal(0, np.sqrt(2 / 128), size=(128, 64)).astype("float32")

    def output(activation, rate, inference):
        layer = DropConnect(layers.Dense(64, activation), rate, inference=inference)
        layer.build(x.shape)
        layer.layer.set_weights([w, np.zeros(64)])
        return ops.convert_to_numpy(layer(x, training=False))

    columns = ("truth", "scaled", "closed form", "Gauss-Hermite", "standard error")
    print("\n" + f"{'rate':6}" + "".join(f"{column:>15}" for column in columns))
    for rate in (0.3, 0.5, 0.8):
        total = squares = 0
        for _ in range(draws // 100):
            masks = generator.random((100, *w.shape), dtype="float32") >= rate
            drawn = np.maximum(x @ (w * masks / np.float32(1 - rate)), 0)
            total, squares = total + drawn.sum(0), squares + np.square(drawn).sum(0)
        truth = total / draws
        found = [
            output("relu", rate, "mean"),
            output("relu", rate, "moments"),
            output(ops.relu, rate, "moments"),  # not known to be ReLU: any function
        ]
        numbers = [truth.mean(), *(np.abs(value - truth).mean() for value in found)]
        numbers.append(np.sqrt((squares / draws - truth**2) / draws).mean())
        print(f"{rate:<6}" + "".join(f"{number:15.4f}" for number in numbers), flush=True)


def main():
    """Times, then errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30, help="rounds of the timing")
    parser.add_argument("--draws", type=int, default=20_000, help="draws of the truth")
    options = parser.parse_args()
    tf.get_logger().setLevel("ERROR")  # a graph for each way is meant
    times(options.repeats)
    errors(options.draws)


if __name__ == "__main__":
    main()
