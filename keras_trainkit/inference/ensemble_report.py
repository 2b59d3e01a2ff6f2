"""What averaging is worth, and whether its probabilities can be believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_trainkit.inference.calibration import Calibration
from keras_trainkit.inference.draw_report import draw_report


@dataclass(frozen=True, eq=False)
class EnsembleReport:
    """Each member, the average as members are added, and its calibration: data, text, picture.

    `AveragedPredictor.report(x, y)` makes one. `print` shows it as a table; `draw()` as a picture.

    Args:
        names: The members' names.
        accuracies: Of each member alone, between 0 and 1.
        losses: Of each member alone, the mean negative log-likelihood of the right class, in
            nats. Probabilities count as at least 1.2e-7, the precision of float32.
        calibrations: Of each member alone.
        averaged_accuracies: Of the average of the first 1, 2, ... members.
        averaged_losses: Of the average of the first 1, 2, ... members.
        averaged_calibration: Of the average of all: counts, confidences and accuracies by bin,
            and `.error`, the expected calibration error over 15 bins.

    Example:

    >>> report = EnsembleReport(("a", "b"), (0.75, 0.5), (0.6, 0.8), (), (0.75, 1.0), (0.6, 0.5))
    >>> report.gain
    0.375
    >>> print(report.headline)
    2 models together: 100.0%, 37.5 points above the mean single one

    Source: CS231n 2020, lecture 8, "Model ensembles"; Guo et al. 2017, "On calibration of modern
    neural networks", section 2.
    """

    names: tuple[str, ...]
    accuracies: tuple[float, ...]
    losses: tuple[float, ...]
    calibrations: tuple[Calibration, ...]
    averaged_accuracies: tuple[float, ...]
    averaged_losses: tuple[float, ...]
    averaged_calibration: Calibration = field(default_factory=Calibration)

    @property
    def gain(self) -> float:
        """The accuracy of the average of all, less the mean accuracy of one."""
        return float(self.averaged_accuracies[-1] - np.mean(self.accuracies))

    @property
    def headline(self) -> str:
        """What averaging came to, in a line."""
        count, accuracy = len(self.names), self.averaged_accuracies[-1]
        if count == 1:
            return f"One model: {accuracy:.1%}"
        points = 100 * self.gain
        side = f"{abs(points):.1f} points {'above' if points >= 0 else 'below'}"
        return f"{count} models together: {accuracy:.1%}, {side} the mean single one"

    @property
    def verdict(self) -> str:
        """What the figures say, in sentences."""
        calibration = self.averaged_calibration
        total = calibration.counts.sum()
        said = []
        if len(self.names) > 1:
            best, loss = max(self.accuracies), float(np.mean(self.losses))
            against = 100 * (self.averaged_accuracies[-1] - best)
            moves = "falls" if self.averaged_losses[-1] <= loss else "rises"
            said.append(
                f"The best single one has {best:.1%}, the average {against:+.1f} points. The "
                f"negative log-likelihood {moves} from {loss:.3f}, the mean of single ones, to "
                f"{self.averaged_losses[-1]:.3f}."
            )
        if total:
            side = "above" if calibration.excess > 0 else "below"
            said.append(
                f"Expected calibration error {calibration.error:.1%}: on {total:,} examples its "
                f"mean confidence is {100 * abs(calibration.excess):.1f} points {side} accuracy."
            )
        return " ".join(said)

    def draw(self) -> Any:
        """The picture, a `matplotlib.figure.Figure`, which no window shows; `savefig` writes it."""
        return draw_report(self)

    def __str__(self) -> str:
        width = max(map(len, (*self.names, "average of all")))
        lines = [f"{'':{width}}  accuracy    nll    ece    average so far    nll"]
        rows = zip(
            self.names,
            self.accuracies,
            self.losses,
            self.calibrations,
            self.averaged_accuracies,
            self.averaged_losses,
            strict=True,
        )
        for name, accuracy, loss, calibration, averaged, averaged_loss in rows:
            lines.append(
                f"{name:{width}}  {accuracy:8.1%} {loss:6.3f} {calibration.error:6.1%}"
                f" {averaged:17.1%} {averaged_loss:6.3f}"
            )
        lines.append(
            f"{'average of all':{width}}  {self.averaged_accuracies[-1]:8.1%} "
            f"{self.averaged_losses[-1]:6.3f} {self.averaged_calibration.error:6.1%}"
        )
        return "\n".join([*lines, f"{self.headline}. {self.verdict}"])
