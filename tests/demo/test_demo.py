import csv

import keras
import numpy as np
import pytest
from PIL import Image

from keras_trainkit.__main__ import main
from keras_trainkit.demo import progress


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes, red and blue, of images of many sizes."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name, color in {"red": (200, 40, 40), "blue": (40, 40, 200)}.items():
        (root / name).mkdir()
        for index in range(40):
            height, width = rng.integers(20, 60, 2)
            noise = rng.normal(0, 20, (height, width, 3))
            pixels = np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def told(folder, tmp_path_factory):
    """The demo run on the folder for two epochs: where it wrote."""
    output = tmp_path_factory.mktemp("demo")
    status = main(
        [
            "demo",
            "--data",
            str(folder),
            "--epochs",
            "2",
            "--batch-size",
            "16",
            "--output",
            str(output),
        ]
    )
    assert status == 0
    return output


def test_every_file_is_there(told):
    names = {path.name for path in told.iterdir()}
    pictures = {"augmented.png", "learning_rate.png", "learning_curves.png", "confusion.png"}
    assert names == pictures | {"history.csv", "model.keras", "bare.keras"}
    for name in pictures:
        with Image.open(told / name) as picture:
            assert min(picture.size) > 200
            assert np.asarray(picture.convert("L")).std() > 5, "a blank picture"


def test_history_has_a_line_an_epoch(told):
    with open(told / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"accuracy", "val_accuracy", "loss", "val_loss", "learning_rate"} <= set(rows[0])


def test_the_model_loads_back_and_knows_red_from_blue(told):
    model = keras.saving.load_model(told / "model.keras")
    assert model.output_shape == (None, 2)
    assert model.input_shape == (None, 32, 32, 3)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: root / "nowhere", "nowhere"),
        (lambda root: (root / "empty").mkdir() or root, "empty"),
        (lambda root: (root / "red" / "bad.png").write_bytes(b"no image") and root, "bad.png"),
        (lambda root: root / "red", "class"),
    ],
    ids=["missing folder", "empty class", "unreadable image", "one class only"],
)
def test_a_folder_that_cannot_be_used_is_one_sentence_and_status_2(
    spoil, words, folder, tmp_path, capsys
):
    root = tmp_path / "images"
    for name in ("red", "blue"):
        (root / name).mkdir(parents=True)
        for path in sorted((folder / name).iterdir())[:20]:
            (root / name / path.name).write_bytes(path.read_bytes())
    data = spoil(root)
    capsys.readouterr()
    assert main(["demo", "--data", str(data), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert (
        len([line for line in error.splitlines() if line.startswith("keras_trainkit demo: ")]) == 1
    )


@pytest.mark.parametrize(
    "options", [["--epochs", "0"], ["--batch-size", "0"], ["--seed", "-1"], ["--epochs", "many"]]
)
def test_options_out_of_range_are_refused_with_status_2(options, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["demo", *options])
    assert exit_.value.code == 2
    assert (
        f"must be a whole number from {0 if 'seed' in options[0] else 1}" in capsys.readouterr().err
    )


def test_a_batch_larger_than_the_training_set_is_refused(folder, tmp_path, capsys):
    arguments = ["demo", "--data", str(folder), "--batch-size", "500", "--output", str(tmp_path)]
    assert main(arguments) == 2
    assert "`batch_size` must be at most" in capsys.readouterr().err


def test_ctrl_c_keeps_the_best_snapshot_and_says_where(folder, tmp_path, capsys, monkeypatch):
    trainings = []
    end_epoch = progress._Shown.on_epoch_end

    def interrupted(self, epoch, logs=None):
        end_epoch(self, epoch, logs)
        trainings.append(epoch)
        if trainings == [0, 1, 0]:  # after the first epoch with the recipe
            raise KeyboardInterrupt

    monkeypatch.setattr(progress._Shown, "on_epoch_end", interrupted)
    arguments = ["--data", str(folder), "--epochs", "2", "--batch-size", "16"]
    assert main(["demo", *arguments, "--output", str(tmp_path)]) == 130
    assert (
        f"The best snapshot so far is kept: {tmp_path / 'model.keras'}" in capsys.readouterr().err
    )
    assert keras.saving.load_model(tmp_path / "model.keras").output_shape == (None, 2)
