"""The command `board`: one page with all training runs on it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from keras_trainkit.tuning import write_board

_SECONDS = 10.0
_DAY = 86_400.0


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `board` to the command line's commands."""
    parser = commands.add_parser(
        "board",
        help="write one page with the learning curves of all runs",
        description="Reads the trials of a search, the files of Keras' CSVLogger and the folders "
        "of TensorBoard, and writes one page that needs no server and no network.",
    )
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUNS", help="folders, or files of CSVLogger"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("board.html"),
        metavar="FILE",
        help="the page; default: board.html",
    )
    parser.add_argument("--title", help="what stands above it; default: the study's name")
    parser.add_argument(
        "--metric", help="what runs are judged by; default: the study's, else the accuracy"
    )
    parser.add_argument(
        "--mode",
        choices=("auto", "min", "max"),
        default="auto",
        help="whether more of the metric is better; default: by its name",
    )
    parser.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=_SECONDS,
        metavar="SECONDS",
        help=f"write it anew every {_SECONDS:g} (or so many) seconds, and let browsers follow",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the page; one sentence on stderr where that cannot be done."""
    said: set[str] = set()

    def say(words: str, file: Any) -> None:
        if words not in said:
            print(words, file=file)
        said.add(words)

    try:
        while True:
            try:
                notes = write_board(
                    options.runs,
                    options.output,
                    title=options.title,
                    metric=options.metric,
                    mode=options.mode,
                    renew=options.watch,
                )
            except (ValueError, OSError, ModuleNotFoundError) as error:
                say(f"keras_trainkit board: {error}", sys.stderr)
                if options.watch is None:
                    return 2
            else:
                for note in notes:
                    say(f"Left out: {note}", sys.stderr)
                say(str(options.output), sys.stdout)
                if options.watch is None:
                    return 0
            time.sleep(options.watch)  # before the first epoch, there is nothing to show
    except KeyboardInterrupt:
        return 130


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= _DAY:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most {_DAY:g}, got {text}")
    return seconds
