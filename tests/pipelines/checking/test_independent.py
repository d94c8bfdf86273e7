"""The data format in plain Python, against the pipeline's functions and the page."""

import re

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from layout import OWN_TASKS
from strategies import SEEDS

from seq2seq_arith.arithmetic import draws, numbers, own_tasks, text
from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_rules import SAMPLERS
from seq2seq_arith.pipelines.checking import independent
from seq2seq_arith.pipelines.formats.tfrecord import record_format


def test_every_task_and_every_way_of_drawing_is_known():
    """One line for each; what has none is said by ``verify``, and must not be said of what is built in."""
    for name in BUILT_IN:
        reference.solver(name)
    assert independent.SOLVERS.keys() == BUILT_IN.keys()
    assert independent.DRAWN.keys() == {sampler for samplers in SAMPLERS.values() for sampler in samplers}
    assert {drawn for operation in BUILT_IN.values() for drawn in operation.draws.values()} <= independent.DRAWN.keys()


@pytest.mark.parametrize("name", BUILT_IN)
@given(data=st.data())
def test_every_task_as_the_pipeline_makes_it(name, data):
    """Operands, keys, hashes, strings and records, of any size, seed and way of drawing."""
    reference.solver(name)
    operation = BUILT_IN[name]
    most = min(operation.max_size, 300)
    task = Task(
        name,
        size=data.draw(st.one_of(*(st.integers(operation.min_size, end) for end in (min(18, most), most)))),
        seed=data.draw(SEEDS),
        draws=data.draw(st.sampled_from(sorted(operation.draws))),
        reverse=data.draw(st.booleans()),
        num_examples=10,
    )  # fmt: skip
    drawn = np.array(data.draw(st.lists(st.integers(0, 2**44), min_size=1, max_size=20)), np.uint64)
    sides = draws.operands(task, drawn)
    operands = [independent.draw(task, number) for number in drawn.tolist()]
    assert operands == list(zip(*map(numbers.to_ints, sides), strict=True))
    rows = [independent.example(task, pair) for pair in operands]
    key = draws.key(task, *sides)
    assert [row.key for row in rows] == list(zip(*map(numbers.to_ints, key), strict=True))
    assert [row.order_hash for row in rows] == draws.key_hash(task, draws.ORDER, key).tolist()
    assert [row.split_hash for row in rows] == draws.key_hash(task, draws.SPLIT, key).tolist()
    questions, answers = text.questions(task, *sides), text.answers(task, *sides)
    assert [row.question for row in rows] == text.to_strings(questions)
    assert [row.answer for row in rows] == text.to_strings(answers)
    records = record_format(task)(questions, answers).tobytes()
    assert b"".join(independent.record(row.question, row.answer) for row in rows) == records


@given(st.text("0123456789+", min_size=1, max_size=300), st.text("0123456789", min_size=1, max_size=300))
def test_records_of_any_widths(question, answer):
    """Beyond 127 bytes the lengths in a protobuf message take more bytes themselves."""
    from tensorflow_datasets.proto import tf_example_pb2

    example = tf_example_pb2.Example()
    for name, characters in (("question", question), ("answer", answer)):
        example.features.feature[name].bytes_list.value.append(characters.encode())
    assert independent.record(question, answer)[12:-4] == example.SerializeToString(deterministic=True)


def test_a_task_without_a_line_is_told_what_to_add():
    with pytest.raises(pytest.fail.Exception, match="maximum has no line in SOLVERS of pipelines/checking/independent"):
        reference.solver("maximum")


def test_an_own_task_is_not_solved(no_custom_tasks):
    """Not even one that has the notation and the draws of this package; its questions are."""
    own_tasks.use(OWN_TASKS)
    task = Task("sort", size=7, num_examples=10, draws="fixed")
    assert (independent.is_drawn(task), independent.is_solved(task)) == (True, False)
    row = independent.example(task, independent.draw(task, 0), answer="given")
    assert re.fullmatch("[a-z]{7}", row.question)
    assert row.answer == "given"
