"""How fast the command center's page is there, with 500 trials of 100 epochs.

`python benchmarks/board.py` writes so many trial folders, makes the page, and opens it in headless
Chromium (Debian: chromium, chromium-driver), the median of several times. "First view" is from the
moment that the address is given to the first frame that is drawn after the page's script has run:
the wall with its first curves stands there then.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "tuning"))

import chromium
from trial_folders import write_study

from keras_trainkit import tuning

DRAWN = """
const done = arguments[0];
requestAnimationFrame(() => requestAnimationFrame(() => {
  const canvas = document.querySelector("#wall canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  done([document.querySelectorAll("#wall li").length, pixels.some((value) => value > 0)]);
}));
"""


def first_view(browser, address, trials):
    """Seconds from the address to the wall."""
    browser.get("about:blank")
    begin = time.perf_counter()
    browser.get(address)
    cards, is_drawn = browser.execute_async_script(DRAWN)
    seconds = time.perf_counter() - begin
    if cards != trials or not is_drawn:
        raise RuntimeError(f"the wall has {cards} cards, drawn: {is_drawn}")
    return seconds


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs, page = Path(folder) / "runs", Path(folder) / "board.html"
        write_study(runs, options.trials, options.epochs)
        begin = time.perf_counter()
        tuning.write_board(runs, page)
        written = time.perf_counter() - begin
        browser = chromium.start(Path(folder) / "profile")
        try:
            times = [
                first_view(browser, page.as_uri(), options.trials) for _ in range(options.repeats)
            ]
        finally:
            browser.quit()
        size = page.stat().st_size / 1e6
    print(
        f"{options.trials} trials of {options.epochs} epochs: {size:.1f} MB, "
        f"written in {written:.1f} s, first view after {statistics.median(times):.2f} s "
        f"({min(times):.2f} to {max(times):.2f})"
    )


if __name__ == "__main__":
    main()
