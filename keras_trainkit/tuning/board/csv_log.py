"""Files of Keras' `CSVLogger`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_SEPARATORS = ",;\t|"


def read_csv(path: Path) -> dict[str, np.ndarray]:
    """The columns of numbers of a file with a line an epoch, by name.

    A last line that is not ended is being written, and is left out. A cell that is no number is
    NaN, and a column of such cells is left out, as is `epoch`. An epoch that comes again replaces
    all from the first time on: the run was resumed, or begun anew in the same file.

    Raises:
        ValueError: If there is no such column.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    lines = text[: text.rfind("\n") + 1].splitlines()
    separator = max(_SEPARATORS, key=lines[0].count) if lines else ","
    try:
        names, *rows = list(csv.reader(lines, delimiter=separator)) or [[]]
    except csv.Error as error:
        raise ValueError(f"is no table ({error})") from None
    cells = {
        name: [_number(row[i]) if i < len(row) else None for row in rows]
        for i, name in enumerate(names)
        if name
    }
    kept = _last_time(cells.pop("epoch", []), len(rows))
    curves = {
        name: np.array([np.nan if column[i] is None else column[i] for i in kept], float)
        for name, column in cells.items()
        if any(column[i] is not None for i in kept)
    }
    if not curves:
        raise ValueError("has no column of numbers under a line of names")
    return curves


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _last_time(epochs: Sequence[float | None], rows: int) -> list[int]:
    """The rows that no later row goes back behind."""
    kept: list[int] = []
    for row in range(rows):
        epoch = epochs[row] if epochs else None
        while epoch is not None and kept and (epochs[kept[-1]] or 0.0) >= epoch:
            kept.pop()
        kept.append(row)
    return kept
