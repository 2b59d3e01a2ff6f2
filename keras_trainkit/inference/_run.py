"""The passes over the data: every member, every view, every draw, and their running sum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_trainkit._core.arguments import refuse
from keras_trainkit.inference._arrays import digest, rows_of
from keras_trainkit.inference._batches import Batch, Batches
from keras_trainkit.inference._forward import Forward
from keras_trainkit.inference._kept import Kept
from keras_trainkit.inference._members import Members
from keras_trainkit.inference._noise import noisy_layers
from keras_trainkit.inference._outputs import Outputs
from keras_trainkit.inference._views import each_view

_LOOK = 4  # examples of the first batch that every model is tried with


@dataclass(frozen=True)
class Step:
    """A member's share of a batch.

    Attributes:
        member: Its number.
        terms: What it gave, a row for each example, the mean over views and draws.
        total: The sum of the terms of the members up to this one.
        batch: The batch.
    """

    member: int
    terms: np.ndarray
    total: np.ndarray
    batch: Batch


@dataclass
class Run:
    """Goes through data with models, as seldom as it can.

    A pass over the data has in memory the models that were given as objects, and one from disk;
    so there are as many passes as files, and one where there is none. Between passes the sum is
    what is kept. With `kept` each pass is for one member.

    Args:
        owner: The object that the refusals name.
        members: The models.
        views: As `checked_views` gives them.
        noise: The kinds of layers that draw; None for none.
        draws: How many there are of each view.
        seed: Of the draws.
        outputs: What the models give.
        surveyed: The numbers of the members that have been tried; grows.
    """

    owner: object
    members: Members
    views: tuple[Any, ...]
    noise: tuple[type, ...] | None
    draws: int
    seed: int
    outputs: Outputs
    surveyed: set[int]

    def steps(self, batches: Batches, kept: Kept | None, bar: Any) -> Iterator[Step]:
        """The members' shares, batch by batch, pass by pass; of each batch the last is complete."""
        x, _, _ = batches.first()
        prints = [self.members.fingerprint(i) if kept else "" for i in range(len(self.members))]
        found = {}
        for number, fingerprint in enumerate(prints):
            if kept and (result := kept.read(number, fingerprint)):
                found[number] = result
        missing = [number for number in range(len(self.members)) if number not in found]
        for number in reversed(missing):  # so that the first is in memory when work begins
            self._survey(number, x)
        passes = self._passes(missing, kept is not None)
        if len(passes) > 1 and batches.once:
            refuse(
                self.owner,
                "x",
                f"be data that can be gone through {len(passes)} times, once for each of the "
                "models that are not in memory",
                "a generator",
                "Give a dataset or arrays, or loaded models.",
            )
        if batches.length is not None:
            bar.reset(len(passes) * batches.length)
        hashes = next((hashes for _, hashes in found.values()), None)
        total: np.ndarray | None = None
        for index, numbers in enumerate(passes):
            made: dict[int, list[np.ndarray]] = {n: [] for n in numbers if kept and n in missing}
            forwards = {
                n: Forward(self.members.model(n), self.noise) for n in numbers if n in missing
            }
            sums: list[np.ndarray] = []
            seen: list[str] = []
            start = 0
            for count, batch in enumerate(batches):
                if kept or len(passes) > 1:
                    seen.append(digest(batch[0]))
                    self._compare(seen, hashes, kept)
                piece = slice(start, start + rows_of(batch[0]))
                start = piece.stop
                running: Any = 0.0 if total is None else total[piece]
                for n in numbers:
                    if n in forwards:
                        terms = self._terms(n, forwards[n], count, batch[0])
                    else:
                        terms = found[n][0][piece]
                    if n in made:
                        made[n].append(terms)
                    running = running + terms
                    yield Step(n, terms, running, batch)
                if index + 1 < len(passes):
                    sums.append(running)
                bar.update()
            if hashes is not None and len(seen) < len(hashes):
                self._compare([*seen, ""], hashes, kept)
            hashes = seen
            if kept:
                for n, batches_terms in made.items():
                    kept.write(n, prints[n], np.concatenate(batches_terms), seen)
            total = np.concatenate(sums) if sums else None
            del forwards  # before the next model is loaded

    def _passes(self, missing: list[int], one_each: bool) -> list[list[int]]:
        """The members of each pass, in order: at most one of them is new to memory."""
        passes: list[list[int]] = [[]]
        loads = 0
        for number in range(len(self.members)):
            costly = number in missing and (one_each or self.members.on_disk(number))
            if costly and loads:
                passes.append([])
                loads = 0
            loads += costly
            passes[-1].append(number)
        return passes

    def _compare(self, seen: list[str], hashes: list[str] | None, kept: Kept | None) -> None:
        """Refuses data that differ from those of the pass before, or of the results on disk."""
        place = len(seen) - 1
        if hashes is None or seen[place : place + 1] == hashes[place : place + 1]:
            return
        refuse(
            self.owner,
            "x",
            f"give the same batches each time{' that `directory` is used' if kept else ''}",
            f"another batch {place + 1} than before",
            "Take out `shuffle` and whatever is random"
            + (", or choose another `directory` for other data." if kept else "."),
        )

    def _terms(self, number: int, forward: Forward, count: int, x: Any) -> np.ndarray:
        """A member's terms of a batch: the mean over views and draws, as it is kept."""
        rows = rows_of(x)
        total: Any = 0.0
        seen = 0
        for place, view in enumerate(each_view(self.views, x)):
            if rows_of(view) != rows:
                rule = f"keep the {rows} examples of a batch"
                refuse(self.owner, "views", rule, f"{rows_of(view)} from view {place + 1}")
            for draw in range(self.draws):
                key = (self.seed, number, count, place, draw)
                total = total + self.outputs.terms(forward.outputs(view, key), self._name(number))
                seen += 1
        return (total / seen).astype("float32")

    def _name(self, number: int) -> str:
        return self.members.name(number)

    def _survey(self, number: int, x: Any) -> None:
        """Tries a model with a few examples, so that nothing is refused in the middle of work."""
        model = self.members.model(number)
        expected = getattr(model, "input_shape", None)
        if isinstance(expected, tuple):
            for place, view in enumerate(each_view(self.views, x)):
                self._fit(expected, view, number, place)
        if number in self.surveyed:
            return
        if self.draws > 1 and not noisy_layers(model, self.noise or ()):
            rule = f"be 1 for a model without layers that draw, as {self._name(number)}"
            refuse(self.owner, "draws", rule, self.draws, "Name their kinds in `noise`.")
        view = next(each_view(self.views, x))
        any_size = not isinstance(expected, tuple) or expected[0] is None
        few = keras.tree.map_structure(lambda leaf: leaf[:_LOOK], view) if any_size else view
        outputs = Forward(model, self.noise).outputs(few, (self.seed, number), eager=True)
        self.outputs.terms(outputs, self._name(number))
        self.surveyed.add(number)

    def _fit(self, expected: tuple[int | None, ...], view: Any, number: int, place: int) -> None:
        """Refuses a view of another size than the model takes."""
        given = getattr(view, "shape", ())[1:]
        takes = expected[1:]
        pairs = zip(takes, given, strict=False)
        if len(given) != len(takes) or any(size not in (None, had) for size, had in pairs):
            rule = f"give what {self._name(number)} takes, {takes}"
            cure = "One view is a batch like the model's own."
            refuse(self.owner, "views", rule, f"{given} from view {place + 1}", cure)
