"""The views of `MultiCrop` against Pillow's resize and slices of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles import augmentation as oracle

from keras_trainkit import layers


def ten_crops(image, short_side, size):
    """Of the resized image: four corners and the centre, and their mirror images."""
    scale = short_side / min(image.shape[:2])
    height, width = (round(length * scale) for length in image.shape[:2])
    whole = oracle.resized(image, (height, width))
    bottom, right = height - size, width - size
    places = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom / 2, right / 2)]
    windows = [whole[int(y) : int(y) + size, int(x) : int(x) + size] for y, x in places]
    return np.stack([*windows, *(window[:, ::-1] for window in windows)])


@pytest.mark.usefixtures("uncompiled")
def test_ten_crops_of_each_scale_are_pillows(photo):
    image = photo.astype("float32")
    multi_crop = layers.MultiCrop(28, (32, 48, 128))
    assert multi_crop.views == 30
    expected = np.concatenate([ten_crops(image, side, 28) for side in (32, 48, 128)])
    views = multi_crop(image)
    np.testing.assert_allclose(views, expected, atol=0.05)
    assert oracle.psnr(views, expected) > 85
    batch = np.stack([image, image[::-1]])
    assert multi_crop(batch).shape == (2, 30, 28, 28, 3)
    np.testing.assert_array_equal(multi_crop(batch)[0], views)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(("crops", "kept"), [(5, [0, 1, 2, 3, 4]), (2, [4, 9]), (1, [4])])
def test_fewer_crops_are_some_of_the_ten(photo, crops, kept):
    ten = layers.MultiCrop(16, (24, 32))(photo).numpy().reshape(2, 10, 16, 16, 3)
    few = layers.MultiCrop(16, (24, 32), crops)(photo)
    assert np.array_equal(few, ten[:, kept].reshape(-1, 16, 16, 3))


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_views_one_at_a_time(photo, dtype):
    multi_crop = layers.MultiCrop(16, (24, 32), 10)
    images = np.stack([photo, photo[:, ::-1]]).astype(dtype)
    views = multi_crop(images)
    assert views.dtype == dtype
    for i, view in enumerate(multi_crop.each(images)):
        assert view.dtype == dtype
        assert np.array_equal(view, views[:, i])
    assert np.array_equal(multi_crop.view(images[1], 13), views[1, 13])
    mirrored = views.numpy().reshape(2, 2, 2, 5, 16, 16, 3)
    assert np.array_equal(mirrored[:, :, 1], mirrored[:, :, 0, :, :, ::-1])


def test_datasets_of_any_size(photo):
    multi_crop = layers.MultiCrop(16, (24, 32), 5)
    images = [photo, photo[:40], photo[:, 10:61]]
    dataset = tf.data.Dataset.from_generator(
        lambda: zip(images, range(3), strict=True),
        output_signature=(tf.TensorSpec((None, None, 3), "uint8"), tf.TensorSpec((), "int32")),
    ).map(multi_crop)
    assert dataset.element_spec[0].shape == (10, 16, 16, 3)
    for i, (views, label) in enumerate(dataset):
        assert label == i
        expected = np.concatenate(
            [list(multi_crop.each(images[i]))]  # compiled, for this size
        )
        assert np.abs(views.numpy().astype(int) - expected).max() <= 1


def test_in_a_model_and_back_from_its_config():
    multi_crop = layers.MultiCrop(8, short_sides=[9, 12], crops=2, name="views")
    again = layers.MultiCrop.from_config(multi_crop.get_config())
    assert (again.size, again.short_sides, again.crops) == (8, (9, 12), 2)
    inputs = keras.Input((20, 30, 3), dtype="uint8")
    model = keras.Model(inputs, multi_crop(inputs))
    assert model.output_shape == (None, 4, 8, 8, 3)
    images = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3)).astype("uint8")
    assert np.array_equal(model(images), multi_crop(images))


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: layers.MultiCrop(0), "`size` must be a whole number of at least 1"),
        (lambda: layers.MultiCrop(224, (200,)), "`short_sides` must be .* at least 224, got 200"),
        (lambda: layers.MultiCrop(8, ()), "`short_sides` must hold at least one length"),
        (lambda: layers.MultiCrop(8, (9,), 3), "`crops` must be 1, 2, 5 or 10, got 3"),
        (lambda: layers.MultiCrop(8, (9,)).view(np.zeros((9, 9, 3)), 10), "be below 10"),
        (lambda: layers.MultiCrop(8, (9,))(np.zeros((9, 9))), "be images of shape"),
    ],
)
def test_refusals(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()
