"""The metrics of decoded answers."""

import types

import numpy as np
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes, to_strings
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.training import metrics


@pytest.mark.parametrize(
    ("predicted", "right", "exact", "characters"),
    [
        (["469", "142", "1998", "77"], ["469", "141", "1998", "7"], 0.5, 14 / 16),
        (["12", "1", "12", "2"], ["12", "12", "13", "22"], 0.25, 13 / 16),
    ],
)
def test_scores_are_those_of_the_decoded_strings(predicted, right, exact, characters):
    view, answers = make_view("aligned", Task("addition")), to_codes(right, 4)
    ids, losses = np.asarray(view.encode_answer(to_codes(predicted, 4))), np.array([0.5, 1.5, 0.0, 2.0], np.float32)
    learner = types.SimpleNamespace(view=view, answer=lambda *_: (ids, losses))
    score, decoded = metrics.evaluate(learner, Examples(answers, answers))
    assert to_strings(decoded) == [each.ljust(4) for each in predicted]
    assert to_strings(metrics.decode(view, ids, rows=3)) == to_strings(decoded)
    assert (score.loss, score.exact_match, score.character_accuracy) == (1.0, exact, characters)
