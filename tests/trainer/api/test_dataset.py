"""Datasets as Python objects, against the records and against plain strings."""

import shutil
from collections import Counter

import numpy as np
import pytest

import seq2seq_arith as sa
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.api.dataset import Dataset, named
from seq2seq_arith.trainer.data.input_formats import make_input_format

ADDITION = Task("addition", size=2, num_examples=200)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Dataset:
    return sa.generate("addition", digits=2, num_examples=200, data_dir=tmp_path_factory.mktemp("made"))


@pytest.mark.parametrize(
    ("name", "parameters", "task"),
    [
        ("addition", {"digits": 5, "seed": 1}, Task("addition", size=5, seed=1)),
        ("addition", {"digits": 5, "num_examples": None}, Task("addition", size=5)),
        ("addition-d6-n1000000", {}, Task("addition", size=6, num_examples=1_000_000)),
        ("pq", {"dashes": 20}, Task("pq", size=20, num_examples=210)),
        ("modular_addition", {"modulus": 13}, Task("modular_addition", size=13)),
    ],
)
def test_a_name_and_parameters(name, parameters, task):
    assert named(name, parameters) == task


def test_it_is_made_once_and_then_loaded(made, capsys):
    assert (made.config, made.task) == ("addition-d2-n200", ADDITION)
    assert made.metadata["splits"] == {"train": 180, "validation": 20}
    assert sa.generate("addition-d2-n200", data_dir=made.data_dir) == made
    assert sa.load("addition", digits=2, num_examples=200, data_dir=made.data_dir) == made
    assert capsys.readouterr().out == ""


def test_metadata_that_are_gone_are_missed(made, tmp_path, input_error):
    copied = sa.load(shutil.copytree(made.path, tmp_path / "seq2seq_arith" / made.config / "1.0.0"))
    (copied.path / "metadata.json").unlink()
    with input_error(InputError):
        _ = copied.metadata


@pytest.mark.parametrize("given", ["seq2seq_arith/{}", "seq2seq_arith/{}/1.0.0", "seq2seq_arith/{}:1.0.0"])
def test_it_is_loaded_by_the_name_that_tfds_prints(given, made):
    assert sa.load(given.format(made.config), data_dir=made.data_dir) == made


@pytest.mark.parametrize("given", [lambda path: path, str, lambda path: path.parent, lambda path: str(path.parents[1])])
def test_it_is_loaded_by_its_path(given, made, monkeypatch):
    assert sa.load(given(made.path)) == made
    monkeypatch.chdir(made.path.parents[3])
    dataset = sa.generate(given(made.path.relative_to(made.path.parents[3])))
    assert (dataset.task, dataset.path) == (made.task, made.path)


@pytest.mark.parametrize("name", ["addition", "subtraction", "pq"])
def test_the_table_is_right_and_reads_as_people_write(name, tasks, data_dir):
    data = sa.load(tasks[name].config_name, data_dir=data_dir)
    for split, count in data.metadata["splits"].items():
        rows = data.table(split).to_pylist()
        assert len(rows) == count
        for row in rows:
            left, right = row["question"].replace("p", "+").split("+" if name != "subtraction" else "-")
            sides = (len(left), len(right)) if name == "pq" else (int(left), int(right))
            solved = sides[0] - sides[1] if name == "subtraction" else sum(sides)
            assert row["answer"] == ("q" + "-" * solved if name == "pq" else str(solved))
            padded = row["question"].ljust(data.task.question_width)
            assert row["stored_question"] == (padded[::-1] if data.task.reverse else padded)
            assert row["stored_answer"] == row["answer"].ljust(data.task.answer_width)


def test_arrays_hold_the_ids_of_the_table(data):
    for split in ("train", "validation"):
        rows, arrays = data.table(split).to_pydict(), data.arrays(split)
        for array, column in zip(arrays, ("stored_question", "stored_answer"), strict=True):
            assert array.dtype == np.uint8
            assert array.tolist() == [[data.alphabet.index(character) for character in text] for text in rows[column]]
            assert [string.strip() for string in rows[column]] == data.decode(array)
    input_format = make_input_format("plain", data.task)
    stored = to_codes(rows["stored_question"], data.task.question_width)
    assert np.array_equal(input_format.encode_question(stored), arrays[0])


def test_one_hot_and_decode(data):
    single, several = data.one_hot("39+3"), data.one_hot(["39+3", "1+2"])
    assert (single.shape, several.shape, single.dtype) == ((7, 12), (2, 7, 12), np.float32)
    assert np.array_equal(single, several[0])
    assert np.array_equal(single.sum(axis=1), np.ones(7))
    assert data.decode(several) == ["3+93", "2+1"]
    assert data.decode(np.log(single + 1e-3)) == "3+93"
    questions, _ = data.arrays("validation")
    assert data.one_hot(questions).shape == (100, 7, 12)
    assert np.array_equal(data.one_hot(questions).argmax(axis=2), questions)


def test_the_two_measures_of_answers(data):
    right = data.table("validation").column("answer").to_pylist()
    wrong_once = ["" if number == 3 else answer for number, answer in enumerate(right)]
    blanks = 4 - len(right[3])
    for answers, characters, exact in (
        (right, 1.0, 1.0),
        (wrong_once, (4 * 100 - 4 + blanks) / 400, 0.99),
        # An answer that is too long is wrong, although all its stored characters are right.
        ([f"{answer:4}9" for answer in right], 1.0, 0.0),
        ([""] * 100, sum(4 - len(answer) for answer in right) / 400, 0.0),
    ):
        (row,) = data.score(answers)
        assert row == {"examples": 100, "character_accuracy": pytest.approx(characters), "exact_match": exact}
    assert list(data.score("")) == list(data.score([""] * 100))
    (row,) = data.score("1", split="train")
    assert row["exact_match"] == data.table().column("answer").to_pylist().count("1") / 903


def test_stats_count_every_example_once_per_breakdown(data):
    stats = data.stats()
    totals = Counter()
    for row in stats:
        totals[row["by"]] += row["train"] + row["validation"]
    assert list(totals) == ["all", "digits of the longer operand", "carries", "longest chain of carries"]
    assert set(totals.values()) == {1003}
    lengths = {row["group"]: row["train"] for row in stats if row["by"] == "digits of the longer operand"}
    rows = data.table("train").column("question").to_pylist()
    assert lengths == Counter(str(max(map(len, row.split("+")))) for row in rows)


def test_it_shows_itself(data):
    shown = data.show(3)
    assert shown.columns == ["question", "answer", "stored_question", "stored_answer"]
    assert shown.column("question") == data.table().column("question").to_pylist()[:3]
    stored = data.table().column("stored_question").to_pylist()[:3]
    assert shown.column("stored_question") == stored
    assert all(text == text.strip() or repr(text) in repr(shown) for text in stored)  # marks show where the blanks are
    assert len(data.show(0)) == 0
    assert (data.splits, len(data)) == ({"train": 903, "validation": 100}, 1003)
    assert list(data) == [*data.table().to_pylist(), *data.table("validation").to_pylist()]
    assert "903 examples" in repr(data)
    assert "<td" in data._repr_html_()
