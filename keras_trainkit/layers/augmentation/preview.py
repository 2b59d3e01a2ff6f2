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
_CELL = 1.5  # inches


def contact_sheet(layer: Any, images: Any, seed: int) -> Any:
    """A figure with a row for each operation of `layer`, and one for all of it.

    Args:
        layer: An augmentation.
        images: (n, h, w, c) in the layer's value range.
        seed: Of the last row.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or not images.shape[0]:
        refuse(layer, "images", "be a batch of at least one image", f"shape {tuple(images.shape)}")
    columns = len(_QUANTILES)
    # the last row shows as many images as there are columns
    images = tf.gather(images, np.arange(columns) % images.shape[0])
    shown = [op for op in layer.operations() if op.run is not OpaqueRun]
    rows = []
    normalization = None
    for op in shown:
        if op.run is NormalizationRun:
            normalization = op
            continue
        chain = [op] if normalization is None else [normalization, op]
        rows.append((op.title, _from_weak_to_strong(Plan(chain, layer.settings), op, images)))
    plan = Plan(shown, layer.settings)
    parameters = plan.draw(key_from_integer(seed), tf.range(columns))
    rows.append(("all of it", list(_run(plan, layer, images, parameters))))
    return _draw(rows, layer.settings)


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


def _draw(rows: list[tuple[str, list[np.ndarray]]], settings: Settings) -> Any:
    columns = len(_QUANTILES)
    figure = _figure.Figure(
        figsize=(_CELL * columns + 1.7, _CELL * len(rows) + 0.4), layout="constrained"
    )
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (title, pictures) in zip(axes, rows, strict=True):
        for axis, picture in zip(line, pictures, strict=True):
            axis.imshow(_displayable(picture, settings), cmap="gray", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        line[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9)
    if len(rows) > 1:
        for axis, quantile in zip(axes[0], _QUANTILES, strict=True):
            axis.set_title(f"{quantile:.0%}", fontsize=9, color="0.35")
    return figure


def _displayable(picture: np.ndarray, settings: Settings) -> np.ndarray:
    scaled = np.clip((picture.astype("float32") - settings.value_range[0]) / settings.unit, 0, 1)
    return scaled[..., 0] if scaled.shape[-1] == 1 else scaled
