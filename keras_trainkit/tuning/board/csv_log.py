"""Files of Keras' `CSVLogger`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np


def read_csv(path: Path) -> dict[str, np.ndarray]:
    """The columns of numbers of a file with a line an epoch, by name.

    A last line that is not ended is being written, and is left out; a value that is no number is
    NaN, and a column without one is left out, as is `epoch`.

    Raises:
        ValueError: If there is no such column.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
    columns = {
        name: np.array([_number(row[i]) if i < len(row) else np.nan for row in rows[1:]])
        for i, name in enumerate(rows[0] if rows else ())
        if name not in ("", "epoch")
    }
    curves = {name: column for name, column in columns.items() if not np.isnan(column).all()}
    if not curves:
        raise ValueError("has no column of numbers under a line of names")
    return curves


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan
