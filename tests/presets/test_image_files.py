"""Recipes that read files: what is decoded, what is broken, what is repeated."""

import dataclasses
import io
import re
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images

from keras_trainkit import layers, presets
from keras_trainkit._core import xla
from keras_trainkit._core.draws import key_from_integer
from keras_trainkit.layers.augmentation.base import _keys
from keras_trainkit.layers.augmentation.encoded import Encoded

CHINA, FLOWER = load_sample_images().images  # 427x640
PHOTOS = [CHINA, FLOWER[::2, ::2]]  # one that shrinks and one that grows


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """No compiling, which is not what is tested here, and a place for the names of files."""
    monkeypatch.setattr(xla, "xla_available", lambda: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def jpeg(pixels, **options):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "jpeg", **{"quality": 90, **options})
    return data.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of six JPEG files of many sizes each, in a folder for training."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("val", 2)):
        for label, photo in enumerate(PHOTOS):
            place = root / part / ("china", "flower")[label]
            place.mkdir(parents=True)
            for index in range(count):
                height, width = rng.integers(60, 200, 2)
                (place / f"{index}.jpg").write_bytes(jpeg(photo[:height, :width]))
    return root


def recipe(**arguments):
    return presets.imagenet_resnet(
        **{"num_classes": 2, "examples": 12, "batch_size": 4, **arguments}
    )


def images_of(dataset):
    return np.concatenate([images for images, _ in dataset])


def levels(recipe, images):
    """Normalised images as the grey levels that they were."""
    normalization = recipe.pipeline.layers[-1]
    return images * np.sqrt(normalization.variance) + normalization.mean


def scaled_by_pillow(data, top, left, height, width, size=224):
    """The window, resized by Pillow's triangle filter, which stops at the image's border."""
    with Image.open(io.BytesIO(data)) as image:
        box = (left, top, left + width, top + height)
        return np.asarray(image.convert("RGB").resize((size, size), Image.BILINEAR, box=box))


FILES = {
    "4:2:0": {},
    "4:2:2": {"subsampling": 1},
    "4:4:4": {"subsampling": 0},
    "progressive": {"progressive": True},
    "poor": {"quality": 30},
}


@pytest.mark.parametrize("options", FILES.values(), ids=FILES)
def test_training_shows_what_pillow_makes_of_the_whole_image(options):
    made = recipe()
    data = [jpeg(photo, **options) for photo in PHOTOS]
    repeats = 4
    source = tf.data.Dataset.from_tensor_slices((data, [0, 1])).repeat(repeats)
    shown = made._read(made._named(source, "train"), seed=5)
    keys = iter(_keys(5))
    plan = made.crop.plan()
    for (image, _, _), file in zip(shown, data * repeats, strict=True):
        crop, flip = plan.draw(key_from_integer(next(keys)), tf.range(1))
        with Image.open(io.BytesIO(file)) as photo:
            width, height = photo.size
        scale = min(height, width) / float(crop["short_side"][0])
        extent = 224 * scale
        top = (height - extent) * float(crop["top"][0])
        left = (width - extent) * float(crop["left"][0])
        expected = scaled_by_pillow(file, top, left, extent, extent)
        if flip["horizontal"][0]:
            expected = expected[:, ::-1]
        assert np.abs(image.numpy().astype(int) - expected).max() <= 1


def test_evaluation_shows_the_centre_with_a_short_side_of_256():
    made = recipe()
    data = [jpeg(photo) for photo in PHOTOS]
    source = tf.data.Dataset.from_tensor_slices((data, [0, 1]))
    images = levels(made, images_of(made.eval_dataset(source)))
    for image, file, photo in zip(images, data, PHOTOS, strict=True):
        height, width = photo.shape[:2]
        extent = 224 * min(height, width) / 256
        place = (height - extent) / 2, (width - extent) / 2
        expected = scaled_by_pillow(file, *place, extent, extent)
        assert np.abs(image - expected).max() <= 1.01


def other_formats():
    rgba = np.dstack([CHINA[:100, :90], np.full((100, 90), 255, np.uint8)])
    frames = [Image.fromarray(each[:100, :90]).quantize(256) for each in (CHINA, FLOWER)]
    with_options = {
        "png": (CHINA[:100, :90], {"format": "png"}),
        "alpha": (rgba, {"format": "png"}),
        "bmp": (CHINA[:100, :90], {"format": "bmp"}),
        "grey jpeg": (CHINA[:100, :90, 1], {"format": "jpeg", "quality": 95}),
    }
    for name, (pixels, options) in with_options.items():
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, **options)
        yield pytest.param(data.getvalue(), id=name)
    cmyk, gif = io.BytesIO(), io.BytesIO()
    Image.fromarray(CHINA[:100, :90]).convert("CMYK").save(cmyk, "jpeg", quality=95)
    frames[0].save(gif, "gif", save_all=True, append_images=frames[1:])
    yield pytest.param(cmyk.getvalue(), id="cmyk jpeg")
    yield pytest.param(gif.getvalue(), id="animated gif")


@pytest.mark.parametrize("data", list(other_formats()))
def test_other_formats_are_read_as_rgb(data, tmp_path):
    path = tmp_path / "photo.jpg"  # what the name says does not count
    path.write_bytes(data)
    made = recipe()
    images = levels(made, images_of(made.eval_dataset(([path], [0]))))
    expected = scaled_by_pillow(data, 10.625, 5.625, 78.75, 78.75)
    assert np.abs(images[0] - expected).mean() < 0.6  # two ways from CMYK to RGB differ by more
    assert np.abs(images[0] - expected).max() <= 5


def test_a_folder_a_list_and_bytes_are_the_same_images(folder):
    made = recipe()
    files = sorted((folder / "train").glob("*/*.jpg"))
    labels = np.repeat([0, 1], 6)
    data = tf.data.Dataset.from_tensor_slices(([file.read_bytes() for file in files], labels))
    expected = images_of(made.eval_dataset((files, labels)))
    assert expected.shape == (12, 224, 224, 3)
    for source in (folder / "train", str(folder / "train"), data):
        dataset = made.eval_dataset(source)
        np.testing.assert_array_equal(images_of(dataset), expected)
        assert np.concatenate([each for _, each in dataset]).tolist() == labels.tolist()
    assert made.class_names(folder) == ("china", "flower")


def test_a_folder_of_parts_gives_each_its_own(folder):
    made = recipe()
    assert sum(len(labels) for _, labels in made.train_dataset(folder)) == 12
    assert sum(len(labels) for _, labels in made.eval_dataset(folder)) == 4


def test_every_file_is_seen_once_in_an_order_that_changes(folder):
    made = recipe()
    files = sorted((folder / "train").glob("*/*.jpg"))
    data = made.train_dataset((files, np.arange(12)), seed=1)
    first, second = ([int(label) for _, labels in data for label in labels] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_equal_seeds_give_equal_bits_however_parallel(folder):
    made = recipe()
    named = made._named(folder, "train")
    one, many = (
        [each[0] for each in Encoded(made.crop, "it", True).map(named[0], 3, True, parallel)]
        for parallel in (1, 7)
    )
    np.testing.assert_array_equal(one, many)
    again, other = (images_of(made.train_dataset(folder, seed=seed)) for seed in (3, 4))
    np.testing.assert_array_equal(images_of(made.train_dataset(folder, seed=3)), again)
    assert not np.array_equal(again, other)


def test_training_goes_on_from_a_checkpoint_of_its_iterator(folder, tmp_path):
    for on_error in ("raise", "skip"):
        dataset = recipe(on_error=on_error).train_dataset(folder, seed=3)
        iterator = iter(dataset)
        next(iterator)
        saved = tf.train.Checkpoint(it=iterator).save(str(tmp_path / on_error))
        expected = [images.numpy() for images, _ in iterator]
        iterator = iter(dataset)
        tf.train.Checkpoint(it=iterator).restore(saved)
        np.testing.assert_array_equal([images.numpy() for images, _ in iterator], expected)


@pytest.fixture
def broken(folder, tmp_path):
    """The training files and what is none, by name."""
    files = sorted((folder / "train").glob("*/*.jpg"))
    whole = files[0].read_bytes()
    contents = {
        "cut off.jpg": whole[: len(whole) // 3],
        "empty.jpg": b"",
        "a text.jpg": b"This is no image.",
        "noise.jpg": whole[:20] + bytes(range(256)) * 9,
    }
    bad = {name: tmp_path / name for name in [*contents, "missing.jpg", "a folder.jpg"]}
    for name, content in contents.items():
        bad[name].write_bytes(content)
    bad["a folder.jpg"].mkdir()
    return files, bad


@pytest.mark.parametrize(
    "name",
    ["cut off.jpg", "empty.jpg", "a text.jpg", "noise.jpg", "missing.jpg", "a folder.jpg"],
)
def test_a_broken_file_stops_the_run_with_its_name(broken, name):
    files, bad = broken
    files = [*files[:3], bad[name], *files[3:6]]
    made = recipe()
    sentence = re.escape(f"`ImageFileRecipe`: cannot read the image {bad[name]}: it is missing")
    train = name == "empty.jpg"
    dataset = (made.train_dataset if train else made.eval_dataset)((files, [0] * 7))
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        list(dataset)


def test_broken_files_are_skipped_and_counted(broken):
    files, bad = broken
    mixed = [file for pair in zip(files, bad.values(), strict=False) for file in pair]
    mixed += files[len(bad) :]
    labels = [int(file in bad.values()) for file in mixed]
    made = recipe(on_error="skip")
    assert made.skipped == ()
    dataset = made.train_dataset((mixed, labels), seed=0)
    for _ in range(2):
        batches = list(dataset)
        assert [len(images) for images, _ in batches] == [4, 4, 4, 4]  # of 18 files
        assert not any(np.any(labels) for _, labels in batches)
        assert sorted(made.skipped) == sorted(map(str, bad.values()))
    with pytest.warns(UserWarning, match=r"^6 images so far could not be read and were left out"):
        made.callbacks("best.keras")[-1].on_epoch_end(0)
    made.callbacks("best.keras")[-1].on_epoch_end(1)  # nothing new: no warning
    evaluation = made.eval_dataset((mixed, labels))
    assert [len(images) for images, _ in evaluation] == [2, 2, 2, 4, 2]
    assert len(evaluation) == 5
    assert len(dataset) == 4
    assert recipe(on_error="skip").skipped == ()


def test_bytes_are_named_by_their_place(folder):
    good = next((folder / "train").glob("*/*.jpg")).read_bytes()
    data = tf.data.Dataset.from_tensor_slices(([good, good[:99], good, b""], [0, 0, 0, 0]))
    made = recipe(on_error="skip")
    assert len(images_of(made.eval_dataset(data))) == 2
    assert sorted(made.skipped) == ["image 1", "image 3"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="cannot read the image image 1: "):
        list(recipe().eval_dataset(data))


def test_all_files_can_be_looked_through_beforehand(broken):
    files, bad = broken
    # the end of this one is missing, where a crop need not look
    cut = bad["cut off.jpg"].with_name("end.jpg")
    cut.write_bytes(files[1].read_bytes()[:-300])
    everything = [*files, *bad.values(), cut]
    names = recipe().unreadable((everything, [0] * len(everything)), verbose=0)
    assert sorted(names) == sorted(map(str, [*bad.values(), cut]))


def test_a_model_learns_from_a_folder(folder, tmp_path):
    made = recipe(epochs=9)
    made.adapt(folder)
    inputs = keras.Input((224, 224, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    made.compile(model)
    history = model.fit(
        made.train_dataset(folder, seed=0),
        validation_data=made.eval_dataset(folder),
        epochs=2,
        callbacks=made.callbacks(tmp_path / "best.keras"),
        shuffle=False,
        verbose=0,
    ).history
    assert {"learning_rate", "val_accuracy"} <= set(history)


def test_adapted_to_a_folder_its_pixels_have_mean_0_and_deviation_1(folder):
    made = recipe()
    made.adapt(folder / "train")
    pixels = images_of(made.eval_dataset(folder / "train"))
    np.testing.assert_allclose(pixels.mean(axis=(0, 1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(pixels.std(axis=(0, 1, 2)), 1, atol=1e-3)


def test_the_rate_is_that_of_the_sources():
    steps = 1_281_167 // 256
    small, large = presets.imagenet_resnet(), presets.imagenet_resnet(batch_size=8192)
    rates = [float(small.schedule(steps * epoch)) for epoch in (0, 3, 29.9, 30, 60, 80, 89)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.1, 0.01, 1e-3, 1e-4, 1e-4], rtol=1e-4)
    steps = 1_281_167 // 8192
    rates = [float(large.schedule(steps * epoch)) for epoch in (0, 2.5, 5, 29, 30)]
    np.testing.assert_allclose(rates, [0.1, 1.65, 3.2, 3.2, 0.32], rtol=1e-4)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((4, 8, 8, 3)), "`data` must be a folder, .* got 'ndarray'"),
        ((np.zeros((2, 3, 3, 3)), [0, 1]), "name files, each with its label, got 'ndarray'"),
        (([], []), "hold at least one file, and a label for each, got '0 files and 0 labels'"),
        ((["a.jpg"], [0, 1]), "got '1 files and 2 labels'"),
        (tf.data.Dataset.range(3), r"`data` must hold single \(encoded bytes, label\)"),
    ],
)
def test_other_data_is_refused(data, words):
    with pytest.raises(ValueError, match=words):
        recipe().train_dataset(data)


@pytest.mark.parametrize(
    "crop",
    [
        [layers.RandomFlip()],
        [layers.RandomScaleCrop(), layers.RandomBrightness(0.1)],
        [layers.RandomHue(0.1)],
    ],
)
def test_what_does_not_bring_images_to_one_size_is_refused(crop):
    made = dataclasses.replace(recipe(), crop=layers.Pipeline(crop))
    with pytest.raises(ValueError, match="`crop` must be geometry, in one pass, that gives one"):
        made.eval_dataset((["a.jpg"], [0]))


def test_a_crop_that_leaves_the_image_or_turns_it_reads_all_of_it():
    file = jpeg(CHINA)
    source = tf.data.Dataset.from_tensors((file, 0)).repeat(3)
    for crop in (
        [layers.RandomCrop(300, 700, padding=60)],
        [layers.RandomRotation(0.1), layers.RandomScaleCrop(64, (70, 90))],
        [layers.RandomCrop(100, 90), layers.RandomFlip("horizontal")],
    ):
        made = dataclasses.replace(recipe(), crop=layers.Pipeline(crop))
        shown = [each[0] for each in made._read(made._named(source, "train"), seed=1)]
        whole = source.map(
            lambda data, _: tf.io.decode_jpeg(data, 3, dct_method="INTEGER_ACCURATE")
        )
        expected = list(made.crop.map(whole, seed=1))
        np.testing.assert_array_equal(shown, expected)


def test_folders_that_do_not_fit_are_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="`ImageFileRecipe`: there is no folder"):
        recipe().train_dataset(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="must have 3 class folders, as `num_classes` says, got 2"):
        recipe(num_classes=3).train_dataset(folder)
    with pytest.raises(ValueError, match="`on_error` must be one of 'raise', 'skip', got 'ignore'"):
        recipe(on_error="ignore")
