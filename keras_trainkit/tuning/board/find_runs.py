"""Looks through folders for training runs."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit.tuning.board.csv_log import read_csv
from keras_trainkit.tuning.board.run import Run
from keras_trainkit.tuning.board.tensorboard_log import is_event_file, read_events, run_folder
from keras_trainkit.tuning.board.trial_folder import read_json, read_trial


def find_runs(paths: Sequence[Path]) -> tuple[list[Run], dict[str, Any], list[str]]:
    """Finds trials of the search, files of `CSVLogger` and folders of TensorBoard.

    Args:
        paths: Folders, which are looked through to their ends, and `.csv` files.

    Returns:
        The runs, in the order of their paths; what the first `study.json` on the way says; and a
        sentence for each that could not be read.

    Raises:
        ValueError: If a path is not there.
    """
    runs: list[tuple[list[Any], Path, Run]] = []
    studies: dict[Path, dict[str, Any]] = {}
    notes: list[str] = []

    def take(path: Path, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except (ValueError, OSError) as error:
            notes.append(f"{path}: {error}.")
            return None

    def take_run(path: Path, read: Callable[[], Run]) -> None:
        run = take(path, read)
        if run is not None:
            runs.append((_in_order(path), path, run))

    def take_trial(path: Path) -> Run:
        metric = studies.get(path.parent.parent, {}).get("metric", "")
        return replace(read_trial(path), metric=metric.removeprefix("val_"))

    def take_csv(path: Path, name: str) -> None:
        take_run(path, lambda: Run(name.removesuffix(".csv"), read_csv(path)))

    for root in paths:
        if not root.exists():
            arguments.refuse("write_board", "runs", "be folders or files that are there", str(root))
        if root.is_file():
            take_csv(root, root.name)
            continue
        events: dict[Path, list[Path]] = defaultdict(list)
        for folder, folders, files in os.walk(root):
            here = Path(folder)
            folders.sort()
            if "study.json" in files:
                found = take(here / "study.json", partial(_read_study, here / "study.json"))
                studies |= {here: found} if found else {}
            if "trial.json" in files:
                folders.clear()
                take_run(here, partial(take_trial, here))
                continue
            for file in map(here.joinpath, sorted(files)):
                if not file.is_file() and (file.suffix == ".csv" or is_event_file(file)):
                    notes.append(f"{file}: is no file.")  # a pipe would never end
                elif file.suffix == ".csv":
                    take_csv(file, os.path.relpath(file, root))
                elif is_event_file(file):
                    events[run_folder(file)].append(file)
        for place, those in events.items():
            name = place.name if place == root else os.path.relpath(place, root)
            take_run(place, partial(_of_tensorboard, name, those))
    in_order = [(path, run) for _, path, run in sorted(runs, key=lambda triple: triple[0])]
    return _told_apart(in_order), next(iter(studies.values()), {}), notes


def _read_study(path: Path) -> dict[str, Any]:
    study = read_json(path)
    kinds = {"space": dict, "metric": str, "mode": str, "name": str}
    if any(not isinstance(study.get(key, kind()), kind) for key, kind in kinds.items()):
        raise ValueError("is not a study's")
    return study


def _told_apart(runs: Sequence[tuple[Path, Run]]) -> list[Run]:
    """Searches of one step are called by their folders, and so are their trials."""
    folders: dict[str, set[Path]] = defaultdict(set)
    for path, run in runs:
        if run.search:
            folders[run.search].add(_folder_of_search(path))

    def named(path: Path, run: Run) -> Run:
        those = folders[run.search]
        if len(those) < 2:
            return run
        search = os.path.relpath(_folder_of_search(path), os.path.commonpath(those))
        return replace(run, search=search, name=f"{search} {run.name.split()[-1]}")

    return [named(path, run) for path, run in runs]


def _folder_of_search(trial: Path) -> Path:
    return trial.resolve().parent.parent


def _of_tensorboard(name: str, files: list[Path]) -> Run:
    return Run(name, read_events(files))


def _in_order(path: Path) -> list[Any]:
    """A key that puts `run 9` before `run 10`."""
    return [int(part) if part.isdigit() else part for part in re.split("([0-9]+)", str(path))]
