import pickle

import keras
import numpy as np
import pytest
from cifar10_files import NAMES, batches, binary, pack, python2_pickle, write

from keras_trainkit.datasets import cifar10

VERSIONS = {"python": "cifar-10-batches-py", "binary": "cifar-10-batches-bin"}


def everything(splits):
    """Training and validation put together again: an image's bytes, and its label."""
    return {
        (image.tobytes(), int(label))
        for part in (splits.train, splits.validation)
        for image, label in zip(*part, strict=True)
    }


def expected(contents):
    return {
        (image.tobytes(), int(label))
        for name in NAMES[:-1]
        for image, label in zip(*contents[name], strict=True)
    }


@pytest.mark.parametrize("place", ["the batches' folder", "the folder above", "the archive"])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_image_is_read_with_its_label(tmp_path, version, place):
    contents = batches()
    folder = tmp_path / "data" / VERSIONS[version]
    write(folder, version, contents)
    archive = tmp_path / "cifar-10.tar.gz"
    pack(archive, folder)
    path = {
        "the batches' folder": folder,
        "the folder above": folder.parent,
        "the archive": archive,
    }[place]

    splits = cifar10(path, validation_split=0.1)

    assert everything(splits) == expected(contents)
    assert (len(splits.train[0]), len(splits.validation[0])) == (90, 10)
    np.testing.assert_array_equal(np.bincount(splits.validation[1]), np.ones(10))
    for part, like in zip(splits.test, contents["test_batch"], strict=True):
        np.testing.assert_array_equal(part, like)
    for images, labels in (splits.train, splits.validation, splits.test):
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert images.flags.c_contiguous
    assert splits.class_names[3] == "cat"
    assert len(splits.class_names) == 10


@pytest.mark.filterwarnings("ignore")  # NumPy's, of its names of Python 2's time
def test_the_tests_pickle_is_one_of_a_numpy_array():
    images, labels = batches()["test_batch"]
    batch = pickle.loads(python2_pickle(images, labels), encoding="bytes")
    assert batch[b"data"].dtype == np.uint8
    assert batch[b"labels"] == labels.tolist()
    np.testing.assert_array_equal(batch[b"data"].reshape(-1, 3, 32, 32), np.moveaxis(images, -1, 1))


def test_a_path_may_be_a_string(tmp_path):
    write(tmp_path, "binary", batches())
    assert len(cifar10(str(tmp_path)).test[0]) == 20


def test_the_validation_part_is_the_seeds(tmp_path):
    write(tmp_path, "binary", batches())
    once, again, other = (cifar10(tmp_path, seed=seed).validation[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_runs_no_code(tmp_path, protocol):
    write(tmp_path, "python", batches())
    harmed = tmp_path / "harmed"
    content = pickle.dumps({"data": Harmful(str(harmed))}, protocol)
    (tmp_path / "data_batch_3").write_bytes(content)
    with pytest.raises(ValueError, match=r"data_batch_3 of .* is no batch .* asks for .*open"):
        cifar10(tmp_path)
    assert not harmed.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps([1, 2]),
        pickle.dumps({b"data": 3}),
        python2_pickle(*batches()["test_batch"])[:-900],
        python2_pickle(batches()["test_batch"][0], np.arange(19) % 10),  # a label too few
        python2_pickle(batches()["test_batch"][0], np.arange(20)),  # of CIFAR-100
    ],
)
def test_a_damaged_pickle_is_named(tmp_path, content):
    write(tmp_path, "python", batches())
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(ValueError, match=r"`cifar10`: test_batch of .* is no batch of CIFAR-10"):
        cifar10(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"short", binary(*batches()["test_batch"])[:-1], b"\xff" * 3073]
)
def test_a_damaged_binary_is_named(tmp_path, content):
    write(tmp_path, "binary", batches())
    (tmp_path / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"`cifar10`: data_batch_2.bin of .* is no batch"):
        cifar10(tmp_path)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file or folder '.*nowhere'"):
        cifar10(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"has no data_batch_1, .*, test_batch"):
        cifar10(tmp_path)
    write(tmp_path, "binary", batches())
    (tmp_path / "data_batch_1.bin").unlink()
    with pytest.raises(ValueError, match=r"has no data_batch_1\.bin\."):
        cifar10(tmp_path)


def test_a_file_that_is_no_archive_or_half_a_one_is_named(tmp_path):
    text = tmp_path / "cifar.tar.gz"
    text.write_text("not an archive")
    with pytest.raises(ValueError, match=r"is neither a folder nor a whole tar archive"):
        cifar10(text)
    write(tmp_path / VERSIONS["binary"], "binary", batches())
    pack(text, tmp_path / VERSIONS["binary"])
    whole = text.read_bytes()
    text.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"is neither a folder nor a whole tar archive"):
        cifar10(text)


def test_without_a_path_keras_copy_is_taken(monkeypatch):
    contents = batches()
    images, labels = (np.concatenate(a) for a in zip(*contents.values(), strict=True))
    copy = (images[:100], labels[:100, None]), (images[100:], labels[100:, None])
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: copy)
    splits = cifar10()
    assert everything(splits) == expected(contents)
    np.testing.assert_array_equal(splits.test[1], contents["test_batch"][1])
    assert splits.train[1].dtype == np.int64


def test_a_download_that_fails_is_one_sentence(monkeypatch):
    def fail():
        raise Exception("URL fetch failure on https://...: None -- Name not known")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fail)
    with pytest.raises(ConnectionError, match=r"`cifar10`: Keras .* Name not known.*; give `path`"):
        cifar10()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"validation_split": 0}, "validation_split"),
        ({"validation_split": 1}, "validation_split"),
        ({"seed": -1}, "seed"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments, name):
    with pytest.raises(ValueError, match=f"`cifar10`: `{name}` must"):
        cifar10(tmp_path, **arguments)
