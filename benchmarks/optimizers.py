"""The time of a step with the kit's optimizers, beside Keras' own of the same kind.

`python benchmarks/optimizers.py` runs it.  The two take turns, step by step, so that a busy spell
of the machine falls on both; what counts is the median of the ratios of neighbouring steps.  It
times whole training steps (forward, backward, update) and updates alone, of a network of 5
million weights and of one of 200 small variables, as a TensorFlow graph and compiled by XLA.
"""

import argparse
import os
import statistics
import time
from itertools import pairwise

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf

from keras_trainkit.optimizers import LAMB, SGD, Adagrad, Adam, RMSprop

OPTIMIZERS = {
    "SGD": (lambda: SGD(1e-3), lambda: keras.optimizers.SGD(1e-3)),
    "SGD, momentum": (
        lambda: SGD(1e-3, momentum=0.9),
        lambda: keras.optimizers.SGD(1e-3, momentum=0.9),
    ),
    "Adagrad": (Adagrad, keras.optimizers.Adagrad),
    "RMSprop": (RMSprop, keras.optimizers.RMSprop),
    "Adam": (Adam, keras.optimizers.Adam),
    "LAMB": (LAMB, keras.optimizers.Lamb),
}
WIDTHS = {"5M weights": [1024, 2048, 1024, 768], "200 variables": [16] * 101}


def training(optimizer, widths, batch, jit):
    """A whole step on one batch."""
    layers = [keras.layers.Dense(width, "relu") for width in widths[1:]]
    model = keras.Sequential([keras.layers.Input(widths[:1]), *layers])
    x, y = tf.random.normal((batch, widths[0])), tf.random.normal((batch, widths[-1]))
    optimizer.build(model.trainable_weights)

    @tf.function(jit_compile=jit, autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
        weights = [weight.value for weight in model.trainable_weights]
        optimizer.apply(tape.gradient(loss, weights), model.trainable_weights)
        return loss

    return step


def update(optimizer, widths, batch, jit):
    """The optimizer alone, on gradients that are there already."""
    shapes = [shape for a, b in pairwise(widths) for shape in ((a, b), (b,))]
    weights = [keras.Variable(tf.random.normal(shape)) for shape in shapes]
    gradients = [tf.Variable(tf.random.normal(shape)) for shape in shapes]
    optimizer.build(weights)

    @tf.function(jit_compile=jit, autograph=False)
    def step():
        optimizer.apply([gradient.read_value() for gradient in gradients], weights)
        return weights[0].value[0, 0]

    return step


def seconds(step):
    """The time of one step, waited for."""
    begin = time.perf_counter()
    step().numpy()
    return time.perf_counter() - begin


def compare(mine, theirs, rounds):
    """The median times of both, and the median ratio."""
    for step in (mine, theirs, mine, theirs):  # trace, and warm up
        step().numpy()
    pairs = [(seconds(mine), seconds(theirs)) for _ in range(rounds)]
    medians = [statistics.median(times) for times in zip(*pairs, strict=True)]
    return *medians, statistics.median(a / b for a, b in pairs)


def main():
    """Prints a line for each network, thing timed, regime and optimizer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200, help="steps of each (200)")
    parser.add_argument("--batch", type=int, default=32, help="batch of the training step (32)")
    options = parser.parse_args()
    print(
        f"{'network':14}{'what':10}{'regime':8}{'optimizer':16}{'kit':>9}{'Keras':>9}{'ratio':>7}"
    )
    for network, widths in WIDTHS.items():
        for what in (training, update):
            for regime in ("graph", "jit"):
                for name, pair in OPTIMIZERS.items():
                    mine, theirs = (
                        what(make(), widths, options.batch, regime == "jit") for make in pair
                    )
                    kit, peer, ratio = compare(mine, theirs, options.rounds)
                    print(
                        f"{network:14}{what.__name__:10}{regime:8}{name:16}"
                        f"{1e3 * kit:6.2f} ms{1e3 * peer:6.2f} ms{ratio:7.2f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
