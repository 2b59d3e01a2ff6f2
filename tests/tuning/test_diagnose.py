"""Curves of known shape are read as what they are."""

import math

import keras
import numpy as np
import pytest

import curve_labels
from keras_trainkit.tuning import diagnose

RIGHT = {"development": 0.96, "held out": 0.98}  # `benchmarks/labelled_curves.py --score`
NAN = math.nan
E40 = np.arange(1, 41)


def towards(end, pace, start=0.1):
    return end - (end - start) * np.exp(-E40 / pace)


def accuracies(training, validation=None, **more):
    history = {"accuracy": training, "loss": 2.3 * (1.02 - np.asarray(training)), **more}
    return history if validation is None else {**history, "val_accuracy": validation}


@pytest.mark.parametrize(
    ("training", "validation", "findings", "words"),
    [
        (towards(0.9, 30), towards(0.82, 30), ("rising", "some gap"), "train longer"),
        (towards(1, 6), towards(0.65, 4), ("level", "wide gap"), "overfits: regularise it more"),
        (towards(1, 20), 0.1 + 0.012 * E40, ("rising", "wide gap"), "train longer"),
        (towards(0.6, 4), towards(0.59, 4), ("level", "no gap"), "underfits: make it bigger"),
        (towards(1, 2), towards(0.97, 2), ("level", "solved"), "hardly anything left to learn"),
        (towards(0.97, 2), towards(0.99, 2), ("level", "no gap"), "underfits: make it bigger"),
        (towards(0.5, 4), towards(0.6, 4), ("level", "validation ahead"), "augmented batches"),
        (
            towards(1, 6),
            towards(0.7, 3) - 0.003 * np.maximum(E40 - 15, 0),
            ("falling", "wide gap"),
            "worse since epoch 15: keep that snapshot",
        ),
        (towards(0.6, 4), None, ("level", "no validation"), "no gap to see"),
        (0.1 + 0.01 * E40, None, ("rising", "no validation"), "Training is still improving"),
    ],
)
def test_shapes(training, validation, findings, words):
    reading = diagnose(accuracies(training, validation))
    assert reading.findings == findings
    assert words in reading.verdict
    assert reading.metric == "accuracy"
    assert reading.training == training[-1]
    assert (
        math.isnan(reading.validation)
        if validation is None
        else (reading.validation == validation[-1])
    )


def test_the_headline():
    reading = diagnose(accuracies(towards(1, 6), towards(0.65, 4)))
    assert reading.headline == "Levelled off, wide gap"
    assert "training 1.00, validation 0.65" in reading.verdict


def test_noise_is_no_trend():
    rng = np.random.default_rng(0)
    found = [
        diagnose(accuracies(towards(1, 6), 0.6 + rng.normal(0, 0.02, 40))).findings[0]
        for _ in range(200)
    ]
    assert found.count("rising") <= 12  # two standard errors: 2.3% on average
    assert found.count("falling") <= 6


@pytest.mark.parametrize(
    ("slope", "finding"), [(0.014 / 12, "level"), (0.016 / 12, "rising"), (-0.016 / 12, "falling")]
)
def test_the_threshold_of_a_trend(slope, finding):
    # The last third of 40 epochs is 13, twelve steps.
    validation = 0.6 + slope * (E40 - 28)
    validation[:27] = 0.5 if slope > 0 else validation[27]
    reading = diagnose(accuracies(towards(1, 6), validation))
    assert reading.findings[0] == finding


@pytest.mark.parametrize(
    ("gap", "finding"),
    [
        *((0.061, "wide gap"), (0.059, "some gap"), (0.041, "some gap"), (0.039, "no gap")),
        *((-0.029, "no gap"), (-0.031, "validation ahead")),
    ],
)
def test_the_thresholds_of_a_gap(gap, finding):
    flat = np.where(E40 < 20, 0.2, 0.6)
    assert diagnose(accuracies(flat, flat - gap)).findings[1] == finding
    # Of a loss, the gap counts in shares of the first training loss, and less is better.
    of_losses = diagnose({"loss": 5 - 5 * flat, "val_loss": 5 - 5 * flat + 4 * gap})
    assert of_losses.findings[:2] == ("level", finding)
    assert of_losses.gap == pytest.approx(gap)


def test_a_loss_does_not_tell_how_low_it_can_be():
    loss = 50 * np.exp(-E40 / 3) + 0.004
    reading = diagnose({"loss": loss, "val_loss": loss})
    assert reading.findings == ("level", "no gap")
    assert (
        "so the network underfits, unless the noise in the data allows no less" in reading.verdict
    )


def test_a_loss_past_its_best():
    reading = diagnose(
        {"loss": 2.3 * np.exp(-E40 / 6), "val_loss": 2.3 * np.exp(-E40 / 4) + 0.02 * E40}
    )
    assert reading.findings == ("falling", "wide gap")
    assert reading.best_epoch == 1 + int(np.argmin(2.3 * np.exp(-E40 / 4) + 0.02 * E40))


def test_divergence():
    reading = diagnose({"loss": [2.3, 2.0, NAN, NAN], "accuracy": [0.1, 0.2, 0.1, 0.1]})
    assert reading.findings == ("diverged",)
    assert "not finite from epoch 3 on" in reading.verdict
    assert diagnose({"loss": [math.inf]}).findings == ("diverged",)
    assert diagnose({"loss": [math.inf]}).best_epoch is None
    recovered = {"loss": [2.3, NAN, 1.9, 1.5, 1.2, 1.0, 0.9, 0.8]}
    assert diagnose(recovered).findings == ("rising", "no validation")
    twice = diagnose({"loss": [2.3, NAN, 1.9, 1.5, NAN, NAN]})
    assert "training loss is not finite from epoch 5 on" in twice.verdict


def test_a_validation_that_ends_infinite_has_diverged():
    history = {"loss": 2.3 * np.exp(-E40 / 6), "val_loss": 2.4 * np.exp(-E40 / 6)}
    for broken, first in ((E40 > 38, 39), (E40 > 0, 1)):
        reading = diagnose({**history, "val_loss": np.where(broken, math.inf, history["val_loss"])})
        assert reading.findings == ("diverged",)
        assert f"validation loss is not finite from epoch {first} on" in reading.verdict
    gone = np.where(E40 > 38, NAN, history["val_loss"])  # no value, which says nothing
    assert diagnose({**history, "val_loss": gone}).findings[0] == "level"
    late_finite = np.where(E40 == 1, math.inf, history["val_loss"])
    assert diagnose({**history, "val_loss": late_finite}).findings[0] == "level"


def test_not_learning():
    flat = {"loss": 2.3 + 0.01 * np.sin(E40), "accuracy": 0.1 + 0.005 * np.sin(E40)}
    assert diagnose(flat).findings == ("not learning",)
    # A large penalty in the loss hides what the accuracy shows.
    assert diagnose({**flat, "accuracy": towards(0.6, 4)}).findings[0] == "level"
    # A network that was trained before has little left to learn.
    assert diagnose({**flat, "accuracy": np.full(40, 0.99)}).findings[0] == "level"


@pytest.mark.parametrize("epochs", [0, 1, 3, 4])
def test_too_short(epochs):
    values = [0.1, 0.4, 0.6, 0.7][:epochs]
    reading = diagnose({"loss": [1.0] * epochs, "accuracy": values, "val_accuracy": values})
    assert reading.findings == ("too short",)
    assert f"after {epochs}:" in reading.verdict
    assert reading.best_epoch == (epochs or None)


def test_too_few_values_in_epochs_enough():
    validation = [NAN, 0.4, NAN, 0.6, NAN, 0.65, NAN, 0.7]
    training = [0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85]
    reading = diagnose(accuracies(training, validation))
    assert reading.headline == "Too few values to judge"
    assert "Validation has 4 values in 8 epochs, and a trend takes at least 5" in reading.verdict


def test_epochs_without_validation():
    validation = np.full(40, NAN)
    validation[1::2] = towards(0.65, 4)[1::2]
    sparse = diagnose(accuracies(towards(1, 6), validation))
    left_out = diagnose(accuracies(towards(1, 6), validation[1::2]))  # as History has them
    assert sparse.findings == left_out.findings == ("level", "wide gap")
    assert sparse.best_epoch == left_out.best_epoch == 40


def test_a_validation_without_training():
    history = {"val_accuracy": towards(0.65, 4), "val_loss": 2.3 * np.exp(-E40 / 4)}
    for missing in ({}, {"accuracy": []}, {"accuracy": [0.1]}, {"loss": 2.3 * np.exp(-E40 / 4)}):
        reading = diagnose({**history, **missing})
        assert reading.metric == "accuracy"
        assert reading.findings == ("level", "no training")
        assert "Validation has levelled off. Without the training curve" in reading.verdict
        assert reading.best_epoch == 40
    assert diagnose({"loss": [1.0], "val_loss": -E40}).best_epoch == 40
    assert "after 3:" in diagnose({"val_loss": [1.0, 0.9, 0.8]}).verdict


def test_a_metric_by_the_name_of_its_validation():
    history = accuracies(towards(1, 6), towards(0.65, 4))
    assert diagnose(history, "val_accuracy") == diagnose(history, "accuracy")


def test_what_fit_returns_is_read():
    returned = keras.callbacks.History()
    returned.history = accuracies(towards(1, 6), towards(0.65, 4))
    assert diagnose(returned) == diagnose(returned.history)


@pytest.mark.parametrize(
    ("history", "rule"),
    [
        *((other, "be a `History`, or a mapping") for other in (None, {}, [1.0], {1: [1.0]})),
        *(
            ({"loss": curve}, "hold a number for each epoch as 'loss'")
            for curve in (0.5, ["a"], [[1.0, 2.0]], [[1.0], []], [1j])
        ),
    ],
)
def test_what_is_no_history(history, rule):
    with pytest.raises(ValueError, match=f"`diagnose`: `history` must {rule}"):
        diagnose(history)


def test_which_metric_is_read():
    history = {"auc": [0.5] * 6, "loss": [1.0] * 6, "top_5_accuracy": [0.9] * 6}
    assert diagnose(history).metric == "top_5_accuracy"
    assert diagnose({k: v for k, v in history.items() if "acc" not in k}).metric == "loss"
    assert diagnose(history, metric="auc").metric == "auc"
    assert diagnose({**history, "luck": [1.0] * 6}, metric="luck", mode="min").metric == "luck"
    with pytest.raises(ValueError, match="`diagnose`: `metric` must be one of auc, loss, top_5"):
        diagnose(history, metric="accuracy")
    with pytest.raises(ValueError, match="have a name that tells"):
        diagnose({**history, "luck": [1.0]}, metric="luck")


def test_the_numbers():
    validation = 0.2 + 0.01 * E40 + 0.02 * (-1.0) ** E40
    reading = diagnose(accuracies(0.6 + 0.01 * E40, validation))
    assert reading.findings == ("rising", "wide gap", "noisy")
    assert reading.climb == pytest.approx(0.12, abs=0.01)  # twelve steps of 0.01
    assert reading.gap == pytest.approx(0.4, abs=0.01)
    assert reading.noise == pytest.approx(0.04 / 2**0.5, abs=0.001)
    assert reading.tone == "warn"
    assert "jumps by about 0.028" in reading.verdict


@pytest.mark.parametrize(
    "loss",
    [
        np.where(E40 < 20, 2.3 * np.exp(-E40 / 6), 40.0),
        np.where(E40 % 2, 90.0, 60.0),  # far above any guess, and it jumps
        np.where(E40 == 1, 1e9, np.where(E40 % 2, 9e5, 1e3)),
        np.where(E40 < 20, -E40, 1e3),  # of densities
    ],
)
def test_explosions(loss):
    reading = diagnose({"loss": loss, "accuracy": 0.1 + 0.02 * np.sin(E40)})
    assert reading.findings == ("exploding",)
    assert reading.tone == "bad"
    assert "blown up" in reading.verdict


def test_large_losses_are_no_explosion():
    targets = 1e6 * np.exp(-E40 / 2) + 100  # of a regression
    assert diagnose({"loss": targets}).findings == ("level", "no validation")
    penalty = {"loss": 60 * np.exp(-E40 / 40), "accuracy": towards(0.8, 10)}
    assert diagnose(penalty).findings == ("rising", "no validation")


def test_losses_below_zero_are_no_explosion():
    assert diagnose({"loss": 1 - 3 * towards(1, 3)}).findings == ("level", "no validation")


def test_a_guess_among_equals_is_not_learning():
    loss = np.where(E40 == 1, 8.0, 2.33 + 0.02 * np.sin(5 * E40))  # the first epoch blew up
    reading = diagnose({"loss": loss, "accuracy": 0.1 + 0.01 * np.sin(E40)})
    assert reading.findings == ("not learning",)


def test_an_unlucky_first_guess_of_the_validation_is_no_gain():
    loss = np.where(E40 == 1, 4.7, np.where(E40 == 2, 2.41, 2.33))
    training = np.where(E40 < 3, 0.11, 0.09)
    reading = diagnose(
        {"loss": loss, "accuracy": training, "val_accuracy": np.where(E40 == 1, 0.02, 0.09)}
    )
    assert reading.findings == ("not learning",)


def test_the_start_within_the_first_epoch_is_nothing_learned():
    loss = np.where(E40 == 1, 1.5, 1 + 0.02 * np.sin(5 * E40))  # of a regression
    history = {"loss": loss, "val_loss": 1.02 + 0.01 * np.sin(E40)}
    assert diagnose(history).findings == ("not learning",)
    history["loss"] = np.where(E40 == 1, 2.5, loss)  # what fell so far was learned
    assert diagnose(history).findings[0] == "level"


def test_a_slow_gain_of_the_validation_is_learned():
    training = 0.5 + 0.05 * np.sin(5 * E40)
    validation = towards(0.58, 10, 0.48)
    loss = np.full(40, 0.68) + 0.005 * np.sin(5 * E40)
    history = {"loss": loss, "accuracy": training, "val_accuracy": validation}
    assert diagnose(history).findings[0] != "not learning"
    assert diagnose({**history, "val_accuracy": 0 * validation + 0.5}).findings == ("not learning",)


def late(flat, pace=4):
    return np.where(flat >= E40, 2.3, 2.3 * np.exp(-(E40 - flat) / pace))


def test_a_late_start():
    history = {"loss": late(8), "val_loss": late(8) + 0.1}
    reading = diagnose(history)
    assert reading.findings[2:] == ("late start",)
    assert reading.late_start == pytest.approx(8, abs=1)
    assert "initializer" in reading.verdict
    assert diagnose({**history, "val_loss": late(0)}).late_start == 0
    warming = {**history, "learning_rate": np.minimum(E40 / 8, 1)}
    assert diagnose(warming).late_start == 0
    for pace in (3, 40, 400):
        assert diagnose({"loss": late(0, pace)}).late_start == 0
    assert diagnose({"loss": 2.3 - 0.05 * E40}).late_start == 0


def test_a_step_where_the_rate_fell():
    rng = np.random.default_rng(0)
    rate = np.where(E40 <= 20, 0.1, 0.01)
    loss = np.where(E40 <= 20, 0.8, 0.4) * np.exp(0.05 * rng.normal(size=40))
    loss[:5] = [2.0, 1.6, 1.3, 1.1, 0.9]
    reading = diagnose({"loss": loss, "learning_rate": rate})
    assert reading.steps == (21,)
    assert reading.findings[2:] == ("step",)
    assert "(epoch 21)" in reading.verdict
    assert diagnose({"loss": loss}).steps == ()
    smooth = np.where(E40 <= 20, 0.1 * 0.9 ** (E40 - 1), 0.001)
    assert diagnose({"loss": loss, "learning_rate": smooth}).steps == ()
    nearly = np.where(E40 <= 20, 0.1 * 0.99 ** (E40 - 1), 0.001)
    assert diagnose({"loss": loss, "learning_rate": nearly}).steps == (21,)
    falling = {"loss": loss * np.exp(-0.02 * E40), "learning_rate": rate}
    assert diagnose(falling).steps == (21,)
    steady = {"loss": 2.3 * np.exp(-E40 / 5), "learning_rate": 0.5**E40}
    assert diagnose(steady).steps == ()


@pytest.mark.parametrize("half", ["development", "held out"])
def test_curves_of_networks_that_were_trained_into_a_state(half):
    runs = curve_labels.labelled(half)
    readings = [diagnose(run["history"], run["metric"]).findings for run in runs]
    right = sum(map(curve_labels.is_right, readings, runs))
    assert len(runs) >= 80
    assert right >= RIGHT[half] * len(runs), curve_labels.table(runs, readings)


def test_right_is_all_that_must_be_found_and_nothing_that_must_not():
    run = {"has": ["wide gap"], "lacks": ["no gap", "rising"]}
    assert curve_labels.is_right(("level", "wide gap"), run)
    assert not curve_labels.is_right(("level", "some gap"), run)
    assert not curve_labels.is_right(("rising", "wide gap"), run)


def test_no_network_and_no_data_set_stands_in_both_halves():
    pairs = [{run["pair"] for run in curve_labels.labelled(half)} for half in RIGHT]
    assert all(pairs)
    assert not set.intersection(*pairs)
