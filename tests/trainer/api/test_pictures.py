"""Pictures show what the numbers behind them say, and themselves in a notebook."""

import base64
import dataclasses
import re

import numpy as np
import pytest

import seq2seq_arith as sa
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def counter(untrained, tmp_path_factory):
    """A run of a counter with its first weights, which need not have learned to count."""
    folder = tmp_path_factory.mktemp("counter") / "run"
    return sa.TrainedRun(untrained(folder, Task("pq", size=6), name="counter", input_format="plain", hidden=8))


def shown(picture, number=0):
    """The numbers of a picture's first map."""
    return np.asarray(picture.figure.axes[number].get_images()[0].get_array())


def test_a_picture_shows_itself_and_is_saved(small, tmp_path, input_error):
    picture = sa.plot_history(small)
    image = re.fullmatch(r'<img alt="(.*?)" style=".*?" src="data:image/png;base64,(.*?)">', picture._repr_html_())
    assert image and image[1] == repr(picture) == picture.description
    assert base64.b64decode(image[2]).startswith(PNG)
    assert picture._repr_png_()[0].startswith(PNG)
    for suffix, start in (("png", PNG), ("svg", b"<?xml"), ("PDF", b"%PDF")):
        assert picture.save(tmp_path / f"picture.{suffix}").read_bytes().startswith(start)
    with input_error(InputError):
        picture.save(tmp_path / "picture.txt")
    picture.description = 'more < "less"'
    assert 'alt="more &lt; &quot;less&quot;"' in picture._repr_html_()


def test_one_hot_rows_are_drawn_as_they_are(data):
    picture = data.plot_one_hot("39+3")
    assert np.array_equal(shown(picture), data.one_hot("39+3"))
    axes = picture.figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list("␣␣␣3+93")
    assert [label.get_text() for label in axes.get_xticklabels()] == list("␣+0123456789")


def test_the_map_of_errors_is_what_the_model_answers(small):
    wrong = small.error_map(12)
    assert (wrong.shape, wrong.dtype) == ((12, 12), bool)
    questions = [f"{left}+{right}" for left in range(12) for right in range(12)]
    assert wrong.ravel().tolist() == [not row["right"] for row in small.ask(questions)]
    picture = small.plot_errors(12)
    assert np.array_equal(shown(picture), wrong)
    places = np.argwhere(wrong)
    (first, other), (last, last_other) = places.min(axis=0), places.max(axis=0)
    assert repr(picture) == (
        f"A map of 12 x 12 questions: {wrong.sum()} of 144 answers are wrong, which have left operands from {first} to "
        f"{last}, right operands from {other} to {last_other}."
    )


def test_the_map_of_errors_finds_the_range_with_mistakes(small, monkeypatch):
    """As of the network whose first mistake is 500-500."""
    wrong = np.zeros((1000, 1000), bool)
    wrong[500, 500] = wrong[900, 999] = True
    monkeypatch.setattr(sa.TrainedRun, "error_map", lambda run, values: wrong[:values, :values])
    picture = small.plot_errors()
    assert np.argwhere(shown(picture)).tolist() == [[125, 125], [225, 249]]  # 4 x 4 questions share a cell
    assert "left operands from 500 to 900, right operands from 500 to 999" in repr(picture)
    wrong[:] = False
    for values, count in ((None, "1,000,000"), (30, "900")):
        picture = small.plot_errors(values)
        assert repr(picture) == f"An empty map: none of {count} answers to left+right is wrong."
        assert picture.figure.axes[0].get_title() == f"No answer to left+right is wrong:\n{count} questions"


def test_a_map_of_pq_begins_with_one_dash_and_ends_with_the_last(counter):
    wrong = counter.error_map()
    assert wrong.shape == (6, 6)
    assert wrong[2, 0] == (counter.predict("---p-") != ["q----"])
    axes = counter.plot_errors().figure.axes[0]
    assert axes.get_xlim() == (0.5, 6.5)
    assert axes.get_xlabel() == "right operand, in dashes"


def test_maps_of_what_happens_inside(small):
    inspection = small.inspect("39+3")
    assert repr(inspection) == inspection.text()
    assert np.array_equal(shown(small.plot_probabilities("39+3")), inspection.probabilities.T)
    whole = inspection.plot()
    assert whole.description.startswith(f"39+3 is answered with {inspection.answer}. How sure the model is of each")
    assert "What the units of encoder return at each step" in whole.description
    states = small.plot_states("39+3")
    titles = [axes.get_title().replace("\n", " ") for axes in states.figure.axes if axes.get_title()]
    assert titles == [f"What the units of {layer} return at each step" for layer in ("encoder", "decoder_0")]
    assert np.array_equal(shown(states), inspection.states["encoder"].T)


def test_what_has_no_such_picture_is_refused(small, untrained, tmp_path, input_error):
    with input_error(InputError):
        sa.TrainedRun(dataclasses.replace(small.run, task=Task("copy"))).error_map()
    with input_error(InputError):
        sa.TrainedRun(untrained(tmp_path / "run", small.task, name="causal")).plot_states("39+3")


def test_lines_of_a_counter_go_on_in_the_answer(counter, input_error):
    inspection = counter.inspect("--p---")
    read, written = inspection.states["encoder"], inspection.states["decoder"]
    values, labels, layers = inspection.course()
    assert layers == ["encoder", "decoder"]
    assert labels == [*inspection.read, *inspection.written]  # 13 steps each
    assert np.array_equal(values, np.concatenate([read, written]))
    # The padding at the question's end, and a step of the answer, move a unit by one at most.
    assert np.abs(written[0] - read[-1]).max() <= 1
    picture = counter.plot_states("--p---", units=3)
    drawn = [line for line in picture.figure.axes[0].get_lines() if len(line.get_ydata()) == 26]
    assert re.match(r"Lines of unit \d, unit \d, unit \d of encoder and decoder, one point per step, ", repr(picture))
    with input_error(InputError):
        counter.plot_states("--p---", units=99)
    units = [int(line.get_label().removeprefix("unit ")) for line in drawn]
    assert len(set(units)) == 3
    for unit, line in zip(units, drawn, strict=True):
        assert np.array_equal(line.get_ydata(), values[:, unit])
