"""One `Pipeline`, mapped."""

import tensorflow as tf

from keras_trainkit import layers
from peers import tf_data
from workloads import CLASSES, MEAN, VARIANCE


def warp():
    """Four operations, which the pipeline makes one."""
    return [
        layers.RandomRotation(15 / 360),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomShear(0.176, 0.176),
        layers.RandomZoom((-0.1, 0.1), (-0.1, 0.1)),
    ]


def jitter():
    """Brightness and contrast."""
    return [layers.RandomBrightness(0.2), layers.RandomContrast(0.2)]


def normalization():
    """By the numbers that all are given."""
    return layers.Normalization(MEAN, VARIANCE)


def mixup():
    """Mixup of class ids."""
    return layers.MixUp(0.2, num_classes=CLASSES)


LAYERS = {
    "W1": lambda: [
        layers.RandomCrop(32, 32, padding=4),
        layers.RandomFlip("horizontal"),
        layers.Cutout(16),
        normalization(),
        mixup(),
    ],
    "W2": lambda: [
        layers.RandomResizedCrop(224, 224, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)),
        layers.RandomFlip("horizontal"),
        *jitter(),
        layers.RandomSaturation((0.444, 0.545)),
        layers.PCAColorJitter(0.1),
        normalization(),
    ],
    "W3": lambda: [*warp(), *jitter(), layers.Cutout(56), normalization(), mixup()],
    "affine": lambda: [layers.RandomAffine(15 / 360, 0.176, 0.1, 0.1)],
    "brightness_contrast": jitter,
    "cutout": lambda: [layers.Cutout(56)],
    "flip": lambda: [layers.RandomFlip("horizontal")],
    "mixup": lambda: [mixup()],
    "randaugment": lambda: [layers.RandAugment(num_ops=2, magnitude=9)],
}


def batches(workload, name):
    """The workload's layers in one pipeline that gives float32."""
    pipeline = layers.Pipeline(LAYERS[name](), fill_mode="constant", output_dtype="float32")
    return pipeline.map(tf_data.batches(workload), seed=1).prefetch(tf.data.AUTOTUNE)
