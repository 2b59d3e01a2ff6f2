"""The demo's options, and what becomes of input that cannot be used."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from keras_trainkit import datasets
from keras_trainkit.demo.story import Story


def add_to(commands: Any) -> None:
    """Adds `demo` to the command line's commands."""
    parser = commands.add_parser(
        "demo", help="train a small network bare and with a recipe, and compare"
    )
    parser.add_argument(
        "--data",
        default="digits",
        metavar="digits|cifar10|FOLDER",
        help="embedded digits on photographs, CIFAR-10, or a folder of class folders of images",
    )
    parser.add_argument("--epochs", type=_positive, default=40, help="default: 40")
    parser.add_argument("--seed", type=_seed, default=0, help="default: 0")
    parser.add_argument("--batch-size", type=_positive, default=64, help="default: 64")
    parser.add_argument("--output", type=Path, default=Path("runs/demo"), help="default: runs/demo")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Tells the story with these options; one sentence on stderr where the input is unusable."""
    try:
        splits = _load(options.data, options.seed)
        options.output.mkdir(parents=True, exist_ok=True)
        story = Story(splits, options.epochs, options.batch_size, options.seed, options.output)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"keras_trainkit demo: {error}", file=sys.stderr)
        return 2
    try:
        story.tell()
    except KeyboardInterrupt:
        print(f"\n\nStopped. {story.kept()}", file=sys.stderr)
        return 130
    return 0


def _load(data: str, seed: int) -> datasets.Splits:
    if data == "digits":
        return datasets.digits_on_photos(seed)
    if data == "cifar10":
        return datasets.cifar10()
    return datasets.image_folder(data, seed=seed)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _seed(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, minimum: int) -> int:
    if not text.lstrip("-").isdigit() or int(text) < minimum:
        raise argparse.ArgumentTypeError(f"must be a whole number from {minimum}, got {text!r}")
    return int(text)
