"""How good is the suggested learning rate? Ten pairs of a network and data, and a fine grid.

`python benchmarks/learning_rate_finder.py` trains each pair at 49 constant rates from 1e-5 to 10
and from five starts, and at the rates that `find_learning_rate` and fastai's three rules suggest.
A suggestion counts where the final validation loss (the mean of the starts) is within 10% of the
best of the grid. What is finished is kept in `runs/learning_rate_finder` and not trained again.

`--pairs development` takes the twenty pairs on which the rule was found; `--finders 5` lets the
finder and fastai's rules search from five starts each, and counts all.

The grid is one program of JAX, over all rates at once; the finder is the kit's own, on the same
backend. fastai's rules (valley, steepest, minimum / 10) are written from its description: 100
steps from 1e-7 to 10, the losses smoothed by 0.98, the first ten and the last five left out.
"""

import argparse
import hashlib
import inspect
import json
import os
import pathlib
import time

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from tqdm import tqdm

import learning_rate_pairs
from keras_trainkit import tuning

RATES = np.geomspace(1e-5, 10, 49)
STARTS = range(100, 105)  # of the trainings; the finders' are from 0
RULES = ("kit", "valley", "steepest", "minimum / 10")
CLOSE = 1.1


class Programs:
    """The trainings of one pair, compiled once."""

    def __init__(self, pair):
        (x, y), (judged_x, judged_y) = self.arrays = pair.arrays()
        self.pair = pair
        self.outputs = 1 if y.ndim == 2 else int(y.max()) + 1
        self.steps = pair.epochs * (len(x) // pair.batch)
        model = self.build()
        optimizer = model.optimizer
        optimizer.build(model.trainable_variables)
        state = [variable.value for variable in optimizer.variables]
        optimizer.learning_rate = 0.5
        (place,) = (i for i, v in enumerate(optimizer.variables) if v.value is not state[i])

        def loss(weights, others, x, y):
            prediction, others, penalties = model.stateless_call(
                weights, others, x, training=True, return_losses=True
            )
            return model.loss(y, prediction) + sum(penalties), others

        def step(carry, rows_and_rate):
            weights, others, state = carry
            rows, rate = rows_and_rate
            gradient = jax.value_and_grad(loss, has_aux=True)
            (value, others), gradients = gradient(weights, others, x[rows], y[rows])
            state = [rate if i == place else value for i, value in enumerate(state)]
            weights, state = optimizer.stateless_apply(state, gradients, weights)
            return (weights, others, state), value

        def final(rate, start, rows):
            rates = jnp.broadcast_to(rate, len(rows))
            carry, _ = jax.lax.scan(step, (*start, state), (rows, rates))
            prediction, _ = model.stateless_call(carry[0], carry[1], judged_x, training=False)
            return model.loss(judged_y, prediction)

        def rising(start, rows, rates):
            return jax.lax.scan(step, (*start, state), (rows, rates))[1]

        x, y, judged_x, judged_y = map(jnp.asarray, (x, y, judged_x, judged_y))
        self._final = jax.jit(jax.vmap(final, (0, None, None)))
        self._rising = jax.jit(rising)

    def build(self):
        """A new compiled model."""
        return self.pair.build(1e-3, self.arrays[0][0].shape[1:], self.outputs)

    def final(self, rates, seed):
        """The validation loss after training at each of the rates; infinity for NaN."""
        losses = self._final(jnp.asarray(rates, "float32"), *self._begin(seed, self.steps))
        return np.nan_to_num(np.asarray(losses, "float64"), nan=np.inf)

    def rising(self, rates, seed):
        """The batch losses of a range test."""
        start, rows = self._begin(seed, len(rates))
        return np.asarray(self._rising(start, rows, jnp.asarray(rates, "float32")), "float64")

    def _begin(self, seed, steps):
        keras.utils.set_random_seed(seed)
        model = self.build()
        start = [v.value for v in model.trainable_variables]
        others = [v.value for v in model.non_trainable_variables]
        generator, rows = np.random.default_rng(seed), len(self.arrays[0][0])
        batches = rows // self.pair.batch
        rounds = [
            generator.permutation(rows)[: batches * self.pair.batch].reshape(batches, -1)
            for _ in range(-(-steps // batches))
        ]
        return (start, others), np.concatenate(rounds)[:steps]


def fastai(rates, losses):
    """The three rules' suggestions."""
    smooth, average, end = [], 0.0, len(losses)
    for step, loss in enumerate(losses, 1):
        average = 0.98 * average + 0.02 * loss
        smooth.append(average / (1 - 0.98**step))
        if not smooth[-1] <= 4 * min(smooth):
            end = step
            break
    rates = rates[:end][len(losses) // 10 : -5]
    smooth = np.array(smooth)[len(losses) // 10 : -5]
    slopes = np.diff(smooth) / np.diff(np.log(rates))
    return {
        "valley": rates[_valley(smooth)],
        "steepest": rates[slopes.argmin()],
        "minimum / 10": rates[smooth.argmin()] / 10,
    }


def _valley(losses):
    """Half of the way down the longest falling subsequence, from a third on."""
    length = np.ones(len(losses), int)
    for i in range(1, len(losses)):
        above = length[:i][losses[:i] > losses[i]]
        length[i] = 1 + above.max(initial=0)
    end = int(length.argmax())
    start = end - length[end]
    third = (end - start) / 3
    return int(start + int(third) + int(third / 2))


def measured(pair, finders):
    """What is kept of a pair."""
    programs = Programs(pair)
    begin = time.perf_counter()
    grid = [programs.final(RATES, seed) for seed in STARTS]
    seconds = time.perf_counter() - begin
    rates = {rule: [] for rule in RULES}
    steps, spent = [], []
    for seed in range(finders):
        begin = time.perf_counter()
        found = tuning.find_learning_rate(
            programs.build,
            programs.arrays,
            steps=programs.steps,
            batch_size=pair.batch,
            seed=seed,
        )
        spent.append(time.perf_counter() - begin)
        rates["kit"].append(found.learning_rate)
        rungs = (*found.ladder, *found.refined)
        steps.append(len(found.losses) + sum(len(rung.losses) for rung in rungs))
        tested = np.geomspace(1e-7, 10, 100)
        for rule, rate in fastai(tested, programs.rising(tested, seed)).items():
            rates[rule].append(float(rate))
    # As many at once as the grid, so that nothing is compiled anew.
    suggested = np.resize([rate for rule in RULES for rate in rates[rule]], len(RATES))
    losses = np.mean([programs.final(suggested, seed) for seed in STARTS], 0)
    return {
        "grid": np.mean(grid, 0).tolist(),
        "training steps": programs.steps,
        "rates": rates,
        "losses": {
            rule: losses[i * finders : (i + 1) * finders].tolist() for i, rule in enumerate(RULES)
        },
        "finder's steps": steps,
        "finder's seconds": spent,
        "grid's seconds": seconds,
    }


def kept(pair, finders, folder):
    """The same, from the folder where it is there."""
    finder = inspect.getmodule(tuning.find_learning_rate)
    sources = [inspect.getsource(module) for module in (learning_rate_pairs, finder)]
    key = hashlib.sha256(repr((pair.name, finders, sources)).encode()).hexdigest()[:16]
    file = folder / f"{key}.json"
    if file.exists():
        return json.loads(file.read_text())
    result = measured(pair, finders)
    folder.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(result))
    part.replace(file)
    return result


def main():
    """Prints a row for each pair: the best rate, and each rule's with its loss over the best."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", choices=("reported", "development"), default="reported")
    parser.add_argument("--finders", type=int, default=1, help="starts to search from (up to 12)")
    parser.add_argument("--output", type=pathlib.Path, default="runs/learning_rate_finder")
    arguments = parser.parse_args()
    pairs = getattr(learning_rate_pairs, arguments.pairs.upper())
    close = dict.fromkeys(RULES, 0)
    rows, steps, seconds = [], [], []
    for pair in tqdm(pairs, leave=False):
        result = kept(pair, arguments.finders, arguments.output)
        grid = np.array(result["grid"])
        best, cells = grid.min(), []
        for rule in RULES:
            ratios = np.array(result["losses"][rule]) / best
            close[rule] += int((ratios <= CLOSE).sum())
            cells.append(f"{np.median(result['rates'][rule]):.2g} ({np.median(ratios):.2f})")
        rows.append((pair.name, f"{best:.3g} at {RATES[grid.argmin()]:.2g}", *cells))
        steps += result["finder's steps"]
        seconds += result["finder's seconds"]
    print(f"| {'pair':50} | {'best of the grid':16} | {' | '.join(f'{r:>15}' for r in RULES)} |")
    print(f"| {'-' * 50} | {'-' * 16} | {' | '.join(['-' * 14 + ':'] * len(RULES))} |")
    for name, best, *cells in rows:
        print(f"| {name:50} | {best:16} | {' | '.join(f'{cell:>15}' for cell in cells)} |")
    of = len(pairs) * arguments.finders
    counts = [f"{count} of {of}" for count in close.values()]
    print(f"| {'within 10%':50} | {'':16} | {' | '.join(f'{c:>15}' for c in counts)} |")
    print(f"The finder took {np.median(steps):.0f} steps, {np.median(seconds):.1f} s (medians).")


if __name__ == "__main__":
    main()
