"""The digits are told apart on photographs of one grey; the places, on photographs of codes."""

import hashlib
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.ndimage
import sklearn.datasets

from keras_trainkit.datasets import digits_on_photos
from keras_trainkit.datasets.digits_on_photos import enlarge

HEIGHT, WIDTH = 427, 640  # of both photographs


@pytest.fixture(scope="module")
def splits():
    return digits_on_photos(seed=0)


def parts(splits):
    return splits.train, splits.validation, splits.test


def test_the_parts_and_their_types(splits):
    assert [len(images) for images, _ in parts(splits)] == [1000, 300, 497]
    for images, labels in parts(splits):
        assert images.dtype == np.uint8
        assert images.shape[1:] == (32, 32, 3)
        assert labels.dtype == np.int64
        assert labels.shape == images.shape[:1]
    assert splits.class_names == tuple("0123456789")


def test_every_class_is_as_frequent_in_every_part(splits):
    everywhere = np.bincount(sklearn.datasets.load_digits().target) / 1797
    for _, labels in parts(splits):
        counts = np.bincount(labels, minlength=10)
        assert np.all(np.abs(counts - everywhere * len(labels)) <= 1.5)


def test_a_seed_gives_the_same_bits_in_another_process(splits):
    program = """if True:
        import hashlib
        from keras_trainkit.datasets import digits_on_photos
        s = digits_on_photos(seed=0)
        arrays = [a.tobytes() for part in (s.train, s.validation, s.test) for a in part]
        print(hashlib.sha256(b"".join(arrays)).hexdigest())
    """
    # NumPy's backend, because it starts fastest
    changed = {"PYTHONHASHSEED": "1", "KERAS_BACKEND": "numpy"}
    there = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **changed},
    )
    here = b"".join(array.tobytes() for part in parts(splits) for array in part)
    assert there.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_another_seed_draws_other_parts_and_other_places(splits):
    other = digits_on_photos(seed=1)
    assert not np.array_equal(splits.train[1], other.train[1])
    assert not np.array_equal(splits.train[0], other.train[0])


def test_every_digit_stands_once_with_its_label_as_patch_less_digit(monkeypatch):
    # digits of random reals: the real ones, enlarged, meet halves, which round either way
    target = sklearn.datasets.load_digits().target
    drawings = np.random.default_rng(0).uniform(0, 16, (1797, 8, 8))
    grey = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    monkeypatch.setattr(
        sklearn.datasets, "load_digits", lambda **_: (drawings.reshape(1797, 64), target)
    )
    monkeypatch.setattr(
        sklearn.datasets, "load_sample_images", lambda: SimpleNamespace(images=[grey, grey])
    )
    # by SciPy: 8x8 to 28x28, linearly, pixel centres aligned
    large = scipy.ndimage.zoom(drawings, (1, 3.5, 3.5), order=1, mode="nearest", grid_mode=True)
    expected = np.rint(np.abs(100 - large * (255 / 16))).astype(np.uint8)
    known = {square.tobytes(): index for index, square in enumerate(expected)}

    seen, places = [], set()
    for images, labels in parts(digits_on_photos(seed=3)):
        assert np.ptp(images, axis=-1).max() == 0  # every channel alike
        for image, label in zip(images[..., 0], labels, strict=True):
            crops = np.lib.stride_tricks.sliding_window_view(image, (28, 28)).reshape(25, 28, 28)
            ((place, index),) = (
                (place, known[crop.tobytes()])
                for place, crop in enumerate(crops)
                if crop.tobytes() in known
            )
            assert image.sum() == crops[place].sum() + 100 * (32**2 - 28**2)  # around it, the photo
            assert label == target[index]
            seen.append(index)
            places.add(place)
    assert sorted(seen) == list(range(1797))
    assert places == set(range(25))


def test_training_never_sees_a_pixel_of_the_others_photographs(monkeypatch):
    row, column = np.mgrid[:HEIGHT, :WIDTH]

    def coded(photo):
        high = row // 256 + 2 * (column // 256) + 8 * photo
        return np.stack([row % 256, column % 256, high], axis=-1).astype(np.uint8)

    monkeypatch.setattr(
        sklearn.datasets,
        "load_sample_images",
        lambda: SimpleNamespace(images=[coded(0), coded(1)]),
    )
    labels = sklearn.datasets.load_digits().target
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda **_: (np.zeros((1797, 64)), labels))
    used = []
    for images, _ in parts(digits_on_photos(seed=4)):
        codes = images.astype(np.int64) @ [1, 256, 65536]
        # a patch is a window: its pixels follow one another in the photograph
        assert np.all(np.diff(images[..., 0].astype(np.uint8), axis=1) == 1)
        assert np.all(np.diff(images[..., 1].astype(np.uint8), axis=2) == 1)
        assert len(np.unique(codes[:, 0, 0])) > 0.9 * len(images)  # places differ
        assert {0, 1} == set(np.unique(images[..., 2] // 8))  # both photographs
        used.append(set(np.unique(codes)))
    train, validation, test = used
    assert train.isdisjoint(validation)
    assert train.isdisjoint(test)
    assert validation.isdisjoint(test)


@pytest.mark.parametrize(("small", "side"), [(8, 28), (8, 8), (5, 32), (3, 100)])
def test_enlarging_is_scipys(small, side):
    images = np.random.default_rng(0).random((2, small, small))
    expected = [
        scipy.ndimage.zoom(image, side / small, order=1, mode="nearest", grid_mode=True)
        for image in images
    ]
    np.testing.assert_allclose(enlarge(images, side), expected, atol=1e-12)


@pytest.mark.parametrize("seed", [-1, 0.5, "0", None, True, float("nan")])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="`digits_on_photos`: `seed` must be a whole number"):
        digits_on_photos(seed)
