"""Input formats: reversible for every task, by example, and without counting or computing."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import columns, operand_pairs

from seq2seq_arith.arithmetic import operations
from seq2seq_arith.arithmetic.notation import Solved
from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes, to_strings
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.data import input_formats, question_sets
from seq2seq_arith.trainer.data.input_formats import InputFormat, make_input_format
from seq2seq_arith.trainer.plugins import Plugin
from seq2seq_arith.trainer.registry import INPUT_FORMATS, check_input_format

# A task whose answer is narrower than its operands, and one whose answer is wider than all input_formats need.
ADDITION = OPERATIONS["addition"]
MADE_UP = {
    "last_digit": dataclasses.replace(
        ADDITION, solve=lambda size, x, y: Solved((x + y) % np.uint64(10)), answer_width=lambda size: 1
    ),
    "shifted": dataclasses.replace(
        ADDITION, solve=lambda size, x, y: Solved((x + y) * np.uint64(1000)), answer_width=lambda size: size + 4
    ),
}


@pytest.fixture
def made_up(monkeypatch):
    """Adds the tasks that are made up for these tests."""
    monkeypatch.setattr(operations, "BUILT_IN", {**operations.BUILT_IN, **MADE_UP})


@pytest.mark.parametrize("task_name", [*OPERATIONS, "division", "comparison", *MADE_UP])
@settings(
    max_examples=settings.default.max_examples // 3
)  # of many pairs each: TensorFlow takes 80 ms for all input_formats
@given(data=st.data())
def test_input_formats_are_reversible(made_up, task_name: str, data: st.DataObject):
    """Nothing of a question or an answer is lost in an input format that has the task."""
    operation = operations.BUILT_IN[task_name]
    size = data.draw(st.integers(operation.min_size, 9))
    task = Task(task_name, size, 10, reverse=data.draw(st.booleans()))
    examples = question_sets.examples(task, columns(task, data.draw(operand_pairs(task))))
    for name in INPUT_FORMATS:
        try:
            check_input_format(name, task)
        except InputError:
            assert INPUT_FORMATS[name].needs_digits or INPUT_FORMATS[name].needs_numbers
            continue
        input_format = make_input_format(name, task)
        ids, answers = (
            input_format.encode_question(examples.questions),
            input_format.write(examples.questions, examples.answers),
        )
        assert tuple(ids.shape[1:]) == input_format.question_shape
        assert answers.shape[1] == input_format.answer_steps
        assert max(int(np.max(ids)), int(np.max(answers))) < len(input_format.alphabet)
        np.testing.assert_array_equal(input_format.decode_question(ids), examples.questions)
        np.testing.assert_array_equal(input_format.decode_answer(answers), examples.answers)


def test_an_answer_that_does_not_fit_is_never_right(made_up):
    """A model may write as many characters as the operands have; cut to the stored width, they could look right."""
    input_format = make_input_format("aligned", Task("last_digit"))
    written = np.array(
        [[input_format.alphabet.index(character) for character in text] for text in ("7  ", "71 ", "   ")]
    )
    assert to_strings(input_format.decode_answer(written.astype(np.uint8)).numpy()) == ["7", " ", " "]


@pytest.mark.parametrize(
    ("task", "question", "answer", "left", "right", "backwards"),
    [
        (Task("addition"), "271+792", "469 ", "792 ", "271 ", "964 "),
        (Task("addition"), "  57+66", "141 ", "66  ", "57  ", "141 "),
        (Task("subtraction"), "555-3947   ", "-3392 ", "555   ", "7493  ", "2933- "),
        (Task("subtraction"), "0-0        ", "0     ", "0     ", "0     ", "0     "),
        (Task("subtraction", size=1), "3-9", "-6", "3 ", "9 ", "6-"),
    ],
)
def test_the_aligned_input_format_by_example(task, question, answer, left, right, backwards):
    input_format = make_input_format("aligned", task)
    ids = np.asarray(input_format.encode_question(to_codes([question], task.question_width)))[0]
    assert "".join(input_format.alphabet[i] for i in ids[:, 0]) == left
    assert "".join(input_format.alphabet[i] for i in ids[:, 1]) == right
    written = np.asarray(input_format.encode_answer(to_codes([answer], task.answer_width)))[0]
    assert "".join(input_format.alphabet[i] for i in written) == backwards


def test_the_crossed_input_format_by_example():
    """Step 1 of 297 and 172 holds tens with units and units with tens."""
    input_format = make_input_format("partial_products", Task("addition"))
    ids = np.asarray(input_format.encode_question(to_codes(["271+792"], 7)))[0]
    steps = ["".join(input_format.alphabet[i] for i in row) for row in ids]
    assert steps == ["72    ", "7792  ", "719722", "  9127"]


@pytest.mark.parametrize(
    ("task", "question", "answer", "input_format", "read", "written"),
    [
        (Task("addition"), "   5+79", "102 ", "zero_padded", "500+790", "2010"),
        (Task("subtraction", size=3), "12-123 ", "-111", "zero_padded", "012-123", "111-"),
        (Task("subtraction", size=3), "7-12   ", "-5  ", "zero_padded", "007-012", "500-"),
        (Task("addition"), "   5+79", "102 ", "reversed_eos", "   5+79", "201$ "),
        (Task("subtraction", size=3), "7-12   ", "-5  ", "plain_eos", "   7-12", "-5$  "),
        (Task("subtraction", size=1), "3-9", "-6", "index_hints", "e3-e9", "e6f-"),
        (Task("addition"), "   5+79", "102 ", "random_spaces", "       5_+_7_9".replace("_", " "), "201 "),
        # Units first: 7, 7 + 5; the carry and 9, and 0 more; the carry and 0, and 0 more; then 102 from its end.
        (Task("addition"), "   5+79", "102 ", "scratchpad", "500+790", "7021" + "0101" + "1010" + "2010"),
        # 3 * 5, the same + 0 + 0; 2 * 5, the same + 0 + 1; 3 * 4, the same + 1 + 0; 2 * 4, the same + 1 + 1; 1035.
        (Task("multiplication", 2), "23*45", "1035", "plain_scratchpad", "23*45", "5151" "0111" "2131" "8001" "5301"),
    ],
)  # fmt: skip
def test_what_other_input_formats_read_and_write(task, question, answer, input_format, read, written):
    made = make_input_format(input_format, task)
    stored, answers = to_codes([question], task.question_width), to_codes([answer], task.answer_width)
    ids, right = made.encode_question(stored), made.write(stored, answers)
    seen = ["".join(made.alphabet[number] for number in np.asarray(each)[0]) for each in (ids, right)]
    if input_format == "index_hints":  # the letter of the units is drawn
        first = made.alphabet.index(seen[1][0]) - len(task.alphabet)
        letters = made.alphabet[len(task.alphabet) :]
        read, written = (
            text.translate({ord("e"): letters[first], ord("f"): letters[first + 1]}) for text in (read, written)
        )
    assert seen == [read, written]


def test_the_letter_of_the_units_is_drawn_among_all():
    """So that those of places beyond the longest numbers are learned, too."""
    input_format = make_input_format("index_hints", Task("addition"))
    examples = question_sets.examples(input_format.task, question_sets.all_questions(input_format.task, 60))
    units = np.asarray(input_format.write(examples.questions, examples.answers))[:, 0] - len(input_format.task.alphabet)
    assert {*units.tolist()} == {*range(input_formats.INDEX_LETTERS - input_format.task.answer_width + 1)}


def test_what_does_not_fit_the_task_is_refused(input_error):
    for name, task in (
        ("aligned", Task("copy")),
        ("aligned", Task("addition_of_three")),
        ("zero_padded", Task("comparison")),
        ("scratchpad", Task("subtraction")),
        ("scratchpad", Task("addition", size=1000)),
    ):
        with input_error(InputError):
            check_input_format(name, task)
    with input_error(InputError):
        make_input_format("index_hints", Task("addition", size=200))


def test_an_alphabet_that_leaves_no_room_for_hints_is_refused(monkeypatch, input_error):
    monkeypatch.setattr(input_formats, "INDEX_LETTERS", 250)
    with input_error(InputError):
        make_input_format("index_hints", Task("addition"))


@pytest.mark.parametrize(
    ("input_format", "written"),
    [("zero_padded", ["20 0", "201 ", "2+10", "201+"]), ("reversed_eos", ["2010", " 201", "$201", "20 $"])],
)
def test_what_is_not_written_in_the_form_of_its_input_format_is_no_answer(input_format, written):
    made = make_input_format(input_format, Task("addition"))
    ids = [[made.alphabet.find(character) for character in text.ljust(made.answer_steps)] for text in written]
    assert to_strings(made.decode_answer(np.array(ids, np.uint8)).numpy()) == [" " * 4] * len(written)


@given(question=st.from_regex(r"[1-9][0-9]{0,8}\+[1-9][0-9]{0,8}", fullmatch=True), reverse=st.booleans())
def test_random_places_are_a_function_of_the_question_whatever_its_padding(question, reverse):
    seen = []
    for size in (9, 12):
        input_format = make_input_format("random_spaces", Task("addition", size=size, reverse=reverse))
        stored = question.rjust(input_format.task.question_width) if reverse else question
        ids = np.asarray(input_format.encode_question(to_codes([stored], input_format.task.question_width)))[0]
        seen.append("".join(input_format.alphabet[number] for number in ids).strip())
    assert seen[0] == seen[1]
    assert seen[0].replace(" ", "") == question


def test_the_longest_side_of_an_input_format_is_the_one_with_more_steps():
    """Memory and unrolling are decided by it."""
    assert [make_input_format(name, Task("addition")).longest for name in ("plain", "aligned")] == [7, 4]
    assert make_input_format("plain", Task("pq", size=3)).longest == 7


class Wide(InputFormat):
    """It decodes answers to the right numbers, and not to bytes."""

    def decode_answer(self, ids):
        return tf.cast(super().decode_answer(ids), tf.int32)


def test_a_custom_input_format_that_decodes_to_another_type_is_refused(monkeypatch):
    monkeypatch.setattr(Plugin, "code", Wide)
    own = Plugin(plugins.INPUT_FORMAT, "input_formats.py:Wide", None)
    with pytest.raises(InputError, match="the input format Wide decodes 256 answers to int32"):
        make_input_format(own.name, Task("addition"), own)
