import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.pipelines import OPERATIONS, InputError, Task
from seq2seq_arith.trainer import probes
from seq2seq_arith.trainer.codec import VIEWS, make_view, to_codes, to_strings

DECIMAL = [name for name, operation in OPERATIONS.items() if operation.notation == "decimal"]


def tasks(names: list[str], most: int) -> st.SearchStrategy[Task]:
    digits = st.integers(1, most)
    return st.builds(lambda n, d, r: Task(n, d, 10, reverse=r), st.sampled_from(names), digits, st.booleans())


@st.composite
def questions(draw, names: list[str], most: int):
    task = draw(tasks(names, most))
    low, high = (1, task.digits) if task.name == "pq" else (0, 10**task.digits - 1)
    pairs = draw(st.lists(st.tuples(st.integers(low, high), st.integers(low, high)), min_size=1, max_size=20))
    return task, tuple(np.array(side, np.uint64) for side in zip(*pairs, strict=True))


@pytest.mark.parametrize("name", VIEWS)
@given(data=st.data())
def test_views_are_reversible(name: str, data: st.DataObject):
    names = DECIMAL if name in ("aligned", "crossed") else list(OPERATIONS)
    task, operands = data.draw(questions(names, 9))
    view, examples = make_view(name, task), probes.examples(task, operands)
    ids, answers = view.encode_question(examples.questions), view.encode_answer(examples.answers)
    assert tuple(ids.shape[1:]) == view.question_shape
    assert answers.shape[1] == view.answer_steps
    assert max(int(np.max(ids)), int(np.max(answers))) < len(view.alphabet)
    np.testing.assert_array_equal(view.decode_question(ids), examples.questions)
    np.testing.assert_array_equal(view.decode_answer(answers), examples.answers)


@pytest.mark.parametrize(
    ("task", "question", "answer", "left", "right", "backwards"),
    [
        (Task("addition"), "271+792", "469 ", "792 ", "271 ", "964 "),
        (Task("addition"), "  57+66", "141 ", "66  ", "57  ", "141 "),
        (Task("subtraction"), "555-3947   ", "-3392 ", "555   ", "7493  ", "2933- "),
        (Task("subtraction"), "0-0        ", "0     ", "0     ", "0     ", "0     "),
        (Task("subtraction", digits=1), "3-9", "-6", "3 ", "9 ", "6-"),
    ],
)
def test_the_aligned_view_by_example(task, question, answer, left, right, backwards):
    view = make_view("aligned", task)
    ids = np.asarray(view.encode_question(to_codes([question], task.question_width)))[0]
    assert "".join(view.alphabet[i] for i in ids[:, 0]) == left
    assert "".join(view.alphabet[i] for i in ids[:, 1]) == right
    written = np.asarray(view.encode_answer(to_codes([answer], task.answer_width)))[0]
    assert "".join(view.alphabet[i] for i in written) == backwards


def test_the_aligned_view_computes_nothing():
    """Each character of the question stands in the view once, but for the operator and the padding."""
    task = Task("subtraction")
    examples = probes.examples(task, probes.of_length(task, 5, 100))
    view = make_view("aligned", task)
    rows = np.asarray(view.encode_question(examples.questions))
    for question, ids in zip(to_strings(examples.questions), rows, strict=True):
        seen = "".join(view.alphabet[i] for i in ids.ravel() if i != view.pad)
        assert sorted(seen) == sorted(question.replace("-", "").strip())


def test_the_crossed_view_by_example():
    """Step 1 of 297 and 172 holds tens with units and units with tens."""
    view = make_view("crossed", Task("addition"))
    ids = np.asarray(view.encode_question(to_codes(["271+792"], 7)))[0]
    steps = ["".join(view.alphabet[i] for i in row) for row in ids]
    assert steps == ["72    ", "7792  ", "719722", "  9127"]


@pytest.mark.parametrize("view", ["aligned", "crossed"])
def test_dashes_cannot_be_aligned(view):
    with pytest.raises(InputError, match=f"the view '{view}' lines up decimal digits and pq has none; use --view raw"):
        make_view(view, Task("pq"))


def test_strings_and_codes():
    codes = to_codes(["1+2", "45+6"], 5)
    assert codes.dtype == np.uint8
    assert to_strings(codes) == ["1+2  ", "45+6 "]
