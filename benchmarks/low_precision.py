"""Training under the `bfloat16` policy, beside the same training in float32.

`python benchmarks/low_precision.py` trains a network with batch normalisation 120 steps with each
optimizer, at rates of 1e-3 and 1e-4, and prints the loss of the last epoch in both, their ratio,
and how far batch normalisation's scale has come from 1, in bfloat16 and in float32. Then the same
with Keras' own, which round every step to the weights' 8 bits. A few minutes; `--only Adam LAMB`
picks some.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from keras_trainkit import optimizers

RATES = (1e-3, 1e-4)
KIT = [
    optimizers.AdaBelief,
    optimizers.Adagrad,
    optimizers.Adam,
    optimizers.COCOB,
    optimizers.ConditionalGradient,
    optimizers.LAMB,
    optimizers.LARS,
    optimizers.LazyAdam,
    optimizers.NovoGrad,
    optimizers.ProximalAdagrad,
    optimizers.RMSprop,
    optimizers.RectifiedAdam,
    optimizers.SGD,
    optimizers.Yogi,
]
KERAS = [
    keras.optimizers.Adam,
    keras.optimizers.AdamW,
    keras.optimizers.Lamb,
    keras.optimizers.Nadam,
]


def network(policy):
    """A small classifier, whose loss is taken in float32."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((16,)),
            layers.Dense(32, dtype=policy),
            layers.BatchNormalization(dtype=policy),
            layers.Activation("relu", dtype=policy),
            layers.Dense(4, dtype=policy),
            layers.Activation("linear", dtype="float32"),
        ]
    )


def trained(policy, optimizer):
    """The last loss, and how far BatchNormalization's scale has come from 1."""
    keras.utils.set_random_seed(3)
    start = network("float32").get_weights()
    model = network(policy)
    model.set_weights(start)
    rng = np.random.default_rng(5)
    x = rng.standard_normal((512, 16)).astype("float32")
    y = np.argmax(x[:, :4] + 0.5 * x[:, 4:8] ** 2, axis=-1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=keras.backend.backend() == "jax")
    history = model.fit(x, y, batch_size=64, epochs=15, shuffle=False, verbose=0)
    gamma = ops.convert_to_numpy(ops.cast(model.layers[1].gamma, "float32"))
    return history.history["loss"][-1], np.max(np.abs(gamma - 1))


def main():
    """Prints a line for each optimizer and rate."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", help="the names of some")
    options = parser.parse_args()
    print(f"{'optimizer':26}{'rate':>7}{'bfloat16':>10}{'float32':>9}{'ratio':>7}{'moved':>18}")
    for whose, classes in (("", KIT), ("keras ", KERAS)):
        for cls in classes:
            if options.only and cls.__name__ not in options.only:
                continue
            for rate in RATES:
                (low, moved), (exact, moved_exactly) = (
                    trained(policy, cls(rate)) for policy in ("bfloat16", "float32")
                )
                print(
                    f"{whose + cls.__name__:26}{rate:7.0e}{low:10.4f}{exact:9.4f}"
                    f"{low / exact:7.3f}{moved:9.4f}{moved_exactly:9.4f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
