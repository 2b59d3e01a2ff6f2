"""Curves of known shape are read as what they are."""

import math

import numpy as np
import pytest
from keras_trainkit.callbacks.read_curves import read_curves

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
        (towards(0.9, 30), towards(0.85, 30), ("rising", "some gap"), "train longer"),
        (towards(1, 6), towards(0.65, 4), ("level", "wide gap"), "overfits: regularise it more"),
        (towards(1, 20), 0.1 + 0.012 * E40, ("rising", "wide gap"), "train longer"),
        (towards(0.6, 4), towards(0.59, 4), ("level", "no gap"), "underfits: make it bigger"),
        (towards(1, 2), towards(0.99, 2), ("level", "solved"), "little is left to gain"),
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
    reading = read_curves(accuracies(training, validation))
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
    reading = read_curves(accuracies(towards(1, 6), towards(0.65, 4)))
    assert reading.headline == "Levelled off, wide gap"
    assert "training 1.00, validation 0.65" in reading.verdict


def test_noise_is_no_trend():
    rng = np.random.default_rng(0)
    found = [
        read_curves(accuracies(towards(1, 6), 0.6 + rng.normal(0, 0.02, 40))).findings[0]
        for _ in range(200)
    ]
    assert found.count("rising") <= 12  # two standard errors: 2.3% on average
    assert found.count("falling") <= 6


@pytest.mark.parametrize(
    ("slope", "finding"), [(0.019 / 12, "level"), (0.021 / 12, "rising"), (-0.021 / 12, "falling")]
)
def test_the_threshold_of_a_trend(slope, finding):
    # The last third of 40 epochs is 13, twelve steps.
    validation = 0.6 + slope * (E40 - 28)
    validation[:27] = 0.5 if slope > 0 else validation[27]
    reading = read_curves(accuracies(towards(1, 6), validation))
    assert reading.findings[0] == finding


@pytest.mark.parametrize(
    ("gap", "finding"),
    [
        *((0.101, "wide gap"), (0.099, "some gap"), (0.021, "some gap"), (0.019, "no gap")),
        *((-0.019, "no gap"), (-0.021, "validation ahead")),
    ],
)
def test_the_thresholds_of_a_gap(gap, finding):
    flat = np.where(E40 < 20, 0.2, 0.6)
    assert read_curves(accuracies(flat, flat - gap)).findings[1] == finding
    # Of a loss, the gap counts in shares of the first training loss, and less is better.
    assert read_curves({"loss": 5 - 5 * flat, "val_loss": 5 - 5 * flat + 4 * gap}).findings == (
        "level",
        finding,
    )


def test_a_loss_past_its_best():
    reading = read_curves(
        {"loss": 2.3 * np.exp(-E40 / 6), "val_loss": 2.3 * np.exp(-E40 / 4) + 0.02 * E40}
    )
    assert reading.findings == ("falling", "wide gap")
    assert reading.best_epoch == 1 + int(np.argmin(2.3 * np.exp(-E40 / 4) + 0.02 * E40))


def test_divergence():
    reading = read_curves({"loss": [2.3, 2.0, NAN, NAN], "accuracy": [0.1, 0.2, 0.1, 0.1]})
    assert reading.findings == ("diverged",)
    assert "not finite from epoch 3 on" in reading.verdict
    assert read_curves({"loss": [math.inf]}).findings == ("diverged",)
    assert read_curves({"loss": [math.inf]}).best_epoch is None
    recovered = {"loss": [2.3, NAN, 1.9, 1.5, 1.2, 1.0, 0.9, 0.8]}
    assert read_curves(recovered).findings == ("rising", "no validation")


def test_not_learning():
    flat = {"loss": 2.3 + 0.01 * np.sin(E40), "accuracy": 0.1 + 0.005 * np.sin(E40)}
    assert read_curves(flat).findings == ("not learning",)
    # A large penalty in the loss hides what the accuracy shows.
    assert read_curves({**flat, "accuracy": towards(0.6, 4)}).findings[0] == "level"
    # A network that was trained before has little left to learn.
    assert read_curves({**flat, "accuracy": np.full(40, 0.99)}).findings[0] == "level"


@pytest.mark.parametrize("epochs", [0, 1, 3, 4])
def test_too_short(epochs):
    values = [0.1, 0.4, 0.6, 0.7][:epochs]
    reading = read_curves({"loss": [1.0] * epochs, "accuracy": values, "val_accuracy": values})
    assert reading.findings == ("too short",)
    assert f"after {epochs}:" in reading.verdict
    assert reading.best_epoch == (epochs or None)


def test_epochs_without_validation():
    validation = np.full(40, NAN)
    validation[1::2] = towards(0.65, 4)[1::2]
    sparse = read_curves(accuracies(towards(1, 6), validation))
    left_out = read_curves(accuracies(towards(1, 6), validation[1::2]))  # as History has them
    assert sparse.findings == left_out.findings == ("level", "wide gap")
    assert sparse.best_epoch == left_out.best_epoch == 40


def test_which_metric_is_read():
    history = {"auc": [0.5] * 6, "loss": [1.0] * 6, "top_5_accuracy": [0.9] * 6}
    assert read_curves(history).metric == "top_5_accuracy"
    assert read_curves({k: v for k, v in history.items() if "acc" not in k}).metric == "loss"
    assert read_curves(history, metric="auc").metric == "auc"
    assert read_curves({**history, "luck": [1.0] * 6}, metric="luck", mode="min").metric == "luck"
    with pytest.raises(ValueError, match="`read_curves`: `metric` must be one of auc, loss, top_5"):
        read_curves(history, metric="accuracy")
    with pytest.raises(ValueError, match="have a name that tells"):
        read_curves({**history, "luck": [1.0]}, metric="luck")
