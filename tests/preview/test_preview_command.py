import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from keras_trainkit.__main__ import main
from keras_trainkit._core import xla


@pytest.fixture(autouse=True)
def without_xla(monkeypatch):
    """Compiling is not what is tested here, and takes the longest."""
    monkeypatch.setattr(xla, "xla_available", lambda: False)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two photographs in files of two formats and sizes."""
    root = tmp_path_factory.mktemp("photos")
    china, flower = load_sample_images().images
    Image.fromarray(china).save(root / "china.jpg")
    Image.fromarray(flower[:300, :200]).save(root / "flower.webp")
    return [str(root / "china.jpg"), str(root / "flower.webp")]


@pytest.mark.parametrize(
    ("preset", "rows"), [("cifar", 5), ("small_images", 8), ("imagenet_resnet", 5)]
)
def test_a_preset_is_drawn(preset, rows, photos, tmp_path, capsys):
    output = tmp_path / "sheet.png"
    assert main(["preview", "--preset", preset, *photos, "-o", str(output)]) == 0
    assert capsys.readouterr().out.strip() == str(output)
    with Image.open(output) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.shape[0] == pytest.approx(150 * (0.7 + 1.5 * rows), abs=3)
    assert pixels[:, 300:].std() > 30, "a blank picture"


def test_the_seed_is_that_of_the_last_row(photos, tmp_path):
    drawn = []
    for seed in ("1", "1", "2"):
        output = tmp_path / f"{seed}.png"
        options = ["--preset", "cifar", photos[0], "--seed", seed, "-o", str(output)]
        assert main(["preview", *options]) == 0
        with Image.open(output) as picture:
            drawn.append(np.asarray(picture))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    differs = np.any(drawn[0] != drawn[2], axis=(1, 2))
    last_row = len(differs) - 150 * 1.6
    assert differs[int(last_row) :].any()
    assert not differs[: int(last_row)].any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["no.jpg"], "`cifar`: cannot read 'no.jpg'"),
        (["PHOTO", "-o", "sheet.docx"], "Format 'docx' is not supported"),
        (["PHOTO", "-o", "nowhere/sheet.png"], "nowhere"),
        (["text.jpg"], "`cifar`: cannot read 'text.jpg'"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence_and_status_2(
    options, words, photos, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.jpg").write_text("This is no image.")
    options = [photos[0] if option == "PHOTO" else option for option in options]
    assert main(["preview", "--preset", "cifar", *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("keras_trainkit preview: ")
    assert words in error
    assert len(error.splitlines()) == 1


def test_an_unknown_preset_is_refused_with_the_list_of_them(photos, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["preview", "--preset", "Recipe", *photos])
    assert exit_.value.code == 2
    assert "cifar" in capsys.readouterr().err
