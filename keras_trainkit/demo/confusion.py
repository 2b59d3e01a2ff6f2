"""Which classes are taken for which, and the images that it happened to."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core.lazy import LazyModule

_figure: Any = LazyModule("matplotlib.figure", "demo")
_EXAMPLES = 12


def confusion_picture(
    images: np.ndarray, labels: np.ndarray, predicted: np.ndarray, class_names: tuple[str, ...]
) -> Any:
    """A matrix of true class by predicted class, and the first images that were mistaken.

    Args:
        images: (n, h, w, 3) uint8.
        labels: (n,) true class ids.
        predicted: (n,) predicted class ids.
        class_names: Of the ids.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    classes = len(class_names)
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (labels, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = _figure.Figure(figsize=(11, 5.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1))
    axis = left.subplots()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts):
        dark = shares[row, column] > 0.5
        color = "white" if dark else "black"
        axis.text(column, row, counts[row, column], ha="center", va="center", color=color)
    axis.set(xticks=range(classes), yticks=range(classes), xlabel="predicted", ylabel="true")
    axis.set_xticklabels(class_names)
    axis.set_yticklabels(class_names)
    accuracy = (labels == predicted).mean()
    axis.set_title(f"{accuracy:.1%} of {len(labels):,} test images right")
    _draw_mistakes(right, images, labels, predicted, class_names)
    return figure


def _draw_mistakes(
    panel: Any,
    images: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    class_names: tuple[str, ...],
) -> None:
    mistaken = np.flatnonzero(labels != predicted)[:_EXAMPLES]
    panel.suptitle("Mistaken: true as predicted" if len(mistaken) else "Nothing was mistaken")
    cells = panel.subplots(3, _EXAMPLES // 3, squeeze=False).ravel()
    for cell in cells:
        cell.set_axis_off()
    for cell, index in zip(cells, mistaken, strict=False):
        cell.imshow(images[index])
        names = class_names[labels[index]], class_names[predicted[index]]
        cell.set_title(" as ".join(names), fontsize=9)
