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


def test_a_submission_is_given_the_digits_and_its_own_tokens(adderboard, monkeypatch, tmp_path):
    """A submission in a file, and a stand-in for PyTorch that hands arrays on."""
    (tmp_path / "torch.py").write_text(
        "import contextlib\nimport numpy as np\ninference_mode = contextlib.nullcontext\n"
        "class Tensor(np.ndarray):\n    def numpy(self):\n        return np.asarray(self)\n"
        "def tensor(values):\n    return np.asarray(values).view(Tensor)\n"
    )
    (tmp_path / "submission.py").write_text(
        "PLUS_TOKEN, EQUALS_TOKEN = 10, 11\n"
        "class Model:\n    def generate(self, prompts):\n        return prompts[:, ::-1]\n"
        "def build_model():\n    return Model(), {'name': 'echo', 'params': 0}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    ids = adderboard.open_adder(tmp_path / "submission.py")([12], [9876543210])
    np.testing.assert_array_equal(ids, [[11, *range(9, -1, -1), 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]])
    monkeypatch.delitem(sys.modules, "torch")
