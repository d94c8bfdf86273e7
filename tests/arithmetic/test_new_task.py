"""A new task is one entry: modular exponentiation, which is added here, is known wherever tasks are asked for.

And one line in plain Python, by which ``verify`` solves it independently. A new slice is one entry, too.
"""

import dataclasses
import re

import numpy as np
import pytest
from programs import run_here

from seq2seq_arith.arithmetic import coverage, draws, operations, sampling, task_rules, text
from seq2seq_arith.arithmetic.notation import RESIDUES, Solved
from seq2seq_arith.arithmetic.operations import Operation
from seq2seq_arith.arithmetic.suites import SETS, VERSION, Slice, Words, pairs
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import named_task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.__main__ import main
from seq2seq_arith.pipelines.checking import independent

NAME = "modular_power"


def power(modulus: int, base: np.ndarray, exponent: np.ndarray) -> Solved:
    """By squares; residues are below 2^20, so their products fit into a word."""
    result, square, m = np.ones_like(base) % np.uint64(modulus), base, np.uint64(modulus)
    for bit in range(20):
        is_set = exponent >> np.uint64(bit) & np.uint64(1) == 1
        result, square = np.where(is_set, result * square % m, result), square * square % m
    return Solved(result)


ENTRY = Operation(
    symbol="^",
    notation=RESIDUES,
    draws={"digits": sampling.RESIDUES},
    alphabet="0123456789^ ",
    solve=power,
    min_size=2,
    max_size=10**6,
    question_width=lambda modulus: 2 * RESIDUES.width(modulus) + 1,
    answer_width=RESIDUES.width,
    default_size=97,
    num_examples=lambda modulus: max(10, modulus**2),
    ordered=True,
    validation_share=2,
    suite=lambda modulus: [
        Slice("zeroth", "The exponent is 0.", lambda words, m: (words.below(m), 0)),
        Slice("square", "The exponent is 2.", lambda words, m: (words.below(m), 2 % m)),
    ],
)


@pytest.fixture(autouse=True)
def added(monkeypatch):
    monkeypatch.setattr(operations, "BUILT_IN", operations.BUILT_IN | {NAME: ENTRY})
    solver = {NAME: lambda size, base, exponent: str(pow(int(base), int(exponent), size))}
    monkeypatch.setattr(independent, "SOLVERS", {**independent.SOLVERS, **solver})


def test_it_keeps_the_rules_of_custom_tasks():
    task_rules.check("another_name", ENTRY)


def test_it_is_named_and_has_its_defaults():
    assert Task(NAME).config_name == NAME
    task = Task(NAME, size=11, num_examples=100, seed=3)
    assert task.config_name == "modular_power-d11-n100-s3"
    assert Task.from_name(task.config_name) == task == Task.from_parameters(task.parameters())
    assert (Task(NAME).num_examples, Task(NAME).num_validation, Task(NAME).ordered) == (97**2, 97**2 // 2, True)
    assert coverage.largest_practical(Task(NAME, size=2, num_examples=10)) == 4


@pytest.mark.parametrize("modulus", [2, 3, 97, 1000, 10**6])
def test_what_is_drawn_is_answered_written_and_read_back(modulus):
    task = Task(NAME, size=modulus, num_examples=10)
    sides = draws.operands(task, np.arange(500, dtype=np.uint64))
    questions, answers = text.questions(task, *sides), text.answers(task, *sides)
    assert [side.tolist() for side in text.operands(task, questions)] == [side.tolist() for side in sides]
    for question, answer in zip(text.to_strings(questions), text.to_strings(answers), strict=True):
        base, exponent = map(int, question.split("^"))
        assert max(base, exponent) < modulus
        assert int(answer) == pow(base, exponent, modulus)
        assert text.answer(text.parse(question, task)) == answer.strip()


def test_a_question_is_read_as_people_write_it(input_error):
    assert text.answer(text.parse("63 ^ 83", Task(NAME))) == "19"
    assert text.example(Task(NAME)) == "1^0"
    for wrong in ("97^1", "63^", "6+3", "1^2^3", "063^1"):
        with input_error(InputError):
            text.parse(wrong, Task(NAME))


def test_its_slices_are_asked():
    (square,) = (slice for slice in ENTRY.slices(SETS[0], 97) if slice.name == "square")
    operands = pairs(NAME, 97, square, count=20)
    assert len(operands) == 20
    assert {exponent for _, exponent in operands} == {2}
    assert ENTRY.slices(SETS[1], 97) == []


def test_its_size_is_an_option(capsys, input_error):
    with pytest.raises(SystemExit):
        main(["plan", "--help-all"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "; modulus for modular_addition, modular_power; letters for copy, reverse (default:" in shown
    assert re.search(r"for modular_addition, (\w+, )*modular_power and other tasks of residues", shown)
    assert named_task(NAME, {"modulus": 11}) == Task(NAME, size=11) == Task(NAME, 11, 121)
    with input_error(InputError):
        named_task(NAME, {"dashes": 5})


def test_the_program_makes_shows_and_asks_it(tmp_path):
    data = f"--data-dir={tmp_path}"
    for words in (
        ("generate", NAME, "--modulus", 11, data),
        ("verify", tmp_path / "seq2seq_arith/modular_power-d11/1.0.0"),
    ):
        done = run_here(*words)
        assert done.returncode == 0, done.stderr
    assert "121 examples are as they should be; all of them were drawn and solved again in plain Python" in done.stdout
    shown, suite = run_here("show", NAME, "--modulus", 11), run_here("suite", NAME, "--modulus", 11, "--per-slice", 3)
    assert (shown.returncode, suite.returncode) == (0, 0), shown.stderr + suite.stderr
    assert "modular_power" in shown.stdout
    rows = [line.split("\t") for line in suite.stdout.splitlines()]
    assert [rows[0], {row[0] for row in rows[1:]}] == [["slice", "question", "answer"], {"zeroth", "square"}]


def test_a_new_slice_is_one_entry(monkeypatch):
    """Older versions of the suite do not have it."""
    addition = operations.BUILT_IN["addition"]
    double = Slice("double", "The right operand is twice the left.", twice, since=VERSION)
    added = dataclasses.replace(addition, suite=lambda size: [*addition.suite(size), double])
    monkeypatch.setattr(operations, "BUILT_IN", operations.BUILT_IN | {"addition": added})
    command = "suite", "addition", "--per-slice", 2, "--suite-version"
    newest, oldest = (run_here(*command, version).stdout for version in (VERSION, VERSION - 1))
    questions = re.findall(r"^double\t(\d+)\+(\d+)\t(\d+)$", newest, re.MULTILINE)
    assert len(questions) == 2
    assert all(int(right) == 2 * int(left) and int(answer) == 3 * int(left) for left, right, answer in questions)
    assert "double" not in oldest and oldest.startswith("slice\t")


def twice(words: Words, size: int) -> tuple[int, int]:
    number = words.below(10**size // 2)
    return number, 2 * number
