"""Folders as the search leaves them, with curves drawn from a formula."""

import json

import numpy as np

SPACE = {
    "learning_rate": {"class_name": "LogUniform", "low": 1e-4, "high": 1.0},
    "width": {"class_name": "IntUniform", "low": 8, "high": 64},
    "optimizer": {"class_name": "Choice", "choices": ["sgd", "adam"]},
}


def write_study(folder, trials, epochs, name="digits"):
    """A study; the trial's best validation accuracy falls with the distance of the rate to 0.02."""
    folder.mkdir(parents=True, exist_ok=True)
    study = {"format": 1, "name": name, "metric": "accuracy", "mode": "max", "space": SPACE}
    (folder / "study.json").write_text(json.dumps(study))
    for number in range(trials):
        write_trial(folder, number, epochs)


def write_trial(folder, number, epochs, **changes):
    rng = np.random.default_rng(number)
    rate, width = 10 ** rng.uniform(-4, 0), int(rng.integers(8, 65))
    epoch = np.arange(1, epochs + 1)
    best = 0.9 - 0.1 * abs(np.log10(rate / 0.02)) + 0.0005 * width
    accuracy = 0.1 + (best - 0.1) * (1 - np.exp(-4 * epoch / epochs))
    columns = {
        "epoch": epoch - 1,
        "accuracy": accuracy + 0.05,
        "learning_rate": rate * (1 + np.cos(np.pi * epoch / epochs)) / 2,
        "loss": 2.3 * np.exp(-4 * epoch / epochs),
        "val_accuracy": accuracy,
        "val_loss": 2.3 * np.exp(-4 * epoch / epochs) + 0.1,
    }
    place = folder / "trials" / f"{number:05d}"
    place.mkdir(parents=True)
    write_columns(place / "curves.csv", columns)
    position = np.linspace(0, epochs, 8 * epochs + 1)[1:]
    loss = 2.3 * np.exp(-4 * position / epochs + 0.1 * rng.normal(size=len(position)))
    write_columns(place / "batches.csv", {"position": position, "loss": loss})
    trial = {
        "format": 1,
        "number": number,
        "step": "coarse",
        "state": "complete",
        "params": {
            "learning_rate": rate,
            "width": width,
            "optimizer": ["sgd", "adam"][number % 2],
        },
        "score": accuracy.max(),
        "reason": "",
        "seed": 2_100_000_000 + number,
        "worker": "0",
        "started": "2026-01-01T00:00:00",
        "seconds": 10.0 + number,
        "epochs": epochs,
        **changes,
    }
    (place / "trial.json").write_text(json.dumps(trial))
    return columns


def write_columns(path, columns):
    lines = [",".join(columns)]
    lines += [
        ",".join(f"{value:.8g}" for value in row) for row in zip(*columns.values(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
