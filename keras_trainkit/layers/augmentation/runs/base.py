"""What a run is, and what it does to masks and points unless it says otherwise.

An operation names the run that it belongs to in its class attribute `run`, and joins its
neighbour's where `accepts` says so.  Parameters reach a run as one dictionary for each of its
operations, empty where chance is off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras_trainkit.layers.augmentation.algebra.coordinates import Size
from keras_trainkit.layers.augmentation.runs.settings import Settings

Parameters = Sequence[dict[str, Any]]


class Run:
    """Neighbouring operations that are carried out as one.

    Args:
        operations: The operations, in order.
        settings: The pipeline's.
    """

    label: str
    """What the run does, in a few words."""
    clips = False
    """Whether its result lies in `value_range`, which must then fit the images."""

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        self.operations = tuple(operations)
        self.settings = settings

    def accepts(self, operation: Any) -> bool:
        """Whether `operation`, the next one, may join this run."""
        return operation.run is type(self)

    __call__: Callable[..., Any]
    """The images after this run, from the images, the parameters, and the dtype of the result.

    The dtype, if any, is the whole plan's: the last run gives it in the kernel that it runs anyway.
    """

    def __str__(self) -> str:
        return f"{self.label}: {', '.join(op.title for op in self.operations)}"

    def move_masks(self, masks: Any, parameters: Parameters) -> Any:
        """Segmentation masks (n, h, w, c) of the images, after this run, in their own dtype."""
        return masks

    def move_points(self, points: Any, size: Size, parameters: Parameters) -> Any:
        """Where the run puts (n, k, 2) points (y, x) of images of `size`.

        In pixels from the centre of the top-left one, float32.
        """
        return points


class PointwiseRun(Run):
    """A run in which a pixel of the result depends on one pixel: neighbours share a kernel."""

    pixels: Callable[[Any, Parameters], Any]
    """The images after this run, from the images and the parameters, inside the kernel."""
