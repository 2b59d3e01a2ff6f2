"""What `Dataset.map` and Keras hand over, and what of it comes back."""

import numpy as np
import pytest
import tensorflow as tf

from keras_trainkit import layers

IMAGES = np.random.default_rng(4).integers(0, 256, (4, 9, 8, 3)).astype("uint8")
LABELS = np.array([999, 0, 3, 256])
WEIGHTS = np.array([0.5, 1, 1.5, 2], "float32")


def same(ours, theirs):
    """Whether two nests hold the same, dtypes included."""
    tf.nest.assert_same_structure(ours, theirs)
    pairs = zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True)
    return all(
        (a is None and b is None) or (np.array_equal(a, b) and a.dtype == b.dtype) for a, b in pairs
    )


def flipped(data):
    return layers.RandomFlip("horizontal", p=1.0)(data)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(
    "rest",
    [
        (LABELS,),
        (LABELS, WEIGHTS),
        (None,),
        (LABELS, None),
        ({"class": LABELS, "box": (WEIGHTS, np.array(["a", "b", "c", "d"]))},),
    ],
    ids=["x, y", "x, y, w", "x, None", "x, y, None", "nested labels"],
)
def test_tuples_come_back_as_they_were(rest):
    rest = tf.nest.map_structure(lambda x: x if x is None else tf.constant(x), rest)
    for result in (flipped((IMAGES, *rest)), layers.RandomFlip("horizontal", 1.0)(IMAGES, *rest)):
        images, *others = result
        assert np.array_equal(images, IMAGES[:, :, ::-1])
        assert same(tuple(others), rest)


@pytest.mark.usefixtures("uncompiled")
def test_dictionaries_come_back_with_their_other_keys():
    data = {
        "name": tf.constant(["a", "b", "c", "d"]),
        "images": tf.constant(IMAGES),
        "labels": tf.constant(LABELS),
        "sample_weights": tf.constant(WEIGHTS),
        "more": {"deep": tf.constant(7)},
    }
    result = flipped(data)
    assert list(result) == list(data)
    assert np.array_equal(result["images"], IMAGES[:, :, ::-1])
    for key in ("name", "labels", "sample_weights", "more"):
        assert same(result[key], data[key])
    assert list(flipped({"images": tf.constant(IMAGES)})) == ["images"]


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("weights", ["sample_weights", "sample_weight"])
def test_mixes_take_labels_and_weights_of_dictionaries(weights):
    one_hot = np.eye(4, dtype="float32")
    data = {"labels": one_hot, "images": IMAGES, weights: WEIGHTS, "id": LABELS}
    data = {key: tf.constant(value) for key, value in data.items()}
    result = layers.MixUp(1.0, seed=3)(data)
    images, labels, blended = layers.MixUp(1.0, seed=3)(IMAGES, one_hot, WEIGHTS)
    assert np.array_equal(result["images"], images)
    assert np.array_equal(result["labels"], labels)
    assert np.array_equal(result[weights], blended)
    assert np.array_equal(result["id"], LABELS)


@pytest.mark.usefixtures("uncompiled")
def test_one_image_comes_back_as_one():
    image, label, weight = flipped((IMAGES[0], tf.constant(3), tf.constant(0.5)))
    assert np.array_equal(image, IMAGES[0, :, ::-1])
    assert label.shape == weight.shape == ()


@pytest.mark.parametrize("training", [True, False])
def test_a_tuple_of_one_stays_one(training, without_xla):
    dataset = tf.data.Dataset.from_tensors((IMAGES,))
    result = layers.RandomFlip().map(dataset, training=training)
    assert result.element_spec == dataset.element_spec


@pytest.mark.parametrize("form", ["x", "x, y", "x, y, w", "a dictionary"])
def test_datasets_of_every_structure(form, without_xla):
    labels = np.eye(10, dtype="float32")[:4]
    data = {
        "x": IMAGES,
        "x, y": (IMAGES, labels),
        "x, y, w": (IMAGES, labels, WEIGHTS),
        "a dictionary": {"images": IMAGES, "labels": labels, "name": ["a", "b", "c", "d"]},
    }[form]
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(3)
    layer = layers.CutMix(seed=1)
    for result in (layer.map(dataset), dataset.map(layer)):
        tf.nest.assert_same_structure(result.element_spec, dataset.element_spec)
        assert int(result.cardinality()) == 2
        sizes = [len(tf.nest.flatten(element)[0]) for element in result]
        assert sizes == [3, 1]
    for ours, theirs in zip(layer.map(dataset, training=False), dataset, strict=True):
        for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
            assert np.array_equal(a, b)


def test_single_images_of_any_size(without_xla):
    spec = (tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([], tf.int64))
    sizes = [(20, 30), (32, 9), (11, 11)]
    dataset = tf.data.Dataset.from_generator(
        lambda: ((np.full((*size, 3), i, "uint8"), i) for i, size in enumerate(sizes)),
        output_signature=spec,
    )
    members = [layers.RandomCrop(9, 9), layers.RandomRotation(0.2), layers.RandomContrast(0.5)]
    result = layers.Pipeline(members).map(dataset, seed=0).batch(3)
    images, labels = result.get_single_element()
    assert result.element_spec[0].shape == (None, 9, 9, 3)
    assert np.array_equal(images.numpy().reshape(3, -1), np.repeat([[0], [1], [2]], 243, axis=1))
    assert labels.numpy().tolist() == [0, 1, 2]
