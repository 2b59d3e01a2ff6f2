"""Images per second of augmentation pipelines, beside every library that has them.

`make bench` runs it, and makes an environment for each family of libraries.  Every library has a
process of its own in each workload; they take turns, one timed at a time and the others idle, so
that a busy spell of the machine falls on all of them, and the median of the turns counts.  Ratios
within a run mean something; absolute figures are this machine's.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from peers import PEERS
from report import summary, table
from workloads import WORKLOADS

HERE = Path(__file__).parent
SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}


class Worker:
    """A library's process; `row` holds what it measured, or why it takes no part."""

    def __init__(self, peer, workload, seconds):
        self.peer = peer
        self.row = {"rates": [], "peak": 0.0}
        self.process = None
        python = HERE.parent / f".venv-{peer.environment}" / "bin" / "python"
        if workload in peer.lacks:
            self.row = {"absent": "it has no such operations"}
        elif not (python.parents[1] / f".installed-{peer.environment}").exists():
            self.row = {"absent": f"its environment, {python.parents[1].name}, is not installed"}
        else:
            self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives with the process
            self.process = subprocess.Popen(
                [python, HERE / "worker.py", peer.module, workload, str(seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
                env={**os.environ, **SETTINGS, **peer.variables},
                start_new_session=True,  # a group of its own, which Ctrl-C does not reach
            )

    def ready(self):
        """Waits until the first batch is there."""
        if self.process and (answer := self.answer()):
            self.row["versions"] = answer.removeprefix("ready ")

    def turn(self):
        """One timed repeat."""
        if self.process:
            print("go", file=self.process.stdin, flush=True)
            if answer := self.answer():
                rate, self.row["peak"] = map(float, answer.split())
                self.row["rates"].append(rate)

    def answer(self):
        """A line; where the process has ended instead, its last words become the reason."""
        line = self.process.stdout.readline().strip()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            words = self.errors.read().strip().splitlines() or ["it ended without a word"]
            self.row = {"absent": words[-1]}
            self.process = None
        return line

    def close(self):
        """Ends the process, and those that it may have started."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()


def progress(text):
    """One line that the next replaces, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure(workload, peers, options):
    """The rows of one workload, and whether all turns were taken: Ctrl-C ends them early."""
    workers = []
    try:
        for peer in peers:
            workers.append(Worker(peer, workload, options.seconds))
        for worker in workers:
            progress(f"{workload}: waiting for {worker.peer.name}")
            worker.ready()
        for repeat in range(options.repeats):
            for worker in workers:
                progress(f"{workload}: turn {repeat + 1} of {options.repeats}, {worker.peer.name}")
                worker.turn()
        finished = True
    except KeyboardInterrupt:
        finished = False
    progress("")
    for worker in workers:
        worker.close()
    return {worker.peer.name: worker.row for worker in workers}, finished


def parsed():
    """The options."""
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="turns of each library (5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="timed in each turn (1)")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--libraries", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="keeps the raw figures")
    return parser.parse_args()


def main():
    """Prints a table for each workload asked for, and how they all compare with the goals."""
    options = parsed()
    peers = [peer for peer in PEERS if peer.name in options.libraries]
    print(
        f"uint8 in memory to float32, medians of {options.repeats} interleaved turns of "
        f"{options.seconds:g} s, {os.cpu_count()} cores, {platform.platform()}"
    )
    results, versions, finished = {}, {}, True
    for workload in options.workloads:
        rows, finished = measure(workload, peers, options)
        results[workload] = rows
        versions |= {name: row.pop("versions") for name, row in rows.items() if "versions" in row}
        print(f"\n{table(workload, rows)}", flush=True)
        if options.output:
            options.output.write_text(json.dumps({"versions": versions, "results": results}))
        if not finished:
            break
    print(f"\n{summary(results)}\n")
    print("\n".join(sorted(set(versions.values()))))
    sys.exit(0 if finished else 130)


if __name__ == "__main__":
    main()
