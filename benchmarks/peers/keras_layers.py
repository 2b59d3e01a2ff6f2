"""Keras' own layers.

It has no resized crop: its users resize, then translate and zoom, as Keras' example of contrastive
pretraining does.  PCA jitter is written by hand.
"""

from keras import layers

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
    return [layers.RandomBrightness(0.2), layers.RandomContrast(0.2)]


def cutout(share):
    """The nearest that there is: Keras erases half of the images, and never across the border."""
    return layers.RandomErasing(1.0, scale=(share, share), fill_value=0.0)


STEPS = {
    "W1": lambda: [
        layers.ZeroPadding2D(4),
        layers.RandomCrop(32, 32),
        layers.RandomFlip("horizontal"),
        cutout(0.25),
        normalization(),
    ],
    "W2": lambda: [
        layers.Resizing(224, 224),
        layers.RandomTranslation(0.25, 0.25),
        layers.RandomZoom((-0.5, 0.0), (-0.5, 0.0)),
        layers.RandomFlip("horizontal"),
        *jitter(),
        layers.RandomSaturation((0.444, 0.545)),
        pca_jitter,
        normalization(),
    ],
    "W3": lambda: [*warp(), *jitter(), cutout(0.0625), normalization()],
    "affine": warp,
    "brightness_contrast": jitter,
    "cutout": lambda: [cutout(0.0625)],
    "flip": lambda: [layers.RandomFlip("horizontal")],
    "mixup": lambda: [],
    "randaugment": lambda: [layers.RandAugment(num_ops=2, factor=0.3)],
}


def batches(workload, name):
    """The workload's layers, mapped over batches."""
    mixup = layers.MixUp(0.2) if name in ("W1", "W3", "mixup") else None
    return chain(workload, STEPS[name](), mixup)
