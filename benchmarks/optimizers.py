"""The time of a step with the kit's optimizers, beside Keras' own of the same kind.

`python benchmarks/optimizers.py` runs it on TensorFlow, `KERAS_BACKEND=jax python ...` on JAX
(`torch` works, too); `--quick` takes a minute. They take turns, step by step and in every order,
so that a busy spell of the machine falls on all, as does what a step leaves in the caches; what
counts is the median of the ratios of neighbouring steps. It times whole training steps (forward,
backward, update) of a network of 5 million weights and of one of 200 small variables, compiled by
XLA and not, and with `--update` updates alone.

**The limit.** An update alone must read the gradient, the weights and the slots, and write the
weights and the slots: 4 (3 + 2 slots) bytes a weight in float32, 140 MB for Adam and 5 million
weights. The kit reads the gradient once more, to know that it is finite before anything moves:
4 bytes more, 14% of Adam's limit and 33% of that of SGD without momentum. The column "limit" is
those bytes over the bandwidth that an addition of two large vectors has just shown; XLA comes
near it, a TensorFlow graph writes and reads a temporary for each operation and stays at several
times that.

**What the check costs.** A step that may be skipped as a whole cannot begin before the last
gradient is there, where Keras' updates of the last layers run while the first layers' gradients
are computed, from the cache. "checked" is the ratio to Keras' optimizer with the only check that
Keras has, its `LossScaleOptimizer`, at a scale of 1. Dense layers at batch 32 are the worst case:
the update moves as many bytes as the rest of the step. `--batch 128` shows how it goes with more
arithmetic for each weight. Eager JAX takes a sixth of the rounds.
"""

import argparse
import functools
import itertools
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import ops

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
QUICK = ("SGD, momentum", "Adam")
WIDTHS = {"5M weights": [1024, 2048, 1024, 768], "200 variables": [16] * 101}
REGIMES = {"tensorflow": ("graph", "jit"), "jax": ("eager", "jit"), "torch": ("eager",)}


def on_tensorflow(model, optimizer, x, y, gradients, jit):
    """A function that takes a step; of given gradients, or of those of a batch."""
    import tensorflow as tf

    given = gradients and [tf.Variable(g) for g in gradients]  # what is constant is folded

    @tf.function(jit_compile=jit, autograph=False)
    def step():
        if given:
            optimizer.apply([g.read_value() for g in given], model.trainable_weights)
        else:
            with tf.GradientTape() as tape:
                loss = ops.mean(ops.square(model(x, training=True) - y))
            weights = [weight.value for weight in model.trainable_weights]
            optimizer.apply(tape.gradient(loss, weights), model.trainable_weights)
        return ops.ravel(model.trainable_weights[0])[0]

    return lambda: step().numpy()


def on_jax(model, optimizer, x, y, gradients, jit):
    """The same; weights and state are handed from step to step."""
    import jax

    def loss(weights):
        outputs, _ = model.stateless_call(weights, [], x, training=True)
        return ops.mean(ops.square(outputs - y))

    def step(weights, state, given):
        return optimizer.stateless_apply(state, given or jax.grad(loss)(weights), weights)

    step = jax.jit(step, donate_argnums=(0, 1)) if jit else step
    given = [ops.convert_to_tensor(g) for g in gradients]
    held = [[ops.copy(v) for v in vs] for vs in (model.trainable_weights, optimizer.variables)]

    def run():
        held[:] = jax.block_until_ready(step(*held, given))

    return run


def on_torch(model, optimizer, x, y, gradients, jit):
    """The same, eagerly."""
    import torch

    weights = model.trainable_weights
    given = [ops.convert_to_tensor(g) for g in gradients]

    def run():
        found = given
        if not found:
            loss = ops.mean(ops.square(model(x, training=True) - y))
            found = torch.autograd.grad(loss, [weight.value for weight in weights])
        with torch.no_grad():
            optimizer.apply(found, weights)

    return run


def stepper(optimizer, widths, batch, jit, alone):
    """A function that takes a step of a network, or of an update alone, and waits for it."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(width, "relu") for width in widths[1:]]
    model = keras.Sequential([keras.layers.Input(widths[:1]), *layers])
    optimizer.build(model.trainable_weights)
    rng = np.random.default_rng(0)
    x, y, *gradients = (
        ops.convert_to_tensor(rng.standard_normal(shape, "float32"))
        for shape in [(batch, widths[0]), (batch, widths[-1])]
        + [weight.shape for weight in model.trainable_weights] * alone
    )
    make = {"tensorflow": on_tensorflow, "jax": on_jax, "torch": on_torch}
    return make[keras.backend.backend()](model, optimizer, x, y, gradients, jit)


def seconds(step):
    """The time of one step, waited for."""
    begin = time.perf_counter()
    step()
    return time.perf_counter() - begin


def compare(steps, rounds):
    """The median times of all, and the median ratios of the first to each of the others."""
    for step in steps * 2:  # trace, and warm up
        step()
    turns, orders = [], itertools.cycle(itertools.permutations(range(len(steps))))
    for order in itertools.islice(orders, rounds):
        turn = {i: seconds(steps[i]) for i in order}
        turns.append([turn[i] for i in range(len(steps))])
    medians = [statistics.median(times) for times in zip(*turns, strict=True)]
    others = range(1, len(steps))
    return medians, [statistics.median(turn[0] / turn[i] for turn in turns) for i in others]


def checked(optimizer):
    """Keras' optimizer, skipping steps as Keras can."""
    return keras.optimizers.LossScaleOptimizer(
        optimizer, initial_scale=1.0, dynamic_growth_steps=2**31 - 1
    )


@functools.cache
def bandwidth():
    """Bytes a second that an addition of two large vectors moves."""
    a, b = (ops.convert_to_tensor(np.ones(5_000_000, "float32")) for _ in "ab")
    return (
        3
        * 4
        * 5_000_000
        / min(seconds(lambda: np.asarray(ops.sum((a + b)[:1]))) for _ in range(10))
    )


def limit(optimizer, widths):
    """The time that the bytes of an update take."""
    weights = sum((a + 1) * b for a, b in itertools.pairwise(widths))
    return 4 * weights * (4 + 2 * len(optimizer.slots)) / bandwidth()


def main():
    """Prints a line for each network, thing timed, regime and optimizer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=60, help="steps of each (60)")
    parser.add_argument("--batch", type=int, default=32, help="batch of the training step (32)")
    parser.add_argument("--update", action="store_true", help="updates alone, too")
    parser.add_argument("--regime", choices=["eager", "graph", "jit"], help="this one only")
    parser.add_argument("--quick", action="store_true", help=f"{' and '.join(QUICK)} only")
    options = parser.parse_args()
    backend = keras.backend.backend()
    print(
        f"{backend}, batch {options.batch}\n{'network':14}{'what':9}{'regime':7}{'optimizer':14}"
        f"{'kit':>10}{'Keras':>10}{'ratio':>7}{'checked':>9}{'limit':>10}"
    )
    for network, widths in WIDTHS.items():
        for alone in (False, True)[: 1 + options.update]:
            for regime in [options.regime] if options.regime else REGIMES[backend]:
                for name in QUICK if options.quick else OPTIMIZERS:
                    kit, peer = OPTIMIZERS[name]
                    rivals = [kit(), peer()]
                    slow = backend == "jax" and regime == "eager"
                    if not slow:  # where Keras' check leaks a tracer
                        rivals.append(checked(peer()))
                    (mine, theirs, *_), (ratio, *more) = compare(
                        [stepper(x, widths, options.batch, regime == "jit", alone) for x in rivals],
                        -(-options.rounds // 6) if slow else options.rounds,
                    )
                    guarded = f"{more[0]:9.2f}" if more else " " * 9
                    least = f"{1e3 * limit(rivals[0], widths):7.2f} ms" if alone else ""
                    print(
                        f"{network:14}{'update' if alone else 'training':9}{regime:7}{name:14}"
                        f"{1e3 * mine:7.2f} ms{1e3 * theirs:7.2f} ms{ratio:7.2f}{guarded}{least}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
