"""A training step of the demo's network in 54 blocks: whole, with masked and with skipped blocks.

`python benchmarks/stochastic_depth.py` prints seconds a step, and their ratio to those of the
network without stochastic depth. The blocks survive by the linear rule with p_L = 1/2, so that
three in four are run in the mean. Steps of the networks take turns, so that the machine's moods
are shared. KERAS_BACKEND=torch or jax, and --jit for XLA, are measured alike; JAX and XLA run
every block on a CPU. --skip makes them skip all the same; with few blocks: it is slow.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_trainkit.demo.network import WIDTHS, residual_network
from keras_trainkit.layers import SkippableBlock

NETWORKS = {
    "every block": {"last_survival_probability": 1.0},
    "StochasticDepth": {"last_survival_probability": 0.5},
    "SkippableBlock": {"last_survival_probability": 0.5, "skip": True},
}


class Steps:
    """A network, the batch that it is trained on, and how often it has been traced.

    Args:
        options: Of the network.
        arguments: Of the command line.
    """

    def __init__(self, options, arguments):
        keras.utils.set_random_seed(0)
        count = arguments.blocks // len(WIDTHS)
        self.model = residual_network((32, 32, 3), 10, blocks_per_width=count, **options)
        self.blocks = [each for each in self.model.layers if isinstance(each, SkippableBlock)]
        if arguments.skip:
            for block in self.blocks:
                block.skip = True
        jit = arguments.jit or keras.backend.backend() == "jax"
        self.model.compile(keras.optimizers.SGD(0.01, momentum=0.9), self.loss, jit_compile=jit)
        generator = np.random.default_rng(0)
        self.images = generator.normal(size=(arguments.batch, 32, 32, 3)).astype("float32")
        self.labels = generator.integers(10, size=arguments.batch)
        self.traces = 0
        self.seconds, self.ran = [], []

    def loss(self, labels, probabilities):
        """The cross entropy, in Python only while a step is traced."""
        self.traces += 1
        return keras.losses.sparse_categorical_crossentropy(labels, probabilities)

    def first(self):
        """Traces and compiles; returns the seconds that took."""
        begin = time.perf_counter()
        for _ in range(2):
            self.model.train_on_batch(self.images, self.labels)
        self.traced_first = self.traces
        return time.perf_counter() - begin

    def take(self):
        """Takes a step, and notes its seconds and the share of blocks that survived."""
        before = self._statistics()
        begin = time.perf_counter()
        self.model.train_on_batch(self.images, self.labels)
        self.seconds.append(time.perf_counter() - begin)
        moved = [(a != b).any() for a, b in zip(before, self._statistics(), strict=True)]
        self.ran.append(np.mean(moved) if moved else 1.0)

    def _statistics(self):
        return [
            np.array(keras.ops.convert_to_numpy(block.block.layers[-1].moving_mean))
            for block in self.blocks
        ]


def main():
    """Prints a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=54, help="a multiple of 3 (54)")
    parser.add_argument("--batch", type=int, default=128, help="images a step (128)")
    parser.add_argument("--steps", type=int, default=40, help="of each network (40)")
    parser.add_argument("--jit", action="store_true", help="compile by XLA")
    parser.add_argument("--skip", action="store_true", help="SkippableBlock(skip=True)")
    arguments = parser.parse_args()
    networks = {}
    for name, options in NETWORKS.items():
        print(f"{name}: tracing", end="", flush=True)
        networks[name] = Steps(options, arguments)
        print(f", {networks[name].first():.0f} s with the first two steps", flush=True)
    for step in range(arguments.steps):
        for network in networks.values():
            network.take()
        print(f"\rstep {step + 1} of {arguments.steps}", end="", flush=True)
    whole = statistics.mean(networks["every block"].seconds)
    print(f"\n\n{keras.backend.backend()}, {arguments.blocks} blocks, {arguments.batch} images")
    print(f"{'':16} {'s a step':>9} {'of whole':>9} {'survived':>9} {'new traces':>11}")
    for name, network in networks.items():
        mean = statistics.mean(network.seconds)
        survived = f"{np.mean(network.ran):9.1%}" if network.blocks else f"{'':9}"
        eager = keras.backend.backend() == "torch"
        new = "eager" if eager else network.traces - network.traced_first
        print(f"{name:16} {mean:9.3f} {mean / whole:9.2f} {survived} {new:>11}")


if __name__ == "__main__":
    main()
