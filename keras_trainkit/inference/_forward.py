"""One member's predictions, without a trace left in it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import keras
import numpy as np

from keras_trainkit.inference._noise import drawing


class Forward(keras.Model):
    """Runs another model in testing mode, its noise on or off, compiled as Keras compiles.

    The seeds of the member's draws are an input, and the call is stateless: nothing is assigned
    to the member's variables, whatever becomes of the call.

    Args:
        member: A built model.
        noise: The kinds of layers that draw; None where none does.
    """

    def __init__(self, member: keras.Model, noise: tuple[type, ...] | None) -> None:
        super().__init__(autocast=False)
        self.member = member
        self._noise = noise
        self._states = _seed_states(member)
        self.built = True  # the member is; and it has no weights of its own
        self.compile()  # for the backend's way of compiling

    def outputs(self, x: Any, key: tuple[int, ...], eager: bool = False) -> Any:
        """The member's outputs for a batch of arrays.

        Args:
            x: What the member takes.
            key: Whole numbers that the draws depend on, and on nothing else.
            eager: Without compiling, for a look at a few examples.
        """
        numbers = np.random.SeedSequence(key).generate_state(2 * len(self._states))
        seeds = (numbers >> 1).astype("int32").reshape(-1, 2)  # a sign in some backends' seeds
        if eager:
            return keras.tree.map_structure(keras.ops.convert_to_numpy, self((x, seeds)))
        return self.predict_on_batch((x, seeds))

    def call(self, inputs: Any) -> Any:
        """The member's outputs."""
        x, seeds = inputs
        member = self.member
        given = {state: seeds[row] for row, state in enumerate(self._states)}
        trainable = [variable.value for variable in member.trainable_variables]
        others = [
            given.get(id(variable), variable.value) for variable in member.non_trainable_variables
        ]
        noise = nullcontext() if self._noise is None else drawing(member, self._noise)
        with noise:
            outputs, _ = member.stateless_call(trainable, others, x, training=False)
        return outputs


def _seed_states(member: keras.Model) -> tuple[int, ...]:
    """The ids of the variables that are the states of the member's `SeedGenerator`s."""
    kind = keras.random.SeedGenerator(0).state.dtype
    weights = {id(variable) for variable in member.weights}
    return tuple(
        id(variable)
        for variable in member.non_trainable_variables
        if id(variable) not in weights and tuple(variable.shape) == (2,) and variable.dtype == kind
    )
