"""What ``arith-data show`` shows: the rows of the files, the same rows without files, statistics, and one-hot."""

import numpy as np
import pytest
import reference
from programs import run_here, tree

from seq2seq_arith.arithmetic.breakdowns import carries
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.showing import dataset, one_hot, sample

# Each kind of drawing, key and notation; the last has more examples than are looked at.
TASKS = {
    "addition": Task("addition", num_examples=3000),
    "structured": Task("subtraction", size=2, num_examples=500, draws="structured", seed=3),
    "pq": Task("pq", size=20, num_examples=150),
    "ordered": Task("modular_addition", size=11),
    "large": Task("addition", size=20, num_examples=400),
}
FEW = 100  # examples of "large" that are looked at


@pytest.fixture(scope="module")
def directories(make):
    """The directories of the datasets."""
    return {name: make(task, num_shards=3) for name, task in TASKS.items()}


@pytest.mark.parametrize("name", TASKS)
def test_the_draws_of_a_task_are_the_examples_of_its_files(directories, name, monkeypatch):
    task = TASKS[name]
    if name == "large":
        monkeypatch.setattr(sample, "MAX_CHARACTERS", FEW * (task.question_width + task.answer_width))
    read, drawn = sample.read(directories[name]), sample.draw(task)
    assert (read.task, drawn.draws_used) == (task, read.draws_used)
    for side in ("questions", "answers"):
        assert getattr(read, side).tobytes() == getattr(drawn, side).tobytes()
    assert read.is_whole == (name != "large")
    assert len(read) == (FEW if name == "large" else task.num_examples)


def test_of_very_many_draws_it_shows_the_first(monkeypatch):
    task = TASKS["addition"]
    monkeypatch.setattr(sample, "MAX_DRAWS", 1000)
    monkeypatch.setattr(sample, "MAX_FIRST", 200)
    examples = sample.draw(task)
    assert len(examples) == 200
    assert examples.draws_used is None
    first, number = {}, 0
    while len(first) < 200:
        pair = reference.draw(task, number)
        first.setdefault(reference.key(task, *pair), reference.text(task, *pair))
        number += 1
    columns = (np.ascontiguousarray(side) for side in (examples.questions, examples.answers))
    assert {tuple(bytes(text).decode() for text in row) for row in zip(*columns, strict=True)} == set(first.values())
    assert "were drawn" not in dataset.introduction(examples)
    assert "statistics of 200 examples, the first draws" in dataset.statistics(examples)


def test_lengths_and_shares(directories):
    """Counted here with Python's own arithmetic."""
    task, examples = TASKS["addition"], sample.read(directories["addition"])
    questions, answers = (
        [bytes(row).decode() for row in np.ascontiguousarray(side)] for side in (examples.questions, examples.answers)
    )
    written = [question[::-1].strip() for question in questions]
    pairs = [tuple(map(int, question.split("+"))) for question in written]
    assert [reference.text(task, *pair) for pair in pairs] == list(zip(questions, answers, strict=True))
    shares = dataset.shares(examples)
    for side, values in zip(("left", "right"), zip(*pairs, strict=True), strict=True):
        counted = [sum(len(str(value)) == digits for value in values) / 3000 for digits in (1, 2, 3)]
        assert [group[side] for group in shares["digits of an operand"]] == pytest.approx(counted)
    words = (np.array([side], np.uint64) for side in zip(*pairs, strict=True))
    counted = np.bincount(carries(*words)) / 3000
    assert [group["share"] for group in shares["carries"]] == pytest.approx(counted.tolist())
    name, mean, shortest, short, longest, long = dataset.lengths(examples, "question")
    assert (name, mean) == ("question", round(sum(map(len, written)) / 3000, 1))
    assert (shortest, longest) == (len(short), len(long)) == (min(map(len, written)), max(map(len, written)))
    assert {short, long} <= set(written)


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (
            ["addition", "--num-examples", "3000", "--rows", "2"],
            ["2,700 training", "different pairs", "carries  share"],
        ),
        (["pq", "--dashes", "20"], ["There are 210 different pairs.", "dashes of an operand"]),
        (["pq", "--dashes", "5", "--rows", "99"], ["There are only 15 rows."]),
        (["pq", "--rows", "3"], ["p-{", "-{20} stands for 20 dashes in a row", "examples, a random sample"]),
        (["addition", "--digits", "30", "--rows", "3"], ["{20} after a blank stands for 20 blanks in a row"]),
        (["modular_addition", "--modulus", "11"], ["(1+0 and 0+1 count as two pairs)"]),
        (["subtraction"], ["sign      share", "Stored strings are padded"]),
        (["addition", "--digits", "400", "--num-examples", "50"], ["and none of them twice", "..."]),
    ],
    ids=str,
)
def test_what_a_task_looks_like(arguments, sentences, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run_here("show", *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert [sentence for sentence in sentences if sentence not in result.stdout] == []
    assert max(map(len, result.stdout.splitlines())) < 210
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    ("task", "question", "read"),
    [
        (Task("addition", size=1, num_examples=50), "1+2", "2+1"),
        (Task("subtraction", size=2), "5-12", "5-12␣"),
        (Task("pq", size=3), "--p-", "--p-␣␣␣"),
    ],
    ids=str,
)
def test_one_hot(task, question, read):
    stored, ones = one_hot.encode(task, question)
    assert ones.shape == (task.question_width, len(task.alphabet))
    assert (ones.sum(axis=1) == 1).all()
    assert "".join(task.alphabet[column] for column in ones.argmax(axis=1)) == stored
    _, (_, _, *names), *rows, _ = map(str.split, one_hot.picture(task, stored, ones, "#", ".").splitlines())
    assert [(int(number), character) for number, character, *_ in rows] == list(enumerate(read))
    assert [[names[place] for place, cell in enumerate(cells) if cell == "#"] for _, _, *cells in rows] == [
        *map(list, read)
    ]


def test_a_long_picture_is_cut_and_says_so():
    result = run_here("show", "pq", "--one-hot", "---p--")
    head, *lines = result.stdout.splitlines()
    assert (
        head == 'one-hot of "---p-- {1995}": 2,001 positions × 4 characters, of which the first 40 positions are here'
    )
    assert len(lines) == 42
    assert lines[4] == "       3  p       · · █ ·"


def test_damage_is_noticed(directories, tmp_path):
    for name, content in tree(directories["pq"]).items():
        (tmp_path / name).write_bytes(content or b"")
    shard = tmp_path / "seq2seq_arith-train.tfrecord-00000-of-00003"
    whole = shard.read_bytes()
    for damaged, problem in (
        (whole[:-3], f": has {len(whole) - 3:,} bytes, not the {len(whole):,} of 50 examples"),
        (whole + b"x", f": has {len(whole) + 1:,} bytes, not the {len(whole):,} of 50 examples"),
        (whole[:40] + b"x" + whole[41:], " is damaged"),
    ):
        shard.write_bytes(damaged)
        result = run_here("show", tmp_path)
        assert (result.returncode, result.stdout) == (2, "")
        assert f"{shard}{problem}; check it with arith-data verify {tmp_path}" in result.stderr
    (tmp_path / "metadata.json").write_text("{}")
    assert "metadata.json: " in run_here("show", tmp_path).stderr


@pytest.mark.parametrize(
    "words",
    [
        ["no/such"],
        ["."],
        ["addition", "--rows", "-1"],
        ["addition", "--one-hot", "1234+5"],
        ["addition", "--one-hot", "1-2"],
        ["pq", "--dashes", "20", "--one-hot", "-{21}p-"],
        [".", "--dashes", "20"],
    ],
    ids=str,
)
def test_input_errors(words, tmp_path, monkeypatch, input_error):
    monkeypatch.chdir(tmp_path)
    result = run_here("show", *words)
    assert (result.returncode, result.stdout) == (2, "")
    input_error.printed(result.stderr)
