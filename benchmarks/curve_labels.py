"""The labelled curves, and what it is to read one right."""

import json
from collections import Counter
from pathlib import Path

CURVES = Path(__file__).parents[1] / "tests" / "tuning" / "data" / "labelled_curves.jsonl"


def labelled(half, path=CURVES):
    """The curves of a half: `"development"`, which set the thresholds, or `"held out"`."""
    runs = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [run for run in runs if run["half"] == half]


def is_right(findings, run):
    """All findings that the run must have, and none of those that it must lack.

    On a finding that is in neither list the making of the run does not decide.
    """
    return set(run["has"]) <= set(findings) and not set(run["lacks"]) & set(findings)


def table(runs, readings):
    """A line for each state: how many are read right, and what was found."""
    lines = [f"{'state':18}{'right':>9}  findings"]
    for state in dict.fromkeys(run["state"] for run in runs):
        own = [
            (run, found) for run, found in zip(runs, readings, strict=True) if run["state"] == state
        ]
        right = sum(is_right(found, run) for run, found in own)
        counts = Counter(finding for _, found in own for finding in found).most_common()
        words = ", ".join(f"{finding} {count}" for finding, count in counts)
        lines.append(f"{state:18}{right:4} of{len(own):3}  {words}")
    right = sum(is_right(found, run) for run, found in zip(runs, readings, strict=True))
    return "\n".join([*lines, f"{'all':18}{right:4} of{len(runs):3}  {right / len(runs):.1%}"])
