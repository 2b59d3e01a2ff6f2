"""Gates: one decision of chance, an image, over several operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
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


def draw_all(
    operations: Sequence[Any], paths: Sequence[str], draw: Any
) -> tuple[dict[str, Any], ...]:
    """Every operation's parameters, drawn by its path; it acts where all of its gates are open."""
    gates = list(dict.fromkeys(gate for op in operations for gate, _ in op.gates))
    branches = {
        gate: gate.draw(draw.within(path))
        for gate, path in zip(gates, paths_of(gates), strict=True)
    }
    parameters = []
    for op, path in zip(operations, paths, strict=True):
        drawn = op.draw(draw.within(path))
        for gate, branch in op.gates:
            drawn = op.narrow(drawn, branches[gate][branch])
        parameters.append(drawn)
    return tuple(parameters)


def paths_of(titled: Iterable[Any]) -> tuple[str, ...]:
    """A name for each: its title, and its number among those of that title."""
    seen: Counter[str] = Counter()
    paths = []
    for each in titled:
        paths.append(each.title if not seen[each.title] else f"{each.title}_{seen[each.title]}")
        seen[each.title] += 1
    return tuple(paths)
