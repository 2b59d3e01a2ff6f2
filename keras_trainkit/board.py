"""The command `board`: one page with all training runs on it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from keras_trainkit.tuning import write_board

_SECONDS = 10.0


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
        type=float,
        const=_SECONDS,
        metavar="SECONDS",
        help=f"write it anew every {_SECONDS:g} (or so many) seconds, and let browsers follow",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the page; one sentence on stderr where that cannot be done."""
    shown: set[str] = set()
    try:
        while True:
            notes = write_board(
                options.runs,
                options.output,
                title=options.title,
                metric=options.metric,
                mode=options.mode,
                renew=options.watch,
            )
            for note in notes:
                if note not in shown:
                    print(f"Left out: {note}", file=sys.stderr)
            if not shown:
                print(options.output)
            shown.update(notes, [""])
            if options.watch is None:
                return 0
            time.sleep(options.watch)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"keras_trainkit board: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
