"""What a whole pipeline shares: the border, the range of the values, how boxes are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """The keywords of every augmentation that its pipeline decides; see `Augmentation`."""

    value_range: tuple[float, float] = (0.0, 255.0)
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    interpolation: str = "bilinear"
    bounding_box_format: str | None = None

    @property
    def unit(self) -> float:
        """White less black."""
        return self.value_range[1] - self.value_range[0]
