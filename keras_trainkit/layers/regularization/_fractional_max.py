"""The maximum over regions of one axis, by gathers alone, in the gradient too."""

from __future__ import annotations

from typing import Any

from keras import ops


def fractional_max(inputs: Any, boundaries: Any, axis: int, overlapping: bool) -> Any:
    """The maximum over each region of `axis`.

    Args:
        inputs: A tensor.
        boundaries: Where the regions start, from 0, and the length of the axis; one or two apart.
        axis: The axis that the regions divide.
        overlapping: Whether each region also has the first element of the next.

    Returns:
        The tensor with one element a region.  The gradient of a region goes to one element, the
        first of the largest.
    """
    starts, ends = boundaries[:-1], boundaries[1:]
    length = ops.shape(inputs)[axis]
    # A narrow region repeats an element; being no larger than itself, it never wins twice.
    if overlapping:
        places = [ops.minimum(place, length - 1) for place in (starts + 1, ends)]
    else:
        places = [ends - 1]

    @ops.custom_gradient
    def pool(inputs: Any) -> tuple[Any, Any]:
        best = ops.take(inputs, starts, axis=axis)
        winner = None  # its place within the region: 0, 1 or 2
        for number, place in enumerate(places, 1):
            other = ops.take(inputs, place, axis=axis)
            won = ops.cast(other > best, "int8")
            winner = won if winner is None else ops.maximum(winner, number * won)
            best = ops.maximum(best, other)

        def gradient(*args: Any, upstream: Any = None) -> Any:
            upstream = args[0] if upstream is None else upstream

            def share(region: Any, place: Any) -> Any:
                """What comes from one region to the elements that have this place in it."""
                shape = [1] * len(inputs.shape)
                shape[axis] = -1
                mine = ops.take(winner, region, axis=axis) == ops.reshape(place, shape)
                return ops.where(mine, ops.take(upstream, region, axis=axis), 0)

            element = ops.arange(length, dtype="int32")
            region = ops.cast(ops.searchsorted(ends, element, side="right"), "int32")
            place = element - ops.take(starts, region)
            total = share(region, ops.cast(place, "int8"))
            if overlapping:
                before = ops.maximum(region - 1, 0)
                shared = (place == 0) & (region > 0)
                last = ops.where(shared, ops.take(ends - starts, before), -1)
                total = total + share(before, ops.cast(last, "int8"))
            return total

        return best, gradient

    return pool(inputs)
