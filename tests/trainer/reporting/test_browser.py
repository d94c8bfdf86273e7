"""The report of real runs in a real browser: on a phone and a tablet, in light and dark, and by a screen reader."""

import itertools
import re
from pathlib import Path

import browser
import configs
import pytest
from selenium import webdriver

from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.training import session

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(trained, tasks, data_dir, tmp_path_factory) -> dict[str, Path]:
    """The report of a run of addition, and of that and a run of pq side by side, as the program writes them."""
    folder = tmp_path_factory.mktemp("report")
    config = override(configs.COUNTER, name="lstm", hidden=8, epochs=3, steps_per_epoch=10)
    pq = session.train(tasks["pq"], str(data_dir), str(folder / "pq"), config).run
    pages = {"one": folder / "one.html", "two": folder / "two.html"}
    small = ["--examples", "100", "--per-slice", "20"]
    assert main(["report", str(trained.folder), "-o", str(pages["one"]), *small]) == 0
    both = [str(trained.folder), str(pq.folder)]
    assert main(["report", *both, "-o", str(pages["two"]), *small, "--lengths", "21"]) == 0
    return pages


def show(driver: webdriver.Chrome, page: Path, *args, **screen) -> None:
    """Opens a page, and all that is folded away in it."""
    browser.resize(driver, *args, **screen)
    driver.get(page.as_uri())
    driver.execute_script("document.querySelectorAll('details').forEach((details) => { details.open = true; })")


@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [
        pytest.param("two", 360, True, marks=pytest.mark.slow),
        pytest.param("one", 900, False, marks=pytest.mark.release),
    ],
)
def test_it_fits_every_screen_and_loads_nothing(driver, pages, name, width, dark):
    show(driver, pages[name], width, dark=dark)
    assert driver.execute_script("return innerWidth") == width
    assert browser.overflow(driver) == []
    cut = "return [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth).length"
    assert not driver.execute_script(cut) or width < 900
    assert browser.errors(driver) == []
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    ground = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", ground)[:3])) < 60) == dark


@pytest.mark.release
def test_a_screen_reader_is_told_everything(driver, pages):
    show(driver, pages["two"])
    tree = browser.accessibility_tree(driver)
    levels = [node["level"] for node in tree if node["role"] == "heading"]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for role in ("image", "table", "region", "article", "navigation", "link"):
        nodes = [node for node in tree if node["role"] == role]
        assert nodes, role
        assert [node for node in nodes if not node["name"]] == [], role
    images = [node for node in tree if node["role"] == "image"]
    assert all(node["description"] for node in images)
    for alike in (images, [node for node in tree if node["role"] == "region"]):
        assert len({node["name"] for node in alike}) == len(alike)
    roles = {node["role"] for node in tree}
    assert {"main", "banner", "contentinfo", "columnheader", "rowheader", "DisclosureTriangle"} <= roles
    assert driver.execute_script("return document.documentElement.lang") == "en"
