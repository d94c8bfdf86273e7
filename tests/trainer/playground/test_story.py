"""What the playground tells about the networks that come with the package, and that everybody can read it."""

from pathlib import Path

import axe_playwright_python
import browser
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from seq2seq_arith.arithmetic.text import typed_operands
from seq2seq_arith.trainer.playground import page as pages
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS, open_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WRONG, PROVED, ADDER = "subtraction-random-pairs", "subtraction", "addition"
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
VIOLATIONS = """
const done = arguments[0];
axe.run(document, { resultTypes: ["violations"] })
  .then(({ violations }) => done(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`)));
"""
# The tables of latches, and the network as model.js computes it, asked the same questions after every kept epoch.
DIFFERENT = """
const [name, done] = arguments, run = catalogue.runs.find((run) => run.name === name);
const digits = (count) => String(Math.floor(Math.random() * 10 ** count));
const questions = Array.from({ length: 60 }, (_, index) => [digits(1 + index % 12), digits(1 + index % 5)]);
questions.push(["500", "500"], ["999", "1"], ["0", "0"], ["7".repeat(40), "7".repeat(40)]);
Promise.all([null, ...run.epochs.slice(1).map(({ epoch }) => epoch)].map(async (epoch) => {
  const weights = await computed.weightsOf(run, epoch), answer = finite.answering(run, weights);
  return questions.filter((parts) => answer(parts) !== computed.evaluated(run, weights, parts).answer);
})).then((different) => done(different.flat()), (error) => done([String(error)]));
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page of the site with one network more, without its scores at other lengths, which take minutes."""
    names = (WRONG, PROVED, ADDER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "_at_lengths", lambda *_: [])
        fields = {"run": WRONG, "beside": PROVED, "question": "12-7"}
        content = pages.standalone({name: PRETRAINED_RUNS / name for name in names}, fields)
    file = tmp_path_factory.mktemp("story") / "playground.html"
    file.write_text(content, encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def page(driver, address):
    """The browser with the page, newly loaded."""
    browser.resize(driver, 1400)
    driver.get("about:blank")
    driver.get(address)
    settle(driver)
    browser.errors(driver)
    return driver


def wait(page, condition):
    """Waits until a JavaScript expression is true."""
    WebDriverWait(page, 180, poll_frequency=0.1).until(lambda _: page.execute_script(f"return {condition}"))


def settle(page):
    wait(page, "panels.length > 0 && panels.every((panel) => panel.answer && !panel.busy) && fillHard.rows?.length > 0")


def follow(page, address):
    """Loads another address of the page."""
    page.get("about:blank")
    page.get(address)
    settle(page)


def text(page, selector, place=0):
    return page.find_elements(By.CSS_SELECTOR, selector)[place].text


def open_part(page, name, place=0):
    """Opens a part of a card, and returns its sentence when it is drawn."""
    page.execute_script(
        "document.querySelectorAll(`.${arguments[0]}`)[arguments[1]].open = true",
        name,
        place,
    )
    note = f"document.querySelectorAll('.{name} .note')[{place}].textContent"
    wait(page, f"/right\\.|wrong\\.|start;|weights in|no (map|picture)/.test({note})")
    return page.execute_script(f"return {note}")


def test_nobody_is_shut_out(page):
    page.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")
    for place in (0, 1):
        open_part(page, "map", place)
    page.execute_script(AXE)
    for width in (360, 900, 1400):
        for dark in (False, True):
            browser.resize(page, width, dark=dark)
            assert browser.overflow(page) == []
            assert page.execute_async_script(VIOLATIONS) == []
    assert browser.errors(page) == []


def test_the_cards_tell_two_networks_apart_and_find_the_wrong_answer(page):
    facts = [text(page, ".facts", place) for place in (0, 1)]
    assert "45,000 random pairs" in facts[0] and "equal" in facts[0] and "500-500 is 0, and it answers 00" in facts[0]
    assert "structured pairs of at most 5 digits, then 2 rounds of counterexamples" in facts[1]
    assert "proved: every question of subtraction, of any length" in facts[1]
    story = text(page, "#story")
    assert f"The same architecture, trained twice: {WRONG} on 45,000 random pairs" in story
    assert f"Both answer their whole validation sets right, but {WRONG} is wrong at 500-500" in story
    assert [verdict.text.partition("\n")[0] for verdict in page.find_elements(By.CSS_SELECTOR, ".verdict")] == [
        "12-7 = 5 ✓ right"
    ] * 2
    group = page.find_element(By.CSS_SELECTOR, "#hard optgroup")
    assert group.get_attribute("label") == f"✗ answered wrong by {WRONG}"
    buttons = page.find_elements(By.CSS_SELECTOR, ".find button")
    buttons[1].click()
    assert text(page, ".find .note", 1).startswith("There is none: it is proved")
    buttons[0].click()
    wait(page, "panels[0].answer.question === '500-500' && !panels[0].busy && !panels[1].busy")
    assert "500-500 = 00 ✗ wrong: 0 is right" in text(page, ".verdict")
    assert "500-500 = 0 ✓ right" in text(page, ".verdict", 1)
    page.execute_script("for (const part of document.querySelectorAll('.python')) part.open = true")
    wait(page, "document.querySelector('.python code').textContent.includes('500-500')")
    assert f'sa.pretrained("{WRONG}")' in text(page, ".python code")


def test_the_map_shows_two_dashes_and_asks_what_is_clicked(page):
    words = open_part(page, "map")
    assert words.startswith("200 of 1,000,000 answers are wrong. All of them are of two equal numbers: 500 to 599, 900")
    canvas = page.find_element(By.CSS_SELECTOR, ".map canvas")
    assert canvas.get_attribute("aria-label") == words
    click = "const [canvas, x, y] = arguments, box = canvas.getBoundingClientRect();"
    click += "canvas.dispatchEvent(new MouseEvent('click', { clientX: box.left + x * box.width + 0.01,"
    click += " clientY: box.bottom - y * box.height - 0.01 }))"
    page.execute_script(click, canvas, 0.55, 0.55)
    settle(page)
    left, _, right = page.execute_script("return panels[0].answer.question").partition("-")
    assert left == right and left in map(str, range(545, 556))
    assert "✗ wrong" in text(page, ".verdict")


@pytest.mark.parametrize("name", [WRONG, PROVED, ADDER])
def test_the_tables_answer_as_the_network_does(page, name):
    assert page.execute_async_script(DIFFERENT, name) == []


def test_signs_of_phones_and_web_pages_are_understood(page):
    typed = ["500-500", "500−500", "５００-500", "500–500=", "5０0 － 500 ="]
    script = "return arguments[0].map((typed) => computed.operands(catalogue.runs[0], typed))"
    assert page.execute_script(script, typed) == [["500", "500"]] * len(typed)
    task = open_run(PRETRAINED_RUNS / WRONG).task
    assert [typed_operands(question, task) for question in typed] == [("500", "500")] * len(typed)


def test_a_question_walks_through_the_automaton(page, address):
    follow(page, f"{address}#run={ADDER}&question=995%2B7")
    words = open_part(page, "machine")
    assert "49 states for “no carry”, 10 states for “a carry”. Each state stands for one" in words
    assert words.endswith("5 and 7: a carry; 9 and ␣: a carry; 9 and ␣: a carry.")
    assert page.execute_script("return document.querySelectorAll('.automaton .dot').length") == 59
    assert open_part(page, "graph").startswith("latch_tagger: 23,452 weights")
    assert browser.errors(page) == []


def test_links_carry_all_and_back_returns(page, address):
    follow(page, f"{address}#run={PROVED}&question=1-1&epoch=1")
    assert text(page, ".epochs label").startswith("Epoch 1 of")
    for question in ("2-2", "3-3"):
        page.execute_script("askThis(arguments[0])", question)
        settle(page)
    assert "question=3-3" in page.current_url and "epoch=1" in page.current_url
    page.back()
    wait(page, "panels[0].answer.question === '2-2'")
    follow(page, f"{address}#run={WRONG}&beside={PROVED}&question=12-7")
    page.find_elements(By.CSS_SELECTOR, ".writes .cell")[3].click()
    wait(page, "location.hash.endsWith('position=4')")
    page.execute_script("document.querySelector('#share').open = true")
    link, embed = (field.get_attribute("value") for field in page.find_elements(By.CSS_SELECTOR, "#share input"))
    assert link == page.current_url and f'<iframe src="{link.replace("&", "&amp;")}" title="Playground"' in embed
    follow(page, link)
    assert page.execute_script("return panels.map((panel) => panel.chosen)") == [3, 3]
    page.execute_script("askThis('13-7')")
    settle(page)
    assert "position" not in page.current_url
    follow(page, address)
    page.get("about:blank")
    page.get(f"{address}#run=nope&question=1-1")
    wait(page, "document.querySelector('#problem').textContent")
    assert text(page, "#problem").startswith("✗ the link names nope") or "the link names nope" in text(page, "#problem")


def test_answers_turn_from_wrong_to_right_while_it_learns(page):
    page.execute_script("play(panels[1])")
    wait(page, "panels[1].epoch === 1 && panels[1].answer && !panels[1].busy")
    wait(page, "/^Hard questions: [0-9] of 10 right/.test(document.querySelectorAll('.ten h3')[1].textContent)")
    wait(page, "!panels[1].playing")
    wait(page, "document.querySelectorAll('.ten h3')[1].textContent === 'Hard questions: 10 of 10 right'")
    assert browser.errors(page) == []
