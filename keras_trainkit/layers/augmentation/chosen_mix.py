"""One of several mixes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.gates import draw_all, paths_of
from keras_trainkit.layers.augmentation.kinds import Mix


class ChosenMix(Mix):
    """One of `mixes`, the same for all images of a batch, with partners drawn once.

    Args:
        mixes: At least one, with the same `num_classes`.
        open_branches: From a `Draw`, for each mix, whether it is the chosen one, (n,) bool.
    """

    def __init__(self, mixes: Sequence[Mix], open_branches: Callable[[Any], Any]) -> None:
        super().__init__(mixes[0].num_classes)
        self._mixes = tuple(mixes)
        self._open_branches = open_branches
        self.gives_float = any(mix.gives_float for mix in mixes)
        self.pastes = all(mix.pastes for mix in mixes)

    @property
    def title(self) -> str:
        """The names of the mixes."""
        return " or ".join(mix.title for mix in self._mixes)

    def draw(self, draw: Any) -> dict[str, Any]:
        """The place of the chosen mix, the partners, and what each mix would draw."""
        opened = [branch[:1] for branch in self._open_branches(draw)]
        chosen = tf.argmax(tf.stack(opened), output_type=tf.int32)  # the first row's, (1,) or (0,)
        own = draw_all(self._mixes, paths_of(self._mixes), draw)
        coins = [drawn.pop("applied") for drawn in own]
        partners = [drawn.pop("partner") for drawn in own]
        choice = tf.repeat(chosen, tf.shape(coins[0])[0])
        applied = [(choice == i) & coin for i, coin in enumerate(coins)]
        return {
            "applied": tf.reduce_any(tf.stack(applied), axis=0),
            "partner": partners[0],
            "choice": choice,
            "drawn": own,
        }

    def apply(self, images: Any, partner: Any, choice: Any, drawn: Any) -> tuple[Any, Any]:
        """The chosen mix's result."""

        def branch(mix: Mix, parameters: dict[str, Any]) -> Callable[[], tuple[Any, Any]]:
            def result() -> tuple[Any, Any]:
                mixed, share = mix.apply(images, partner, **parameters)
                return tf.cast(mixed, tf.float32) if self.gives_float else mixed, share

            return result

        branches = [branch(*pair) for pair in zip(self._mixes, drawn, strict=True)]
        return tf.switch_case(tf.reduce_max(choice), branches)

    def seen(self, own: Any, other: Any, size: coordinates.Size, **parameters: Any) -> Any:
        """What the chosen mix shows."""
        result = own, other
        for place, (mix, drawn) in enumerate(zip(self._mixes, parameters["drawn"], strict=True)):
            seen = mix.seen(own, other, size, **drawn)
            here = (parameters["choice"] == place)[:, None, None]
            result = tuple(tf.where(here, *pair) for pair in zip(seen, result, strict=True))
        return result
