"""What was seen in learning curves, in words and in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Meaning(NamedTuple):
    """What a finding is called, how grave it is, what it is and what it asks for."""

    title: str
    tone: str
    words: str


MEANINGS = {
    "diverged": Meaning(
        "Diverged",
        "bad",
        "The {which} is not finite from epoch {broken} on. Lower the learning rate or warm "
        "it up, clip the gradients, and look for NaN in the data.",
    ),
    "exploding": Meaning(
        "Exploding",
        "bad",
        "The training loss has blown up ({losses}). Lower the learning rate or warm it up, clip "
        "the gradients, and look at the initial weights.",
    ),
    "too short": Meaning(
        "Too short to judge",
        "plain",
        "A trend takes at least {fewest} epochs; after {epochs}: {values}.",
    ),
    "too few": Meaning(
        "Too few values to judge",
        "plain",
        "{judged} has {count} values in {epochs} epochs, and a trend takes at least {fewest}: "
        "{values}.",
    ),
    "not learning": Meaning(
        "Not learning",
        "bad",
        "The training loss hardly moved ({values}). The learning rate is far too low or too high, "
        "or the initial weights are wrong: overfit a few batches first.",
    ),
    "rising": Meaning("Still rising", "warn", "{judged} is still improving: train longer."),
    "falling": Meaning(
        "Past its best",
        "warn",
        "{judged} has become worse since epoch {best}: keep that snapshot and stop earlier.",
    ),
    "level": Meaning("Levelled off", "good", "{judged} has levelled off."),
    "wide gap": Meaning(
        "Wide gap",
        "warn",
        "Training is far ahead ({values}), so the network overfits: regularise it more or get "
        "more data.",
    ),
    "some gap": Meaning(
        "Moderate gap",
        "good",
        "Training is a little ahead ({values}), as it should be: for more, a bigger network and "
        "more regularisation together.",
    ),
    "no gap": Meaning(
        "No gap",
        "warn",
        "Training is not ahead ({values}), so the network underfits{floor}: make it bigger, train "
        "it longer or regularise it less.",
    ),
    "solved": Meaning(
        "No gap",
        "good",
        "Training has hardly anything left to learn and validation is close to it ({values}): "
        "for the rest, regularise it more or get more data.",
    ),
    "validation ahead": Meaning(
        "Validation ahead",
        "plain",
        "Validation is ahead ({values}), because training is measured on augmented batches and "
        "with dropout: measure the training set as it is to see the gap.",
    ),
    "no validation": Meaning(
        "No validation",
        "plain",
        "Without validation data there is no gap to see.",
    ),
    "no training": Meaning(
        "No training curve",
        "plain",
        "Without the training curve there is no gap to see.",
    ),
    "late start": Meaning(
        "Late start",
        "warn",
        "The training loss stood still for the first {late_start} epochs: the initial weights are "
        "wrong, most likely too small; give each layer the initializer of its activation.",
    ),
    "step": Meaning(
        "A step where the rate fell",
        "plain",
        "Training leapt when the learning rate fell (epoch {steps}): the rate before was too high "
        "to settle, so let it fall as soon as the curve is level, or by a smooth schedule.",
    ),
    "noisy": Meaning(
        "Noisy validation",
        "warn",
        "From epoch to epoch validation jumps by about {noise}, so smaller differences between "
        "epochs or runs mean nothing: validate on more data, or lower the rate towards the end.",
    ),
}
_TONES = ("bad", "warn", "good", "plain")  # what one finding says outweighs those after it


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` saw.

    Points are those of the metric; where less of it is better, shares of the training loss of
    the first epoch. More points are better, either way.

    Attributes:
        findings: `"diverged"`, `"exploding"`, `"too short"`, `"too few"` (values in at least five
            epochs) or `"not learning"` alone; else one of `"rising"`, `"falling"`, `"level"`; one
            of `"wide gap"`, `"some gap"`, `"no gap"`, `"solved"` (no gap, and training at 0.98 or
            more), `"validation ahead"`, `"no validation"`, `"no training"`; and any of
            `"late start"`, `"step"`, `"noisy"`.
        verdict: The same in sentences, and what each asks for.
        metric: The metric that was read.
        training: Its last finite value on the training data, or NaN.
        validation: The same on the validation data.
        best_epoch: The epoch, counted from 1, of the best value on the validation data (on the
            training data where there is none); None where no value is finite.
        gap: How many points training is ahead at the end, or NaN.
        climb: The points that validation (or training, where there is none) gained over the
            last third.
        lost: The points by which it ends below its best.
        noise: The points by which it jumps from one epoch to the next.
        late_start: The epochs at the start in which the training loss stood still.
        steps: The epochs, counted from 1, that began with a fall of the learning rate and a leap.
    """

    findings: tuple[str, ...]
    verdict: str
    metric: str
    training: float
    validation: float
    best_epoch: int | None
    gap: float
    climb: float
    lost: float
    noise: float
    late_start: int
    steps: tuple[int, ...]

    @property
    def headline(self) -> str:
        """The findings in a line, as a title."""
        words = [MEANINGS[finding].title for finding in self.findings]
        return ", ".join([words[0], *(word.lower() for word in words[1:])])

    @property
    def tone(self) -> str:
        """`"bad"`, `"warn"`, `"good"` or `"plain"`: the gravest of the findings."""
        return min((MEANINGS[finding].tone for finding in self.findings), key=_TONES.index)
