"""Learning curves of networks that were trained into known states, for `tuning.diagnose`.

`python benchmarks/labelled_curves.py` trains them (Keras on JAX, ten minutes) and writes
tests/tuning/data/labelled_curves.jsonl; `--score` reads that file and prints how many are read
right.  A label comes from how a run was made and from what was measured beside its curves, never
from the reader: see `STATES` for the making, `curve_labels` for what is right.
"""

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import keras
import numpy as np

import curve_labels
from curve_pairs import PAIRS, POOL, VALIDATION, data_of
from keras_trainkit.callbacks.diagnose import diagnose

HALVES = "development", "held out"
EPOCHS, STEPS, BATCH = 40, 10, 32  # a curve has at most 40 epochs, its continuation twice as many


def network(pair, shape, kind):
    """The pair's network, or its tiny, deep or dropping variant."""
    hidden = {"tiny": (2,), "deep": (32,) * 5}.get(kind, pair.hidden)
    layers = []
    if pair.convolution and kind != "tiny":
        for filters in (8, 16):
            layers += [keras.layers.Conv2D(filters, 3, 2, activation=pair.activation)]
    layers += [keras.layers.Flatten()]
    for width in hidden:
        layers += [keras.layers.Dense(width, pair.activation)]
        layers += [keras.layers.Dropout(0.6)] if kind == "dropping" else []
    layers += [keras.layers.Dense(pair.classes or 1)]
    return keras.Sequential([keras.Input(shape), *layers])


@cache
def trainer(name, kind):
    """The initial state of a network by seed, and its compiled training."""
    pair = PAIRS[name]
    keras.utils.set_random_seed(0)
    model = network(pair, data_of(name)[0].shape[1:], kind)
    optimizer = {
        "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        "adam": lambda: keras.optimizers.Adam(0.1),
        "adamax": lambda: keras.optimizers.Adamax(0.1),
        "nadam": lambda: keras.optimizers.Nadam(0.1),
        "rmsprop": lambda: keras.optimizers.RMSprop(0.1),
    }[pair.optimizer]()
    optimizer.build(model.trainable_variables)
    place = next(i for i, v in enumerate(optimizer.variables) if v is optimizer.learning_rate)
    ops = keras.ops

    def losses(y, out):
        if pair.classes is None:
            squares = ops.square(out[:, 0] - y)
            return squares, squares
        each = keras.losses.sparse_categorical_crossentropy(y, out, from_logits=True)
        return each, ops.cast(ops.argmax(out, 1) == y, "float32")

    def penalty(weights, decay):
        return decay * sum(ops.sum(ops.square(w)) for w in weights if len(w.shape) > 1)

    @jax.jit
    def train(state, x, y, batches, rates, decay, used, small):
        def objective(weights, others, rows):
            out, others = model.stateless_call(weights, others, x[rows], training=True)
            each, hits = losses(y[rows], out)
            loss = ops.mean(each) + penalty(weights, decay)
            return loss, (others, ops.mean(hits))

        def step(state, rows):
            weights, others, slots = state
            gradient = jax.value_and_grad(objective, has_aux=True)
            (loss, (others, hits)), slopes = gradient(weights, others, rows)
            weights, slots = optimizer.stateless_apply(slots, slopes, weights)
            return (list(weights), others, list(slots)), (loss, hits)

        def measured(state):
            out, _ = model.stateless_call(state[0], state[1], x, training=False)
            each = ops.stack(losses(y, out))
            added = ops.stack([penalty(state[0], decay), 0.0])
            big = ops.mean(each[:, POOL:], 1)
            return [
                ops.sum(ops.where(small, each, 0), 1) / ops.sum(small) + added,
                big + added,
                ops.sum(ops.where(used, each, 0), 1) / ops.sum(used) + added,
            ]

        def epoch(state, plan):
            rows, rate = plan
            state[2][place] = rate
            state, seen = jax.lax.scan(step, state, rows)
            return state, [ops.stack([ops.mean(s) for s in seen]), *measured(state)]

        return jax.lax.scan(epoch, state, (batches, rates))[1], measured(state)

    def initial(seed, scale):
        keras.utils.set_random_seed(seed)
        fresh = network(pair, model.input_shape[1:], kind)
        weights = [v.numpy() * (scale if v.ndim > 1 else 1) for v in fresh.trainable_variables]
        others = [v.value for v in model.non_trainable_variables]
        others = [v + seed if v.dtype == "uint32" else v for v in others]
        slots = [np.asarray(v.value) for v in optimizer.variables]
        return weights, others, slots

    return initial, train


@dataclass(frozen=True)
class Making:
    """How a run is made; `run` turns it into curves."""

    rate: float = 1.0  # times the pair's good one
    epochs: int = EPOCHS
    examples: int = POOL
    kind: str = "main"
    decay: float = 0.0  # weight of the squared weights in the loss
    scale: float = 1.0  # times the usual initial weights
    flipped: float = 0.0  # the share of wrong labels, or the deviation of noise on the targets
    validation: int = VALIDATION
    drop: tuple[int, float] | None = None  # the epoch from which the rate is multiplied, by what
    metric: str = "accuracy"


@dataclass
class Curves:
    """What a run showed, and what was measured beside it over three times its length."""

    history: dict[str, np.ndarray]
    big: np.ndarray  # the metric, more is better, on the whole validation set
    clean: np.ndarray  # the same on the training set, measured after each epoch
    clean_loss: np.ndarray  # from before the first epoch on
    epochs: int
    making: Making = field(repr=False)


@cache
def run(name, making, seed):
    """Trains three times as long as the curves are shown."""
    pair = PAIRS[name]
    x, y = data_of(name)
    rng = np.random.default_rng(seed)
    y = y.copy()
    if making.flipped and pair.classes:
        wrong = rng.random(len(y)) < making.flipped
        y[wrong] = rng.integers(pair.classes, size=wrong.sum())
    elif making.flipped:
        y += making.flipped * rng.normal(size=len(y)).astype("float32")
    pool = rng.permutation(POOL)[: making.examples]
    draws = 3 * EPOCHS * STEPS * BATCH
    passes = [rng.permutation(pool) for _ in range(-(-draws // len(pool)))]
    batches = np.concatenate(passes)[:draws].reshape(3 * EPOCHS, STEPS, BATCH)
    rates = np.full(3 * EPOCHS, pair.rate * making.rate, "float32")
    if making.drop:
        rates[making.drop[0] :] *= making.drop[1]
    used, small = np.zeros((2, len(x)), bool)
    used[pool] = True
    small[POOL + rng.permutation(VALIDATION)[: making.validation]] = True
    initial, train = trainer(name, making.kind)
    state = initial(seed, making.scale)
    found, before = train(state, x, y, batches, rates, np.float32(making.decay), used, small)
    seen, shown, big, clean = map(np.asarray, found)
    start = float(before[2][0])
    shown_epochs = slice(making.epochs)
    history = {"loss": seen[shown_epochs, 0], "val_loss": shown[shown_epochs, 0]}
    if pair.classes:
        history |= {"accuracy": seen[shown_epochs, 1], "val_accuracy": shown[shown_epochs, 1]}
    if making.drop or seed % 2:
        history["learning_rate"] = rates[shown_epochs]
    judged = 1 if pair.classes and making.metric == "accuracy" else 0
    sign = 1 if judged else -1 / start
    length = slice(3 * making.epochs)
    return Curves(
        history,
        sign * big[length, judged],
        sign * clean[length, judged],
        np.append(start, clean[length, 0]),
        making.epochs,
        making,
    )


# What the making does not decide is measured: over a continuation of the run, on a large
# validation set, on the training set without dropout, or with the cure that a finding names.

# In points of the metric; of a loss, in shares of the initial one.  Between them lies what is
# left undecided.
NONE, LITTLE, SURE = 0.01, 0.03, 0.05


def end(values, epochs):
    """The mean of the last three epochs."""
    return values[max(epochs - 3, 0) : epochs].mean()


def longer(curves, times):
    """What training `times` as long gains, up to 3."""
    return end(curves.big, round(times * curves.epochs)) - end(curves.big, curves.epochs)


def is_level(curves):
    """Whether training three times as long, or two thirds, would give the same."""
    shorter = end(curves.big, curves.epochs) - end(curves.big, 2 * curves.epochs // 3)
    return max(longer(curves, 1.5), longer(curves, 3), shorter) < NONE


def lost(curves):
    """How far the end lies below the best."""
    return np.convolve(curves.big[: curves.epochs], np.ones(3) / 3, "valid").max() - end(
        curves.big, curves.epochs
    )


def gap(curves):
    """Training set less validation set, both measured alike."""
    return end(curves.clean - curves.big, curves.epochs)


def cured(name, curves, seed, **changes):
    """What a change of the making gains at the end, at training and at validation."""
    other = run(name, dataclasses.replace(curves.making, **changes), seed)
    return [
        end(getattr(other, part), curves.epochs) - end(getattr(curves, part), curves.epochs)
        for part in ("clean", "big")
    ]


def first_drop(curves, start=0):
    """The epochs before the loss has gone a tenth of the way that it goes in the end."""
    loss = curves.clean_loss[start : curves.epochs + 1]
    return int(np.argmax(loss < loss[0] - 0.1 * (loss[0] - loss.min())))


def jitter(values):
    """The deviation from one epoch to the next, over the second half."""
    return float(np.std(np.diff(values[len(values) // 2 :])) / 2**0.5)


def hidden(curves):
    """What is no more than noise, on the whole validation set."""
    return 2 * jitter(curves.big[: curves.epochs])


def shown_jitter(curves):
    """That of the validation as shown, in the unit of `big`."""
    judged = curves.making.metric if curves.making.metric in curves.history else "loss"
    unit = 1 if judged == "accuracy" else curves.clean_loss[0]
    return jitter(curves.history[f"val_{judged}"] / unit)


def stands(name, curves):
    """Whether, three times as long, the network is no better than a constant, nor has gained."""
    worth = np.log(PAIRS[name].classes) if PAIRS[name].classes else 1.0
    return (
        curves.clean_loss.min() > 0.95 * worth
        and curves.clean_loss[curves.epochs] < 2 * worth
        and longer(curves, 3) < SURE
    )


def guesses(name, curves):
    """Whether the network has learned next to nothing at the end."""
    classes = PAIRS[name].classes
    if classes and curves.making.metric == "accuracy":
        return end(curves.clean, curves.epochs) < 1 / classes + SURE
    return curves.clean_loss[curves.epochs] > 0.9


def unseen(curves):
    """Whether the loss blew up within the first epoch, of which a curve shows only the mean."""
    return curves.history["loss"][0] > 2 * curves.clean_loss[0]


def stood_still(curves):
    """Whether the loss did not move at first."""
    loss, still = curves.clean_loss[: curves.epochs + 1], first_drop(curves)
    return still >= 4 and loss[0] - loss[still // 2] < 0.03 * (loss[0] - loss.min())


# The states: how a run is made, what confirms that it came out so, and what must be found.


@dataclass(frozen=True)
class State:
    """`make(rng)` gives a making, `confirm(name, curves, seed)` says whether it worked."""

    make: Callable
    confirm: Callable
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    learns: bool = True


def log_uniform(rng, low, high):
    """A rate, drawn evenly in its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def long(rng):
    """A number of epochs."""
    return int(rng.integers(25, EPOCHS + 1))


def after_drop(curves, name, seed):
    """What the training set gains over the fall of the rate, also over going on without."""
    fall = curves.making.drop[0]
    other = run(name, dataclasses.replace(curves.making, drop=None), seed)
    gains = end(curves.clean, fall + 5) - np.array(
        [end(other.clean, fall + 5), end(curves.clean, fall)]
    )
    return gains.min()


def understated(name, curves):
    """How far training with dropout reads below the same network without."""
    pair, last = PAIRS[name], slice(curves.epochs - 3, curves.epochs)
    if pair.classes and curves.making.metric == "accuracy":
        return (curves.clean[last] - curves.history["accuracy"][-3:]).mean()
    return (curves.clean[last] + curves.history["loss"][-3:] / curves.clean_loss[0]).mean()


STATES = {
    "not finite": State(
        lambda rng: Making(rate=log_uniform(rng, 1e2, 1e9), epochs=long(rng)),
        lambda name, curves, seed: not np.isfinite(curves.clean_loss[curves.epochs]),
        ("diverged",),
        learns=False,
    ),
    "exploding": State(
        lambda rng: Making(rate=log_uniform(rng, 10, 1e5), epochs=long(rng)),
        lambda name, curves, seed: (
            np.isfinite(curves.history["loss"]).all()
            and curves.clean_loss[curves.epochs - 4 : curves.epochs + 1].min()
            > 4 * curves.clean_loss[0]
            and (PAIRS[name].classes or not unseen(curves))
        ),
        ("exploding",),
        learns=False,
    ),
    "exploding later": State(
        lambda rng: Making(
            epochs=long(rng), drop=(int(rng.integers(5, 20)), log_uniform(rng, 30, 1e4))
        ),
        lambda name, curves, seed: (
            np.isfinite(curves.history["loss"]).all()
            and curves.clean_loss[curves.epochs - 4 : curves.epochs + 1].min()
            > 4 * curves.clean_loss[0]
        ),
        ("exploding",),
        learns=False,
    ),
    "rate too low": State(
        lambda rng: Making(rate=log_uniform(rng, 1e-6, 1e-4), epochs=long(rng)),
        lambda name, curves, seed: stands(name, curves) and not unseen(curves),
        ("not learning",),
        learns=False,
    ),
    "stuck": State(
        lambda rng: Making(
            kind="deep",
            rate=log_uniform(rng, 0.1, 30),
            scale=float(rng.choice([0.05, 0.2, 1])),
            epochs=long(rng),
        ),
        lambda name, curves, seed: stands(name, curves) and not unseen(curves),
        ("not learning",),
        learns=False,
    ),
    "stopped early": State(
        lambda rng: Making(rate=log_uniform(rng, 0.02, 0.5), epochs=int(rng.integers(6, 25))),
        lambda name, curves, seed: (
            min(longer(curves, 1.5), longer(curves, 3)) > LITTLE + hidden(curves)
        ),
        ("rising",),
    ),
    "trained out": State(
        lambda rng: Making(rate=log_uniform(rng, 0.3, 1), epochs=long(rng)),
        lambda name, curves, seed: is_level(curves) and lost(curves) < NONE,
        ("level",),
    ),
    "little data": State(
        lambda rng: Making(
            rate=log_uniform(rng, 0.3, 1), examples=int(rng.integers(20, 80)), epochs=long(rng)
        ),
        lambda name, curves, seed: (
            cured(name, curves, seed, examples=POOL)[1] > SURE and gap(curves) > SURE
        ),
        ("wide gap",),
        ("no gap", "solved", "validation ahead"),
    ),
    "too small": State(
        lambda rng: Making(kind="tiny", rate=log_uniform(rng, 0.3, 2), epochs=long(rng)),
        lambda name, curves, seed: (
            min(cured(name, curves, seed, kind="main")) > SURE
            and max(abs(gap(curves)), abs(gap(curves) - understated(name, curves))) < LITTLE
            and not guesses(name, curves)
        ),
        ("no gap",),
    ),
    "held back": State(
        lambda rng: Making(
            decay=log_uniform(rng, 0.01, 0.3), rate=log_uniform(rng, 0.3, 1), epochs=long(rng)
        ),
        lambda name, curves, seed: (
            min(cured(name, curves, seed, decay=0.0)) > SURE
            and max(abs(gap(curves)), abs(gap(curves) - understated(name, curves))) < LITTLE
            and not guesses(name, curves)
        ),
        ("no gap",),
    ),
    "past its best": State(
        lambda rng: Making(
            rate=log_uniform(rng, 0.3, 2),
            examples=int(rng.integers(60, 200)),
            flipped=rng.uniform(0.2, 0.5),
            epochs=long(rng),
            metric=str(rng.choice(["accuracy", "loss"])),
        ),
        lambda name, curves, seed: lost(curves) > SURE + hidden(curves),
        ("falling",),
    ),
    "bad start": State(
        lambda rng: Making(
            kind="deep",
            scale=rng.uniform(0.1, 0.8),
            rate=log_uniform(rng, 0.5, 3),
            epochs=long(rng),
        ),
        lambda name, curves, seed: (
            stood_still(curves)
            and curves.clean_loss[curves.epochs] < 0.7 * curves.clean_loss[0]
            and first_drop(run(name, dataclasses.replace(curves.making, scale=1.0), seed)) <= 2
        ),
        ("late start",),
    ),
    "decay with effect": State(
        lambda rng: Making(
            rate=log_uniform(rng, 2, 10),
            epochs=long(rng),
            drop=(int(rng.integers(12, 20)), rng.uniform(0.03, 0.3)),
        ),
        lambda name, curves, seed: after_drop(curves, name, seed) > SURE and lost(curves) < LITTLE,
        ("step",),
    ),
    "decay without": State(
        lambda rng: Making(
            rate=log_uniform(rng, 0.05, 1),
            epochs=long(rng),
            drop=(int(rng.integers(10, 20)), rng.uniform(0.03, 0.3)),
        ),
        lambda name, curves, seed: after_drop(curves, name, seed) < 0,
        (),
        ("step",),
    ),
    "few to validate": State(
        lambda rng: Making(
            rate=log_uniform(rng, 1, 10), validation=int(rng.integers(15, 40)), epochs=long(rng)
        ),
        lambda name, curves, seed: (
            shown_jitter(curves) > max(LITTLE, hidden(curves))
            and lost(curves) < LITTLE
            and not unseen(curves)
        ),
        ("noisy",),
    ),
    "dropout": State(
        lambda rng: Making(kind="dropping", rate=log_uniform(rng, 0.3, 2), epochs=long(rng)),
        lambda name, curves, seed: understated(name, curves) - gap(curves) > 1.5 * SURE,
        ("validation ahead",),
    ),
}


NEVER = ("diverged", "exploding", "too short", "no validation")  # of one that learns
READ = (  # all that can be found
    *(*NEVER, "not learning", "rising", "falling", "level", "wide gap", "some gap", "no gap"),
    *("solved", "validation ahead", "late start", "step", "noisy"),
)


def label(name, state, curves):
    """What must be found and what must not, by the making and by what was measured."""
    has, lacks = set(state.has), set(state.lacks)
    if not state.learns:
        return sorted(has), sorted(set(READ) - has)
    measured = {  # finding: what excludes it
        "not learning": not guesses(name, curves),
        "late start": max(first_drop(curves), first_drop(curves, 1)) <= 1,
        "step": curves.making.drop is None,
    }
    if curves.making.validation == VALIDATION:  # a few examples may show anything else
        measured |= {
            "rising": is_level(curves),
            "level": longer(curves, 1.25) > SURE + hidden(curves),
            "falling": lost(curves) < NONE,
            "wide gap": gap(curves) < LITTLE,
            "no gap": gap(curves) > 2 * SURE,
            "solved": gap(curves) > 2 * SURE,
            "validation ahead": understated(name, curves) < NONE,
            "noisy": jitter(curves.big[: curves.epochs]) < NONE,
        }
    lacks |= {finding for finding, excluded in measured.items() if excluded}
    return sorted(has), sorted((lacks | set(NEVER)) - has)


def make(half, each, seed):
    """The runs of a half, `each` of every state and pair where ten draws confirm that many."""
    names = [name for name, pair in PAIRS.items() if pair.half == half]
    for number, (title, state) in enumerate(STATES.items()):
        made = kept = 0
        for name in names:
            own = 0
            for draw in range(10):
                rng = np.random.default_rng([seed, number, list(PAIRS).index(name), draw])
                making, own_seed = state.make(rng), int(rng.integers(2**31))
                if PAIRS[name].classes is None:
                    making = dataclasses.replace(making, metric="loss")
                curves = run(name, making, own_seed)
                made += 1
                if not state.confirm(name, curves, own_seed):
                    continue
                has, lacks = label(name, state, curves)
                own += 1
                yield {
                    "state": title,
                    "pair": name,
                    "half": half,
                    "metric": making.metric,
                    "has": has,
                    "lacks": lacks,
                    "history": {
                        k: [float(f"{v:.4g}") for v in values]
                        for k, values in curves.history.items()
                    },
                }
                if own == each:
                    break
            kept += own
            run.cache_clear()
        print(f"{half:12}  {title:18} kept {kept:3} of {made:3} made", flush=True)


def score(half, path):
    """Prints how the reader reads a half."""
    runs = curve_labels.labelled(half, path)
    readings = [diagnose(run["history"], run["metric"]).findings for run in runs]
    print(f"\n{half}\n{curve_labels.table(runs, readings)}")


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--score", action="store_true", help="train nothing, read the file")
    parser.add_argument(
        "--each", type=int, default=2, help="curves of every state and held-out pair"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--half", choices=HALVES, action="append", help="this half alone")
    parser.add_argument("--file", type=Path, default=curve_labels.CURVES)
    options = parser.parse_args()
    halves = options.half or HALVES
    if not options.score:
        begin = time.perf_counter()
        each = {"held out": options.each, "development": (options.each + 1) // 2}
        runs = [run for half in halves for run in make(half, each[half], options.seed)]
        lines = [json.dumps(run, separators=(",", ":")) + "\n" for run in runs]
        options.file.parent.mkdir(exist_ok=True)
        options.file.write_text("".join(lines), encoding="utf-8")
        print(f"{len(lines)} curves in {time.perf_counter() - begin:.0f} s")
    for half in halves:
        score(half, options.file)


if __name__ == "__main__":
    main()
