"""What is refused, with one sentence that names class, argument, rule and value."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import each_case

from keras_trainkit import layers

IMAGES = np.zeros((2, 9, 8, 3), "uint8")

ARGUMENTS = [
    (layers.RandomFlip, {"mode": "diagonal"}, "mode", "be one of"),
    (layers.RandomFlip, {"p": 1.5}, "p", "be a probability between 0 and 1"),
    (layers.RandomFlip, {"seed": 2**63}, "seed", "be below 2^63"),
    (layers.RandomCrop, {"height": 0, "width": 3}, "height", "be a whole number of at least 1"),
    (layers.RandomCrop, {"height": 3, "width": 2.5}, "width", "be a whole number"),
    (layers.RandomCrop, {"height": 3, "width": 3, "padding": -1}, "padding", "be a whole number"),
    (layers.RandomRotation, {"factor": 1.5}, "factor", "be a finite number"),
    (layers.RandomRotation, {"factor": -0.1}, "factor", "be a finite number"),
    (layers.RandomRotation, {"factor": (0.3, 0.1)}, "factor", "be a pair"),
    (layers.RandomRotation, {"factor": (-2, 0)}, "factor", "lie between -1 and 1"),
    (layers.RandomRotation, {"factor": "big"}, "factor", "be a finite number"),
    (layers.RandomRotation, {"factor": float("nan")}, "factor", "be a finite number"),
    (layers.RandomRotation, {"factor": (0, 0.1, 0.2)}, "factor", "be a sequence of 2"),
    (layers.RandomTranslation, {"height_factor": 2, "width_factor": 0}, "height_factor", "be a"),
    (layers.RandomTranslation, {"height_factor": 0, "width_factor": (0, 3)}, "width_factor", "lie"),
    (layers.RandomZoom, {"height_factor": (-1, 0)}, "height_factor", "lie between -0.99 and 9"),
    (layers.RandomZoom, {"height_factor": 1.0}, "height_factor", "lie between -0.99 and 9"),
    (layers.RandomZoom, {"height_factor": 0, "width_factor": 20}, "width_factor", "be a finite"),
    (layers.RandomShear, {"x_factor": (-0.1, 0.1)}, "x_factor", "lie between 0 and 1"),
    (layers.RandomShear, {"y_factor": 2}, "y_factor", "be a finite number"),
    (layers.RandomAffine, {"shear_factor": (-0.1, 0.1)}, "shear_factor", "lie between 0 and 1"),
    (layers.RandomAffine, {"zoom_factor": (-1, 0)}, "zoom_factor", "lie between"),
    (layers.RandomBrightness, {"factor": (-1.5, 0)}, "factor", "lie between -1 and 1"),
    (layers.RandomContrast, {"factor": 1.5}, "factor", "be a finite number"),
    (layers.RandomContrast, {"factor": (0.1, 1.5)}, "factor", "lie between 0 and 1"),
    (layers.RandomSaturation, {"factor": (0.5, 1.5)}, "factor", "lie between 0 and 1"),
    (layers.RandomHue, {"factor": (-0.5, 0.5)}, "factor", "lie between 0 and 1"),
    (layers.RandomColorJitter, {}, "brightness_factor, ..., hue_factor", "not all be None"),
    (layers.RandomColorJitter, {"hue_factor": 2}, "hue_factor", "be a finite number"),
    (layers.RandomColorJitter, {"contrast_factor": (0, 2)}, "contrast_factor", "lie between 0"),
    (layers.PCAColorJitter, {"sigma": -0.1}, "sigma", "be a finite number at least 0"),
    (layers.PCAColorJitter, {"eigenvalues": (1, 2)}, "eigenvalues", "be a sequence of 3"),
    (layers.PCAColorJitter, {"eigenvectors": [[1, 0], [0, 1]]}, "eigenvectors", "be three rows"),
    (layers.PCAColorJitter, {"eigenvectors": 1}, "eigenvectors", "be three rows"),
    (layers.PCAColorJitter, {"eigenvectors": [[1], 2, 3]}, "eigenvectors", "be a sequence of 3"),
    (layers.Normalization, {"mean": 1.0}, "variance", "be given together with the other"),
    (layers.Normalization, {"variance": 1.0}, "mean", "be given together with the other"),
    (layers.Normalization, {"mean": 0.0, "variance": -1.0}, "variance", "not be negative"),
    (layers.Normalization, {"mean": np.inf, "variance": 1.0}, "mean", "be a sequence of finite"),
    (layers.Normalization, {"mean": 0.0, "variance": 1.0, "p": 0.5}, "p", "be 1"),
    (layers.Cutout, {"size": 0}, "size", "be a whole number of at least 1"),
    (layers.Cutout, {"size": (3, 4, 5)}, "size", "be a number of pixels or"),
    (layers.Cutout, {"size": (3, -4)}, "size", "be a whole number of at least 1"),
    (layers.Cutout, {"size": 3, "fill": np.nan}, "fill", "be a finite number"),
    (layers.Cutout, {"size": 3, "mask_fill": -1}, "mask_fill", "be a whole number of at least 0"),
    (layers.RandomErasing, {"factor": 1.5}, "factor", "be a finite number"),
    (layers.RandomErasing, {"scale": (0.5, 1.5)}, "scale", "lie between 0 and 1"),
    (layers.RandomErasing, {"ratio": (0, 2)}, "ratio", "be a finite number above 0"),
    (layers.RandomErasing, {"fill_value": 0.0}, "fill_value", "be left to layers that move pixels"),
    (layers.RandomErasing, {"fill": "noise"}, "fill", "be a finite number"),
    (layers.GridMask, {"period": 0.5}, "period", "be a finite number at least 1"),
    (layers.GridMask, {"period": (5, 3)}, "period", "be a pair"),
    (layers.GridMask, {"ratio": 0}, "ratio", "be a finite number above 0"),
    (layers.GridMask, {"rotation_factor": 2}, "rotation_factor", "be a finite number"),
    (layers.Solarization, {"addition_factor": 2}, "addition_factor", "be a finite number"),
    (layers.Solarization, {"threshold_factor": (-1, 0)}, "threshold_factor", "lie between 0 and 1"),
    (layers.RandomPosterization, {"factor": 9}, "factor", "be a finite number"),
    (layers.RandomPosterization, {"factor": 2.5}, "factor", "be a whole number"),
    (layers.RandomPosterization, {"factor": (5, 2)}, "factor", "be a pair"),
    (layers.RandomPosterization, {"factor": "two"}, "factor", "be a finite number"),
    (layers.RandomInvert, {"factor": -0.1}, "factor", "be a finite number"),
    (layers.RandomGamma, {"factor": 0.5}, "factor", "be a finite number at least 1"),
    (layers.RandomGamma, {"factor": (0, 2)}, "factor", "be a finite number above 0"),
    (layers.RandomGrayscale, {"factor": (0.5, 1.5)}, "factor", "lie between 0 and 1"),
    (layers.RandomSharpness, {"factor": 1.5}, "factor", "be a finite number"),
    (layers.RandomGaussianBlur, {"kernel_size": 4}, "kernel_size", "be odd"),
    (layers.RandomGaussianBlur, {"kernel_size": (3, 5, 7)}, "kernel_size", "be a number of pixels"),
    (layers.RandomGaussianBlur, {"kernel_size": -3}, "kernel_size", "be a whole number"),
    (layers.RandomGaussianBlur, {"sigma": -1}, "sigma", "be a finite number at least 0"),
    (layers.RandomGaussianBlur, {"sigma": (2, 1)}, "sigma", "be a pair"),
    (layers.MixUp, {"alpha": 0}, "alpha", "be a finite number above 0"),
    (layers.MixUp, {"alpha": -1.0}, "alpha", "be a finite number above 0"),
    (layers.MixUp, {"alpha": np.inf}, "alpha", "be a finite number above 0"),
    (layers.MixUp, {"per": "pixel"}, "per", "be one of 'image', 'batch'"),
    (layers.MixUp, {"num_classes": 1}, "num_classes", "be a whole number of at least 2"),
    (layers.CutMix, {"alpha": 0.0}, "alpha", "be a finite number above 0"),
]

SHARED = [
    ({"value_range": (255, 0)}, "value_range", "be a pair (low, high) with low < high"),
    ({"value_range": (1, 1)}, "value_range", "be a pair (low, high) with low < high"),
    ({"value_range": 255}, "value_range", "be a sequence of 2 finite numbers"),
    ({"fill_mode": "mirror"}, "fill_mode", "be one of"),
    ({"fill_value": np.inf}, "fill_value", "be a finite number"),
    ({"interpolation": "cubic"}, "interpolation", "be one of"),
    ({"bounding_box_format": "coco"}, "bounding_box_format", "be one of"),
    ({"seed": -1}, "seed", "be a whole number of at least 0"),
    ({"seed": 0.5}, "seed", "be a whole number of at least 0"),
    ({"data_format": "channels_first"}, "data_format", "be 'channels_last'"),
]


def sentence(cls, argument, rule):
    """The opening of the one sentence that a refusal is."""
    return "^" + re.escape(f"`{cls.__name__}`: `{argument}` must {rule}") + r"[^\n]*$"


@pytest.mark.parametrize(
    ("cls", "arguments", "argument", "rule"),
    ARGUMENTS,
    ids=[f"{cls.__name__}-{i}" for i, (cls, *_) in enumerate(ARGUMENTS)],
)
def test_bad_arguments(cls, arguments, argument, rule):
    with pytest.raises(ValueError, match=sentence(cls, argument, rule)):
        cls(**arguments)


@pytest.mark.parametrize(("arguments", "argument", "rule"), SHARED, ids=str)
@each_case
def test_bad_arguments_of_all(case, arguments, argument, rule):
    with pytest.raises(ValueError, match=sentence(case.cls, argument, rule)):
        case.build(**arguments)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), "half", None, True])
def test_probabilities(p):
    with pytest.raises(ValueError, match=sentence(layers.Cutout, "p", "be a probability")):
        layers.Cutout(3, p=p)


def rotation(**arguments):
    return layers.RandomRotation(0.1, **arguments)


def test_ranks_and_dtypes_of_images():
    for images, rule in (
        (IMAGES[0, 0], r"be images of shape \(height, width, channels\) or"),
        (IMAGES[None], r"be images of shape \(height, width, channels\) or"),
        (IMAGES.astype(bool), "be uint8 or floating images, got 'bool'"),
        (IMAGES.astype("complex64"), "be uint8 or floating images, got 'complex64'"),
        (tf.ragged.stack([IMAGES[0], IMAGES[0, :3]]), "be dense images where no operation"),
    ):
        with pytest.raises(ValueError, match=f"`RandomRotation`: `inputs` must {rule}"):
            rotation()(images)


def test_structures():
    for inputs, rule in (
        ({"pictures": IMAGES}, "have the key 'images', got"),
        (((IMAGES[0], IMAGES[1]), [1]), "hold one tensor of images, got 'a tuple'"),
        ({"images": {"left": IMAGES, "right": IMAGES}}, "hold one tensor of images, got 'a dict'"),
        ((IMAGES, [0, 1], None, None), r"be images, \(x, y\) or \(x, y, sample_weight\)"),
    ):
        inputs = tf.nest.map_structure(
            lambda leaf: None if leaf is None else tf.convert_to_tensor(leaf), inputs
        )
        with pytest.raises(ValueError, match=f"`RandomRotation`: `inputs` must {rule}"):
            rotation()(inputs)


def test_shapes_that_a_dataset_does_not_know():
    unknown = tf.data.Dataset.from_generator(lambda: [IMAGES], output_types=tf.uint8)
    with pytest.raises(ValueError, match=r"got 'a tensor of unknown rank'\. Give decoded images"):
        rotation().map(unknown)
    spec = tf.TensorSpec([None, None, None], tf.uint8)
    unknown = tf.data.Dataset.from_generator(lambda: [IMAGES[0]], output_signature=spec)
    with pytest.raises(ValueError, match="must have a known number of channels"):
        rotation().map(unknown)
    with pytest.raises(
        ValueError, match=r"`RandomRotation`: `dataset` must be a tf\.data\.Dataset"
    ):
        rotation().map(IMAGES)
    with pytest.raises(ValueError, match="`RandomRotation`: `seed` must be a whole number"):
        rotation().map(tf.data.Dataset.from_tensors(IMAGES), seed=-1)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("value_range", [(0, 1), (-1, 1), (-10, 300), (0, 0.5)])
def test_levels_that_do_not_fit_the_range_of_values(value_range):
    layer = layers.RandomBrightness(0.1, value_range=value_range)
    with pytest.raises(ValueError, match="`RandomBrightness`: `value_range` must fit images of ui"):
        layer(IMAGES)
    assert layer(IMAGES.astype("float32")).shape == IMAGES.shape
    flip = layers.RandomFlip(value_range=value_range)  # moves values and reads none
    assert flip(IMAGES).dtype == "uint8"


@pytest.mark.usefixtures("uncompiled")
def test_windows_larger_than_the_image():
    message = "`RandomCrop`: `width` must be at most the image's width plus twice the padding, "
    with pytest.raises(ValueError, match=message + "10, got 11"):
        layers.RandomCrop(9, 11, padding=1)(IMAGES)
    with pytest.raises(ValueError, match=message):
        layers.RandomCrop(9, 11, padding=1)(IMAGES, training=False)


@pytest.mark.parametrize("training", [True, False])
def test_windows_larger_than_an_image_of_unknown_size(training):
    spec = tf.TensorSpec([None, None, 3], tf.uint8)
    sizes = tf.data.Dataset.from_generator(lambda: [IMAGES[0]], output_signature=spec)
    crop = layers.RandomCrop(12, 8, padding=1).map(sizes, seed=0, training=training)
    message = r"`RandomCrop`: `height` must be at most the image.*s height plus twice the padding"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        next(iter(crop))


def pipeline_of(*members, **arguments):
    return layers.Pipeline(list(members), **arguments)


def test_pipelines():
    mix, cut = layers.MixUp(), layers.CutMix()
    bright, normal = layers.RandomBrightness(0.1), layers.Normalization(0.0, 1.0)
    for members, rule in (
        ([], "be a list of at least one layer"),
        ("flip", "be a list of at least one layer"),
        (None, "be a list of at least one layer"),
        ([np.flip], "hold layers"),
        ([layers.RandomFlip], "hold layers"),
        ([mix, cut], "mix at most once, got 'CutMix'. Keep MixUp or CutMix."),
        ([mix, rotation()], "have nothing but Normalization after a mix, got 'RandomRotation'."),
        ([mix, bright], "have nothing but Normalization after a mix"),
        ([mix, layers.Cutout(2)], "have nothing but Normalization after a mix"),
        ([mix, keras.layers.RandomFlip()], "have nothing but Normalization after a mix"),
        ([normal, bright], "have nothing but masks and a mix after Normalization"),
        ([normal, rotation()], "have nothing but masks and a mix after Normalization"),
        ([normal, normal], "have nothing but masks and a mix after Normalization"),
        ([mix, normal, mix], "mix at most once"),
        ([normal, layers.RandomErasing()], "have no noise of the value range after Normalization"),
        ([pipeline_of(normal), bright], "have nothing but masks and a mix after Normalization"),
    ):
        with pytest.raises(ValueError, match=sentence(layers.Pipeline, "layers", rule)):
            layers.Pipeline(members)
    erasing = layers.RandomErasing(fill=0)
    for members in (
        [normal, layers.Cutout(2), mix],
        [normal, erasing],
        [mix, normal],
        [bright, normal, cut],
    ):
        assert len(layers.Pipeline(members).operations()) == len(members)


@pytest.mark.parametrize(
    ("name", "theirs", "mine"),
    [
        ("fill_mode", "wrap", None),
        ("fill_mode", "wrap", "nearest"),
        ("fill_value", 3.0, None),
        ("interpolation", "nearest", "bilinear"),
        ("value_range", (0, 1), None),
    ],
)
def test_members_that_disagree_with_their_pipeline(name, theirs, mine):
    member = rotation(**{name: theirs})
    cure = "Set it on the outermost layer and leave it off RandomRotation."
    with pytest.raises(ValueError, match=sentence(layers.Pipeline, name, "be the same") + "") as e:
        pipeline_of(layers.RandomFlip(), member, **{name: mine})
    assert cure in str(e.value)
    assert pipeline_of(member, **{name: theirs}).settings == member.settings


def test_what_an_inner_pipeline_promises_is_kept_or_refused():
    inner = pipeline_of(rotation(), output_dtype="float32")
    with pytest.raises(ValueError, match=sentence(layers.Pipeline, "output_dtype", "be the same")):
        pipeline_of(inner, layers.RandomFlip())
    assert pipeline_of(inner, output_dtype="float32").plan().dtype_after("uint8") == "float32"
    with pytest.raises(ValueError, match=sentence(layers.Pipeline, "output_dtype", "be one of")):
        pipeline_of(rotation(), output_dtype="int8")


def test_labels_in_a_functional_model():
    inputs = keras.Input((9, 8, 3)), keras.Input((1,))
    with pytest.raises(ValueError, match="must be images alone in a functional model"):
        rotation()(*inputs)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (layers.RandomApply([layers.MixUp()]), "MixUp"),
        (layers.RandomApply([layers.AugMix()]), "AugMix"),
        (layers.RandomApply([layers.Equalization(value_range=(0, 1))], value_range=(0, 1)), None),
        (layers.RandomApply([layers.Cutout(2, mask_fill=300)]), "Cutout"),
        (layers.RandomChoice([layers.MixUp(), layers.CutMix()]), "MixUp or CutMix"),
        (layers.RandomChoice([layers.RandomFlip(), layers.AugMix()]), "AugMix"),
    ],
)
def test_an_operation_behind_a_gate_keeps_its_name(layer, name):
    data = {"images": IMAGES, "segmentation_masks": np.zeros((2, 9, 8), "uint8")}
    with pytest.raises(ValueError, match=f"`{name or type(layer).__name__}`: `"):
        layer(data)


@pytest.mark.usefixtures("uncompiled")
def test_ragged_labels_are_not_mixed():
    labels = tf.ragged.constant([[1.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match=r"`MixUp`: `labels` must be dense, .* with `to_tensor`\."):
        layers.MixUp()(IMAGES, labels)
    assert layers.RandomFlip()(IMAGES, labels)[1].to_list() == labels.to_list()


@pytest.mark.usefixtures("uncompiled")
def test_views_of_ragged_images():
    ragged = tf.ragged.stack([IMAGES[0], IMAGES[1][:5]])
    with pytest.raises(ValueError, match="`MultiCrop`: `inputs` must be dense images"):
        layers.MultiCrop(4, (4,))(ragged)
