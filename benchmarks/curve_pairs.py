"""The data sets of `labelled_curves.py`, and the networks that are trained on each."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn import datasets as made

from keras_trainkit.datasets import digits_on_photos

POOL, VALIDATION = 600, 500
COUNT = POOL + VALIDATION


@dataclass(frozen=True)
class Pair:
    """A data set and the networks that are trained on it.

    The rate is a good one: from the thirteenth pair on, that of a grid (1, 3, 10, ...) with the
    least validation loss after 40 epochs, over three seeds.
    """

    half: str
    hidden: tuple[int, ...]
    activation: str
    rate: float
    optimizer: str = "sgd"
    classes: int | None = None  # None: regression
    convolution: bool = False


# No data set stands in both halves, and no main network.
PAIRS = {
    "digits": Pair("development", (64, 64), "relu", 0.03, classes=10),
    "classification": Pair("development", (96,), "tanh", 0.03, classes=4),
    "moons": Pair("development", (32, 32), "gelu", 0.1, classes=2),
    "friedman 1": Pair("development", (64, 32), "relu", 2e-3, "adam"),
    "digits on photos": Pair("development", (48,), "relu", 2e-3, "adam", 10, convolution=True),
    "gaussian quantiles": Pair("development", (48, 48), "elu", 0.03, classes=3),
    "ten dimensions": Pair("development", (64,), "selu", 3e-3, "adam", 2),
    "friedman 3": Pair("development", (128,), "softplus", 0.01),
    "blobs": Pair("development", (48, 24), "tanh", 0.03, classes=5),
    "circles": Pair("development", (48, 48), "silu", 5e-3, "adam", 2),
    "friedman 2": Pair("development", (96, 48), "elu", 3e-3),
    "swiss roll": Pair("development", (64, 64), "relu", 3e-3, "adam"),
    "s curve": Pair("development", (40, 20), "tanh", 0.1),
    "24 features": Pair("development", (80,), "relu", 1e-3, "rmsprop", 2),
    "spirals": Pair("development", (64, 32), "silu", 0.01, "nadam", 3),
    "checkerboard": Pair("development", (56, 56), "relu", 0.03, classes=2),
    "sum of sines": Pair("development", (100,), "gelu", 0.03, "nadam"),
    "sparse": Pair("development", (32, 16), "elu", 3e-3, "rmsprop"),
    "linear": Pair("development", (72,), "relu", 3e-3),
    "photographs": Pair("development", (40,), "gelu", 1e-3, "adam", 2, convolution=True),
    "waves": Pair("development", (80, 40), "relu", 0.03, classes=6),
    "nearest of seven": Pair("development", (64,), "leaky_relu", 0.01, "adam", 7),
    "sectors": Pair("held out", (48, 24), "relu", 3e-3, "adamax", 5),
    "sign of a product": Pair("held out", (90,), "silu", 0.01, "adam", 2),
    "product": Pair("held out", (56, 28), "gelu", 0.01),
    "bump": Pair("held out", (80,), "tanh", 0.03, "nadam"),
    "topics": Pair("held out", (36, 36), "elu", 0.01, classes=2),
    "largest block": Pair("held out", (60,), "relu", 3e-3, "rmsprop", 4),
    "staircase": Pair("held out", (72, 36), "silu", 1e-3, "adamax"),
}


def digits(rng):
    """Handwritten digits of 8x8 pixels."""
    x, y = made.load_digits(return_X_y=True)
    return (x - 8) / 6, y


def digits_on_photographs(rng):
    """The same on patches of photographs, at half their size."""
    parts = digits_on_photos(0)
    x, y = (np.concatenate([parts.train[i], parts.validation[i]]) for i in (0, 1))
    return (x[:, ::2, ::2].mean(3)[..., None] - 128) / 64, y


def ten_dimensions(rng):
    """Within a ball in ten dimensions, or outside."""
    x, y = made.make_hastie_10_2(COUNT, random_state=0)
    return x, y > 0


def spirals(rng):
    """Three arms."""
    y = rng.integers(3, size=COUNT)
    radius = rng.uniform(0.1, 1, COUNT)
    angle = 5 * radius + 2 * np.pi / 3 * y + rng.normal(0, 0.25, COUNT)
    return 2 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), y


def checkerboard(rng):
    """The colour of a field, of nine."""
    x = rng.uniform(-1.7, 1.7, (COUNT, 2))
    return x, (np.floor(x / 1.2).sum(1) % 2 + (rng.random(COUNT) < 0.03)) % 2


def sum_of_sines(rng):
    """A noisy function of three numbers."""
    x = rng.normal(size=(COUNT, 3))
    y = np.sin(2 * x[:, 0]) + np.sin(3 * x[:, 1]) + 0.5 * x[:, 2]
    return x, y + rng.normal(0, 0.3, COUNT)


def photographs(rng):
    """Which of scikit-learn's two photographs a patch is from."""
    pictures = [picture.mean(2) for picture in made.load_sample_images().images]
    y, patches = rng.integers(2, size=COUNT), []
    for picture in (pictures[which] for which in y):
        row, column = (rng.integers(length - 8) for length in picture.shape)
        patches.append(picture[row : row + 8, column : column + 8, None])
    return (np.array(patches) - 128) / 64, y


def waves(rng):
    """How often a noisy wave swings."""
    y, time = rng.integers(6, size=COUNT), np.arange(16)
    phase = rng.uniform(0, 2 * np.pi, (COUNT, 1))
    x = 1.4 * np.sin(2 * np.pi * (1 + y[:, None]) * time / 16 + phase)
    return x + rng.normal(0, 0.8, x.shape), y


def nearest_of_seven(rng):
    """The nearest of seven points."""
    x, places = rng.normal(size=(COUNT, 4)), rng.normal(size=(7, 4))
    return x, np.square(x[:, None] - places).sum(2).argmin(1)


def sectors(rng):
    """The fifth of a circle, seen with noise."""
    y = rng.integers(5, size=COUNT)
    angle = 2 * np.pi / 5 * (y + rng.random(COUNT)) + rng.normal(0, 0.15, COUNT)
    return rng.uniform(0.5, 2, (COUNT, 1)) * np.stack([np.cos(angle), np.sin(angle)], 1), y


def sign_of_a_product(rng):
    """The sign of the product of two numbers among six."""
    x = rng.normal(size=(COUNT, 6))
    return x, x[:, 0] * x[:, 1] > rng.normal(0, 0.1, COUNT)


def product(rng):
    """The product of two numbers among five, and a third."""
    x = rng.normal(size=(COUNT, 5))
    return x, x[:, 0] * x[:, 1] + x[:, 2] + rng.normal(0, 0.3, COUNT)


def bump(rng):
    """A bump in the plane."""
    x = rng.uniform(-1.7, 1.7, (COUNT, 2))
    return x, np.exp(-2 * np.square(x - 0.3).sum(1)) + rng.normal(0, 0.05, COUNT)


def topics(rng):
    """Whether a text of counted words has the first of three topics."""
    x, y = made.make_multilabel_classification(COUNT, 20, n_classes=3, random_state=0)
    return (x - x.mean(0)) / x.std(0), y[:, 0]


def largest_block(rng):
    """The block of three numbers, of four, with the largest sum."""
    x = rng.normal(size=(COUNT, 12))
    return x, x.reshape(COUNT, 4, 3).sum(2).argmax(1)


def staircase(rng):
    """A staircase on two of three numbers."""
    x = rng.normal(size=(COUNT, 3))
    return x, np.floor(x[:, 0] + x[:, 1]) + rng.normal(0, 0.2, COUNT)


DATA = {
    "digits": digits,
    "classification": lambda rng: made.make_classification(
        COUNT, n_informative=8, n_classes=4, class_sep=1.2, flip_y=0.02, random_state=0
    ),
    "moons": lambda rng: made.make_moons(COUNT, noise=0.25, random_state=0),
    "friedman 1": lambda rng: made.make_friedman1(COUNT, 10, noise=1.0, random_state=0),
    "digits on photos": digits_on_photographs,
    "gaussian quantiles": lambda rng: made.make_gaussian_quantiles(
        n_samples=COUNT, n_features=6, n_classes=3, random_state=0
    ),
    "ten dimensions": ten_dimensions,
    "friedman 3": lambda rng: made.make_friedman3(COUNT, noise=0.1, random_state=0),
    "blobs": lambda rng: made.make_blobs(COUNT, 8, centers=5, cluster_std=9.0, random_state=0),
    "circles": lambda rng: made.make_circles(COUNT, noise=0.2, factor=0.4, random_state=0),
    "friedman 2": lambda rng: made.make_friedman2(COUNT, noise=100.0, random_state=0),
    "swiss roll": lambda rng: made.make_swiss_roll(COUNT, noise=1.0, random_state=0),
    "s curve": lambda rng: made.make_s_curve(COUNT, noise=0.2, random_state=0),
    "24 features": lambda rng: made.make_classification(
        COUNT, 24, n_informative=6, n_redundant=4, flip_y=0.05, random_state=1
    ),
    "spirals": spirals,
    "checkerboard": checkerboard,
    "sum of sines": sum_of_sines,
    "sparse": lambda rng: made.make_sparse_uncorrelated(COUNT, 10, random_state=0),
    "linear": lambda rng: made.make_regression(
        COUNT, 12, n_informative=6, noise=40.0, random_state=0
    ),
    "photographs": photographs,
    "waves": waves,
    "nearest of seven": nearest_of_seven,
    "sectors": sectors,
    "sign of a product": sign_of_a_product,
    "product": product,
    "bump": bump,
    "topics": topics,
    "largest block": largest_block,
    "staircase": staircase,
}
STANDARDIZED = "friedman 2", "friedman 3"
UNIT = "blobs", "swiss roll"  # to unit deviation, the mean as it is


@cache
def data_of(name):
    """Inputs of about unit deviation, and classes or targets of unit deviation."""
    x, y = DATA[name](np.random.default_rng(1))
    if name in STANDARDIZED:
        x = (x - x.mean(0)) / x.std(0)
    elif name in UNIT:
        x = x / x.std(0)
    elif name == "friedman 1":
        x = (x - 0.5) * 3.5
    elif name == "circles":
        x = 2 * x
    order = np.random.default_rng(0).permutation(len(x))[:COUNT]
    x, y = x[order].astype("float32"), y[order]
    if PAIRS[name].classes is None:
        y = (y - y.mean()) / y.std()
    return x, y.astype("float32" if PAIRS[name].classes is None else "int32")
