"""A chain of layers over batches, as the guides of Keras and KerasCV map it."""

import keras
import tensorflow as tf

from peers import tf_data
from workloads import CLASSES, MEAN, VARIANCE


def normalization():
    """Keras' own, which both use."""
    return keras.layers.Normalization(mean=MEAN, variance=VARIANCE)


def chain(workload, steps, mixup=None):
    """Casts, then `steps`, then mixup of images and one-hot labels."""

    def augment(images, labels):
        images = tf.cast(images, tf.float32)
        for step in steps:
            layer = isinstance(step, keras.layers.Layer)
            images = step(images, training=True) if layer else step(images)
        if mixup is None:
            return images, labels
        inputs = {"images": images, "labels": tf.one_hot(labels, CLASSES)}
        mixed = mixup(inputs, training=True)
        return mixed["images"], mixed["labels"]

    return tf_data.mapped(tf_data.batches(workload), augment)
