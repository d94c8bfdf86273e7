"""The metrics of decoded answers."""

import numpy as np
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes, to_strings
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.training import metrics
from seq2seq_arith.trainer.training.learner import Answers


def test_scores_are_those_of_the_decoded_strings():
    view = make_view("aligned", Task("addition"))
    answers = to_codes(["469 ", "141 ", "1998", "7   "], 4)
    predicted = to_codes(["469 ", "142 ", "1998", "77  "], 4)
    ids = np.asarray(view.encode_answer(predicted))
    given = Answers(ids, np.array([0.5, 1.5, 0.0, 2.0], np.float32))
    decoded = metrics.decode(view, ids, rows=3)
    assert to_strings(decoded) == to_strings(predicted)
    score = metrics.score(given, decoded, Examples(answers, answers))
    assert (score.loss, score.exact_match, score.character_accuracy) == (1.0, 0.5, 14 / 16)


@pytest.mark.parametrize(
    ("predicted", "exact"),
    [(["12 "], [True]), (["12"], [True]), ([" 12"], [False]), (["1  "], [False]), (["-12"], [False])],
)
def test_exact_match_is_of_the_whole_string(predicted, exact):
    assert metrics.exact_matches(to_codes(predicted, 3), to_codes(["12 "], 3)).tolist() == exact
