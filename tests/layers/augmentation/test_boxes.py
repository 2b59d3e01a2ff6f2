"""Bounding boxes, against rectangles that are drawn into images and looked for in the result."""

import cases
import keras
import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import augment, of_all

from keras_trainkit import layers
from keras_trainkit.layers.augmentation.algebra import bounding_boxes as algebra
from keras_trainkit.layers.augmentation.kinds import Geometry

HEIGHT, WIDTH = 48, 64
KEY = tf.constant([5, 1], tf.uint32)
each_format = pytest.mark.parametrize("box_format", algebra.FORMATS)
geometric = [
    case
    for case in cases.AUGMENTATION
    if issubclass(case.cls, Geometry) or case.cls is layers.RandomAffine
]
movable = [case for case in cases.AUGMENTATION if not case.mixes and case.cls is not layers.AugMix]


def boxes_of(rows, seed=0):
    """(rows, 4) whole numbers, xyxy, somewhere in the middle of the image."""
    rng = np.random.default_rng(seed)
    corner = rng.integers((16, 12), (28, 20), (rows, 2))
    return np.concatenate([corner, corner + rng.integers(10, 20, (rows, 2))], 1)


def drawn(boxes):
    """White rectangles on black."""
    images = np.zeros((len(boxes), HEIGHT, WIDTH, 3), "float32")
    for image, (left, top, right, bottom) in zip(images, boxes, strict=True):
        image[top:bottom, left:right] = 255
    return images


def found(image):
    """The box round what is white, xyxy, or None."""
    y, x = np.nonzero(image[..., 0] > 127)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) if len(y) else None


def sample_of(images, boxes, **more):
    """One box an image, of class 7, and one of padding."""
    boxes = np.stack([boxes, np.full_like(boxes, -1)], 1)
    labels = np.tile([7, -1], (len(boxes), 1))
    data = {"images": images, "bounding_boxes": {"boxes": boxes, "labels": labels, **more}}
    return tf.nest.map_structure(tf.constant, data)


@pytest.mark.usefixtures("uncompiled")
@of_all(geometric)
def test_a_rectangle_is_where_its_box_is(case):
    boxes = boxes_of(16)
    layer = case.build(fill_mode="constant", bounding_box_format="xyxy")
    result = augment(layer, sample_of(drawn(boxes), boxes), KEY)
    images, moved = result["images"].numpy(), result["bounding_boxes"]["boxes"].numpy()
    labels = result["bounding_boxes"]["labels"].numpy()
    assert np.all(moved[:, 1] == -1)
    assert np.all(labels[:, 1] == -1)
    height, width = images.shape[1:3]
    seen = 0
    for image, box, label in zip(images, moved[:, 0], labels[:, 0], strict=True):
        place = found(image)
        if place is None:
            assert label == -1 or np.min(box[2:] - box[:2]) < 2
            continue
        assert label == 7
        outside = np.maximum(box[:2] - place[:2], place[2:] - box[2:])
        assert outside.max() <= 1
        if np.all(box[:2] > 0) and np.all(box[2:] < (width, height)):
            seen += 1
            np.testing.assert_allclose(box, place, atol=1.5)
    assert seen > 3 or height * width < 200


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(
    "members",
    [
        [layers.RandomCrop(30, 40, padding=4), layers.RandomFlip()],
        [layers.RandomFlip(), layers.RandomResizedCrop(32, 40, scale=(0.3, 0.6))],
        [layers.RandomScaleCrop(32, (40, 60)), layers.RandomFlip()],
    ],
    ids=["whole pixels", "resized", "scaled"],
)
def test_what_a_crop_cuts_off_is_cut_off_the_box(members):
    boxes = boxes_of(24)
    pipeline = layers.Pipeline(members, fill_mode="constant", bounding_box_format="xyxy")
    result = augment(pipeline, sample_of(drawn(boxes), boxes), KEY)
    cut = 0
    for image, box in zip(result["images"], result["bounding_boxes"]["boxes"], strict=True):
        place = found(image.numpy())
        if place is not None:
            cut += bool(np.any(place == 0))
            np.testing.assert_allclose(box[0], place, atol=0.75)
    assert cut > 0


@pytest.mark.usefixtures("uncompiled")
@each_format
def test_formats(box_format):
    boxes = boxes_of(12, seed=1)
    members = [
        layers.RandomFlip(),
        layers.RandomRotation(0.03),
        layers.RandomContrast(0.5),
        layers.RandomCrop(40, 56),
        layers.Cutout(9),
        layers.RandomCrop(36, 50),
    ]
    results = {}
    for name in ("xyxy", box_format):
        size = {"height": HEIGHT, "width": WIDTH}
        given = keras.utils.bounding_boxes.convert_format(boxes, "xyxy", name, **size)
        pipeline = layers.Pipeline(members, fill_mode="constant", bounding_box_format=name)
        result = augment(pipeline, sample_of(drawn(boxes), given.numpy()), KEY)["bounding_boxes"]
        assert result["boxes"].dtype == "float32"
        assert np.all(result["boxes"][:, 1] == -1)
        results[name] = (
            np.array(
                keras.utils.bounding_boxes.convert_format(
                    result["boxes"][:, :1], name, "xyxy", height=36, width=50
                )
            ),
            np.array(result["labels"]),
        )
    np.testing.assert_allclose(results[box_format][0], results["xyxy"][0], atol=1e-4)
    assert np.array_equal(results[box_format][1], results["xyxy"][1])


@each_format
def test_formats_read_and_written(box_format):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 20, (3, 5, 2)).astype("float32")
    edges = np.concatenate([corner, corner + rng.uniform(1, 20, (3, 5, 2))], -1).astype("float32")
    expected = keras.utils.bounding_boxes.convert_format(
        edges, "yxyx", box_format, height=40, width=50
    )
    written = algebra.write(tf.constant(edges), box_format, (40, 50))
    np.testing.assert_allclose(written, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(algebra.read(written, box_format, (40, 50)), edges, atol=1e-5)


@pytest.mark.usefixtures("uncompiled")
def test_boxes_that_leave_the_image_are_marked_as_keras_marks_them():
    boxes = np.array([[[28, 0, 36, 8], [2, 2, 60, 40], [4, 4, 4, 9], [-9, -9, -3, 0]]], "float32")
    labels = np.array([[3, 4, 5, 6]])
    data = {
        "images": tf.zeros([1, HEIGHT, WIDTH, 3]),
        "bounding_boxes": {"boxes": tf.constant(boxes), "labels": tf.constant(labels)},
    }
    layer = layers.RandomTranslation(
        (-0.25, -0.25), 0.0, fill_mode="constant", bounding_box_format="xyxy"
    )
    result = layer(data)["bounding_boxes"]
    moved = {"boxes": tf.constant(boxes - [0, 12, 0, 12]), "labels": tf.constant(labels)}
    expected = keras.utils.bounding_boxes.clip_to_image_size(moved, HEIGHT, WIDTH, "xyxy")
    np.testing.assert_allclose(result["boxes"], expected["boxes"], atol=1e-5)
    assert result["labels"].numpy().tolist() == [[-1, 4, -1, -1]]
    assert np.array_equal(result["labels"], expected["labels"])
    one_hot = tf.one_hot(labels, 7)
    data_of_rows = {**data, "bounding_boxes": {"boxes": tf.constant(boxes), "labels": one_hot}}
    rows = layer(data_of_rows)["bounding_boxes"]["labels"].numpy()[0]
    assert np.array_equal(rows[1], one_hot[0, 1])
    assert np.all(rows[[0, 2, 3]] == -1)
    # what is gone stays gone, though a turn gives its place an area again
    turned = layers.Pipeline(
        [layer, layers.RandomRotation((0.1, 0.1))],
        fuse=False,
        fill_mode="constant",
        bounding_box_format="xyxy",
    )
    assert turned(data)["bounding_boxes"]["labels"].numpy().tolist() == [[-1, 4, -1, -1]]


@pytest.mark.usefixtures("uncompiled")
@of_all(movable)
def test_boxes_stay_inside_and_labels_with_them(case):
    rng = np.random.default_rng(2)
    corner = rng.uniform(-5, 30, (3, 9, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0, 40, (3, 9, 2))], -1)
    given = {
        "boxes": boxes,
        "labels": rng.integers(-1, 5, (3, 9)).astype("int16"),
        "score": rng.uniform(size=(3, 9)),
    }
    data = {"images": np.zeros((3, 40, 36, 3), "float32"), "bounding_boxes": given}
    data = tf.nest.map_structure(tf.constant, data)
    layer = case.build(bounding_box_format="xyxy")
    before = data["bounding_boxes"]
    for after in (augment(layer, data, KEY), layer(data, training=False)):
        height, width = after["images"].shape[1:3]
        after = after["bounding_boxes"]
        labels, numbers = after["labels"].numpy(), after["boxes"].numpy()
        assert after["boxes"].dtype == "float32"
        assert labels.dtype == "int16"
        assert np.array_equal(after["score"], before["score"])
        assert np.all((labels == before["labels"]) | (labels == -1))
        if np.array_equal(numbers, boxes.astype("float32")):
            continue  # nothing moved
        shown = labels != -1
        assert shown.any()
        assert np.all((numbers[shown] >= 0) & (numbers[shown] <= [width, height, width, height]))
        assert np.all(numbers[shown][:, 2:] > numbers[shown][:, :2])


@pytest.mark.usefixtures("uncompiled")
def test_nothing_but_geometry_touches_boxes():
    boxes = (boxes_of(3) / 7).astype("float32")
    data = sample_of(drawn(boxes_of(3)), boxes)
    pipeline = layers.Pipeline(
        [layers.RandomBrightness(0.3), layers.Cutout(20), layers.Normalization(0.0, 1.0)],
        bounding_box_format="rel_xyxy",
    )
    result = pipeline(data)["bounding_boxes"]
    assert np.array_equal(result["boxes"], data["bounding_boxes"]["boxes"])
    assert np.array_equal(result["labels"], data["bounding_boxes"]["labels"])


@pytest.mark.usefixtures("uncompiled")
def test_boxes_of_one_image():
    boxes = boxes_of(1)
    data = {
        "images": drawn(boxes)[0],
        "bounding_boxes": {"boxes": boxes, "labels": np.array([[0.0, 1.0]], "float32")},
    }
    layer = layers.RandomFlip("horizontal", p=1.0, bounding_box_format="xyxy")
    result = layer(tf.nest.map_structure(tf.constant, data))
    assert np.array_equal(result["bounding_boxes"]["boxes"], [found(result["images"].numpy())])
    assert result["bounding_boxes"]["labels"].numpy().tolist() == [[0, 1]]


@pytest.mark.usefixtures("uncompiled")
def test_images_without_boxes():
    data = sample_of(drawn(boxes_of(2)), boxes_of(2))
    data["bounding_boxes"] = {key: values[:, :0] for key, values in data["bounding_boxes"].items()}
    for cls in (layers.RandomFlip, layers.CutMix):
        result = cls(bounding_box_format="xyxy")(data)["bounding_boxes"]
        assert result["boxes"].shape == (2, 0, 4)
        assert result["labels"].shape == (2, 0)


@pytest.mark.usefixtures("uncompiled")
def test_ragged_boxes_come_back_padded_as_keras_pads_them():
    rows = [boxes_of(2), boxes_of(1, seed=3), boxes_of(3, seed=4)]
    data = {
        "images": tf.zeros([3, HEIGHT, WIDTH, 3]),
        "bounding_boxes": {
            "boxes": tf.RaggedTensor.from_row_lengths(
                np.concatenate(rows).astype("float32"), [2, 1, 3]
            ),
            "labels": tf.ragged.constant([[1, 2], [3], [4, 5, 6]]),
        },
    }
    result = layers.RandomFlip("vertical", p=1.0, bounding_box_format="xyxy")(data)
    boxes, labels = result["bounding_boxes"]["boxes"], result["bounding_boxes"]["labels"]
    assert labels.numpy().tolist() == [[1, 2, -1], [3, -1, -1], [4, 5, 6]]
    assert boxes.shape == (3, 3, 4)
    assert np.all(boxes[1, 1:] == 0)
    expected = rows[2][:, [0, 3, 2, 1]] * [1, -1, 1, -1] + [0, HEIGHT, 0, HEIGHT]
    assert np.array_equal(boxes[2], expected)


@pytest.mark.usefixtures("uncompiled")
def test_mixup_joins_the_boxes_of_both_images():
    boxes = boxes_of(5)
    scores = tf.random.stateless_uniform([5, 2], [0, 1])
    data = sample_of(drawn(boxes), boxes, score=scores)
    layer = layers.MixUp(1.0, p=0.7, bounding_box_format="xyxy")
    partner = layer.plan().draw(KEY, tf.range(5))[0]
    partner = np.where(partner["applied"], partner["partner"], np.arange(5))
    result = augment(layer, data, KEY)["bounding_boxes"]
    assert result["boxes"].shape == (5, 4, 4)
    assert np.array_equal(result["boxes"][:, 0], boxes)
    assert np.array_equal(result["boxes"][:, 2], boxes[partner])
    assert np.array_equal(result["score"], np.concatenate([scores, scores.numpy()[partner]], 1))
    # an image left alone is not joined by a copy of its own boxes
    alone = partner == np.arange(5)
    assert 0 < alone.sum() < 5
    expected = np.where(alone, -1, 7)
    assert np.array_equal(result["labels"][:, 2], expected)
    assert np.array_equal(result["labels"][:, ::2], np.stack([np.full(5, 7), expected], 1))
    assert np.all(result["labels"][:, 1::2] == -1)
    assert layer(data, training=False)["bounding_boxes"]["boxes"].shape == (5, 2, 4)


@pytest.mark.usefixtures("uncompiled")
def test_cutmix_keeps_what_shows_of_both_images():
    n = 60
    boxes = np.tile([[16, 12, 40, 36]], (n, 1))
    layer = layers.CutMix(bounding_box_format="xyxy")
    result = augment(layer, sample_of(drawn(boxes), boxes), KEY)["bounding_boxes"]
    # each image in a colour of its own: what is left of it is to be seen
    colours = drawn(boxes) * np.arange(1, n + 1)[:, None, None, None] / 255
    mixed = augment(layer, {"images": colours.astype("float32")}, KEY)["images"].numpy()
    (drawn_numbers,) = layer.plan().draw(KEY, tf.range(n))
    outcomes = set()
    for row, partner in enumerate(drawn_numbers["partner"].numpy()):
        for colour, place in ((row, 0), (partner, 2)):
            if colour == partner == row and place == 2:
                assert result["labels"][row, place] == -1
                continue
            box, label = result["boxes"][row, place], result["labels"][row, place]
            expected = found((mixed[row] == colour + 1) * 255)
            outcomes.add((place, expected is None, np.array_equal(expected, boxes[0])))
            if expected is None:
                assert label == -1
            else:
                assert label == 7
                assert np.array_equal(box, expected)
    assert outcomes == {(p, *o) for p in (0, 2) for o in ((1, 0), (0, 1), (0, 0))}


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"boxes": np.zeros((2, 3, 4))}, "be a dictionary with the keys 'boxes' and 'labels'"),
        (np.zeros((2, 3, 4)), "be a dictionary with the keys"),
        ({"boxes": np.zeros((2, 3, 5)), "labels": np.zeros((2, 3))}, "have the shapes"),
        ({"boxes": np.zeros((2, 4)), "labels": np.zeros((2, 3))}, "have the shapes"),
        ({"boxes": np.zeros((2, 3, 4)), "labels": np.zeros((2, 1))}, "have the shapes"),
        ({"boxes": np.zeros((3, 3, 4)), "labels": np.zeros((3, 3))}, "have the shapes"),
        (
            {"boxes": np.zeros((2, 3, 4)), "labels": np.zeros((2, 3), "uint8")},
            "have labels of a signed dtype",
        ),
        ({"boxes": np.zeros((2, 3, 4)), "labels": np.full((2, 3), "cat")}, "have numbers as"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_boxes_that_are_refused(given, rule):
    data = tf.nest.map_structure(
        tf.constant, {"images": np.zeros((2, 9, 8, 3)), "bounding_boxes": given}
    )
    with pytest.raises(ValueError, match=f"`RandomFlip`: `bounding_boxes` must {rule}"):
        layers.RandomFlip(bounding_box_format="xyxy")(data)


def test_the_format_belongs_to_the_pipeline():
    data = sample_of(drawn(boxes_of(2)), boxes_of(2))
    message = "`RandomContrast`: `bounding_box_format` must be given where there are bounding boxes"
    with pytest.raises(ValueError, match=message):
        layers.RandomContrast(0.5)(data)
    with pytest.raises(ValueError, match="`bounding_box_format` must be one of 'xyxy', 'yxyx'"):
        layers.RandomFlip(bounding_box_format="coco")
    member = layers.RandomFlip(bounding_box_format="xywh")
    with pytest.raises(ValueError, match="`bounding_box_format` must be the same throughout"):
        layers.Pipeline([member], bounding_box_format="xyxy")
    pipeline = layers.Pipeline([member], bounding_box_format="xywh")
    revived = layers.Pipeline.from_config(pipeline.get_config())
    assert revived.settings.bounding_box_format == "xywh"
