"""The site that ``make docs`` builds: without a warning, and whole."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import browser
import pytest
from layout import ROOT
from selenium.webdriver.support.ui import WebDriverWait

import seq2seq_arith

pytestmark = pytest.mark.slow

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as ``make docs`` does; the notebooks, which have tests of their own, are not run."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    done = subprocess.run(
        [*command, "-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")],
        env=os.environ | {"NOTEBOOKS": "off", "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The libraries that are imported for the docstrings say nothing, either.
    assert done.stderr == ""
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, str]:
    return {file: file.read_text(encoding="utf-8") for file in site.rglob("*.html")}


def test_every_page_and_notebook_is_on_the_site_and_in_its_menu(site, pages):
    sources = [file.relative_to(DOCS) for file in DOCS.rglob("*.md")]
    sources += [Path("notebooks", file.name) for file in (ROOT / "notebooks").glob("*.ipynb")]
    wanted = {source.with_suffix(".html").as_posix() for source in sources}
    assert {file.relative_to(site).as_posix() for file in pages} >= wanted
    page = site / "reference/glossary.html"
    menu = re.search(r'<div class="sidebar-tree">(.*?)</div>', pages[page], re.DOTALL)
    assert menu
    targets = [page.name if target.startswith("#") else target for target in re.findall(r'href="([^"]*)"', menu[1])]
    listed = {os.path.relpath(os.path.normpath(page.parent / target), site) for target in targets}
    assert listed == wanted - {"index.html"} | {"playground.html"}


def test_links_within_the_site_lead_to_its_files(pages):
    missing = []
    for file, page in pages.items():
        links = {link.partition("#")[0] for link in re.findall(r'<a [^>]*href="([^":?]+)"', page)}
        missing += [(file.name, link) for link in links if not (file.parent / link).exists()]
    assert missing == []


def test_links_to_the_repository_lead_to_its_files(pages):
    repository = re.search('Repository = "(.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert repository
    link = rf'href="{re.escape(repository[1])}/(?:blob|tree)/main/([^"#]*)'
    paths = {path for page in pages.values() for path in re.findall(link, page)}
    assert "README.md" in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_reference_has_every_public_name_and_every_command(site, pages):
    from seq2seq_arith.pipelines import commands as data
    from seq2seq_arith.trainer import commands as model

    anchors = set(re.findall(r'id="([^"]*)"', pages[site / "reference/python.html"]))
    named = {name for name in seq2seq_arith.__all__ if name not in ("OPERATIONS", "__version__")}
    missing = {name for name in named if f"seq2seq_arith.{name}" not in anchors}
    assert missing <= {"InputError", "RunError", "Picture"}  # which stand there by the name of their module
    for name in ("base.errors.InputError", "trainer.figures.Picture"):
        assert f"seq2seq_arith.{name}" in anchors
    text = pages[site / "reference/commands.html"]
    for parser in (data.parser(), model.parser()):
        commands = next(action for action in parser._actions if action.dest == "command").choices
        assert [command for command in commands if f'id="{command}"' not in text and f">{command}<" not in text] == []


# Commands and programs that are wider than their box.
CUT = """return [...document.querySelectorAll(":is(.highlight-sh, .highlight-python) pre")]
  .filter((block) => block.scrollWidth > block.clientWidth).map((block) => block.textContent)"""


@pytest.mark.browser
def test_it_fits_every_screen_and_the_keyboard_reaches_all(site):
    with browser.chrome() as driver:
        for name, width in itertools.product(("index", "concepts/proofs", "how-to/playground"), (360, 900, 1400)):
            browser.resize(driver, width)
            driver.get((site / f"{name}.html").as_uri())
            assert browser.overflow(driver) == []
            tree = browser.accessibility_tree(driver)
            assert {node.get("level") for node in tree if node["role"] == "heading"} <= {1, 2, 3}
            assert not driver.find_elements("css selector", ":is(pre, .table-wrapper):not([tabindex])")
            assert driver.execute_script(CUT) == []
        for theme, end in (("light", "d.png"), ("dark", "-dark.png")):
            driver.execute_script("document.body.dataset.theme = arguments[0]", theme)
            images = [image for image in driver.find_elements("css selector", "article img") if image.is_displayed()]
            assert [image.get_attribute("src").endswith(end) for image in images] == [True]


@pytest.mark.browser
def test_networks_are_asked_what_the_address_says(site):
    page = (site / "playground.html").as_uri()
    with browser.chrome() as driver:
        for more, questions in (("", ["500-500"] * 2), ("#run=subtraction-random-pairs&question=12-7", ["12-7"])):
            driver.get(page + more)
            script = "return String(panels.map((panel) => panel.answer?.question)) === arguments[0]"
            WebDriverWait(driver, 60).until(lambda _: driver.execute_script(script, ",".join(questions)))  # noqa: B023
