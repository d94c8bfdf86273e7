"""What an evaluation lacks, it refuses to draw."""

from types import SimpleNamespace
from typing import Any, cast

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.evaluation.evaluation import check_epochs
from seq2seq_arith.trainer.runs.evaluated import Evaluation


def test_epochs_that_were_not_evaluated(input_error):
    with input_error(InputError):
        Evaluation.plot_epochs(cast(Any, SimpleNamespace(by_epoch=())))


def test_epochs_of_a_task_without_a_suite(input_error):
    task = SimpleNamespace(name="sort", size=3, operation=SimpleNamespace(slices=lambda *_: ()))
    with input_error(InputError):
        check_epochs(cast(Any, SimpleNamespace(task=task)))
    assert Task().operation.slices("standard", 3)
