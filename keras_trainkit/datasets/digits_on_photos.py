"""Handwritten digits on patches of photographs: real images to learn from, without a download."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core.arguments import integer
from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.datasets.splits import Part, Splits, stratified

sklearn_datasets: Any = LazyModule("sklearn.datasets", "demo")

SIDE = 32
DIGIT = 28  # MNIST's
TILE = 64
SHARES = 300 / 1797, 497 / 1797  # validation, test


def digits_on_photos(seed: int = 0) -> Splits:
    """Scikit-learn's 1,797 digits, blended into patches of its two photographs, 32x32 RGB.

    Each digit, 8x8 and grey, is enlarged to 28x28 and laid somewhere on a patch of 32x32:
    `image = |patch - digit|` in every channel, as MNIST-M was made from MNIST.  No digit stands
    in two parts, nor does any pixel of the photographs: they are cut into tiles of 64x64, each
    tile belongs to one part, and a patch never leaves its tile.

    Args:
        seed: A whole number from 0; the same one gives the same bits, in every process.

    Returns:
        `Splits` of 1,000 / 300 / 497 images, every class in the same proportion, with the classes
        "0" to "9".

    Raises:
        ModuleNotFoundError: Without scikit-learn (the extra `demo`).
        ValueError: If `seed` is not a whole number from 0.

    Example:

    >>> from keras_trainkit.datasets import digits_on_photos
    >>> digits = digits_on_photos(seed=0)
    >>> digits
    Splits(train=1000, validation=300, test=497 images of 32x32x3 in 10 classes)
    >>> images, labels = digits.train
    >>> images.dtype, labels.shape
    (dtype('uint8'), (1000,))

    Source: Ganin & Lempitsky 2015, section 4.1 (MNIST-M). There the digits keep their place and
    the patches come from BSDS500.
    """
    generator = np.random.default_rng(integer("digits_on_photos", "seed", seed, 0))
    flat, labels = sklearn_datasets.load_digits(return_X_y=True)
    digits = enlarge(flat.reshape(-1, 8, 8) * (255 / 16), DIGIT)
    photos = [tiles(photo, TILE) for photo in sklearn_datasets.load_sample_images().images]
    photo_of_tile = np.repeat(np.arange(len(photos)), [len(photo) for photo in photos])
    scenery = np.concatenate(photos)

    def blended(chosen: np.ndarray, own_tiles: np.ndarray) -> Part:
        backgrounds = windows(scenery[own_tiles], len(chosen), SIDE, generator)
        inked = lay(digits[chosen], SIDE, generator)
        return blend(backgrounds, inked), labels[chosen].astype(np.int64)

    names = tuple("0123456789")
    train, validation, test = map(
        blended,
        stratified("digits_on_photos", labels, names, SHARES, generator),
        stratified("digits_on_photos", photo_of_tile, ("china", "flower"), SHARES, generator),
    )
    return Splits(train, validation, test, names)


def enlarge(images: np.ndarray, side: int) -> np.ndarray:
    """Square images `(n, s, s)` as `(n, side, side)`, by linear interpolation, edges held."""
    small = images.shape[-1]
    centres = np.clip((np.arange(side) + 0.5) * small / side - 0.5, 0, small - 1)
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(small)))
    return weights @ images @ weights.T


def tiles(photo: np.ndarray, side: int) -> np.ndarray:
    """The whole tiles of a photograph `(h, w, 3)`, as `(n, side, side, 3)`."""
    rows, columns = photo.shape[0] // side, photo.shape[1] // side
    grid = photo[: rows * side, : columns * side].reshape(rows, side, columns, side, -1)
    return grid.swapaxes(1, 2).reshape(rows * columns, side, side, -1)


def windows(
    scenery: np.ndarray, count: int, side: int, generator: np.random.Generator
) -> np.ndarray:
    """`count` windows of `side` pixels, each at a random place of a random tile."""
    tile = generator.integers(len(scenery), size=count)
    top, left = generator.integers(scenery.shape[1] - side + 1, size=(2, count))
    rows, columns = top[:, None] + np.arange(side), left[:, None] + np.arange(side)
    return scenery[tile[:, None, None], rows[:, :, None], columns[:, None, :]]


def lay(digits: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:
    """Digits `(n, s, s)` at random places of black squares `(n, side, side)`."""
    count, small, _ = digits.shape
    squares = np.zeros((count, side, side))
    places = generator.integers(side - small + 1, size=(count, 2))
    for square, digit, (top, left) in zip(squares, digits, places, strict=True):
        square[top : top + small, left : left + small] = digit
    return squares


def blend(backgrounds: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """|background - digit| in every channel, rounded to `uint8`."""
    return np.rint(np.abs(backgrounds - digits[..., None])).astype(np.uint8)
