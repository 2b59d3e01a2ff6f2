"""What averaging at test time gains, on handwritten digits over patches of photographs.

`python benchmarks/averaging.py` trains and averages, for three seeds, and prints the gains in
points of test accuracy:

- independent models of the demo's network and recipe, over the mean single one;
- ten crops and the image itself (no mirror images: they are other digits), over the image, for
  each of these models;
- draws of fractional pooling, over one draw, of a small network with `FractionalMaxPooling2D`;
- the last snapshots of one training with warm restarts, over the last of them. (The paper averages
  the last m of M, too; the first cycles of a training from scratch end far below the last ones.)

Trained models stay in the output folder, so that a run that was stopped goes on, and other
questions can be asked of them. About fifteen minutes on two cores; `--seeds 1 --epochs 2` is a try.
"""

import argparse
import logging
import os
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from keras_trainkit import callbacks, datasets, layers, optimizers, presets, schedules
from keras_trainkit.demo.network import residual_network
from keras_trainkit.inference import AveragedPredictor

CLASSES = 10
ROWS = {
    "models": "independent models, over the mean single one",
    "views": "crops and the image, over the image",
    "draws": "draws of fractional pooling, over one draw",
    "snapshots": "last snapshots of one training, over the last",
}


def fractional_network(input_shape, classes):
    """Four convolutions, each with fractional pooling by the root of 2: 32, 22, 15, 10, 7."""
    images = x = keras.Input(input_shape)
    for width in (16, 32, 48, 64):
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        x = layers.FractionalMaxPooling2D(2**0.5, overlapping=True)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(classes, activation="softmax")(x))


class Trial:
    """One seed: its images, its recipe, and the models trained on them."""

    def __init__(self, seed, options, bar):
        self.seed = seed
        self.options = options
        self.bar = bar
        self.folder = options.output / f"{options.epochs}-epochs" / f"seed-{seed}"
        self.splits = datasets.digits_on_photos(seed)
        self.recipe = self.made(options.epochs)
        self.test = self.recipe.eval_dataset(self.splits.test).cache()

    def made(self, epochs):
        """The recipe for so many epochs."""
        images, _ = self.splits.train
        recipe = presets.small_images(CLASSES, len(images), epochs, size=images.shape[1])
        recipe.adapt(images)
        return recipe

    def fit(self, model, recipe, seed, *watching):
        """Trains, and moves the bar."""
        shown = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: self.bar.update())
        data = recipe.train_dataset(self.splits.train, seed=seed)
        watching = [*watching, shown]
        model.fit(data, epochs=recipe.epochs, callbacks=watching, shuffle=False, verbose=0)

    def trained(self, name, build, seed):
        """The path of a model, trained now or before."""
        path = self.folder / f"{name}.keras"
        if path.exists():
            self.bar.update(self.recipe.epochs)
            return path
        self.bar.set_description(f"seed {self.seed}, {name}")
        keras.utils.set_random_seed(seed)
        model = build()
        self.recipe.compile(model)
        self.fit(model, self.recipe, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.keras")
        model.save(part)
        os.replace(part, path)
        return path

    def accuracy(self, models, **arguments):
        """In percent, of the average."""
        predictor = AveragedPredictor(models, **arguments)
        return 100 * predictor.evaluate(self.test, verbose=0)

    def residual(self):
        """The demo's network."""
        shape = self.splits.train[0].shape[1:]
        return residual_network(shape, CLASSES, self.recipe.last_survival_probability)

    def models(self):
        """One, and all."""
        paths = [
            self.trained(f"member-{k}", self.residual, 1000 * self.seed + k)
            for k in range(self.options.members)
        ]
        report = AveragedPredictor(paths).report(self.test, verbose=0)
        report.draw().savefig(self.folder / "report.png")
        return 100 * np.mean(report.accuracies), 100 * report.averaged_accuracies[-1]

    def views(self):
        """The image, and it with two scales of five crops; the mean over the members."""
        side = self.splits.train[0].shape[1]
        crops = layers.MultiCrop(side, short_sides=(side + 2, side + 4), crops=5)
        several = [lambda images: images, crops]
        paths = [self.folder / f"member-{k}.keras" for k in range(self.options.members)]
        results = [[self.accuracy(p), self.accuracy(p, views=several)] for p in paths]
        return tuple(np.mean(results, axis=0))

    def draws(self):
        """The mean of single draws, and their average."""
        shape = self.splits.train[0].shape[1:]

        def build():
            return fractional_network(shape, CLASSES)

        kind = layers.FractionalMaxPooling2D
        path = self.trained("fractional", build, 1000 * self.seed + 500)
        together = self.accuracy(path, draws=self.options.draws, seed=self.seed)
        model = keras.saving.load_model(path)
        for layer in model.layers:
            if isinstance(layer, kind):
                layer.draw_at_test = True
        single = [self.accuracy(model, seed=seed) for seed in range(self.options.draws)]
        return np.mean(single), together

    def snapshots(self):
        """The last snapshot, and the last few."""
        folder = self.folder / f"snapshots-{self.options.cycles}x{self.options.cycle_epochs}"
        taken = callbacks.SnapshotEnsemble(folder)
        if len(taken.paths) < self.options.cycles:
            self.bar.set_description(f"seed {self.seed}, snapshots")
            keras.utils.set_random_seed(1000 * self.seed + 900)
            recipe = self.made(self.options.cycles * self.options.cycle_epochs)
            steps = self.options.cycle_epochs * recipe.steps_per_epoch
            schedule = schedules.WarmRestarts(schedules.CosineDecay(0.1, steps), steps, growth=1)
            rule = optimizers.SGD(schedule, momentum=0.9, nesterov=True, weight_decay=5e-3)
            model = self.residual()
            model.compile(rule, recipe.loss)
            self.fit(model, recipe, self.seed, taken)
        else:
            self.bar.update(self.options.cycles * self.options.cycle_epochs)
        last = taken.paths[-self.options.last :]
        return self.accuracy(last[-1]), self.accuracy(last)


def table(results, seeds):
    """Gains in points, seed by seed and in the mean, and between which accuracies."""
    width = max(map(len, ROWS.values()))
    head = "".join(f"{f'seed {seed}':>9}" for seed in seeds)
    lines = [f"{'points of test accuracy gained by':{width}}{head}     mean   from one to all"]
    for name, words in ROWS.items():
        pairs = list(results[name].values())
        gains = [after - before for before, after in pairs]
        cells = "".join(f"{gain:+9.2f}" for gain in gains)
        before, after = np.mean(pairs, axis=0)
        lines.append(f"{words:{width}}{cells}{np.mean(gains):+9.2f}   {before:.2f} to {after:.2f}%")
    return "\n".join(lines)


def main():
    """Runs all trials, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--members", type=int, default=5, help="independent models (default: 5)")
    parser.add_argument("--epochs", type=int, default=20, help="of each of them (default: 20)")
    parser.add_argument("--draws", type=int, default=16, help="of fractional pooling (default: 16)")
    parser.add_argument("--cycles", type=int, default=5, help="of the snapshots (default: 5)")
    parser.add_argument("--cycle-epochs", type=int, default=30, help="default: 30")
    parser.add_argument("--last", type=int, default=3, help="snapshots averaged (default: 3)")
    parser.add_argument("--output", type=Path, default=Path("runs/averaging"))
    options = parser.parse_args()
    logging.getLogger("tensorflow").setLevel("ERROR")  # it remarks on each model it compiles
    seeds = range(options.seeds)
    results = {name: {} for name in ROWS}
    total = (options.members + 1) * options.epochs + options.cycles * options.cycle_epochs
    with tqdm(total=options.seeds * total, unit="epoch", ncols=90) as bar:
        for seed in seeds:
            trial = Trial(seed, options, bar)
            for name in ROWS:
                pair = getattr(trial, name)()
                results[name][seed] = pair
                tqdm.write(f"seed {seed}, {name}: {pair[0]:.2f}% to {pair[1]:.2f}%")
    print(table(results, seeds))


if __name__ == "__main__":
    main()
