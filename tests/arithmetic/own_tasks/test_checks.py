"""The faults of a task of one's own: each is one sentence with the file and the line."""

import re

import pytest

from seq2seq_arith.arithmetic.own_tasks import registry
from seq2seq_arith.base.errors import InputError

RIGHT = '''"""The difference of two numbers, without its sign."""
import numpy as np
from seq2seq_arith.arithmetic import drawing, numbers
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, Solved
from seq2seq_arith.arithmetic.suites import Slice
from seq2seq_arith.arithmetic.operations import Operation

def distance(size, left, right):
    return Solved(numbers.subtract(left, right)[0])

OPERATIONS = {
    "distance": Operation(
        symbol="d",
        notation=DECIMAL,
        alphabet="0123456789d ",
        solve=distance,
        max_digits=40,
        question_width=lambda size: 2 * size + 1,
        answer_width=lambda size: size,
        digits=3,
        recipe_family="decimal",
    ),
}
'''
ENTRY = "distance.py, line 12: the task 'distance' "
# What is replaced, by what, and the end of the sentence.
FAULTS = {
    "syntax": ("OPERATIONS = {", "OPERATIONS = {{", "its code fails: .*distance.py, line .*SyntaxError"),
    "import": ("import numpy as np", "import nothing_of_it", "line 2: ModuleNotFoundError: No module named 'nothing"),
    "no dict": ("OPERATIONS = {", "OTHER = {", "has no OPERATIONS; give it a dict"),
    "name": ('"distance":', '"Distance-2":', "line 12: the task 'Distance-2' has no usable name"),
    "ours": ('"distance":', '"addition":', "line 12: the task 'addition' is one of this package"),
    "kind": ("Operation(\n", "dict(\n", f"{ENTRY}is of the type dict; give an Operation"),
    "symbol": ('symbol="d"', 'symbol="dd"', f"{ENTRY}has the symbol 'dd'; give one character"),
    "digit": ('symbol="d"', 'symbol="7"', f"{ENTRY}has the symbol '7', which stands in operands"),
    "alphabet": ('alphabet="0123456789d "', 'alphabet="0123456789 "', f"{ENTRY}writes 'd', which is not in its alph"),
    "padding": ('alphabet="0123456789d "', 'alphabet="0123456789d"', f"{ENTRY}has the alphabet '0123456789d'; give"),
    "size": ("digits=3", "digits=50", f"{ENTRY}has digits=50 of min_digits=1 to max_digits=40"),
    "question": ("2 * size + 1", "2 * size", f"{ENTRY}has the question width 2 for 1 digits, but 3 characters are"),
    "answer": ("subtract(left, right)[0]", "add(left, right)", f"{ENTRY}has the answer width 1 for 1 digits, but the"),
    "drawing": ("digits=3", 'digits=3, draws={"c": drawing.COUNTS}', f"{ENTRY}has a drawing that does not give oper"),
    "arity": ("digits=3", "digits=3, arity=3", f"{ENTRY}does not have two operands, so .*give ordered=True"),
    "number": ("digits=3", "digits=3, arity=0", f"{ENTRY}has 0 operands; give 1 to 8"),
    "error": ("return Solved(", "return 1 / 0 + Solved(", "distance.py, line 9: ZeroDivisionError: division by zero"),
    "solved": ("return Solved(numbers", "return (numbers", f"{ENTRY}gives answers of the type ndarray; give a Solved"),
    "kind of numbers": ("right)[0])", "right)[0].astype(float))", f"{ENTRY}gives answers for 1 digits that are not u"),
    "count": ("right)[0])", "right)[0][:, :3])", f"{ENTRY}gives 3 answers to [0-9]+ questions"),
    "in place": ("return Solved(", "left += left; return Solved(", f"{ENTRY}changes its operands"),
    "of others": ("right)[0])", "right)[0] * np.uint64(left.shape[1] > 1))", f"{ENTRY}gives .* to each alone"),
    "sign": ("right)[0])", "right)[0], left[0] < right[0])", f"{ENTRY}has the answer width 1 for 1 digits"),
    "slice": ("digits=3", 'digits=3, suite=lambda size: [Slice("s", "", lambda words, d: (1,))]', f"{ENTRY}has the sl"),
    "breakdown": ("digits=3", 'digits=3, breakdowns={"b": lambda a, b: a}', f"{ENTRY}has the breakdown 'b' of shape"),
    "column": (
        "digits=3",
        'digits=3, breakdowns={"answer value": lambda a, b: a[0]}',
        f"{ENTRY}has the breakdown 'answer ",
    ),
    "way": ("digits=3", 'digits=3, draws={"my-way": drawing.DIGITS}', f"{ENTRY}has draws of the name 'my-way'"),
    "way that is a word": (
        "digits=3",
        'digits=3, draws={"plain": drawing.DIGITS}',
        f"{ENTRY}has draws of the name 'pl",
    ),
    "share": ("digits=3", "digits=3, validation_share=1", f"{ENTRY}has validation_share=1; give a whole number from"),
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_current", {})
    monkeypatch.setattr(registry, "_known", {})
    path = tmp_path / "distance.py"

    def write(old="", new=""):
        assert not old or RIGHT.count(old) >= 1
        path.write_text(RIGHT.replace(old, new, 1) if old else RIGHT)
        return path

    return write


def test_a_right_task_has_no_fault(write):
    assert registry.use(write()) == ("distance",)


def test_an_answer_of_nineteen_digits_is_counted(write):
    """It is a single word, as those of eighteen digits are."""
    path = write("subtract(left, right)[0]", "add(left, right)")
    wide = "answer_width=lambda size: size + (size != 18)"
    path.write_text(
        path.read_text().replace("max_digits=40", "max_digits=18").replace("answer_width=lambda size: size", wide)
    )
    with pytest.raises(
        InputError, match=r"has the answer width 18 for 18 digits, but the answer to \d+d\d+ has 19 char"
    ):
        registry.use(path)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence(write, fault):
    old, new, sentence = FAULTS[fault]
    with pytest.raises(InputError) as raised:
        registry.use(write(old, new))
    assert re.search(sentence, str(raised.value)), raised.value
    assert "\n" not in str(raised.value)
    assert list(registry.every()) == []


def test_a_file_that_is_not_there():
    with pytest.raises(InputError, match=r"task-file is 'gone\.py', and .*gone\.py cannot be read \(No such file"):
        registry.use("gone.py")
