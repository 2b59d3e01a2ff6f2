"""A recipe whose images are files, or the bytes of files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit.datasets.find_images import find_images
from keras_trainkit.layers import Pipeline
from keras_trainkit.layers.augmentation.encoded import Encoded
from keras_trainkit.presets.recipe import Recipe
from keras_trainkit.presets.skipped_files import SkippedFiles

_SHUFFLED_AT_ONCE = 1_000


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageFileRecipe(Recipe):
    """A recipe that reads image files, and of a JPEG decodes only the part that it shows.

    Its datasets take a folder of class folders (or of `train` and `validation` with those in
    them), a pair of a list of files and their class ids, or a `tf.data.Dataset` of single
    `(encoded bytes, class id)`.  JPEG (grey and CMYK too), PNG, GIF (its first frame) and BMP are
    read, whatever a file's ending says, as RGB; transparency and cameras' rotation tags are not
    obeyed.

    Args:
        crop: Geometry that brings images of any size to one; image by image, as they are read.
            It must be a single pass.
        num_classes: How many classes there are.
        on_error: What a file that cannot be read does: `"raise"` stops the run with a sentence
            that names it, `"skip"` leaves it out; `skipped` has the names then, and a warning at
            the end of the epoch says how many there are. A JPEG that is cut off is found out at
            once, other damage when the part that is shown reaches it; `unreadable` looks at all
            of every file. Default `"raise"`.
        pipeline, schedule, optimizer, loss, epochs: As in `Recipe`; the pipeline goes on, batch by
            batch, where `crop` ends.
        batch_size, steps_per_epoch, last_survival_probability: As in `Recipe`.

    Example:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from keras_trainkit import presets
    >>> recipe = presets.imagenet_resnet(num_classes=2, examples=8, batch_size=4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         Path(folder, name).mkdir()
    ...         for count in range(4):
    ...             Image.new("RGB", (64, 48)).save(Path(folder, name, f"{count}.jpg"))
    ...     for images, labels in recipe.train_dataset(folder, seed=0):
    ...         print(images.shape, labels.shape)
    (4, 224, 224, 3) (4,)
    (4, 224, 224, 3) (4,)

    Source: each preset names its own.
    """

    crop: Pipeline
    num_classes: int
    on_error: str = "raise"
    _skipped: SkippedFiles = field(init=False, repr=False, default_factory=SkippedFiles)

    def __post_init__(self) -> None:
        arguments.one_of(self, "on_error", self.on_error, ("raise", "skip"))

    @property
    def augmentation(self) -> Pipeline:
        """`crop` and `pipeline`, for arrays of images."""
        return Pipeline([self.crop, self.pipeline])

    @property
    def skipped(self) -> tuple[str, ...]:
        """The names of the files that were left out until now, each once.

        An image that came as bytes is named by its place in the dataset: `"image 17"`.
        """
        return self._skipped.names

    def adapt(self, data: Any, verbose: int = 0) -> None:
        """Fits normalisation and colour components to the images as they are at evaluation."""
        images = self._read(self._named(data, "train"), training=False).filter(_is_read)
        self.pipeline.adapt(images, verbose=verbose)

    def class_names(self, folder: str | os.PathLike[str]) -> tuple[str, ...]:
        """The classes of a folder, in the order of their ids."""
        return tuple(self._found(folder)["train"])

    def unreadable(self, data: Any, verbose: int = 1) -> tuple[str, ...]:
        """Decodes every file as a whole, and gives the names of those for which that fails.

        Args:
            data: As in `train_dataset`.
            verbose: 0 hides the progress bar.
        """
        named, files = self._named(data, "train")
        failures = SkippedFiles()
        reader = Encoded(self.crop, type(self).__name__, files, str(failures.path))
        count = int(named.cardinality())
        bar = keras.utils.Progbar(count if count > 0 else None, verbose=verbose, unit_name="image")
        for _ in reader.check(named):
            bar.add(1)
        names = failures.names
        failures.path.unlink(missing_ok=True)
        return names

    def callbacks(self, path: str | os.PathLike[str]) -> list[keras.callbacks.Callback]:
        """`Recipe`'s, and the warning of files that were left out."""
        return [*super().callbacks(path), self._skipped]

    def train_dataset(self, data: Any, seed: int | None = None) -> Any:
        """Shuffled, decoded, batched (whole batches only), augmented, prefetched.

        Where files are left out, the next epoch's first images stand in for them, so that every
        epoch has as many batches.

        Args:
            data: A folder, `(files, labels)`, or a `tf.data.Dataset` of single
                `(encoded bytes, label)`, of which 1,000 are shuffled at once.
            seed: Of the order and the augmentation; by default drawn afresh.
        """
        named, files = self._named(data, "train")
        count = named.cardinality()
        # names of files are small, so that all of them are shuffled
        shuffled = named.shuffle(count if files else _SHUFFLED_AT_ONCE, seed=seed)
        images = self._read((shuffled, files), seed=seed)
        if self.on_error == "skip":
            images = images.filter(_is_read)
            images = images.repeat().take(count) if count > 0 else images
        batches = images.map(_unmarked).batch(self.batch_size, drop_remainder=True)
        return self.pipeline.map(batches, seed=seed).prefetch(tf.data.AUTOTUNE)

    def eval_dataset(self, data: Any) -> Any:
        """Decoded and batched in order, and prepared without chance; `data` as in `train_dataset`.

        Of a folder with parts it takes `validation`.  A batch is smaller by the files left out.
        """
        images = self._read(self._named(data, "validation"), training=False)
        batches = images.batch(self.batch_size)
        batches = batches.map(_unmarked if self.on_error == "raise" else _only_read)
        return self.pipeline.map(batches, training=False).prefetch(tf.data.AUTOTUNE)

    def _read(self, source: tuple[Any, bool], **how: Any) -> Any:
        named, files = source
        failures = str(self._skipped.path) if self.on_error == "skip" else None
        return Encoded(self.crop, type(self).__name__, files, failures).map(named, **how)

    def _named(self, data: Any, part: str) -> tuple[Any, bool]:
        """A dataset of (name, file or bytes, class id), and whether it is of files."""
        if isinstance(data, tf.data.Dataset):
            return self._encoded(data), False
        if isinstance(data, str | os.PathLike):
            files, labels = self._listed(data, part)
        elif isinstance(data, tuple | list) and len(data) == 2 and not isinstance(data[0], str):
            files, labels = data
        else:
            rule = "be a folder, (files, labels) or a tf.data.Dataset of (bytes, label)"
            refuse(self, "data", rule, type(data).__name__)
        if not all(isinstance(file, str | bytes | os.PathLike) for file in files):
            rule = "name files, each with its label"
            refuse(self, "data", rule, type(files).__name__, "Decoded images are for a `Recipe`.")
        names = np.array([os.fspath(file) for file in files], object)
        if not len(names) or len(names) != len(labels):
            rule = "hold at least one file, and a label for each"
            refuse(self, "data", rule, f"{len(names)} files and {len(labels)} labels")
        return tf.data.Dataset.from_tensor_slices((names, names, labels)), True

    def _encoded(self, data: Any) -> Any:
        spec = data.element_spec
        if not isinstance(spec, tuple) or len(spec) != 2 or spec[0] != tf.TensorSpec([], tf.string):
            rule = "hold single (encoded bytes, label)"
            cure = "Decoded images are for a `Recipe`, and batches need `unbatch`."
            refuse(self, "data", rule, spec, cure)
        return data.enumerate().map(
            lambda place, pair: (tf.strings.format("image {}", place), *pair)
        )

    def _listed(
        self, folder: str | os.PathLike[str], part: str
    ) -> tuple[Sequence[Path], np.ndarray]:
        found = self._found(folder)
        if part not in found and len(found) > 1:
            refuse(self, "data", f"have a folder for {part}", str(folder))
        classes = found.get(part, found["train"])
        files = [file for each in classes.values() for file in each]
        return files, np.repeat(np.arange(len(classes)), [len(each) for each in classes.values()])

    def _found(self, folder: str | os.PathLike[str]) -> dict[str, dict[str, list[Path]]]:
        found = find_images(Path(folder), type(self).__name__)
        if len(found["train"]) != self.num_classes:
            rule = f"have {self.num_classes} class folders, as `num_classes` says"
            refuse(self, "data", rule, len(found["train"]))
        return found


def _is_read(image: Any, label: Any, read: Any) -> Any:
    return read


def _unmarked(image: Any, label: Any, read: Any) -> Any:
    return image, label


def _only_read(images: Any, labels: Any, read: Any) -> Any:
    return tf.boolean_mask(images, read), tf.boolean_mask(labels, read)
