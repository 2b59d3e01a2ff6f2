"""The page in a real browser: what is shown after each thing that a reader can do."""

import json

import chromium
import pytest
from trial_folders import write_study, write_trial

from keras_trainkit import tuning

pytestmark = pytest.mark.skipif(
    not chromium.is_there(),
    reason="needs Chromium and its driver (Debian: chromium, chromium-driver)",
)

SIZES = [8, 32, 1024]
POINT_AND_CLICK = """
const canvas = document.querySelector(arguments[0]), box = canvas.getBoundingClientRect();
const place = {
  clientX: box.left + arguments[1] * box.width,
  clientY: box.top + arguments[2] * box.height,
};
for (const kind of ["pointermove", "click"]) canvas.dispatchEvent(new PointerEvent(kind, place));
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = chromium.start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    write_study(root, 12, 8)
    write_trial(root, 12, 3, state="failed", score=None, reason="<img src=x onerror=alert(1)>")
    write_trial(root, 13, 4, state="pruned")
    tuning.write_board(root, root / "board.html")
    return (root / "board.html").as_uri()


@pytest.fixture(scope="module")
def address_of_two_searches(tmp_path_factory):
    root = tmp_path_factory.mktemp("searches")
    write_study(root / "coarse", 0, 8)
    study = json.loads((root / "coarse" / "study.json").read_text())
    study["space"] = {"batch_size": {"class_name": "Choice", "choices": SIZES}}
    (root / "coarse" / "study.json").write_text(json.dumps(study))
    for number in range(12):
        step = "coarse" if number < 8 else "refine"
        params = {"batch_size": SIZES[number % 3]}
        write_trial(root / step, number, 8, step=step, params=params)
    tuning.write_board(root, root / "board.html")
    return (root / "board.html").as_uri()


def shown(browser, address):
    browser.set_window_size(1200, 900)
    browser.get("about:blank")
    browser.get(address)
    yield Page(browser)
    assert not browser.get_log("browser"), "the script complained"


@pytest.fixture
def page(browser, address):
    yield from shown(browser, address)


@pytest.fixture
def page_of_two_searches(browser, address_of_two_searches):
    yield from shown(browser, address_of_two_searches)


class Page:
    """What a test asks of the page, in its words."""

    def __init__(self, browser):
        self.browser = browser

    def one(self, selector):
        return self.browser.find_element("css selector", selector)

    def cards(self):
        """The names of the cards that are shown, in their order."""
        found = self.browser.find_elements("css selector", "#wall li:not([hidden]) .name")
        return [card.text.split(" p")[0] for card in found]

    def choose(self, selector, value):
        from selenium.webdriver.support.ui import Select

        Select(self.one(selector)).select_by_visible_text(value)

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def inked(self, selector):
        """How many pixels of a canvas are drawn."""
        return self.script(
            "const c = document.querySelector(arguments[0]);"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n;",
            selector,
        )

    def at(self, selector, across, down):
        """Moves the pointer to a place in an element, in shares of its size."""
        from selenium.webdriver.common.action_chains import ActionChains

        element = self.one(selector)
        self.script("arguments[0].scrollIntoView({block: 'center'})", element)
        size = element.size
        x, y = (across - 0.5) * size["width"], (down - 0.5) * size["height"]
        return ActionChains(self.browser).move_to_element_with_offset(element, x, y)


def test_all_runs_are_on_the_wall(page):
    assert page.cards() == [f"coarse {number}" for number in range(14)]
    assert "14 runs · 1 pruned · 1 failed · best val_accuracy" in page.one("#summary").text
    assert page.inked("#wall canvas") > 100


def test_sorting_by_the_score_puts_the_best_first_and_by_seconds_the_shortest(page):
    page.choose("#sort", "val_accuracy")
    shown = page.cards()
    assert shown[0] in page.one("#summary").text
    assert shown[-1] == "coarse 12", "one without a score comes last"
    page.choose("#sort", "seconds")
    assert page.cards() == [f"coarse {number}" for number in range(14)]
    page.one("#order").click()
    assert page.cards()[0] == "coarse 13"


def test_filters_by_choice_and_by_number_and_the_way_back(page):
    page.one("#filters summary").click()
    page.script("document.querySelectorAll('#filter-fields input[type=checkbox]')[0].click()")
    assert page.cards() == [f"coarse {number}" for number in range(0, 14, 2)], "adam is left out"
    field = page.one('[aria-label="seconds at most"]')
    field.send_keys("14\n")
    assert page.cards() == ["coarse 0", "coarse 2", "coarse 4"]
    assert "3 of 14 runs" in page.one("#summary").text
    page.browser.refresh()
    assert page.cards() == ["coarse 0", "coarse 2", "coarse 4"], "a renewed page stays as it was"
    page.one("#filters summary").click()
    page.one("#clear").click()
    assert len(page.cards()) == 14


def test_a_shortened_number_that_is_typed_stands_for_the_whole_one(page):
    page.one("#filters summary").click()
    for end in ("at least", "at most"):
        field = page.one(f'[aria-label="val_accuracy {end}"]')
        field.send_keys(field.get_attribute("placeholder") + "\n")
    assert len(page.cards()) == 13, "all that have a score"


def test_the_seed_of_a_trial_is_shown_whole(page):
    page.script("document.querySelectorAll('.card')[2].click()")
    assert "seed 2100000002" in page.one("#facts").text


def test_searches_are_told_apart_and_choices_of_numbers_keep_their_order(page_of_two_searches):
    page = page_of_two_searches
    assert page.one("#scatter-key").text.split()[:2] == ["coarse", "refine"]
    page.one("#filters summary").click()
    fields = {
        field.find_element("css selector", "legend").text: [
            label.text.strip() for label in field.find_elements("css selector", "label")
        ]
        for field in page.browser.find_elements("css selector", "#filter-fields fieldset")
    }
    assert fields["batch_size"] == ["8", "32", "1024"]
    assert fields["search"] == ["coarse", "refine"]
    page.script("document.querySelectorAll('#filter-fields input[type=checkbox]')[3].click()")
    assert page.cards() == [f"refine {number}" for number in range(8, 12)], "coarse is left out"
    page.choose("#sort", "batch_size")
    assert page.cards() == ["refine 9", "refine 10", "refine 8", "refine 11"]


def test_search(page):
    page.one("#search").send_keys("failed")
    assert page.cards() == ["coarse 12"]


def test_a_trial_opens_with_its_charts_and_facts_and_keys_turn_the_leaves(page):
    from selenium.webdriver.common.keys import Keys

    page.script("document.querySelectorAll('.card')[4].click()")
    assert page.one("#trial-title").text.startswith("coarse 4: val_accuracy")
    captions = [
        each.text for each in page.browser.find_elements("css selector", "#charts figcaption")
    ]
    assert [words.split()[0] for words in captions] == ["accuracy", "loss", "gap:", "learning"]
    assert "batches" in captions[1]
    assert "moving average" in captions[1]
    assert page.inked("#charts figure:nth-child(2) canvas") > 1000
    assert "optimizer sgd" in page.one("#facts").text
    page.one("body").send_keys(Keys.ARROW_RIGHT)
    assert page.one("#trial-title").text.startswith("coarse 5")
    page.at("#charts figure:nth-child(1) canvas", 0.6, 0.5).perform()
    assert page.one("#tip").text.startswith("epoch 5\ntraining 0.")
    page.one("body").send_keys(Keys.ESCAPE)
    assert page.script("return document.querySelector('dialog').open") is False
    assert page.script("return document.activeElement.textContent").startswith("coarse 5")


def test_words_of_a_trial_are_words(page):
    page.script("document.querySelectorAll('.card')[12].click()")
    assert page.one("#trial-verdict").text == "<img src=x onerror=alert(1)>"
    assert not page.browser.find_elements("css selector", "img")


def test_hovering_over_a_card_reads_values(page):
    page.at("#wall li:nth-child(3) canvas", 0.99, 0.5).perform()
    assert page.one("#tip").text.startswith("epoch 8\naccuracy: training 0.")


def test_the_scatter_names_and_opens_a_run(page):
    assert len(page.browser.find_elements("css selector", "#scatter figure")) == 3
    canvas = "#scatter figure:nth-child(2) canvas"
    assert page.inked(canvas) > 300
    page.script("document.querySelector('#scatter-section').scrollIntoView()")
    for step in range(400):
        across, down = 0.18 + 0.04 * (step % 20), 0.05 + 0.04 * (step // 20)
        page.script(POINT_AND_CLICK, canvas, across, down)
        if page.script("return document.querySelector('dialog').open"):
            break
    assert page.one("#tip").get_attribute("textContent").startswith("coarse")
    assert page.one("#trial-title").text.startswith("coarse")


def test_dragging_along_an_axis_filters_and_a_double_click_lets_go(page):
    """The last axis is the score: its upper half is kept."""
    place = "return document.querySelector('#parallel').getBoundingClientRect()"
    right = 1 - 64 / page.script(place)["width"]
    moves = page.at("#parallel", right, 0.1)
    before = page.script(place)
    moves.click_and_hold().move_by_offset(0, 0.4 * before["height"]).release().perform()
    assert page.script(place)["top"] == pytest.approx(before["top"], abs=2), "stays in its place"
    kept = page.cards()
    assert 0 < len(kept) < 13
    page.at("#parallel", right, 0.5).double_click().perform()
    assert len(page.cards()) == 14
    page.choose("#sort", "val_accuracy")
    assert sorted(page.cards()[: len(kept)]) == sorted(kept), "the best are what was kept"


def test_light_and_dark(page):
    color = "return getComputedStyle(document.documentElement).backgroundColor"
    before = page.script(color)
    page.one("#theme").click()
    assert page.script(color) != before
    page.browser.refresh()
    assert page.script(color) != before


def test_a_phone_shows_it_without_scrolling_sideways(page):
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True},
    )
    try:
        page.browser.refresh()
        assert page.script("return document.documentElement.scrollWidth") <= 360
        page.script("document.querySelectorAll('.card')[4].click()")
        box = page.script("return document.querySelector('dialog').getBoundingClientRect().width")
        assert box <= 360
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
