"""Figures of the report against scikit-learn and slow NumPy; the picture has them."""

import numpy as np
import pytest
from members import CLASSES, classifier, images, labels
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, log_loss

from keras_trainkit.inference import AveragedPredictor
from keras_trainkit.inference.calibration import Calibration


@pytest.fixture(scope="module")
def models():
    return [classifier(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def report(models):
    return AveragedPredictor(models).report(images(60), labels(60), batch_size=16, verbose=0)


def members_probabilities(models, rows=60):
    return [AveragedPredictor(model).predict(images(rows), verbose=0) for model in models]


def slow_error(confidences, right, bins=15):
    """Of Guo et al. 2017, example by example."""
    error = 0.0
    for low in range(bins):
        inside = [i for i, c in enumerate(confidences) if low / bins < c <= (low + 1) / bins]
        if inside:
            accuracy = sum(right[i] for i in inside) / len(inside)
            confidence = sum(confidences[i] for i in inside) / len(inside)
            error += len(inside) / len(confidences) * abs(accuracy - confidence)
    return error


def test_accuracy_and_loss_of_members_and_of_their_averages(models, report):
    y, single = labels(60), members_probabilities(models)
    for k, p in enumerate(single):
        averaged = np.mean(single[: k + 1], axis=0)
        for q, accuracy, loss in (
            (p, report.accuracies[k], report.losses[k]),
            (averaged, report.averaged_accuracies[k], report.averaged_losses[k]),
        ):
            assert accuracy == pytest.approx(accuracy_score(y, q.argmax(-1)))
            assert loss == pytest.approx(log_loss(y, q, labels=range(CLASSES)), rel=1e-5)


def test_calibration(models, report):
    y, p = labels(60), np.mean(members_probabilities(models), axis=0)
    confidences, right = p.max(-1), p.argmax(-1) == y
    calibration = report.averaged_calibration
    accuracy, confidence = calibration_curve(right, confidences, n_bins=15)
    there = calibration.counts > 0
    np.testing.assert_allclose(calibration.accuracies[there], accuracy)
    np.testing.assert_allclose(calibration.confidences[there], confidence, rtol=1e-5)
    assert calibration.counts.sum() == 60
    assert calibration.error == pytest.approx(slow_error(confidences, right), rel=1e-5)
    assert calibration.excess == pytest.approx(confidences.mean() - right.mean(), rel=1e-4)
    first = members_probabilities(models[:1])[0]
    expected = slow_error(first.max(-1), first.argmax(-1) == y)
    assert report.calibrations[0].error == pytest.approx(expected, rel=1e-5)


def test_edges_belong_to_the_bin_below():
    calibration = Calibration()
    calibration.add(np.array([1 / 15, 0.5, 1.0]), np.array([True, False, True]))
    assert np.flatnonzero(calibration.counts).tolist() == [0, 7, 14]


def test_from_disk_with_one_hot_labels_it_is_the_same(models, report, tmp_path):
    paths = [tmp_path / f"{k}.keras" for k in range(3)]
    for model, path in zip(models, paths, strict=True):
        model.save(path)
    again = AveragedPredictor(paths).report(
        images(60), np.eye(CLASSES)[labels(60)], batch_size=16, verbose=0
    )
    assert again.losses == pytest.approx(report.losses, rel=1e-6)
    assert again.averaged_accuracies == report.averaged_accuracies
    assert again.averaged_calibration.error == pytest.approx(report.averaged_calibration.error)


def test_one_sigmoid():
    model = classifier(classes=1, activation="sigmoid")
    y = labels(60) % 2
    p = AveragedPredictor(model).predict(images(60), verbose=0)[:, 0]
    report = AveragedPredictor(model).report(images(60), y[:, None], verbose=0)
    assert report.accuracies[0] == pytest.approx(np.mean((p > 0.5) == y))
    assert report.losses[0] == pytest.approx(log_loss(y, p), rel=1e-5)
    assert report.headline == f"One model: {report.accuracies[0]:.1%}"


def test_the_words_have_the_figures(report):
    text = str(report)
    assert f"{report.averaged_accuracies[-1]:.1%}" in report.headline
    assert f"{100 * abs(report.gain):.1f} points" in report.headline
    for name, accuracy in zip(report.names, report.accuracies, strict=True):
        line = next(line for line in text.splitlines() if line.startswith(name))
        assert f"{accuracy:.1%}" in line
    assert f"{report.averaged_calibration.error:.1%}" in report.verdict


def test_the_picture_has_the_figures(report, tmp_path):
    figure = report.draw()
    accuracy, loss, reliability = figure.axes
    for axes, single, averaged in (
        (accuracy, report.accuracies, report.averaged_accuracies),
        (loss, report.losses, report.averaged_losses),
    ):
        drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
        np.testing.assert_array_equal(drawn["each member alone"], single)
        np.testing.assert_array_equal(drawn["average so far"], averaged)
    calibration = report.averaged_calibration
    there = calibration.counts > 0
    expected = np.stack([calibration.confidences, calibration.accuracies], 1)[there]
    np.testing.assert_array_equal(reliability.collections[-1].get_offsets(), expected)
    figure.savefig(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 10_000
