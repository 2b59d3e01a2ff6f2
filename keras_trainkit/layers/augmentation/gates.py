"""Gates: one decision of chance, an image, over several operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Gate:
    """Decides for each image whether the operations behind it act.

    Args:
        title: Its name in draws.
        draw: From a `Draw`, for each branch, whether it is open, (n,) bool.
    """

    def __init__(self, title: str, draw: Callable[[Any], tuple[Any, ...]]) -> None:
        self.title = title
        self.draw = draw


class Gated:
    """An operation behind a branch of a gate; in all else the operation itself.

    Args:
        operation: The operation, which may stand behind gates already.
        gate: The gate.
        branch: Which of its branches.
        p: The probability that the branch is open.
    """

    always = False

    def __init__(self, operation: Any, gate: Gate, branch: int, p: float) -> None:
        self._operation = operation
        self.gates = (*operation.gates, (gate, branch))
        self.p = operation.p * p

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operation, name)

    @property
    def revision(self) -> int:
        """The operation's, which `adapt` counts up."""
        return self._operation.revision

    @revision.setter
    def revision(self, value: int) -> None:
        self._operation.revision = value
