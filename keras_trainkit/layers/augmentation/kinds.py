"""The kinds of operation; a member adds `sample` and its element, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.base import Operation
from keras_trainkit.layers.augmentation.runs.color import ColorRun
from keras_trainkit.layers.augmentation.runs.filters import FilterRun
from keras_trainkit.layers.augmentation.runs.geometry import AFFINE, GeometryRun, Lengths
from keras_trainkit.layers.augmentation.runs.masks import MaskRun
from keras_trainkit.layers.augmentation.runs.mixes import MixRun
from keras_trainkit.layers.augmentation.runs.policies import PolicyRun
from keras_trainkit.layers.augmentation.runs.settings import Settings
from keras_trainkit.layers.augmentation.runs.tone import ToneRun


class Geometry(Operation):
    """Moves pixels: `element(size, **parameters)` is an (n, 2, 3) coordinate map.

    At the level PROJECTIVE it is (n, 3, 3), at CURVED a lens' (n, 2) coefficients.
    """

    run = GeometryRun
    level = AFFINE
    """How general its maps are: LATTICE (whole pixels), AXIS (no cross terms), AFFINE and on."""
    reaches_out = True
    """Whether its maps can point beyond the border."""
    windows = True
    """Whether a part of the image can be left out."""

    def shrink(self, size: Lengths) -> tuple[float, float]:
        """The largest factors by which it shrinks an image of this (height, width).

        Infinite where that depends on a length that is None: not known yet.
        """
        return 1.0, 1.0

    element: Callable[..., Any]

    def rest(self, size: coordinates.Size, rows: Any) -> Any:
        """The map where chance is off."""
        return coordinates.identity(rows)


class FixedGeometry(Geometry):
    """Geometry without chance: its map is its `rest`, in training and at evaluation alike."""

    always = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.p != 1:
            refuse(self, "p", "be 1, since there is no chance in it", self.p)

    def draw(self, draw: Any) -> dict[str, Any]:
        """Nothing."""
        return {}


class Color(Operation):
    """Maps colours: `element(mean, unit, **parameters)` is an (n, c, c + 1) matrix.

    `mean` (n, c) is the image's mean colour as the operation receives it, `unit` the width of
    the value range.
    """

    run = ColorRun
    channels: tuple[int, ...] | None = (3, 4)
    uniform = False
    """Whether it scales and shifts all channels alike, and nothing else."""

    element: Callable[..., Any]


class Tone(Operation):
    """Maps grey levels: `element(histogram, **parameters)` is an (n or 1, c or 1, 256) curve.

    `histogram` (n, c, 256) counts the levels of the image as the operation receives it; None
    where no operation of the run reads it.
    """

    run = ToneRun
    reads_histogram = False
    """Whether its curve depends on the image."""
    element: Callable[..., Any]


class CertainTone(Tone):
    """A tone curve that the image alone decides: no chance but for `p`."""

    optional = True
    reads_histogram = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.always = self.p == 1


class Filter(Operation):
    """Reads a pixel's neighbours, in `stages`: functions of (images, **parameters), a kernel each.

    The first gets the images extended by `reach` pixels, up and down, left and right; the last
    gives float32 images of the original size.
    """

    run = FilterRun
    reach = (0, 0)
    stages: tuple[Callable[..., Any], ...]


class Mask(Operation):
    """Covers places: `element(size, **parameters)` is (n, h, w, 1) bool.

    Args:
        fill: The colour that covers, in the images' values: a number, or one for each channel.
            Default 0.
        mask_fill: The class id that segmentation masks have where their image is covered; by
            default they stay as they are.
        **kwargs: As in `Operation`.
    """

    run = MaskRun
    element: Callable[..., Any]

    def __init__(
        self,
        fill: float | tuple[float, ...] = 0.0,
        mask_fill: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(fill, list | tuple):
            self.fill: float | tuple[float, ...] | None = arguments.numbers_of(self, "fill", fill)
            self.channels = (len(self.fill),)
        else:
            self.fill = arguments.number(self, "fill", fill)
        self.mask_fill = (
            None if mask_fill is None else arguments.integer(self, "mask_fill", mask_fill, 0)
        )

    def colors(self, images: Any, settings: Settings, drawn: dict[str, Any]) -> Any:
        """What stands in the covered places, of a shape that broadcasts with the images."""
        return tf.constant(self.fill)


class Mix(Operation):
    """Mixes each image with a partner: `apply(images, partner, **parameters)`.

    It gives the mixed images, and each one's own share of its label, (n,) float32.
    Integer labels become one-hot rows of `num_classes` float32 columns, also at evaluation;
    floating labels of any shape, and sample weights, are mixed along their first axis.

    Args:
        num_classes: The number of classes, needed where labels are integers.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.
    """

    run = MixRun
    pastes = False
    """Whether a pixel of the result is one image's or the other's, so that class ids stay ids."""
    apply: Callable[..., tuple[Any, Any]]

    def seen(self, own: Any, other: Any, size: coordinates.Size, **parameters: Any) -> Any:
        """What shows of the image's boxes and of its partner's, (n, k, 4) each."""
        return own, other

    def __init__(self, num_classes: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = (
            None if num_classes is None else arguments.integer(self, "num_classes", num_classes, 2)
        )

    def mixable(self, labels: Any) -> Any:
        """Labels as numbers that can be mixed.

        Raises:
            ValueError: for integer labels where `num_classes` is None, and for labels that are
                ragged or no numbers.
        """
        if isinstance(labels, tf.RaggedTensor):
            cure = "Pad them with `to_tensor`."
            refuse(self.title, "labels", "be dense, to be mixed", "a RaggedTensor", cure)
        if labels.dtype.is_floating:
            return labels
        if not labels.dtype.is_integer:
            refuse(self.title, "labels", "be integers or floating", labels.dtype.name)
        if self.num_classes is None:
            refuse(
                self.title,
                "num_classes",
                "be given where labels are integers",
                None,
                "Pass the number of classes, or one-hot labels of a floating dtype.",
            )
        if labels.shape.rank == 2 and labels.shape[1] == self.num_classes:
            return tf.cast(labels, tf.float32)
        if labels.shape.rank == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        message = f"`{self.title}`: class ids must lie in [0, {self.num_classes})."
        labels = tf.cast(labels, tf.int64)
        checks = [
            tf.debugging.assert_non_negative(labels, message=message),
            tf.debugging.assert_less(labels, tf.constant(self.num_classes, tf.int64), message),
        ]
        with tf.control_dependencies([check for check in checks if check is not None]):
            return tf.one_hot(labels, self.num_classes)


class Policy(Operation):
    """Chooses for each image: `element(size, **parameters)` is its steps, (n, steps, 2) float32.

    A step is the place of an operation in `runs.policies.OPERATIONS`, and an amount in its units.
    """

    run = PolicyRun
    channels: tuple[int, ...] | None = (1, 3)

    element: Callable[..., Any]
