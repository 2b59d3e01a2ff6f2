"""What the demo does, step by step, and what it says while it does it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_trainkit import callbacks, optimizers, presets, schedules
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit.datasets import Splits
from keras_trainkit.demo.confusion import confusion_picture
from keras_trainkit.demo.network import residual_network
from keras_trainkit.demo.progress import progress_bar

_BARE_RATE = 0.05
_MODEL, _BARE = "model.keras", "bare.keras"
_FILES = {
    "augmented.png": "what the recipe makes of an image, operation by operation",
    "learning_rate.png": "the recipe's learning rate",
    "learning_curves.png": "its learning curves, and what they say",
    "confusion.png": "which classes it takes for which, on the test images",
    "history.csv": "its figures, epoch by epoch",
    _MODEL: "its best epoch, to load with keras.saving.load_model",
    _BARE: "the bare network's best epoch",
}


@dataclass(frozen=True)
class Figures:
    """What a training came to: accuracies between 0 and 1, and seconds."""

    train: float
    validation: float
    test: float
    seconds: float


class Story:
    """One network trained twice on the same images: bare, and with the recipe `small_images`.

    Args:
        splits: The images.
        epochs: Of each training.
        batch_size: Of each training.
        seed: Of weights, order and augmentation.
        output: A folder that exists; pictures, `history.csv` and `model.keras` go there.

    Raises:
        ValueError: Where there are fewer training images than one batch holds.
    """

    def __init__(
        self, splits: Splits, epochs: int, batch_size: int, seed: int, output: Path
    ) -> None:
        images, _ = splits.train
        if len(images) < batch_size:
            rule = f"be at most {len(images)}, the number of training images"
            refuse("demo", "batch_size", rule, batch_size)
        self.splits = splits
        self.seed = seed
        self.output = output
        self.recipe = presets.small_images(
            num_classes=len(splits.class_names),
            examples=len(images),
            epochs=epochs,
            batch_size=batch_size,
            size=images.shape[1],
        )
        self.recipe.adapt(images)

    def tell(self) -> dict[str, Figures]:
        """Trains, compares, draws; returns the figures of both trainings."""
        began = time.perf_counter()
        for name in (_MODEL, _BARE):
            (self.output / name).unlink(missing_ok=True)
        train, validation, test = (
            len(part[0]) for part in (self.splits.train, self.splits.validation, self.splits.test)
        )
        print(f"{train:,} training, {validation:,} validation and {test:,} test images.\n")
        self.recipe.pipeline.preview(self.splits.train[0][:8], seed=self.seed).savefig(
            self.output / "augmented.png", dpi=110
        )
        figures = {}
        print("Bare: no augmentation, no regularisation, a constant learning rate.")
        figures["bare"], _ = self._train_bare()
        print("\nWith the recipe small_images:")
        print(self.recipe.pipeline.plan())
        figures["small_images"], model = self._train_with_recipe()
        print()
        print(table(figures))
        self._finish(model)
        print(f"\nAll of it took {time.perf_counter() - began:.0f} s. In {self.output}:")
        for name, what in _FILES.items():
            print(f"  {name:20} {what}")
        return figures

    def kept(self) -> str:
        """Where the best snapshots so far are, in a sentence."""
        found = [path for path in (self.output / _MODEL, self.output / _BARE) if path.exists()]
        if not found:
            return "No epoch had ended, so there is no snapshot yet."
        return "The best snapshot so far is kept: " + ", ".join(str(path) for path in found)

    def _train_bare(self) -> tuple[Figures, keras.Model]:
        model = self._network(last_survival_probability=1.0)
        model.compile(
            optimizers.SGD(_BARE_RATE, momentum=0.9, nesterov=True),
            "categorical_crossentropy",
            metrics=["accuracy"],
        )
        batch = next(iter(self.recipe.eval_dataset(self.splits.train)))
        print(callbacks.check_initial_loss(model, batch).verdict)
        shuffled = tf.data.Dataset.from_tensor_slices(self.splits.train).shuffle(10_000, self.seed)
        # of the snapshot's callbacks the one that keeps a file: what is compared is the last epoch
        keep, _ = callbacks.best_snapshot(self.output / _BARE)
        return self._fit(model, self.recipe.eval_dataset(shuffled), [keep])

    def _train_with_recipe(self) -> tuple[Figures, keras.Model]:
        model = self._network(self.recipe.last_survival_probability)
        self.recipe.compile(model)
        history = keras.callbacks.CSVLogger(self.output / "history.csv")
        watching = [
            *self.recipe.callbacks(self.output / _MODEL),
            callbacks.LearningCurves(self.output / "learning_curves.png"),
            history,
        ]
        steps = self.recipe.epochs * self.recipe.steps_per_epoch
        axes = schedules.plot(self.recipe.schedule, steps)
        axes.figure.savefig(self.output / "learning_rate.png", dpi=110)
        data = self.recipe.train_dataset(self.splits.train, seed=self.seed)
        try:
            return self._fit(model, data, watching)
        finally:
            history.on_train_end()  # Keras leaves the file open after Ctrl-C

    def _network(self, last_survival_probability: float) -> keras.Model:
        keras.utils.set_random_seed(self.seed)
        shape = self.splits.train[0].shape[1:]
        classes = len(self.splits.class_names)
        return residual_network(shape, classes, last_survival_probability)

    def _fit(
        self, model: keras.Model, data: Any, watching: list[keras.callbacks.Callback]
    ) -> tuple[Figures, keras.Model]:
        began = time.perf_counter()
        with progress_bar(self.recipe.epochs) as shown:
            model.fit(
                data,
                validation_data=self.recipe.eval_dataset(self.splits.validation),
                epochs=self.recipe.epochs,
                callbacks=[*watching, shown],
                shuffle=False,  # the datasets do; Keras warns of its own default
                verbose=0,
            )
        seconds = time.perf_counter() - began
        return Figures(*self._accuracies(model), seconds=seconds), model

    def _accuracies(self, model: keras.Model) -> tuple[float, float, float]:
        """Of training, validation and test images, all of them without augmentation."""
        train, validation, test = (
            model.evaluate(self.recipe.eval_dataset(part), verbose=0)[1]
            for part in (self.splits.train, self.splits.validation, self.splits.test)
        )
        return train, validation, test

    def _finish(self, model: keras.Model) -> None:
        """Draws the confusions, and checks that what was saved is what was trained."""
        images, labels = self.splits.test
        data = self.recipe.eval_dataset(self.splits.test)
        probabilities = model.predict(data, verbose=0)
        saved = keras.saving.load_model(self.output / _MODEL).predict(data, verbose=0)
        if not np.array_equal(saved, probabilities):
            raise RuntimeError(f"{self.output / _MODEL} does not predict what the network does.")
        predicted = probabilities.argmax(axis=-1)
        picture = confusion_picture(images, labels, predicted, self.splits.class_names)
        picture.savefig(self.output / "confusion.png", dpi=110)


def table(figures: dict[str, Figures]) -> str:
    """The figures side by side; the gap is training accuracy less validation accuracy."""
    lines = [f"{'accuracy':14}{'train':>8}{'validation':>12}{'test':>8}{'gap':>8}{'seconds':>9}"]
    for name, f in figures.items():
        gap = f.train - f.validation
        lines.append(
            f"{name:14}{f.train:8.1%}{f.validation:12.1%}{f.test:8.1%}{gap:8.1%}{f.seconds:9.0f}"
        )
    return "\n".join(lines)
