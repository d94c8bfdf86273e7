"""Custom tasks: named, identified by the sha256 of their file, pickled for other processes; and their faults."""

import ast
import dataclasses
import inspect
import pickle
import subprocess
import sys
import traceback

import numpy as np
import pytest

from seq2seq_arith.arithmetic import letters, numbers, own_tasks, sampling, task_rules, text
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, LETTERS, POSITIVE, RESIDUES, Solved
from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.plugin_code import digest

DISTANCE = '''"""The difference of two numbers, without its sign."""
import numpy as np
from seq2seq_arith.arithmetic import sampling, numbers
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, Solved
from seq2seq_arith.arithmetic.operations import Operation
from seq2seq_arith.arithmetic.suites import Slice

def distance(size, left, right):
    return Solved(numbers.subtract(left, right)[0])

OPERATIONS = {
    "distance": Operation(
        symbol="d",
        notation=DECIMAL,
        alphabet="0123456789d ",
        solve=distance,
        max_size=40,
        question_width=lambda size: 2 * size + 1,
        answer_width=lambda size: size,
        default_size=3,
        recipe_family="decimal",
    ),
}
'''


@pytest.fixture
def write(tmp_path, no_custom_tasks):
    """Writes the file with some of its parts replaced: (old, new, old, new, ...)."""

    def write(*changes):
        path, content = tmp_path / "distance.py", DISTANCE
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in content
            content = content.replace(old, new, 1)
        path.write_text(content)
        return path

    return write


def test_the_tasks_of_a_file_are_tasks(write, input_error):
    with input_error(InputError):
        Task("distance")
    path = write()
    assert own_tasks.use(path) == ("distance",)
    task = Task("distance", size=2, seed=5)
    assert text.answer(text.parse("12d18", task)) == "6"
    assert task.config_name == "distance-d2-s5"
    assert Task.from_name("distance-d2-s5") == task == Task.from_parameters(task.parameters())
    assert task.parameters()["code_sha256"] == digest(path.read_bytes())
    assert task.code == str(path)
    assert "code_sha256" not in Task("addition").parameters()


def test_another_content_is_another_task(write, no_custom_tasks, input_error):
    own_tasks.use(write())
    old = Task("distance")
    path = write("numbers.subtract(left, right)[0]", "numbers.min_max(left, right)[1]")
    own_tasks.use(path)
    assert Task("distance") != old
    assert [text.answer(text.parse("5d3", task)) for task in (old, Task("distance"))] == ["2", "5"]
    no_custom_tasks()
    own_tasks.use(path)
    with input_error(InputError):
        Task.from_parameters(old.parameters())


def test_parameters_do_not_run_code(write, no_custom_tasks, input_error):
    own_tasks.use(write())
    parameters = Task("distance").parameters()
    no_custom_tasks()
    with input_error(InputError):
        Task.from_parameters(parameters)
    with input_error(InputError):
        Task.from_parameters(Task("addition").parameters() | {"code_sha256": "0" * 64})


def test_a_pickled_task_contains_its_code(write):
    """Also if the file no longer exists."""
    path = write()
    own_tasks.use(path)
    packed = pickle.dumps(dataclasses.replace(Task("distance"), seed=3))
    path.unlink()
    code = (
        "import dataclasses, pickle, sys; from seq2seq_arith.arithmetic import text; "
        "task = pickle.load(sys.stdin.buffer); task = dataclasses.replace(task, size=4); "
        "print(task.config_name, text.answer(text.parse('12d18', task)))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True, check=True)
    assert done.stdout == b"distance-d4-s3 6\n"
    assert pickle.loads(pickle.dumps(Task("addition"))) == Task("addition")


LONG = """class Long(type(sampling.DIGITS)):
    def operands(self, size, words, arity=2):
        return super().operands(size + 1, words, arity)

OPERATIONS = {"""
REAL = """class Real(type(sampling.DIGITS)):
    def operands(self, size, words, arity=2):
        return tuple(side.astype(float) for side in super().operands(size, words, arity))

OPERATIONS = {"""
DASHED = ("notation=DECIMAL", 'notation=DASHES, draws={"digits": sampling.COUNTS}', '"0123456789d "', '"-+d "')
# What is replaced, and by what.
FAULTS = {
    "syntax": ("OPERATIONS = {", "OPERATIONS = {{"),
    "import": ("import numpy as np", "import nothing_of_it"),
    "no dict": ("OPERATIONS = {", "OTHER = {"),
    "name": ('"distance":', '"Distance-2":'),
    "ours": ('"distance":', '"addition":'),
    "kind": ("Operation(\n", "dict(\n"),
    "symbol": ('symbol="d"', 'symbol="dd"'),
    "digit": ('symbol="d"', 'symbol="7"'),
    "alphabet": ('alphabet="0123456789d "', 'alphabet="0123456789 "'),
    "padding": ('alphabet="0123456789d "', 'alphabet="0123456789d"'),
    "size": ("default_size=3", "default_size=50"),
    "question": ("2 * size + 1", "2 * size"),
    "answer": ("subtract(left, right)[0]", "add(left, right)"),
    "foreign": (
        "right)[0])",
        "right)[0], left[0] < right[0])",
        "answer_width=lambda size: size",
        "answer_width=lambda size: size + 1",
    ),
    "sign": ("Solved(numbers.subtract(left, right)[0])", "Solved(left, right[0] > left[0])"),
    "drawing": ("default_size=3", 'default_size=3, draws={"c": sampling.COUNTS}'),
    "pairs only": ("default_size=3", 'default_size=3, arity=3, draws={"structured": sampling.CARRYING}'),
    "long operands": ("default_size=3", 'default_size=3, draws={"long": Long()}', "OPERATIONS = {", LONG),
    "kind of operands": ("default_size=3", 'default_size=3, draws={"real": Real()}', "OPERATIONS = {", REAL),
    "dashes like an option": (*DASHED, 'symbol="d"', 'symbol="+"'),
    "no dashes": DASHED,  # the distance of equal operands
    "signs of dashes": (*DASHED, "Solved(numbers.subtract(left, right)[0])", "Solved(left, right[0] > left[0])"),
    "too many dashes": (*DASHED, "max_size=40", "max_size=2**32"),
    "prefix that does not fit": ('symbol="d"', 'symbol="d", answer_prefix="d"'),
    "prefix that solve does not write": (
        'symbol="d"',
        'symbol="d", answer_prefix="d"',
        "Solved(numbers.subtract(left, right)[0])",
        "np.full((left.shape[1], size), 48, np.uint8)",
    ),
    "prefix that is not in the alphabet": ('symbol="d"', 'symbol="d", answer_prefix="="'),
    "written": ("Solved(numbers.subtract(left, right)[0])", "np.full((left.shape[1], size), 32, np.uint8)"),
    "no draws": ("default_size=3", "default_size=3, draws={}"),
    "way": ("default_size=3", 'default_size=3, draws={"my-way": sampling.DIGITS}'),
    "way that is a word": ("default_size=3", 'default_size=3, draws={"plain": sampling.DIGITS}'),
    "error": ("return Solved(", "return 1 / 0 + Solved("),
    "exit": ("return Solved(", "raise SystemExit; return Solved("),
    "solved": ("return Solved(numbers", "return (numbers"),
    "kind of numbers": ("right)[0])", "right)[0].astype(float))"),
    "count": ("right)[0])", "right)[0][:, :3])"),
    "long word": ("right)[0])", "right)[0] + np.uint64(10**18))"),
    "long word below another": (
        "right)[0])",
        "right)[0] + np.uint64(10**18) * (np.arange(len(left))[:, None] < len(left) - 1))",
    ),
    "in place": ("return Solved(", "left += left; return Solved("),
    "of others": ("right)[0])", "right)[0] * np.uint64(left.shape[1] > 1))"),
    "slice": ("default_size=3", 'default_size=3, suite=lambda size: [Slice("s", "", lambda words, d: (1,))]'),
    "slice out of range": (
        "default_size=3",
        'default_size=3, suite=lambda size: [Slice("s", "", lambda words, d: (10**d, 1))]',
    ),
    "breakdown": ("default_size=3", 'default_size=3, breakdowns={"b": lambda a, b: a}'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_with_the_file_and_the_line(write, fault, input_error):
    with input_error(InputError):
        own_tasks.use(write(*FAULTS[fault]))
    assert not own_tasks.is_task("distance")


def test_every_rule_is_broken_by_a_fault(write):
    """So no rule is without a case, or stands behind another that says the same."""
    lines = set()
    for changes in FAULTS.values():
        with pytest.raises(InputError) as caught:
            own_tasks.use(write(*changes))
        if isinstance(error := caught.value.__context__, task_rules.TaskError):
            lines.add(traceback.extract_tb(error.__traceback__)[-1].lineno)
    rules = [node for node in ast.walk(ast.parse(inspect.getsource(task_rules))) if isinstance(node, ast.Raise)]
    assert len(rules) > 20
    for rule in rules:
        assert lines & {*range(rule.lineno, (rule.end_lineno or 0) + 1)}, ast.unparse(rule)


@pytest.mark.parametrize("prefix", ["", "=", "=>"])
@pytest.mark.parametrize("notation", [DECIMAL, POSITIVE, RESIDUES, DASHES, LETTERS], ids=repr)
def test_every_notation_writes_the_prefix_of_its_answers(notation, prefix):
    """The longest answer fills the width, and numbers of two words are written, too."""
    size = 40
    shown = {DASHES: ["-", "-" * size], LETTERS: ["z", "ab" * 20]}.get(notation, ["1", "9" * notation.width(size)])
    read = {DASHES: len, LETTERS: letters.number}.get(notation, int)
    magnitude = numbers.from_ints([*map(read, shown)], notation.words(size))
    for width in (len(prefix) + len(shown[1]), len(prefix) + size + 5):
        rows = notation.answer(prefix, Solved(magnitude), width)
        assert (rows.dtype, rows.shape) == (np.uint8, (2, width))
        assert [row.tobytes().decode() for row in rows] == [f"{prefix}{answer}".ljust(width) for answer in shown]
    if notation is DECIMAL:
        rows = notation.answer(prefix, Solved(magnitude, np.array([True, False])), len(prefix) + size + 1)
        assert [row.tobytes().decode().rstrip() for row in rows] == [f"{prefix}-1", f"{prefix}{shown[1]}"]


def test_a_prefix_is_parsed_and_written(write):
    """As people write it, and as the datasets contain it."""
    prefixed = 'symbol="d"', 'symbol="d", answer_prefix="d"', "lambda size: size,", "lambda size: size + 1,"
    own_tasks.use(write(*prefixed))
    assert text.answer(text.parse("12d18", Task("distance"))) == "d6"


def test_an_answer_of_nineteen_digits_is_counted(write, input_error):
    """It is a single word, as those of eighteen digits are."""
    added = "subtract(left, right)[0]", "add(left, right)", "max_size=40", "max_size=18"
    with input_error(InputError):
        own_tasks.use(write(*added, "lambda size: size,", "lambda size: size + (size != 18),"))


def test_a_file_that_is_not_there(input_error):
    with input_error(InputError):
        own_tasks.use("/gone.py")


def test_a_custom_notation_needs_a_custom_sampler():
    """It is unknown which operands of it a sampler of this package returns."""
    notation, sampler = (type("Own", (type(base),), {})() for base in (DECIMAL, sampling.DIGITS))
    entry = dataclasses.replace(OPERATIONS["addition"], notation=notation, draws={"own": sampler})
    task_rules.check("sum", entry)
    built_in = dataclasses.replace(entry, draws={"digits": sampling.DIGITS})
    with pytest.raises(
        task_rules.TaskError, match="has the draws 'digits', which do not return operands of its notation"
    ):
        task_rules.check("sum", built_in)
