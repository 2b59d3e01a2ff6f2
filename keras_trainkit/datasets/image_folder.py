"""A folder of class folders of images, as arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from keras_trainkit._core.arguments import boolean, integer, number, refuse
from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.datasets.find_images import find_images
from keras_trainkit.datasets.read_image import read_image
from keras_trainkit.datasets.splits import Splits, stratified

tqdm: Any = LazyModule("tqdm", "demo")


def image_folder(
    path: str | os.PathLike[str],
    size: int = 32,
    validation_split: float = 0.15,
    test_split: float = 0.15,
    seed: int = 0,
    verbose: bool = True,
) -> Splits:
    """A folder of class folders of images of any size, as arrays of `size` x `size` pixels.

    The folder holds a folder for each class; or `train`, and beside it `validation` (`valid`,
    `val`), `test`, or both, each with a folder for each class.  A part that has no folder is
    drawn from the training images, class by class.

    Every image is resized so that its short side is `size`, smoothed by a triangle filter as wide
    as the shrink, and its centre is kept.  Cameras' rotation tags are obeyed, transparency shows
    white, and all becomes RGB.  Hidden files and files that are no images by their ending are
    passed over; folders within a class's are read too.

    All images are held in memory: 10,000 take 31 MB at 32 pixels and 492 MB at 128.  For more,
    stream them with `keras.utils.image_dataset_from_directory`.

    Args:
        path: The folder.
        size: The side of the images in pixels, from 1.
        validation_split: The share of the images, above 0 and below 1, that is drawn for
            validation where that has no folder.
        test_split: The same for the test; both together are below 1.
        seed: A whole number from 0, of the draw and of the order of the images.
        verbose: Whether to show a progress bar.

    Returns:
        `Splits`, the classes in alphabetical order; in random order what was drawn, and the
        training images always.

    Raises:
        FileNotFoundError: If there is no such folder.
        ModuleNotFoundError: Without Pillow and tqdm (the extra `demo`).
        ValueError: If there are fewer than two classes, a class is empty or too small to stand in
            every part, the parts' classes differ, a file cannot be read as an image, or an
            argument breaks its rule.

    Example:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from keras_trainkit.datasets import image_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         Path(folder, name).mkdir()
    ...         for count in range(10):
    ...             Image.new("RGB", (64, 48)).save(Path(folder, name, f"{count}.png"))
    ...     image_folder(folder, size=32, verbose=False)
    Splits(train=12, validation=4, test=4 images of 32x32x3 in 2 classes)
    """
    size = integer("image_folder", "size", size, 1)
    shares = {
        part: number("image_folder", f"{part}_split", share, above=0, below=1)
        for part, share in (("validation", validation_split), ("test", test_split))
    }
    if sum(shares.values()) >= 1:
        refuse("image_folder", "validation_split", "be below 1 - test_split", validation_split)
    generator = np.random.default_rng(integer("image_folder", "seed", seed, 0))
    verbose = boolean("image_folder", "verbose", verbose)

    found = find_images(Path(path))
    names = tuple(found["train"])
    parts = {part: _listed(classes, names) for part, classes in found.items()}
    files, labels = parts["train"]
    missing = [part for part in shares if part not in parts]
    drawn = stratified("image_folder", labels, names, [shares[part] for part in missing], generator)
    for part, chosen in zip(("train", *missing), drawn, strict=True):
        parts[part] = files[chosen], labels[chosen]

    arrays = {
        part: (_read(files, size, f"reading {part}", verbose), labels)
        for part, (files, labels) in parts.items()
    }
    return Splits(**arrays, class_names=names)


def _listed(classes: dict[str, list[Path]], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """One array of files, and one of their class ids."""
    files = np.array([file for name in names for file in classes[name]], dtype=object)
    return files, np.repeat(np.arange(len(names)), [len(classes[name]) for name in names])


def _read(files: np.ndarray, size: int, title: str, verbose: bool) -> np.ndarray:
    """The images of the files, in their order."""
    images = np.empty((len(files), size, size, 3), np.uint8)
    pool = ThreadPoolExecutor()  # Pillow lets go of the interpreter while it decodes
    try:
        squares = pool.map(read_image, files, [size] * len(files))
        bar = tqdm.tqdm(
            squares, title, len(files), unit=" images", leave=False, disable=not verbose
        )
        for image, square in zip(images, bar, strict=True):
            image[:] = square
    finally:
        pool.shutdown(cancel_futures=True)  # an unreadable file, or Ctrl-C, ends it at once
    return images
