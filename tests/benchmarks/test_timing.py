"""How the benchmarks measure, that each of them can be imported, and what the pictures of the pages show."""

import importlib
import os
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import browser
import pytest

from seq2seq_arith.trainer.demo import RANDOM_PAIRS
from seq2seq_arith.trainer.runs import samples

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PROGRAMS = sorted(path.stem for path in BENCHMARKS.glob("*.py") if path.stem not in ("timing", "ways"))


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def load(name: str):
    return importlib.import_module(name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_benchmark_is_a_program(monkeypatch, capsys, name):
    program = load(name)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        program.main()
    assert end.value.code == 0
    begin = program.__doc__.partition("\n\n")[0].partition("`")[0]
    assert " ".join(begin.split()) in " ".join(capsys.readouterr().out.split())


def test_a_function_runs_in_a_process_of_its_own():
    result, memory = load("timing").call(os.getppid)
    assert result == os.getpid()
    assert memory > 5e6  # on Linux also what this process has, as it began as a copy of it


def test_the_states_of_the_adder_of_the_package_are_the_carry():
    program = load("draw")
    run = program.open_run(program.SHIPPED_RUNS / "addition")
    weights, _ = program.checkpoints.load(run.best)
    after, written = program.behaviour(program.proof.tables_of(run, weights), run.task.alphabet)
    carry = program.merged(after, written)
    assert set(carry) == {0, 1}
    carry = carry != carry[0]  # at first there is none
    assert (carry[after] == (program.SUMS + carry[:, None] >= 10)).all()


def test_a_network_learns_in_a_picture():
    """Of a real run, every answer of every epoch, marked as right or wrong; the picture of the pages is what it was."""
    program, run = load("draw"), RANDOM_PAIRS / "samples.jsonl"
    assert program.learning() == (program.DOCS / "learning.svg").read_bytes()
    epochs = ET.fromstring(program.learning(run)).findall("{*}g")
    shown = [[text.text for text in epoch.findall("{*}text")[2:]] for epoch in epochs]
    asked = [each.samples for each in samples.read_jsonl(run)]
    assert shown == [[f"{each.prediction} {'✓' if each.right else '✗'}" for each in answers] for answers in asked]
    assert {line[-1] for answers in shown for line in answers} == {"✓", "✗"}


def test_the_pictures_of_the_pages_are_small_and_light_or_dark():
    program = load("draw")
    for name in program.PICTURES:
        picture = (program.DOCS / f"{name}.svg").read_bytes()
        assert ET.fromstring(picture).tag.endswith("svg")
        assert b"prefers-color-scheme: dark" in picture and b"var(--" in picture
        assert len(picture) < 300_000


@pytest.mark.slow
@pytest.mark.browser
def test_less_motion_is_the_last_epoch():
    with browser.chrome() as driver:  # which asks for it
        driver.get((load("draw").DOCS / "learning.svg").as_uri())
        last = "return [...document.querySelectorAll('.epoch')].map((each) => getComputedStyle(each).visibility)"
        assert driver.execute_script(last) == ["hidden"] * 19 + ["visible"]
        moving = {"name": "prefers-reduced-motion", "value": "no-preference"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [moving]})
        assert driver.execute_script(last).index("visible") < 19
