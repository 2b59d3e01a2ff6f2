"""The command line: `python -m keras_trainkit board`, `demo`, `preview` and `tune`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from keras_trainkit import board, preview, tune
from keras_trainkit.demo import command


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: The words after the program's name; by default those of the process.

    Returns:
        The exit status: 0, 2 for input that cannot be used, 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="keras_trainkit", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    board.add_to(commands)
    command.add_to(commands)
    preview.add_to(commands)
    tune.add_to(commands)
    options = parser.parse_args(arguments)
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
