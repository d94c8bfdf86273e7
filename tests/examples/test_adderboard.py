"""The scores of AdderBoard's entries, with adders in place of their networks."""

import importlib.util
import re
import sys

import numpy as np
import pytest
from layout import ROOT

FILE = ROOT / "examples/adderboard.py"


@pytest.fixture
def adderboard():
    spec = importlib.util.spec_from_file_location("adderboard", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(module, left, right):
    """The ids of right answers: eleven digits from the units, then an end mark."""
    sums = np.array(left) + np.array(right)
    digits = sums[:, np.newaxis] // 10 ** np.arange(11) % 10
    return np.concatenate([digits, np.full((len(sums), 1), 12)], axis=1)


def test_an_answer_ends_at_the_first_id_that_is_no_digit(adderboard):
    ids = np.array([[7, 1, 12, 9, 9], [13, 1, 1, 1, 1], [0, 0, 3, 0, 1]])
    assert adderboard.answered(lambda left, right: ids, ["1+2", "3+4", "5+6"]) == [17, 0, 10300]
    np.testing.assert_array_equal(adderboard.units_first([0, 9876543210]), [[0] * 10, range(10)])


def test_the_boards_questions_and_the_suite_are_scored(adderboard, monkeypatch, capsys):
    def adder(left, right):
        ids = written(adderboard, left, right)
        ids[np.array(right) == 0, 10] = 1  # wrong if the right operand is 0, as in two of the edge cases
        return ids

    monkeypatch.setattr(adderboard, "open_adder", lambda file: adder)
    monkeypatch.setattr(sys, "argv", ["adderboard.py", "submission.py", "--per-slice", "20"])
    adderboard.main()
    printed = capsys.readouterr().out
    assert printed.startswith("AdderBoard's own questions: 10,008 of 10,010 right\n")
    assert re.search(r"^worst slice: zero, 0\.\d+ of \d+: (\d+)\+0 = \1, answered 1\d{10}$", printed, re.MULTILINE)


TORCH = """
import contextlib
import numpy as np
inference_mode = contextlib.nullcontext
class Tensor(np.ndarray):
    def numpy(self):
        return np.asarray(self)
    def argmax(self, axis, keepdim):
        return np.argmax(np.asarray(self), axis, keepdims=keepdim).view(Tensor)
def tensor(values):
    return np.asarray(values).view(Tensor)
def cat(parts, dim):
    return np.concatenate(parts, dim).view(Tensor)
"""
# The network writes its prompt again: at each step, the id that stands this far from the end.
SUBMISSION = """
import numpy as np
import torch
class Model:
    def __call__(self, ids):
        return np.eye(12)[ids[:, [-{back}]]].view(torch.Tensor)
def build_model():
    return Model(), {{"name": "echo", "params": 0}}
{own}
"""
TOKENS = "PLUS_TOKEN, EQUALS_TOKEN = 10, 11"
ENCODER = "def _encode(left, right):\n    return [right] * 11 + [left] * 11"


@pytest.mark.parametrize(
    ("own", "back", "expected"),
    [
        (TOKENS, 22, [2, 1, *[0] * 8, 10]),
        (TOKENS, 11, [*range(10), 11]),
        ("", 22, [2, 1, *[0] * 9]),
        (ENCODER, 22, [6] * 11),
    ],
)
def test_a_submission_is_given_its_own_prompt(adderboard, monkeypatch, tmp_path, own, back, expected):
    """A submission in a file, and a stand-in for PyTorch."""
    (tmp_path / "torch.py").write_text(TORCH)
    (tmp_path / "submission.py").write_text(SUBMISSION.format(back=back, own=own))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    pair = (5, 6) if own == ENCODER else (12, 9876543210)
    ids = adderboard.open_adder(tmp_path / "submission.py")(*([number] for number in pair))
    np.testing.assert_array_equal(ids, [expected])
    monkeypatch.delitem(sys.modules, "torch")
