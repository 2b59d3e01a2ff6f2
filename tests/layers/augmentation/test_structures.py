"""What `Dataset.map` and Keras hand over, and what of it comes back."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import augment

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


def test_masks_and_boxes_follow_in_every_regime(regime):
    rng = np.random.default_rng(0)
    masks = rng.choice([0, 7, 255], (4, 6, 8)).repeat(4, 1).repeat(4, 2)
    corner = rng.uniform(2, 12, (4, 3, 2)).astype("float32")
    boxes = {
        "boxes": np.concatenate([corner, corner + 8], -1),
        "labels": rng.integers(0, 9, (4, 3)),
    }
    pipeline = layers.Pipeline(
        [layers.RandomFlip(), layers.RandomRotation(0.2)],
        fill_mode="constant",
        interpolation="nearest",
        bounding_box_format="xyxy",
    )
    images = np.repeat(masks[..., None], 3, -1).astype("float32")
    data = {"images": images, "segmentation_masks": masks, "bounding_boxes": boxes}
    result = regime(pipeline, data)
    assert np.array_equal(result["segmentation_masks"], result["images"][..., 0])
    tf.config.run_functions_eagerly(True)
    expected = augment(
        pipeline, tf.nest.map_structure(tf.constant, data), tf.constant([0, 1], tf.uint32)
    )["bounding_boxes"]
    tf.config.run_functions_eagerly(False)
    assert np.any(expected["labels"] != -1)
    assert np.array_equal(result["bounding_boxes"]["labels"], expected["labels"])
    np.testing.assert_allclose(result["bounding_boxes"]["boxes"], expected["boxes"], atol=1e-4)


EVERY_MOVE = layers.Pipeline(
    [
        layers.RandomApply([layers.RandomAffine(0.05, 0.1, 0.2, 0.05)]),
        layers.RandomChoice([layers.RandomPerspective(scale=0.3), layers.RandomLensDistortion()]),
        layers.RandomFlip(),
        layers.RandomResizedCrop(24, 28, scale=(0.5, 1.0)),
        layers.AutoAugment([[("Rotate", 0.8, 3), ("TranslateX", 0.8, 3)], [("ShearY", 1.0, 4)]]),
        layers.Resizing(20, 26),
        layers.RandomChoice([layers.Cutout(5, mask_fill=1), layers.GridMask(9, mask_fill=2)]),
        layers.RandomErasing(0.5, mask_fill=3),
        layers.CutMix(),
    ],
    bounding_box_format="rel_xyxy",
)


@functools.cache
def every_move():
    """Images with masks and boxes, and what becomes of them, operation by operation."""
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 0.6, (6, 3, 2)).astype("float32")
    data = {
        "images": rng.integers(0, 256, (6, 24, 32, 3)).astype("uint8"),
        "segmentation_masks": rng.choice([0, 7, 255], (6, 24, 32)).astype("uint8"),
        "bounding_boxes": {
            "boxes": np.concatenate([corner, corner + 0.4], -1),
            "labels": rng.integers(0, 9, (6, 3)),
        },
    }
    tensors = tf.nest.map_structure(tf.constant, data)
    tf.config.run_functions_eagerly(True)
    after = augment(EVERY_MOVE, tensors, tf.constant([0, 1], tf.uint32))
    tf.config.run_functions_eagerly(False)
    return data, after


def test_masks_and_boxes_after_every_kind_of_move_in_every_regime(regime):
    data, expected = every_move()
    result = regime(EVERY_MOVE, data)
    masks, boxes = result["segmentation_masks"], result["bounding_boxes"]
    assert masks.dtype == "uint8"
    assert set(np.unique(masks)) == {0, 1, 2, 3, 7, 255}
    # halfway between two pixels a rounding decides
    assert np.mean(masks != expected["segmentation_masks"]) < 0.01
    assert np.array_equal(boxes["labels"], expected["bounding_boxes"]["labels"])
    np.testing.assert_allclose(boxes["boxes"], expected["bounding_boxes"]["boxes"], atol=1e-4)


SIZES = [(20, 30), (32, 19), (21, 21)]
MEMBERS = [
    layers.RandomContrast(0.4),
    layers.RandomRotation(0.1),
    layers.RandomCrop(16, 17),
    layers.Cutout(3),
]


def elements_of_any_size():
    for row, size in enumerate(SIZES):
        rng = np.random.default_rng(row)
        yield {
            "images": rng.integers(0, 256, (*size, 3)).astype("uint8"),
            "segmentation_masks": rng.integers(0, 9, size).astype("int16"),
            "bounding_boxes": {
                "boxes": rng.uniform(0, 19, (row + 1, 4)).astype("float32"),
                "labels": np.arange(row + 1),
            },
            "labels": row,
        }


def any_size():
    """Dictionaries of all that there is, no two alike in size."""
    spec = {
        "images": tf.TensorSpec([None, None, 3], tf.uint8),
        "segmentation_masks": tf.TensorSpec([None, None], tf.int16),
        "bounding_boxes": {
            "boxes": tf.TensorSpec([None, 4], tf.float32),
            "labels": tf.TensorSpec([None], tf.int64),
        },
        "labels": tf.TensorSpec([], tf.int32),
    }
    return tf.data.Dataset.from_generator(elements_of_any_size, output_signature=spec)


@pytest.mark.parametrize("training", [True, False])
def test_ragged_batches_give_what_each_image_gives(training, without_xla):
    pipeline = layers.Pipeline(MEMBERS, bounding_box_format="xywh")
    ragged = pipeline.map(any_size().ragged_batch(3), seed=4, training=training)
    assert ragged.element_spec["images"].shape == (None, 16, 17, 3)
    assert ragged.element_spec["segmentation_masks"].shape == (None, 16, 17)
    (batch,) = ragged
    assert batch["segmentation_masks"].dtype == "int16"
    assert batch["labels"].numpy().tolist() == [0, 1, 2]
    # as in a dense batch of that image
    for row, element in list(enumerate(elements_of_any_size()))[2:]:
        alike = tf.data.Dataset.from_tensors(element).repeat(3).batch(3)
        (dense,) = pipeline.map(alike, seed=4, training=training)
        for key in ("images", "segmentation_masks"):
            assert np.array_equal(batch[key][row], dense[key][row])
        ours, theirs = batch["bounding_boxes"], dense["bounding_boxes"]
        assert np.array_equal(ours["boxes"][row, : row + 1], theirs["boxes"][row])
        assert np.array_equal(ours["labels"][row, : row + 1], theirs["labels"][row])
        assert np.all(ours["labels"][row, row + 1 :] == -1)


def test_ragged_images_without_a_dataset(without_xla):
    images = tf.ragged.stack([tf.fill([*size, 1], float(i)) for i, size in enumerate(SIZES)])
    result = layers.RandomResizedCrop(8, 9, seed=0)(images)
    assert result.shape == (3, 8, 9, 1)
    np.testing.assert_allclose(result, np.tile([[[[0]]], [[[1]]], [[[2]]]], (8, 9, 1)), atol=1e-5)
    # one side the same throughout
    rows = tf.data.Dataset.from_tensor_slices([5, 9, 7]).map(lambda rows: tf.ones([rows, 8, 2]))
    (cropped,) = layers.RandomCrop(4, 8).map(rows.ragged_batch(3), seed=1)
    assert cropped.shape == (3, 4, 8, 2)
    with pytest.raises(ValueError, match="must be dense images where no operation gives them one"):
        layers.Pipeline([layers.RandomFlip(), layers.RandomContrast(0.1)])(images)


def test_a_mix_follows_a_ragged_crop(without_xla):
    pipeline = layers.Pipeline(
        [layers.RandomCrop(16, 17), layers.CutMix(num_classes=3)], bounding_box_format="xyxy"
    )
    (batch,) = pipeline.map(any_size().ragged_batch(3), seed=0)
    assert batch["bounding_boxes"]["boxes"].shape == (3, 6, 4)
    assert batch["labels"].shape == (3, 3)
    assert batch["images"].dtype == "uint8"


def test_masks_of_another_size_in_a_ragged_batch(without_xla):
    def turned(element):
        return {**element, "segmentation_masks": tf.transpose(element["segmentation_masks"])}

    crop = layers.RandomCrop(16, 17, bounding_box_format="xyxy")
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have the size of their images"):
        list(crop.map(any_size().map(turned).ragged_batch(3), seed=0))


@keras.saving.register_keras_serializable("tests")
class Inverted(keras.layers.Layer):
    """A layer of a user: no argument `training`, no `compute_output_shape`."""

    def call(self, images):
        return 255.0 - keras.ops.cast(images, "float32")


FOREIGN = {
    "RandomElasticTransform": lambda: keras.layers.RandomElasticTransform(0.5, 0.5, seed=1),
    "RandomColorDegeneration": lambda: keras.layers.RandomColorDegeneration(0.5, seed=1),
    "Rescaling": lambda: keras.layers.Rescaling(0.5),
    "Inverted": Inverted,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_layers_are_steps(name, without_xla, tmp_path):
    layer = FOREIGN[name]()
    pipeline = layers.Pipeline([layers.RandomFlip(p=1.0), layer, layers.RandomContrast(0.2)])
    assert str(pipeline.plan()).splitlines() == [
        "3 operations in 3 passes",
        "  1. one move of whole pixels: RandomFlip",
        f"  2. opaque: {name}",
        "  3. one pass over the pixels: colour matrix: RandomContrast",
    ]
    assert pipeline.compute_output_shape((None, 9, 8, 3)) == (None, 9, 8, 3)
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(4)
    kept = tf.nest.map_structure(lambda spec: spec.dtype, dataset.element_spec)
    for result in (pipeline.map(dataset, seed=1), dataset.map(pipeline)):
        assert tf.nest.map_structure(lambda spec: spec.dtype, result.element_spec) == kept
        images, labels = next(iter(result))
        assert images.shape == IMAGES.shape
        assert np.array_equal(labels, LABELS)
    # chance is off in the foreign layer too
    expected = np.asarray(layer(IMAGES.astype("float32"), training=False))
    for still in (
        pipeline(IMAGES, training=False),
        next(iter(pipeline.map(dataset, training=False)))[0],
    ):
        assert still.dtype == "uint8"
        assert np.array_equal(still, np.clip(np.round(expected), 0, 255))
    model = keras.Sequential([keras.Input((9, 8, 3)), pipeline])
    model.save(tmp_path / "model.keras")
    revived = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    assert str(revived.plan()) == str(pipeline.plan())
    assert np.array_equal(revived(IMAGES, training=False), pipeline(IMAGES, training=False))


@pytest.mark.usefixtures("uncompiled")
def test_foreign_layers_get_chance_and_fix_sizes():
    apart = layers.Pipeline([keras.layers.RandomFlip("horizontal", seed=3)])
    flips = {tuple(apart(IMAGES[:1]).numpy().ravel()[:3]) for _ in range(20)}
    assert len(flips) == 2
    resized = layers.Pipeline([keras.layers.Resizing(5, 4), layers.RandomBrightness(0.2)])
    assert resized.compute_output_shape((None, None, None, 3)) == (None, 5, 4, 3)
    ragged = tf.ragged.stack([IMAGES[0], IMAGES[1, :6]])
    assert resized(ragged).shape == (2, 5, 4, 3)
    assert resized(ragged).dtype == "uint8"


@pytest.mark.parametrize("key", ["segmentation_masks", "bounding_boxes"])
def test_foreign_layers_move_neither_masks_nor_boxes(key):
    given = {
        "segmentation_masks": tf.constant(IMAGES[..., 0]),
        "bounding_boxes": {"boxes": tf.zeros([4, 2, 4]), "labels": tf.zeros([4, 2])},
    }
    pipeline = layers.Pipeline([keras.layers.RandomFlip()], bounding_box_format="xyxy")
    with pytest.raises(ValueError, match="`inputs` must have no masks or boxes where another"):
        pipeline({"images": tf.constant(IMAGES), key: given[key]})
