"""Test time: predictions averaged over models, over views and over draws."""

from __future__ import annotations

import importlib.util
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.inference._arrays import as_arrays, digest, rows_of
from keras_trainkit.inference._batches import Batches
from keras_trainkit.inference._gathering import Gathering
from keras_trainkit.inference._kept import Kept
from keras_trainkit.inference._members import Members
from keras_trainkit.inference._noise import NOISE
from keras_trainkit.inference._outputs import Outputs
from keras_trainkit.inference._run import Run, Step
from keras_trainkit.inference._views import checked_views, each_view
from keras_trainkit.inference.ensemble_report import EnsembleReport

_tqdm: Any = LazyModule("tqdm.auto", "progress")


class AveragedPredictor:
    """Averages a classifier's predictions over models, over fixed views, and over random draws.

    Train with noise, test by averaging it out. Of every example it takes the mean of
    `models x views x draws` predictions; each factor may be 1. It looks like a Keras model at
    test time: `predict`, `evaluate` and a call, on arrays, datasets or generators.

    Models given as paths are loaded one at a time, each for a pass of its own over the data, and
    what is kept between passes is one sum of the size of the result; models given as objects
    share one pass, and then memory holds one batch. All files are read through when the object
    is made, and every model is tried with four examples before the first pass, so that whatever
    is wrong with the last of ten is said before the work begins.

    Draws come from layers that are noisy while training: those run in training mode, everything
    else, batch normalisation above all, in testing mode. Every draw has a seed of its own, which
    depends on `seed`, the model, the batch, the view and the draw (on the PyTorch backend Keras'
    `Dropout` listens to it only if it was made with a seed itself). Nothing is ever assigned to a
    member: weights, flags and seeds stay as they are, whatever interrupts a prediction.

    Args:
        models: A `keras.Model`, a path of a `.keras` file, or a list of both. They have one
            output of the same number of classes: a softmax, or one sigmoid.
        views: What is looked at of each batch: None is the batch itself; `"flips"` the batch and
            its mirror image; a `layers.MultiCrop` all its windows; or a function from a batch of
            arrays to another, or a list of such and of `MultiCrop`s.
        draws: How many times each model looks at each view. 1 is plain testing, without noise;
            from 2 on the noisy layers draw.
        average: `"probabilities"` takes their mean; `"logits"` the mean of the logits (of models
            that give probabilities, of their logarithms), and a softmax of that: the geometric
            mean, which a single doubtful member weighs down more.
        from_logits: Whether the models lack the softmax or sigmoid at their end. Probabilities
            are what comes out in any case.
        noise: The kinds of layers that draw, a tuple of classes. None is `DropConnect`,
            `FractionalMaxPooling2D`, `Dropout` and its spatial kinds, `AlphaDropout`,
            `GaussianDropout` and `GaussianNoise`.
        seed: Of the draws, a whole number; None draws one.

    Raises:
        ValueError: If an argument breaks its rule; if a file is missing or damaged, naming it.
            When predicting: if members differ in their classes, give no probabilities, have no
            layer that draws, or take images of another size than the views have.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> inputs = keras.Input((4, 4, 1))
    >>> x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(inputs))
    >>> model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    >>> predictor = AveragedPredictor(model, views="flips", draws=8, seed=1)
    >>> images, labels = np.ones((5, 4, 4, 1)), np.zeros(5)
    >>> predictor.predict(images, verbose=0).shape
    (5, 3)
    >>> sorted(predictor.evaluate(images, labels, verbose=0, return_dict=True))
    ['accuracy']

    Source: CS231n 2020, lecture 8, "Model ensembles" and "Regularization: a common pattern";
    ten crops as in Krizhevsky et al. 2012, draws as in Gal & Ghahramani 2016, "Dropout as a
    Bayesian approximation", and Graham 2014, "Fractional max-pooling".
    """

    def __init__(
        self,
        models: Any,
        views: Any = None,
        draws: int = 1,
        average: str = "probabilities",
        from_logits: bool = False,
        noise: Sequence[type] | None = None,
        seed: int | None = None,
    ) -> None:
        self.models = models
        self.views = views
        self.draws = arguments.integer(self, "draws", draws, 1)
        self.average = arguments.one_of(self, "average", average, ("probabilities", "logits"))
        self.from_logits = arguments.boolean(self, "from_logits", from_logits)
        self.noise = None if noise is None else tuple(noise)
        kinds = NOISE if self.noise is None else self.noise
        if not all(isinstance(kind, type) and issubclass(kind, keras.Layer) for kind in kinds):
            refuse(self, "noise", "be a tuple of classes of Keras layers", noise)
        if any(issubclass(kind, keras.layers.BatchNormalization) for kind in kinds):
            rule = "leave batch normalisation out, which would take its statistics from the batch"
            refuse(self, "noise", rule, noise)
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, 0)
        self._members = Members(self, models)
        self._run = Run(
            owner=self,
            members=self._members,
            views=checked_views(self, views),
            noise=kinds if self.draws > 1 else None,
            draws=self.draws,
            seed=secrets.randbits(64) if self.seed is None else self.seed,
            outputs=Outputs(self, self.average, self.from_logits),
            surveyed=set(),
        )

    def __call__(self, x: Any) -> Any:
        """The averaged probabilities of one batch, as a tensor of the backend."""
        batches = Batches(self, x, batch_size=rows_of(as_arrays(x)))
        return ops.convert_to_tensor(next(self._averaged(batches, 0, None))[0])

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        steps: int | None = None,
        verbose: str | int = "auto",
        directory: str | os.PathLike[str] | None = None,
    ) -> np.ndarray:
        """The averaged probabilities, `(examples, classes)` in float32.

        Args:
            x: Arrays; or a `tf.data.Dataset`, a `keras.utils.PyDataset` or anything else that
                gives batches `x`, `(x, y)` or `(x, y, sample_weight)`, in the same order each
                time. A generator, which can be gone through once, will do for models in memory.
            batch_size: Of arrays; 32 by default.
            steps: At most so many batches.
            verbose: 1 shows a bar (the extra `progress`), 0 nothing, `"auto"` a bar where tqdm is
                installed.
            directory: A folder for the results of each finished member (a float32 for each
                example and class). A run that was stopped goes on there, and one with more
                models at the end of the list computes only those. Models, views, draws, batches
                and their order must be the same.

        Raises:
            ValueError: As the class says; or if `directory` holds results of another run, or the
                data change from pass to pass.
        """
        batches = Batches(self, x, None, None, batch_size, steps)
        averaged = self._averaged(batches, verbose, directory)
        return np.concatenate([probabilities for probabilities, _ in averaged])

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        metrics: Any = ("accuracy",),
        batch_size: int | None = None,
        steps: int | None = None,
        verbose: str | int = "auto",
        directory: str | os.PathLike[str] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Keras metrics of the averaged probabilities.

        Args:
            x: As for `predict`; batches bring their labels.
            y: Labels beside arrays.
            sample_weight: Weights beside arrays. All metrics are weighted by them.
            metrics: What `model.compile(metrics=...)` takes.
            batch_size, steps, verbose, directory: As for `predict`.
            return_dict: Whether to return values by name.

        Returns:
            A number for one metric, a list in their order for several, or a dictionary.
        """
        judge = keras.Sequential([keras.layers.Identity(dtype="float32")])
        several = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
        judge.compile(weighted_metrics=several)
        batches = Batches(self, x, y, sample_weight, batch_size, steps)
        self._need_labels(batches)
        result: dict[str, Any] = {}
        for probabilities, (_, labels, weights) in self._averaged(batches, verbose, directory):
            result = judge.compute_metrics(None, *map(_tensor, (labels, probabilities, weights)))
        values = {
            name: float(ops.convert_to_numpy(value))
            for name, value in result.items()
            if name != "loss"
        }
        if return_dict:
            return values
        return next(iter(values.values())) if len(values) == 1 else list(values.values())

    def report(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
        verbose: str | int = "auto",
        directory: str | os.PathLike[str] | None = None,
    ) -> EnsembleReport:
        """How good each member is, how good their average becomes, and how well it is calibrated.

        Args:
            x: As for `predict`; batches bring their labels.
            y: Labels beside arrays: class ids, or one-hot rows. Weights are not looked at.
            batch_size, steps, verbose, directory: As for `predict`.
        """
        batches = Batches(self, x, y, None, batch_size, steps)
        self._need_labels(batches)
        names = [self._members.name(number) for number in range(len(self._members))]
        gathering = Gathering(self, names)
        for step in self._steps(batches, verbose, directory):
            finish, count = self._run.outputs.finish, step.member + 1
            gathering.add(
                step.member,
                finish(step.terms.astype("float64")),
                finish(step.total / count),
                step.batch[1],
            )
        return gathering.report()

    def _averaged(self, batches: Batches, verbose: Any, directory: Any) -> Iterator[Any]:
        """The probabilities of each batch, with the batch."""
        count = len(self._members)
        for step in self._steps(batches, verbose, directory):
            if step.member + 1 == count:
                mean = self._run.outputs.finish(step.total / count)
                yield mean.astype("float32"), step.batch

    def _steps(self, batches: Batches, verbose: Any, directory: Any) -> Iterator[Step]:
        kept = None if directory is None else self._kept(batches, Path(directory))
        with self._bar(verbose) as bar:
            yield from self._run.steps(batches, kept, bar)

    def _kept(self, batches: Batches, directory: Path) -> Kept:
        if self.draws > 1 and self.seed is None:
            rule = "be a whole number where draws are kept in a `directory`"
            refuse(self, "seed", rule, None)
        noise = [f"{kind.__module__}.{kind.__qualname__}" for kind in self._run.noise or ()]
        settings = {
            "views": digest(*each_view(self._run.views, batches.first()[0])),
            "draws": self.draws,
            "average": self.average,
            "from_logits": self.from_logits,
            "noise": noise,
            "seed": self.seed,
        }
        return Kept(self, directory, settings)

    def _need_labels(self, batches: Batches) -> None:
        if batches.first()[1] is None:
            refuse(self, "y", "be given, beside arrays or in the batches", None)

    @contextmanager
    def _bar(self, verbose: Any) -> Iterator[Any]:
        if verbose not in ("auto", 0, 1):
            refuse(self, "verbose", 'be "auto", 0 or 1', verbose)
        if verbose == "auto":
            verbose = importlib.util.find_spec("tqdm") is not None
        if not verbose:
            yield _NoBar()
            return
        with _tqdm.tqdm(desc="averaging", unit="batch") as bar:
            yield bar


class _NoBar:
    """What is shown where nothing is."""

    def reset(self, total: int) -> None:
        """Nothing."""

    def update(self) -> None:
        """Nothing."""


def _tensor(value: Any) -> Any:
    return None if value is None else keras.tree.map_structure(ops.convert_to_tensor, value)
