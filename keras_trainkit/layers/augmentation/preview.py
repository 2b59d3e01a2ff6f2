"""Contact sheets: what each operation does, from weak to strong."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.draws import Draw, key_from_integer
from keras_trainkit._core.lazy import LazyModule, tf
from keras_trainkit.layers.augmentation import structures
from keras_trainkit.layers.augmentation.plan import Plan
from keras_trainkit.layers.augmentation.runs.normalization import NormalizationRun
from keras_trainkit.layers.augmentation.runs.opaque import OpaqueRun
from keras_trainkit.layers.augmentation.runs.settings import Settings

_figure: Any = LazyModule("matplotlib.figure", "plots")
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
_CELL, _LABELS, _TITLES, _EDGE = 1.5, 1.7, 0.3, 0.1  # inches
_INSET = 0.02
_SMALL = {"fontsize": 9, "color": "0.35"}


def contact_sheet(layer: Any, images: Any, seed: int) -> Any:
    """A figure with a row for each operation of `layer`, and below the images before and after.

    Args:
        layer: An augmentation.
        images: (n, h, w, c) in the layer's value range.
        seed: Of the last row.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or not images.shape[0]:
        refuse(layer, "images", "be a batch of at least one image", f"shape {tuple(images.shape)}")
    columns = len(_QUANTILES)
    single = images.shape[0] == 1
    # the last rows show as many images as there are columns
    images = tf.gather(images, np.arange(columns) % images.shape[0])
    shown = [op for op in layer.operations() if op.run is not OpaqueRun]
    strengths = []
    normalization = None
    for op in shown:
        if op.run is NormalizationRun:
            normalization = op
            continue
        chain = [op] if normalization is None else [normalization, op]
        strengths.append((op.title, _from_weak_to_strong(Plan(chain, layer.settings), op, images)))
    plan = Plan(shown, layer.settings)
    parameters = plan.draw(key_from_integer(seed), tf.range(columns))
    after = _run(plan, layer, images, parameters)
    before = images.numpy()[: 1 if single else columns]
    results = [("as it came", list(before)), ("all of it", list(after))]
    return _draw(strengths, results, layer.settings)


def _from_weak_to_strong(plan: Plan, owner: Any, images: Any) -> list[np.ndarray]:
    """The first image at each quantile."""
    draws = [Draw.fixed(quantile, images.shape[0]) for quantile in _QUANTILES]
    drawn = [[op.draw(draw.within(op.title)) for op in plan.operations] for draw in draws]
    return [_run(plan, owner, images, parameters)[0] for parameters in drawn]


def _run(plan: Plan, owner: Any, images: Any, parameters: Any) -> np.ndarray:
    result = plan(owner, structures.unpack(owner, images), parameters).images.numpy()
    for op in plan.operations:
        if op.run is NormalizationRun:
            # back to colours: what a mask fills with 0 after it is seen as the mean that it is
            mean, scale = op.constants(result.shape[-1])
            result = result / scale.numpy() + mean.numpy()
    return result


Rows = list[tuple[str, list[np.ndarray]]]


def _draw(strengths: Rows, results: Rows, settings: Settings) -> Any:
    """The rows of `strengths` under their quantiles, then those of `results`."""
    parts = [part for part in (strengths, results) if part]
    heights = [_CELL * max(_slimness(each) for each in row) for part in parts for _, row in part]
    width = _LABELS + len(_QUANTILES) * _CELL + _EDGE
    height = len(parts) * _TITLES + sum(heights) + _EDGE
    figure = _figure.Figure(figsize=(width, height))
    if strengths:
        place = (_LABELS - 0.04) / width, 1 - (_TITLES - 0.04) / height
        figure.text(*place, "quantile of the strength", ha="right", va="baseline", **_SMALL)
    top = height
    remaining = iter(heights)
    for part in parts:
        top -= _TITLES
        for line, (title, pictures) in enumerate(part):
            row = next(remaining)
            top -= row
            for column, picture in enumerate(pictures):
                left, inner = _LABELS + column * _CELL + _INSET, _CELL - 2 * _INSET
                box = (left / width, (top + _INSET) / height, inner / width)
                axis = figure.add_axes((*box, (row - 2 * _INSET) / height))
                axis.imshow(_displayable(picture, settings), cmap="gray", vmin=0, vmax=1)
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
                if part is strengths and line == 0:
                    axis.set_title(f"{_QUANTILES[column]:.0%}", pad=3, **_SMALL)
                if column == 0:
                    axis.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9)
    return figure


def _slimness(picture: np.ndarray) -> float:
    """Height by width, within bounds, so that a row is neither a line nor a tower."""
    return float(np.clip(picture.shape[0] / picture.shape[1], 0.3, 2.0))


def _displayable(picture: np.ndarray, settings: Settings) -> np.ndarray:
    scaled = np.clip((picture.astype("float32") - settings.value_range[0]) / settings.unit, 0, 1)
    return scaled[..., 0] if scaled.shape[-1] == 1 else scaled
