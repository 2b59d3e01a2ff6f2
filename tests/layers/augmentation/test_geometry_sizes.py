"""Images whose size a dataset does not know until they come."""

import numpy as np
import pytest
import tensorflow as tf

from keras_trainkit import layers

pytestmark = pytest.mark.usefixtures("without_xla")


@pytest.mark.parametrize("single", [True, False])
def test_images_of_any_size_give_what_images_of_a_known_size_give(photo, single):
    pipeline = layers.Pipeline([layers.RandomResizedCrop(40, 28), layers.RandomFlip()])
    shape = (None, None, 3) if single else (None, None, None, 3)
    for cut in (photo, photo[:17], photo[:, 5:70]):
        images = cut if single else np.stack([cut, 255 - cut, cut[::-1]])
        dataset = tf.data.Dataset.from_generator(
            lambda images=images: iter([images]), output_signature=tf.TensorSpec(shape, tf.uint8)
        )
        unknown = pipeline.map(dataset, seed=3)
        assert unknown.element_spec.shape[-3:] == (40, 28, 3)
        known = pipeline.map(tf.data.Dataset.from_tensors(images), seed=3)
        for ours, theirs in zip(unknown, known, strict=True):
            assert np.abs(ours.numpy().astype(int) - theirs).max() <= 1
