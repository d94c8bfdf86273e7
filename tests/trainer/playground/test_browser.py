"""The playground in a real browser: served, and exported as a file."""

import os
import random
import signal
import subprocess
import sys

import browser
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

import seq2seq_arith as sa
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.runs.run import open_run

pytestmark = pytest.mark.browser

QUESTIONS = 1000
# Each network that a page can compute, on each input format that its recipes use: the task, and the model's settings.
EXPORTED = {
    "counter": (Task("pq", size=20), {"name": "counter", "hidden": 128, "layers": 2}),
    "latch": (Task("subtraction"), {"name": "latch_tagger", "input_format": "aligned", "layers": 3}),
    "alone": (Task("pq", size=20), {"name": "latch_tagger"}),
    "both": (Task("modular_addition"), {"name": "bilstm_tagger", "input_format": "aligned", "layers": 2}),
    "pairs": (Task("addition", reverse=False), {"name": "wave_tagger", "input_format": "aligned", "layers": 2}),
    "notebook": (Task("addition"), {"name": "lstm", "layers": 2}),
    "gates": (Task("subtraction"), {"name": "gru", "input_format": "reversed"}),
    "plain": (Task("addition"), {"name": "simple_rnn"}),
    "looks": (Task("addition"), {"name": "lstm_attention", "input_format": "reversed", "layers": 2}),
    "partial_products": (
        Task("multiplication"),
        {"name": "wave_tagger", "input_format": "partial_products", "layers": 2},
    ),
}


@pytest.fixture
def page(driver):
    """The browser, in the state of a new one."""
    browser.resize(driver)
    browser.errors(driver)
    return driver


@pytest.fixture(scope="module")
def top(untrained, trained, tmp_path_factory):
    """Runs of every kind, and one that has learned something."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "trained").symlink_to(trained.folder)  # a link is not offered
    for name, (task, model) in EXPORTED.items():
        untrained(folder / name, task, epochs=3 if name == "counter" else 0, **model)
    untrained(folder / "causal", Task("addition"), name="causal", input_format="reversed")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "config.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def address(top):
    """The address of a playground."""
    command = [sys.executable, "-m", "seq2seq_arith.trainer", "serve", str(top), "--port", "0"]
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[0]
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def exported(top, trained, tmp_path_factory):
    """The address of an exported page."""
    folder = tmp_path_factory.mktemp("exported") / "page"
    assert main(["serve", str(top), "--export", str(folder)]) == 0
    alone = folder.with_name("alone")
    assert main(["serve", str(trained.folder), "--export", str(alone)]) == 0
    return folder


def wait(page, condition):
    """Waits until a JavaScript expression is true."""
    WebDriverWait(page, 180, poll_frequency=0.05).until(lambda _: page.execute_script(f"return {condition}"))


def settle(page):
    wait(page, "panels.length > 0 && panels.every((panel) => panel.answer && !panel.busy)")


def visit(page, address):
    page.get(address)
    settle(page)


def choose(page, label, value):
    Select(page.find_element(By.ID, label)).select_by_value(value)
    settle(page)


def ask(page, question):
    field = page.find_element(By.ID, "question")
    field.clear()
    field.send_keys(question, Keys.ENTER)
    settle(page)


def texts(page, selector):
    return [element.text for element in page.find_elements(By.CSS_SELECTOR, selector)]


def typed(task, count):
    """Different questions of a task, as people type them; some are longer than those of the training, one is short."""
    draw = random.Random(0)
    if task.name == "modular_addition":
        pairs = [(draw.randrange(97), draw.randrange(97)) for _ in range(count)]
    elif task.name == "pq":
        pairs = [("-" * draw.randint(1, task.size), "-" * draw.randint(1, task.size)) for _ in range(count)]
    else:
        pairs = [[draw.randrange(10 ** draw.randint(1, task.size)) for _ in range(2)] for _ in range(count)]
    pairs.append(("3", "-{2}") if task.name == "pq" else ("7{1}", "3"))  # in short
    return [f"{left}{task.operation.symbol}{right}" for left, right in pairs]


API = {"/api/answer", "/api/length", "/api/weights"}
ANSWER_ALL = """
const [name, questions, done] = arguments;
const run = window.playground.runs.find((shown) => shown.name === name);
Promise.all(questions.map((question) => computed.answer(run, question, null)))
  .then((answers) => answers.map(({ answer, right, confidence }) => [answer, right, confidence]), String).then(done);
"""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("trained", marks=pytest.mark.slow),
        *(pytest.param(run, marks=pytest.mark.release) for run in EXPORTED),
    ],
)
def test_an_exported_page_answers_as_the_model_does(page, exported, top, trained, name):
    folder = trained.folder if name == "trained" else top / name
    run = TrainedRun(open_run(folder))
    questions = typed(run.task, QUESTIONS)
    page.get(f"file://{exported.with_name('alone') if name == 'trained' else exported}/index.html")
    answers = page.execute_async_script(ANSWER_ALL, folder.name, questions)
    rows = run.ask(questions)
    assert [answer[:2] for answer in answers] == [[row["prediction"], row["answer"]] for row in rows]
    assert [answer[2] for answer in answers] == pytest.approx([row["confidence"] for row in rows], rel=1e-3)
    if name == "trained":
        assert sum(row["right"] for row in rows) > QUESTIONS / 10
    assert browser.errors(page) == []


@pytest.mark.slow
def test_a_cell_of_a_notebook_shows_the_page(page, top, tmp_path):
    (tmp_path / "a<!--<script>b").symlink_to(top / "looks")  # a name that would begin a script
    runs = [TrainedRun(open_run(top / "notebook")), TrainedRun(open_run(tmp_path / "a<!--<script>b"))]
    shown = sa.playground(*runs, question="9+1")
    (tmp_path / "cell.html").write_text(f"<!DOCTYPE html><html><body>{shown._repr_html_()}</body></html>")
    page.get(f"file://{tmp_path}/cell.html")
    page.switch_to.frame(page.find_element(By.TAG_NAME, "iframe"))
    settle(page)
    assert [text for text in texts(page, ".verdict") if text.startswith("9+1")] == texts(page, ".verdict")
    assert "It attends most to" in texts(page, ".looks .note")[1]
    ask(page, "20+22")
    assert texts(page, ".verdict")[1].startswith("20+22") and browser.errors(page) == []


@pytest.mark.slow
def test_a_question_is_asked_and_looked_into(page, address):
    visit(page, address)
    choose(page, "run-0", "pairs")
    ask(page, "999+1")
    right = page.execute_script("return panels[0].answer.right")
    assert right == "1000"
    assert "✗ wrong: 1000 is right" in texts(page, ".verdict")[0]
    live = page.find_element(By.ID, "live").get_attribute("textContent")
    assert live.startswith("pairs: 999+1 is ") and live.endswith("which is wrong; right is 1000.")
    # Columns: the digits of both operands above the digit of the answer.
    reads = [cell.rect["x"] for cell in page.find_elements(By.CSS_SELECTOR, ".reads .cell")]
    writes = [cell.rect["x"] for cell in page.find_elements(By.CSS_SELECTOR, ".writes .cell")]
    assert reads == pytest.approx(writes, abs=2) and reads == sorted(reads, reverse=True)
    # With the keyboard alone.
    cells = page.find_elements(By.CSS_SELECTOR, ".writes .cell")
    cells[0].send_keys(Keys.ARROW_LEFT)
    assert page.switch_to.active_element == cells[1]
    assert cells[1].get_attribute("aria-pressed") == "true"
    assert len(texts(page, ".choices li")) == 4
    assert "probability" in cells[1].get_attribute("aria-label")
    ask(page, "twelve")
    assert "'twelve' is not one of addition" in texts(page, "#problem")[0]
    assert page.find_element(By.ID, "question").get_attribute("aria-invalid") == "true"
    ask(page, "1+2")
    assert texts(page, "#problem") == [""]
    assert browser.errors(page) == []
    choose(page, "run-0", "causal")  # the server computes it, and refuses
    ask(page, "twelve")
    assert "is not in the alphabet" in texts(page, "#problem")[0]
    assert browser.errors(page)  # the browser notes the input_error


@pytest.mark.slow
def test_a_served_page_computes_what_it_can_and_asks_about_the_rest(page, address):
    """Both find where a model breaks, and both show every epoch."""
    page.get("about:blank")  # else another part of the same address would not load the page again
    visit(page, f"{address}#run=counter&question=3p2")
    requested = "return performance.getEntriesByType('resource').map((resource) => new URL(resource.name).pathname)"

    def find_length():
        page.find_element(By.CSS_SELECTOR, ".lengths button").click()
        wait(page, "panels[0].finding === null")
        assert texts(page, ".lengths .note")[0].startswith("It breaks at 1 ")

    page.find_element(By.CSS_SELECTOR, ".epochs input").send_keys(Keys.END)
    wait(page, "panels[0].epoch === 3 && !panels[0].busy")
    find_length()
    assert sorted({*page.execute_script(requested)} & API) == ["/api/length", "/api/weights"]
    assert page.execute_script(requested).count("/api/weights") == 2  # of the best epoch, and of the last one
    choose(page, "run-0", "causal")
    find_length()
    assert "/api/answer" in page.execute_script(requested) and browser.errors(page) == []


@pytest.mark.slow
def test_an_address_asks_two_runs_which_show_the_same_place(page, address):
    visit(page, f"{address}#run=pairs&beside=causal&question=12%2B345")
    assert [texts(page, f".panel:nth-child({number}) h2") for number in (1, 2)] == [["pairs"], ["causal"]]
    assert page.execute_script("return panels.map((panel) => panel.answer.question)") == ["12+345"] * 2
    positions = "return panels.map((panel) => panel.placeOf(panel.chosen))"
    for number in (1, 2):
        cells = page.find_elements(By.CSS_SELECTOR, f".panel:nth-child({number}) .writes .cell")
        page.execute_script("arguments[0].focus()", cells[number])
        assert page.execute_script(positions) == [number] * 2
    ask(page, "1+2")
    assert "question=1%2B2" in page.current_url
    assert len(set(page.execute_script(positions))) == 1
    page.execute_script("panels[0].finding = true; panels[0].wait()")
    assert texts(page, ".verdict")[0] == "The evaluation of the lengths comes first …"
    scores = [{"length": 3, "worst": 1, "slice": "x", "why": ""}, {"length": 12, "worst": 0.5, "slice": "x", "why": ""}]
    assert page.execute_script("return panels[0].lengthInWords(arguments[0])", scores).startswith(
        "It breaks between 3 and 12 digits, trained on 3, in the slice x."
    )
    assert browser.errors(page) == []


@pytest.mark.release
def test_attention_two_runs_epochs_and_input_errors(page, address):
    visit(page, address)
    choose(page, "run-0", "causal")
    choose(page, "run-1", "pairs")
    ask(page, "12+345")
    assert len(texts(page, ".panel")) == 2
    assert texts(page, ".looks .note")[0].startswith("It attends most to ")
    looked = texts(page, ".panel:first-child .reads .look")
    assert any(text.endswith("%") for text in looked)
    wait(page, "fillHard.rows?.some(({ slice }) => slice === 'carry-all')")
    hard = Select(page.find_element(By.ID, "hard"))
    hard.select_by_value("carry-all")
    settle(page)
    assert "One carry from the units" in texts(page, "#how")[0]
    choose(page, "run-0", "counter")
    slider = page.find_element(By.CSS_SELECTOR, ".epochs input")
    before = page.execute_script("return panels[0].answer.probabilities")
    slider.send_keys(Keys.END)
    wait(page, "panels[0].epoch === 3 && !panels[0].busy")
    assert texts(page, ".epochs h3")[0] == "Epoch 3 of 3"
    assert page.execute_script("return panels[0].answer.probabilities") != before
    page.find_element(By.CSS_SELECTOR, "#refused summary").click()
    assert texts(page, "#refused li")[0].startswith("damaged: ")
    assert browser.errors(page) == []


@pytest.mark.release
@pytest.mark.parametrize(("width", "dark"), zip(browser.WIDTHS, (True, False, True), strict=True))
def test_it_fits_every_screen_and_can_be_read(page, exported, width, dark):
    browser.resize(page, width, dark=dark)
    visit(page, f"file://{exported}/index.html")
    for name in ("pairs", "counter", "partial_products"):
        choose(page, "run-0", name)
        assert browser.overflow(page) == []
    names = [
        node["name"] for node in browser.accessibility_tree(page) if node["role"] in ("combobox", "textbox", "slider")
    ]
    assert names and all(names)
