"""From raw figures to tables: `results[workload][row]` is what one library did.

A row is `{"rates": [images per second, ...], "peak": MB}`, or `{"absent": why}`.
"""

import statistics

from peers import FLOOR, KIT, PEERS
from workloads import WORKLOADS

KINDS = {peer.name: peer.kind for peer in PEERS}
COLUMNS = ("images/s", "lowest", "highest", "kit is", "of cast", "peak MB")


def medians(rows):
    """The median rate of every row that has one."""
    return {name: statistics.median(row["rates"]) for name, row in rows.items() if row.get("rates")}


def best(rows, kind):
    """The fastest row of a kind, and its rate; (None, None) where there is none."""
    rates = {name: rate for name, rate in medians(rows).items() if KINDS[name] == kind}
    name = max(rates, key=rates.get, default=None)
    return name, rates.get(name)


def quotient(number, by, form):
    """One over the other, or a dash where either is missing."""
    return form.format(number / by) if number and by else "-"


def table(name, rows):
    """One workload: a line for each library."""
    rates = medians(rows)
    lines = [
        f"{name}: {WORKLOADS[name].title}",
        " " * 28 + "".join(f"{column:>10}" for column in COLUMNS),
    ]
    for library, rate in rates.items():
        row = rows[library]
        figures = (
            f"{rate:,.0f}",
            f"{min(row['rates']):,.0f}",
            f"{max(row['rates']):,.0f}",
            quotient(rates.get(KIT), rate, "{:.2f}x"),
            quotient(rate, rates.get(FLOOR), "{:.1%}"),
            f"{row['peak']:,.0f}",
        )
        lines.append(f"  {library:26}" + "".join(f"{figure:>10}" for figure in figures))
    for library, row in rows.items():
        if "absent" in row:
            lines.append(f"  {library} takes no part: {row['absent']}")
    return "\n".join(lines)


def verdict(name, rows):
    """The kit beside the best peer as installed, the goal, and the best with tuned malloc."""
    kit = medians(rows).get(KIT)
    peer, rate = best(rows, "peer")
    tuned, tuned_rate = best(rows, "tuned")
    goal = WORKLOADS[name].goal
    reached = "-" if not (kit and rate) else "reached" if kit / rate >= goal else "not reached"
    memory = rows[KIT]["peak"] if kit else None
    return (
        name,
        f"{kit:,.0f}" if kit else "-",
        peer or "-",
        quotient(kit, rate, "{:.2f}x"),
        f"{goal:g}x",
        reached,
        quotient(kit, tuned_rate, "{:.2f}x") + (f" {tuned.partition(',')[0]}" if tuned else ""),
        quotient(memory, rows[peer]["peak"] if peer else None, "{:.2f}x"),
    )


HEAD = ("workload", "kit", "best peer", "kit is", "goal", "", "tuned malloc", "memory")
LEGEND = """\
kit is: times the best peer as installed; tuned malloc: times the best of those that freed memory is
kept for; memory: the kit's peak over that of the best peer"""


def summary(results):
    """Every workload's ratio beside its goal."""
    lines = [HEAD, *(verdict(name, rows) for name, rows in results.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "\n".join([*padded, LEGEND])
