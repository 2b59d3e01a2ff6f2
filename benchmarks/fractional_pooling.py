"""The time of fractional max pooling, forward and backward, beside TensorFlow's own operation.

`python benchmarks/fractional_pooling.py` runs it.  Each call draws its regions; all ways take
turns, so that what else the machine does strikes all alike.  "Gathers" are the same maxima with
TensorFlow's own gradient of a gather, which scatters.  The limit is what any way must move, at the
speed of a sum: the images and their gradient once, the pooled images and theirs once.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

from keras_trainkit import layers
from keras_trainkit.layers.regularization import _fractional_regions as regions

RATIO = 2**0.5


def kit(overlapping):
    """The layer."""
    layer = layers.FractionalMaxPooling2D(RATIO, overlapping=overlapping, seed=1)
    return lambda images: layer(images, training=True)


def tensorflows(overlapping):
    """TensorFlow's operation."""
    ratio = [1.0, RATIO, RATIO, 1.0]
    return lambda images: tf.nn.fractional_max_pool(images, ratio, False, overlapping, seed=1)[0]


def gathers(overlapping):
    """What one would write first."""
    seed = keras.random.SeedGenerator(1)

    def pool(images):
        for axis in (1, 2):
            length = images.shape[axis]
            count = regions.count_regions(length, RATIO)
            boundaries = regions.random_boundaries(length, count, seed)
            starts, ends = boundaries[:-1], boundaries[1:]
            after = (starts + 1, ends) if overlapping else (ends - 1,)
            pooled = tf.gather(images, starts, axis=axis)
            for places in after:
                places = tf.minimum(places, length - 1)
                pooled = tf.maximum(pooled, tf.gather(images, places, axis=axis))
            images = pooled
        return images

    return pool


def with_gradient(pool):
    """A function of the images and of the gradient of the pooled ones."""

    def step(images, upstream):
        with tf.GradientTape() as tape:
            tape.watch(images)
            pooled = pool(images)
        return pooled, tape.gradient(pooled, images, upstream)

    return step


def ways(overlapping):
    """Everything that is timed, by the name of its row."""
    made = {}
    for name, make in (
        ("keras_trainkit", kit),
        ("tf.nn.fractional_max_pool", tensorflows),
        ("gathers", gathers),
    ):
        step = with_gradient(make(overlapping))
        made[f"{name}, eager"] = step
        made[f"{name}, graph"] = tf.function(step, autograph=False)
        if make is not tensorflows:  # XLA has no such operation
            made[f"{name}, XLA"] = tf.function(step, autograph=False, jit_compile=True)
    return made


def milliseconds(function, *arguments):
    """Of one call."""
    begin = time.perf_counter()
    for tensor in function(*arguments):
        tensor[0, 0, 0, 0].numpy()  # waits for an accelerator
    return 1e3 * (time.perf_counter() - begin)


def main():
    """Prints a table for disjoint regions and one for overlapping ones."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=40, help="turns of each (40)")
    parser.add_argument("--shape", type=int, nargs=4, default=[32, 64, 64, 64], metavar="N")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    images = tf.constant(rng.standard_normal(options.shape, np.float32))
    for overlapping in (False, True):
        made = ways(overlapping)
        upstream = tf.ones(kit(overlapping)(images).shape)
        made["limit"] = lambda images, upstream: (images + 0, upstream + 0)
        times = {name: [] for name in made}
        for function in made.values():  # compiles
            milliseconds(function, images, upstream)
        for _ in range(options.repeats):
            for name, function in made.items():
                times[name].append(milliseconds(function, images, upstream))
        medians = {name: statistics.median(values) for name, values in times.items()}
        kind = "overlapping" if overlapping else "disjoint"
        moved = 2 * (images.shape.num_elements() + upstream.shape.num_elements()) * 4e-6
        print(f"{kind} regions, {'x'.join(map(str, options.shape))} float32, {moved:.0f} MB moved")
        own = medians["tf.nn.fractional_max_pool, graph"]
        for name, median in medians.items():
            print(f"  {name:34}{median:8.1f} ms{own / median:7.2f}x", flush=True)


if __name__ == "__main__":
    main()
