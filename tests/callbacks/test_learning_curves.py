"""The loss of each batch against an independent computation, and the picture."""

import os
import sys

import keras
import numpy as np
import pytest

from keras_trainkit.callbacks import LearningCurves, draw_curves, learning_curves
from keras_trainkit.callbacks.diagnose import diagnose
from keras_trainkit.callbacks.draw_curves import Curves, moving_average

JAX = keras.backend.backend() == "jax"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 3)).astype("float32")
Y = RNG.normal(size=(22, 1)).astype("float32")
W = RNG.uniform(0.1, 3, size=22).astype("float32")


class RaggedBatches(keras.utils.PyDataset):
    """Batches of the sizes given, in order."""

    def __init__(self, sizes):
        super().__init__()
        self.edges = np.cumsum([0, *sizes])

    def __len__(self):
        return len(self.edges) - 1

    def __getitem__(self, index):
        rows = slice(self.edges[index], self.edges[index + 1])
        return X[rows], Y[rows], W[rows]


def linear_model(**arguments):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.05), "mse", **arguments)
    return model


def losses_by_hand(model, sizes, epochs):
    """The weighted mean squared error of each batch, through the same steps of descent."""
    w = model.get_weights()[0].astype("float64")
    losses = []
    for _ in range(epochs):
        for start, size in zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True):
            x, y, weight = (a[start : start + size].astype("float64") for a in (X, Y, W))
            error = x @ w - y
            losses.append(np.mean(weight * error[:, 0] ** 2))
            w = w - 0.05 * 2 * x.T @ (weight[:, None] * error) / size
    return np.array(losses).reshape(epochs, -1)


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize(("together", "per_point"), [(1, 1), (3, 1), (1, 2)])
def test_the_loss_of_each_batch(together, per_point, validated):
    if together > 1 and keras.backend.backend() == "torch":
        pytest.skip("Keras takes no several steps at once with torch")
    sizes = [4, 8, 3, 6, 1]
    model = linear_model(steps_per_execution=together)
    expected = losses_by_hand(model, sizes, epochs=2)
    curves = LearningCurves(batches_per_point=per_point, verbose=0)
    validation = (X[:7], Y[:7]) if validated else None
    data = RaggedBatches(sizes)
    model.fit(
        data, epochs=2, verbose=0, shuffle=False, validation_data=validation, callbacks=[curves]
    )
    found = curves.curves
    size = together * per_point
    parts = [slice(start, start + size) for start in range(0, 5, size)]
    means = [[np.average(e[p], weights=sizes[p]) for p in parts] for e in expected]
    np.testing.assert_allclose(found.losses, np.ravel(means), rtol=2e-5)
    assert found.batches == size
    ends = np.array([min(p.stop, 5) / 5 for p in parts])
    np.testing.assert_allclose(found.positions, np.concatenate([ends, 1 + ends]))
    # What the logs hold is another thing: the mean of the epoch.
    epoch_means = [np.average(e, weights=sizes) for e in expected]
    np.testing.assert_allclose(found.history["loss"], epoch_means, rtol=2e-5)


def test_arrays_whose_last_batch_is_short_and_weights():
    model = linear_model()
    expected = losses_by_hand(model, [8, 8, 6], epochs=1)
    curves = LearningCurves(batches_per_point=1, verbose=0)
    model.fit(X, Y, sample_weight=W, batch_size=8, verbose=0, shuffle=False, callbacks=[curves])
    np.testing.assert_allclose(curves.curves.losses, expected[0], rtol=2e-5)


def test_a_dataset_of_unknown_length():
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: True).batch(8)
    curves = LearningCurves(batches_per_point=1, verbose=0)
    with pytest.warns(UserWarning, match="ran out of data"):
        linear_model().fit(dataset, epochs=2, verbose=0, shuffle=False, callbacks=[curves])
    np.testing.assert_allclose(curves.curves.positions, np.arange(1, 7) / 3)


def test_readings_are_sparser_on_jax():
    curves = LearningCurves(verbose=0)
    linear_model().fit(X, Y, batch_size=1, verbose=0, callbacks=[curves])
    assert len(curves.curves.losses) == (3 if JAX else 22)


def test_a_model_that_keeps_its_loss_elsewhere():
    class Own(keras.Sequential):
        @property
        def metrics(self):
            return []

        def get_metrics_result(self):
            return {"loss": 1.0}

    model = Own([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    curves = LearningCurves(batches_per_point=1, verbose=0)
    model.fit(X, Y, verbose=0, callbacks=[curves])
    assert curves.curves.losses.size == 0
    assert len(curves.curves.history["loss"]) == 1


def test_each_fit_starts_afresh_and_counts_its_epochs():
    curves = LearningCurves(batches_per_point=1, verbose=0)
    model = linear_model()
    for first in (0, 5):
        model.fit(*(X, Y), epochs=first + 2, initial_epoch=first, verbose=0, callbacks=[curves])
        assert curves.curves.epochs == (first + 1, first + 2)
        np.testing.assert_allclose(curves.curves.positions, [first + 1, first + 2])
        assert drawn(curves.curves).axes[0].get_xlim()[0] == first


def test_the_verdict_at_the_end(capsys, tmp_path):
    path = tmp_path / "curves.png"
    linear_model().fit(X, Y, epochs=5, verbose=0, callbacks=[LearningCurves(path)])
    said = capsys.readouterr().out
    assert said.startswith("Learning curves: ")
    assert "Without validation data" in said
    assert said.rstrip().endswith(f"Picture: {path}")


class Pictures(keras.callbacks.Callback):
    """Counts how often the file was written."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.seen = set()
        self.epochs = []

    def look(self, epoch):
        if os.path.exists(self.path):
            self.seen.add(os.stat(self.path).st_ino)
            self.epochs.append(epoch)

    def on_epoch_end(self, epoch, logs=None):
        self.look(epoch)


def test_pictures_are_rare_but_the_first_comes_at_once(tmp_path):
    path = tmp_path / "deep" / "curves.png"
    watch = Pictures(path)
    linear_model().fit(
        X, Y, epochs=6, verbose=0, callbacks=[LearningCurves(path, every=100, verbose=0), watch]
    )
    assert watch.epochs == list(range(6))
    assert len(watch.seen) == 1
    assert os.stat(path).st_ino not in watch.seen  # and one more at the end
    assert os.listdir(path.parent) == ["curves.png"]


def test_drawing_takes_its_share_of_the_time_only(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(learning_curves.time, "monotonic", lambda: clock[0])
    draw = learning_curves.draw_curves
    drawn = []

    def slow(*arguments):
        drawn.append(clock[0])
        clock[0] += 1  # a second for each picture
        return draw(*arguments)

    monkeypatch.setattr(learning_curves, "draw_curves", slow)

    class Tick(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            clock[0] += 1.5

    curves = LearningCurves(tmp_path / "c.png", every=7, batches_per_point=1, verbose=0)
    linear_model().fit(X, Y, epochs=2, batch_size=1, verbose=0, callbacks=[curves, Tick()])
    # After 7 s, then after 20 s for the second that drawing took, at the end of the first epoch
    # (22 batches and two drawings: 35 s), again after 20 s, and at the end.
    assert drawn == [7.5, 29.5, 35, 57, 70]


def test_an_interrupted_fit_leaves_the_picture(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    path = tmp_path / "curves.png"
    with pytest.raises(KeyboardInterrupt):
        linear_model().fit(
            X, Y, epochs=3, verbose=0, callbacks=[LearningCurves(path, verbose=0), Stop()]
        )
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_full_disk_does_not_stop_the_training(tmp_path):
    path = tmp_path / "gone" / "curves.png"
    curves = LearningCurves(path, verbose=0)
    path.parent.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="`LearningCurves`: no picture at"):
        history = linear_model().fit(X, Y, epochs=2, verbose=0, callbacks=[curves])
    assert len(history.epoch) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"path": "curves.txt"}, "`path` must end in .png, .svg or .pdf, got 'curves.txt'."),
        ({"every": -1}, "`every` must be a finite number at least 0, got -1."),
        ({"batches_per_point": 0}, "must be a whole number of at least 1, got 0."),
        ({"metric": "luck"}, "got 'luck'. Pass mode='max' or mode='min'."),
        ({"metric": "luck", "mode": "up"}, "must be one of 'auto', 'min', 'max', got 'up'."),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=r"^`LearningCurves`: ") as refusal:
        LearningCurves(**arguments)
    assert str(refusal.value).endswith(sentence)


def test_without_matplotlib_it_says_so_at_once(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for lazy in (draw_curves._figure, draw_curves.ticker):
        monkeypatch.setattr(lazy, "_module", None)
    LearningCurves()
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'keras_trainkit\[plots\]'"):
        LearningCurves("curves.png")


# The picture


def drawn(curves, **reading):
    figure = draw_curves.draw_curves(curves, diagnose(curves.history or {"loss": ()}))
    figure.canvas.draw()
    return figure


def history(epochs):
    accuracy = np.linspace(0.2, 0.9, epochs)
    loss = 2.3 * (1 - accuracy)
    return {
        "loss": loss,
        "accuracy": accuracy,
        "val_accuracy": accuracy - 0.15,
        "val_loss": loss + 0.2,
    }


def points(axes, label):
    (line,) = [line for line in axes.lines if line.get_label().startswith(label)]
    return line.get_xydata()


def test_the_picture_holds_the_data():
    positions, losses = np.arange(1, 121) / 20, np.linspace(2.3, 0.4, 120)
    curves = Curves(positions, losses, 3, history(6), range(1, 7))
    figure = drawn(curves)
    left, right = figure.axes
    np.testing.assert_array_equal(
        points(left, "mean of 3 batches each"), np.stack([positions, losses], 1)
    )
    np.testing.assert_allclose(points(left, "moving average of 5")[:, 1], moving_average(losses, 5))
    np.testing.assert_array_equal(points(left, "validation")[:, 1], history(6)["val_loss"])
    np.testing.assert_array_equal(points(right, "training")[:, 1], history(6)["accuracy"])
    np.testing.assert_array_equal(points(right, "validation")[:, 1], history(6)["val_accuracy"])
    np.testing.assert_array_equal(points(right, "best validation"), [[6, 0.75]])
    assert right.get_title(loc="left") == "Accuracy"
    words = [text.get_text() for text in figure.texts]
    assert words[0] == "Still rising, wide gap"
    assert "train longer" in words[1]


def test_many_points_are_thinned_and_averaged_over_all():
    losses = np.tile([1.0, 3.0], 30_000)
    figure = drawn(Curves(np.arange(60_000) / 60_000, losses))
    left = figure.axes[0]
    assert 4000 < len(points(left, "each batch")) <= 5000
    np.testing.assert_allclose(points(left, "moving average")[10:-10, 1], 2, atol=1e-3)


def test_a_long_range_of_losses_is_drawn_on_a_logarithmic_scale():
    for last, scale in ((0.5, "linear"), (0.05, "log")):
        figure = drawn(Curves(np.arange(1, 31) / 30, np.geomspace(2.3, last, 30)))
        assert figure.axes[0].get_yscale() == scale


def test_where_the_loss_stops_being_finite():
    losses = np.where(np.arange(30) < 20, 1.0, np.nan)
    values = {"loss": [1, 1, np.nan]}
    figure = drawn(Curves(np.arange(1, 31) / 10, losses, 1, values, (1, 2, 3)))
    left = figure.axes[0]
    assert [text.get_text() for text in left.texts] == ["not finite from here"]
    assert left.lines[-1].get_xdata()[0] == pytest.approx(2.1)


@pytest.mark.parametrize("epochs", [0, 1, 2, 60])
@pytest.mark.parametrize("batches", [0, 1, 40])
def test_every_amount_of_data_can_be_drawn(epochs, batches):
    positions = np.arange(1, batches + 1) / 20
    curves = Curves(positions, 1 + 0 * positions, 1, history(epochs) if epochs else {})
    curves = Curves(positions, 1 + 0 * positions, 1, curves.history, tuple(range(1, epochs + 1)))
    assert len(drawn(curves).axes) == 2


def test_the_moving_average_is_the_mean_of_what_is_there():
    values = RNG.normal(size=50)
    values[[3, 20, 21, 22]] = np.nan
    expected = [np.nanmean(values[max(0, i - 1) : i + 2]) for i in range(50) if i != 21]
    result = moving_average(values, 3)
    assert np.isnan(result[21])
    np.testing.assert_allclose(np.delete(result, 21), expected)
    np.testing.assert_array_equal(moving_average(values, 3, every=7), result[::7])
    spike = np.where(np.arange(50) == 9, 1e30, 1.0)
    np.testing.assert_array_equal(moving_average(spike, 3)[11:], 1)
