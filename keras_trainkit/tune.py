"""The command `tune`: the seven steps for a script of yours, or for the demo's network."""

from __future__ import annotations

import argparse
import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_trainkit import tuning

_DEMO = Path(__file__).parent / "demo" / "tuned.py"
_NAMES = ("build", "data", "space")


def add_to(commands: Any) -> None:
    """Adds `tune` to the command line's commands."""
    parser = commands.add_parser(
        "tune",
        help="choose hyperparameters in seven steps",
        description="Walks the seven steps of choosing hyperparameters and writes one page about "
        "them. SCRIPT is a Python file with `build`, a function of a dictionary of "
        "hyperparameters that returns a compiled model; `data`, (train, validation), arrays, or a "
        "function that returns them; and `space`, the ranges. The same command goes on where it "
        "was stopped; with --storage, workers on several machines share the search.",
    )
    script = parser.add_mutually_exclusive_group(required=True)
    script.add_argument("script", nargs="?", type=Path, metavar="SCRIPT", help="a Python file")
    script.add_argument("--demo", action="store_true", help="the demo's network and images")
    parser.add_argument("--storage", metavar="URL", help="an Optuna storage that workers share")
    parser.add_argument("--worker", type=int, default=0, help="this worker's number; default: 0")
    parser.add_argument("--name", default="tuning", help="of the studies; default: tuning")
    parser.add_argument("--trials", type=int, default=12, help="of the coarse search; default: 12")
    parser.add_argument("--epochs", type=int, default=3, help="of each of them; default: 3")
    parser.add_argument("--best", type=int, default=4, help="how many are refined; default: 4")
    parser.add_argument("--refine-epochs", type=int, default=15, help="of those; default: 15")
    parser.add_argument("--rounds", type=int, default=2, help="of refining; default: 2")
    parser.add_argument("--metric", default="val_accuracy", help="default: val_accuracy")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--go-on", action="store_true", help="past a step that fails")
    parser.add_argument("--output", type=Path, default=Path("runs/tuning"), help="a folder")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Walks the steps; one sentence on stderr where that cannot be done."""
    try:
        script = _DEMO if options.demo else options.script
        build, data, space = _load(script)
        found = tuning.run_all(
            build,
            data,
            space,
            trials=options.trials,
            epochs=options.epochs,
            best=options.best,
            refine_epochs=options.refine_epochs,
            rounds=options.rounds,
            metric=options.metric,
            output=options.output,
            storage=options.storage,
            name=options.name,
            seed=options.seed,
            worker=options.worker,
            go_on=options.go_on,
        )
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"keras_trainkit tune: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. The same command goes on from {options.output}.", file=sys.stderr)
        return 130
    print(f"\n{options.output / 'board.html'}" if found.searches else "")
    return 0 if found.searches else 1


def _load(script: Path) -> tuple[Any, Any, Any]:
    if not script.is_file():
        raise ValueError(f"there is no file {script}.")
    sys.path.insert(0, str(script.resolve().parent))  # as `python SCRIPT` does
    with _named(script):
        names = runpy.run_path(str(script))
    missing = [name for name in _NAMES if name not in names]
    if missing:
        raise ValueError(
            f"{script} must define {', '.join(_NAMES)}; {', '.join(missing)} is not there."
        )
    data = names["data"]
    if callable(data):
        with _named(script):
            data = data()
    return names["build"], data, names["space"]


@contextmanager
def _named(script: Path) -> Iterator[None]:
    """Says where the script itself went wrong."""
    try:
        yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(script)]
        where = f"{script}, line {lines[-1]}," if lines else str(script)
        words = next(iter(str(error).splitlines()), "")
        raise ValueError(f"{where} raised {type(error).__name__}: {words}") from error
