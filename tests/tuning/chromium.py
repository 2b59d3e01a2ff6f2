"""A real browser without a window."""

import shutil

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
OPTIONS = [
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
    *("disable-background-networking", "disable-component-update", "disable-sync"),
    "disable-dev-shm-usage",
]


def is_there():
    """Whether the system has it."""
    return bool(BROWSER and DRIVER)


def start(profile):
    """A driver of it; `profile` is an empty folder."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for option in [*OPTIONS, f"user-data-dir={profile}"]:
        options.add_argument(f"--{option}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
