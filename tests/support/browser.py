"""A headless Chromium, driven by Selenium, for the tests of pages."""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

# Debian and Ubuntu, and macOS with Homebrew.
HOW_TO_INSTALL = (
    "there is no chromedriver here, which drives a real browser; install it: "
    "apt-get install chromium chromium-driver, or brew install --cask chromium chromedriver"
)
WIDTHS = (360, 768, 1280)  # of a phone, of a tablet, of a desktop, in CSS pixels
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # which a root user of a container cannot have; the pages are our own
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
    # Only this machine can be reached: a page that asks for anything else fails.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


@contextlib.contextmanager
def chrome(**screen: Any) -> Iterator[webdriver.Chrome]:
    """A browser, which ends with the block; its screen is as ``resize`` sets it.

    Without a chromedriver the test is skipped, and says what to install.
    """
    path = shutil.which("chromedriver")
    if path is None:
        pytest.skip(HOW_TO_INSTALL)
    options = webdriver.ChromeOptions()
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(path))
    try:
        resize(driver, **screen)
        yield driver
    finally:
        driver.quit()


def resize(driver: webdriver.Chrome, width: int = 1280, height: int = 900, *, dark: bool = False) -> None:
    """Sets the screen of a browser, also of the page that it shows now; in CSS pixels.

    A window of Chromium cannot be narrower than 500 pixels; an emulated screen can.
    """
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    still = {"name": "prefers-reduced-motion", "value": "reduce"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})


def errors(driver: webdriver.Chrome) -> list[str]:
    """What the browser has reported since the last call: errors of scripts, and resources that it could not load."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def overflow(driver: webdriver.Chrome) -> list[str]:
    """What makes a page scroll sideways: the elements that reach beyond its right edge, none if it does not scroll.

    Elements inside a box that scrolls by itself do not count.
    """
    return driver.execute_script(OVERFLOW)


OVERFLOW = """
const root = document.documentElement;
if (root.scrollWidth <= root.clientWidth) return [];
const scrolls = (element) => element && element !== document.body && element !== root && (
  ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
const wide = [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > root.clientWidth + 0.5)
  .filter((element) => !scrolls(element.parentElement))
  .map((element) => element.outerHTML.slice(0, 120));
return wide.length ? wide : [`the page is ${root.scrollWidth} pixels wide, the screen ${root.clientWidth}`];
"""


def accessibility_tree(driver: webdriver.Chrome) -> list[dict[str, Any]]:
    """What a screen reader is given: each object's ``role``, ``name`` and properties, in the order of the page."""
    driver.execute_cdp_cmd("Accessibility.enable", {})
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [_object(node) for node in nodes if not node["ignored"]]


def _object(node: dict[str, Any]) -> dict[str, Any]:
    properties = {entry["name"]: entry["value"].get("value") for entry in node.get("properties", [])}
    return properties | {key: node.get(key, {}).get("value", "") for key in ("role", "name", "description")}
