"""KerasCV's layers.  PCA jitter, which it has not, is written by hand."""

from keras.layers import ZeroPadding2D
from keras_cv import layers

from peers.keras_chain import chain, normalization
from peers.tf_data import pca_jitter

CONSTANT = {"fill_mode": "constant"}


def warp():
    """One layer for each."""
    return [
        layers.RandomRotation(15 / 360, **CONSTANT),
        layers.RandomTranslation(0.1, 0.1, **CONSTANT),
        layers.RandomShear(0.176, 0.176, **CONSTANT),
        layers.RandomZoom((-0.1, 0.1), (-0.1, 0.1), **CONSTANT),
    ]


def jitter():
    """One layer for each."""
    return [
        layers.RandomBrightness(0.2),
        layers.RandomContrast(value_range=(0, 255), factor=0.2),
    ]


def cutout(share):
    """A square of that share of the side."""
    return layers.RandomCutout((share, share), (share, share))


STEPS = {
    "W1": lambda: [
        ZeroPadding2D(4),
        layers.RandomCrop(32, 32),
        layers.RandomFlip("horizontal"),
        cutout(0.5),
        normalization(),
    ],
    "W2": lambda: [
        layers.RandomCropAndResize((224, 224), (0.08, 1.0), (3 / 4, 4 / 3)),
        layers.RandomFlip("horizontal"),
        *jitter(),
        layers.RandomSaturation((0.444, 0.545)),
        pca_jitter,
        normalization(),
    ],
    "W3": lambda: [*warp(), *jitter(), cutout(0.25), normalization()],
    "affine": warp,
    "brightness_contrast": jitter,
    "cutout": lambda: [cutout(0.25)],
    "flip": lambda: [layers.RandomFlip("horizontal")],
    "mixup": lambda: [],
    "randaugment": lambda: [
        layers.RandAugment(value_range=(0, 255), augmentations_per_image=2, magnitude=0.3)
    ],
}


def batches(workload, name):
    """The workload's layers, mapped over batches."""
    mixup = layers.MixUp(0.2) if name in ("W1", "W3", "mixup") else None
    return chain(workload, STEPS[name](), mixup)
