"""What cannot be averaged, and the sentence that says so."""

import zipfile

import keras
import numpy as np
import pytest
from members import classifier, images, labels

from keras_trainkit.inference import AveragedPredictor


@pytest.fixture(scope="module")
def model():
    return classifier()


@pytest.fixture(scope="module")
def ten(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp("ten")
    model.save(folder / "m0.keras")
    whole = (folder / "m0.keras").read_bytes()
    for number in range(1, 10):
        (folder / f"m{number}.keras").write_bytes(whole)
    return [folder / f"m{number}.keras" for number in range(10)]


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]


def without_weights(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda p: p.unlink(), "there is no such file"),
        (lambda p: p.write_bytes(p.read_bytes()[:-500]), "damaged, or no Keras archive"),
        (lambda p: p.write_bytes(flipped(p.read_bytes())), "is damaged"),
        (lambda p: p.write_bytes(b""), "damaged, or no Keras archive"),
        (without_weights, "without a model's config and weights"),
    ],
    ids=["missing", "cut off", "one byte", "empty", "no weights"],
)
def test_one_damaged_file_among_ten_is_named_before_any_work(ten, monkeypatch, damage, sentence):
    def nothing(*_, **__):
        raise AssertionError("work has begun")

    monkeypatch.setattr(keras.saving, "load_model", nothing)
    whole = ten[6].read_bytes()
    damage(ten[6])
    try:
        with pytest.raises(ValueError, match=sentence) as refused:
            AveragedPredictor(ten)
    finally:
        ten[6].write_bytes(whole)
    assert str(ten[6]) in str(refused.value)
    assert str(ten[5]) not in str(refused.value)


def test_a_file_that_keras_cannot_load_is_named_before_the_first_pass(ten, tmp_path):
    path = tmp_path / "odd.keras"
    with zipfile.ZipFile(ten[0]) as good, zipfile.ZipFile(path, "w") as odd:
        for name in good.namelist():
            data = good.read(name)
            if name == "config.json":
                data = data.replace(b'"Dense"', b'"Dance"').replace(b"keras.layers", b"no.where")
            odd.writestr(name, data)
    batches = []

    def watched(x):
        batches.append(len(x))
        return x

    predictor = AveragedPredictor([*ten[:2], path], views=watched)
    with pytest.raises(ValueError, match=r"files that Keras can load, but .*odd.keras"):
        predictor.predict(images(40), verbose=0)
    assert sum(batches) <= 2 * 32  # looks at the first batch


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"models": []}, "`models` must be Keras models"),
        ({"models": ["model.h5"]}, "does not end in .keras"),
        ({"models": [3]}, "3 is none"),
        ({"models": keras.Sequential([keras.layers.Dense(2)])}, "no weights yet"),
        ({"draws": 0}, "`draws` must be a whole number of at least 1, got 0"),
        ({"views": "crops"}, '`views` must be None, "flips"'),
        ({"views": []}, "`views` must be None"),
        ({"average": "median"}, "`average` must be one of"),
        ({"from_logits": 1}, "`from_logits` must be True or False"),
        ({"noise": (keras.layers.BatchNormalization,)}, "leave batch normalisation out"),
        ({"noise": ("Dropout",)}, "`noise` must be a tuple of classes"),
        ({"seed": -1}, "`seed` must be a whole number"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_arguments(model, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        AveragedPredictor(**{"models": model, **arguments})


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (
            lambda model: AveragedPredictor([model, classifier(classes=7)]),
            r"the same number of classes, got '7 of .*number 2.* and 4 of .*number 1",
        ),
        (
            lambda model: AveragedPredictor([model, classifier(activation="linear")]),
            r"give probabilities.* got 'values from -.*number 2.*from_logits=True",
        ),
        (
            lambda model: AveragedPredictor(classifier(classes=1, activation="linear")),
            "give probabilities",
        ),
        (lambda model: AveragedPredictor(model, from_logits=True), "Leave it out"),
        (
            lambda model: AveragedPredictor(model, views=[lambda x: x, lambda x: x[:, 1:]]),
            r"`views` must give what .* takes, \(6, 6, 1\), got '\(5, 6, 1\) from view 2'",
        ),
        (lambda model: AveragedPredictor(model, views=lambda x: x[..., None]), "must give what"),
        (lambda model: AveragedPredictor(model, views=lambda x: x[1:]), "keep the 11 examples"),
        (lambda model: AveragedPredictor(model, draws=2), "must be 1 for a model without layers"),
    ],
    ids=["classes", "logits", "one logit", "no logits", "size", "rank", "rows", "draws"],
)
def test_when_predicting(model, made, sentence):
    with pytest.raises(ValueError, match=sentence):
        made(model).predict(images(), verbose=0)


def test_nan_is_no_probability(model):
    x = images()
    x[2] = np.nan
    with pytest.raises(ValueError, match=r"give probabilities.*nan"):
        AveragedPredictor(model).predict(x, verbose=0)


def test_data(model, ten):
    x, y = images(), labels()
    predictor = AveragedPredictor(model)
    with pytest.raises(ValueError, match="`y` must be given"):
        predictor.evaluate(x, verbose=0)
    with pytest.raises(ValueError, match="arrays of one length"):
        predictor.evaluate(x, y[1:], verbose=0)
    with pytest.raises(ValueError, match="at least one batch"):
        predictor.predict(iter([]), verbose=0)
    with pytest.raises(ValueError, match="`y` must be left out"):
        predictor.evaluate(iter([(x, y)]), y, verbose=0)
    with pytest.raises(ValueError, match="`verbose` must be"):
        predictor.predict(x, verbose=2)
    with pytest.raises(ValueError, match=r"gone through 2 times.*a generator"):
        AveragedPredictor(ten[:2]).predict(iter([x]), verbose=0)
    with pytest.raises(ValueError, match="class ids from 0 to 3"):
        predictor.report(x, y + 1, verbose=0)
    with pytest.raises(ValueError, match="class ids or one-hot rows"):
        predictor.report(x, np.zeros((11, 3)), verbose=0)


def test_data_that_change_from_pass_to_pass(ten):
    class Shuffled:
        def __iter__(self):
            self.rng = getattr(self, "rng", np.random.default_rng(1))
            yield self.rng.permutation(images())

    with pytest.raises(ValueError, match=r"the same batches each time.*Take out `shuffle`"):
        AveragedPredictor(ten[:2]).predict(Shuffled(), verbose=0)
