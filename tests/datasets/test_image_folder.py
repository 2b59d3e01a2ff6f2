import numpy as np
import pytest
from PIL import Image

from keras_trainkit.datasets import image_folder


def fill(folder, counts, first=0):
    """Class folders of images; each image has a colour of its own, red by class, green by image."""
    for red, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for green in range(first, first + count):
            Image.new("RGB", (20, 16), (red, green, 0)).save(folder / name / f"{green:03}.png")


def load(path, **arguments):
    return image_folder(path, **{"size": 8, "verbose": False, **arguments})


def identities(part):
    """(class, image) of each image, from its colour; the labels are checked on the way."""
    images, labels = part
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
    return [(int(red), int(green)) for red, green in images[:, 0, 0, :2]]


def test_a_folder_of_class_folders_is_parted_class_by_class(tmp_path):
    fill(tmp_path, {"dog": 40, "cat": 20})  # red 0 and 1
    splits = load(tmp_path, size=12, validation_split=0.2, test_split=0.1)
    assert splits.class_names == ("cat", "dog")  # alphabetical
    for images, labels in (splits.train, splits.validation, splits.test):
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert images.shape == (len(labels), 12, 12, 3)
        np.testing.assert_array_equal(images[:, 0, 0, 0], 1 - labels)
    counts = [
        np.bincount(labels).tolist() for _, labels in (splits.train, splits.validation, splits.test)
    ]
    assert counts == [[14, 28], [4, 8], [2, 4]]
    everything = np.concatenate([splits.train[0], splits.validation[0], splits.test[0]])
    assert len(np.unique(everything[:, 0, 0], axis=0)) == len(everything) == 60


def test_a_seed_gives_the_same_parts_and_another_gives_others(tmp_path):
    fill(tmp_path, {"a": 20, "b": 20})
    once, again, other = (identities(load(tmp_path, seed=seed).train) for seed in (0, 0, 1))
    assert once == again
    assert set(once) != set(other)
    assert once != sorted(once)  # not class after class


@pytest.mark.parametrize("names", [("validation", "test"), ("val", "Test"), ("valid", "test")])
def test_parts_that_have_folders_are_kept(tmp_path, names):
    for part, count, first in (("train", 9, 0), (names[0], 3, 50), (names[1], 2, 80)):
        fill(tmp_path / part, {"a": count, "b": count}, first)
    splits = load(tmp_path)
    assert sorted(identities(splits.train)) == [(c, i) for c in range(2) for i in range(9)]
    assert identities(splits.validation) == [(c, 50 + i) for c in range(2) for i in range(3)]
    assert identities(splits.test) == [(c, 80 + i) for c in range(2) for i in range(2)]


@pytest.mark.parametrize(
    ("given", "drawn", "shares"),
    [("test", "validation", {"validation_split": 0.25}), ("val", "test", {"test_split": 0.25})],
)
def test_a_part_without_a_folder_is_drawn_from_training(tmp_path, given, drawn, shares):
    fill(tmp_path / "train", {"a": 8, "b": 8})
    fill(tmp_path / given, {"a": 3, "b": 3}, first=50)
    splits = load(tmp_path, **shares)
    part = identities(getattr(splits, drawn))
    assert len(part) == 4
    both = sorted(part + identities(splits.train))
    assert both == [(c, i) for c in range(2) for i in range(8)]


def test_a_training_folder_alone_gives_all_three(tmp_path):
    fill(tmp_path / "train", {"a": 10, "b": 10})
    splits = load(tmp_path)
    assert [len(splits.train[1]), len(splits.validation[1]), len(splits.test[1])] == [12, 4, 4]


def test_a_class_may_be_called_train(tmp_path):
    fill(tmp_path, {"bus": 5, "train": 5})
    assert load(tmp_path).class_names == ("bus", "train")


def test_hidden_and_other_files_are_passed_over_and_inner_folders_read(tmp_path):
    fill(tmp_path, {"a": 5, "b": 5})
    (tmp_path / ".cache").mkdir()
    (tmp_path / "a" / ".hidden.png").write_bytes(b"no image")
    (tmp_path / "a" / ".thumbnails").mkdir()
    (tmp_path / "a" / ".thumbnails" / "1.png").write_bytes(b"no image")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / "readme.md").write_text("no image")
    fill(tmp_path / "b", {"more": 2}, first=100)
    (tmp_path / "a" / "000.png").rename(tmp_path / "a" / "000.PNG")
    splits = load(tmp_path)
    assert splits.class_names == ("a", "b")
    total = sum(len(labels) for _, labels in (splits.train, splits.validation, splits.test))
    assert total == 12


def test_a_progress_bar_is_shown_if_asked_for(tmp_path, capfd):
    fill(tmp_path, {"a": 5, "b": 5})
    load(tmp_path)
    assert capfd.readouterr() == ("", "")
    load(tmp_path, verbose=True)
    assert "reading train" in capfd.readouterr().err


def broken(tmp_path, case):
    """A folder that cannot be used."""
    if case == "no class folders":
        (tmp_path / "picture.png").touch()
    elif case == "one class":
        fill(tmp_path, {"cat": 5})
    elif case == "an empty class":
        fill(tmp_path, {"cat": 5, "dog": 0})
    elif case == "a class too small":
        fill(tmp_path, {"cat": 5, "dog": 2})
    elif case == "an unreadable image":
        fill(tmp_path, {"cat": 50, "dog": 50})
        (tmp_path / "dog" / "007.png").write_bytes(b"no image")
    elif case == "a class missing from the test":
        fill(tmp_path / "train", {"cat": 5, "dog": 5})
        fill(tmp_path / "test", {"cat": 5})
    elif case == "a class missing from training":
        fill(tmp_path / "train", {"cat": 5, "dog": 5})
        fill(tmp_path / "test", {"cat": 5, "dog": 5, "emu": 5})
    elif case == "a folder beside the parts":
        fill(tmp_path / "train", {"cat": 5, "dog": 5})
        fill(tmp_path / "test", {"cat": 5, "dog": 5})
        fill(tmp_path / "extra", {"cat": 5, "dog": 5})
    elif case == "two folders of one part":
        for part in ("train", "val", "validation"):
            fill(tmp_path / part, {"cat": 5, "dog": 5})
    return tmp_path


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("no class folders", r"`image_folder`: '.*' has no class folders; .*"),
        ("one class", r"`image_folder`: '.*' has only one class, 'cat'; .*"),
        ("an empty class", r"`image_folder`: the class 'dog' has no images .* in '.*'\."),
        ("a class too small", r"`image_folder`: the class 'dog' has 2 images, too few .*"),
        ("an unreadable image", r"`image_folder`: cannot read '.*dog.007\.png' \(.*\)\."),
        (
            "a class missing from the test",
            r"`image_folder`: the class 'dog' has no images .*test'\.",
        ),
        ("a class missing from training", r"`image_folder`: the class 'emu' of '.*test' is not .*"),
        ("a folder beside the parts", r"`image_folder`: '.*' has a folder 'extra' beside .*"),
        ("two folders of one part", r"`image_folder`: '.*' has a folder 'val.*' beside .*"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(tmp_path, case, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        load(broken(tmp_path, case))


def test_a_missing_folder_is_named(tmp_path):
    (tmp_path / "file.png").touch()
    for path in (tmp_path / "nowhere", tmp_path / "file.png"):
        with pytest.raises(FileNotFoundError, match=f"there is no folder '.*{path.name}'"):
            load(path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": 0}, "`size` must be a whole number of at least 1, got 0"),
        ({"size": 2.5}, "`size` must be a whole number"),
        ({"validation_split": 0}, "`validation_split` must be a finite number above 0"),
        ({"test_split": 1.0}, "`test_split` must be a finite number"),
        ({"validation_split": 0.5, "test_split": 0.5}, "`validation_split` must be below 1 - test"),
        ({"seed": -1}, "`seed` must be a whole number"),
        ({"verbose": "no"}, "`verbose` must be True or False"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments, sentence):
    with pytest.raises(ValueError, match=f"^`image_folder`: {sentence}"):
        load(tmp_path, **arguments)
