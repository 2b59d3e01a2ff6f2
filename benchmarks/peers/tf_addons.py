"""TensorFlow Addons where it has the operation, and `tf.image` as its users had it beside.

The warp is one matrix, composed by hand, and the cutout is on the batch, which is the fastest that
the library offers.
"""

import math

import tensorflow as tf
import tensorflow_addons as tfa

from peers import tf_image

TURN, SHIFT, SHEAR, ZOOM = 15 * math.pi / 180, 22.4, 0.176, 0.1


def warp(image):
    """Rotation, translation, shear and zoom as one projective transform."""
    turn = tf.random.uniform([1], -TURN, TURN)
    shift = tf.random.uniform([1, 2], -SHIFT, SHIFT)
    x, y = tf.unstack(tf.random.uniform([2], -SHEAR, SHEAR))
    width, height = tf.unstack(tf.random.uniform([2], 1 - ZOOM, 1 + ZOOM))
    centre = (image.shape[0] - 1) / 2
    across, down = centre * (1 - width - x), centre * (1 - height - y)
    slanted = tf.stack([width, x, across, y, height, down, 0.0, 0.0])[None]
    transform = tfa.image.compose_transforms(
        [
            tfa.image.transform_ops.angles_to_projective_transforms(turn, *image.shape[:2]),
            tfa.image.translations_to_projective_transforms(shift),
            slanted,
        ]
    )
    return tfa.image.transform(image, transform[0], interpolation="bilinear")


STEPS = {
    "W1": lambda image: tf.image.random_flip_left_right(tf_image.crop(image)),
    "W2": tf_image.w2,
    "W3": lambda image: tf_image.jitter(warp(image)),
    "affine": warp,
    "brightness_contrast": tf_image.jitter,
    "flip": tf.image.random_flip_left_right,
}
CUTOUT = {"W1": 16, "W3": 56, "cutout": 56}


def batches(workload, name):
    """As `tf.image`, with cutout on the batch."""

    def finish(images):
        if name in CUTOUT:
            images = tfa.image.random_cutout(images, (CUTOUT[name], CUTOUT[name]))
        return images if name not in ("W1", "W3") else tf_image.normalise(images)

    return tf_image.batches(workload, name, STEPS, finish)
