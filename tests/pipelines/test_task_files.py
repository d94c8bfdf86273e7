"""Datasets of one's own tasks, as ``arith-data`` makes them from a file: against a plain loop, and in processes."""

import hashlib
import json
import re
import shutil
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import reference
from layout import ROOT
from programs import files, run, run_here
from worker_pools import worker_pool

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.checking import Problem
from seq2seq_arith.pipelines.checking import rows as checked
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.checking.redraw import operands, redraw
from seq2seq_arith.pipelines.showing import sample

EXAMPLE = ROOT / "examples/task/own_tasks.py"
FILE = ("--task-file", EXAMPLE)
ELSEWHERE = ("--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=EXTERNAL")
# The operands of draw i, the question, the answer, and the options of each task.
TASKS = {
    "copy": ("--letters", 2, "--num-examples", 500),
    "reverse": ("--letters", 14, "--num-examples", 200, "--seed", 3),
    "sort": ("--letters", 7, "--num-examples", 100, "--draws", "fixed"),
    "addition_of_three": ("--digits", 1, "--num-examples", 800),
}
DEFAULT = ("reverse", "addition_of_three")


def letters(seed, first, size, fixed):
    length = size if fixed else 1 + reference.uniform(reference.word(seed, first), size)
    found = ""
    for part in range(-(-length // 6)):
        count = min(6, length - 6 * part)
        limb = reference.uniform(reference.word(seed, first + 1 + part), 26**count)
        found += "".join(chr(97 + limb // 26**place % 26) for place in range(count))
    return found


def digits(seed, first, size):
    length = 1 + reference.uniform(reference.word(seed, first), size)
    return reference.uniform(reference.word(seed, first + 1), 10**length)


def drawn(name, i):
    """The operands of draw i, as they are written."""
    if name == "addition_of_three":
        return tuple(str(digits(0, 2 * (3 * i + side), 1)) for side in range(3))
    size, seed = TASKS[name][1], 3 if name == "reverse" else 0
    return (letters(seed, i * (1 + -(-size // 6)), size, name == "sort"),)


def hashed(name, purpose, operands):
    """A word of letters is hashed by twelve letters, the first the least significant digit in base 27."""
    seed = 3 if name == "reverse" else 0
    z = reference.mix64(seed + purpose * reference.GOLDEN & reference.MASK64)
    for operand in operands:
        if operand.isdigit():
            words = [int(operand)]
        else:
            size = TASKS[name][1]
            words = [
                sum((ord(each) - 96) * 27**place for place, each in enumerate(operand[start : start + 12]))
                for start in range(0, size, 12)
            ]
        for word in words:
            z = reference.mix64((z ^ word) + reference.GOLDEN & reference.MASK64)
    return z


def by_the_loop(name):
    """The rows of both splits: the first draws whose operands no earlier draw had."""
    count, keys, i = TASKS[name][3], {}, 0
    while len(keys) < count:
        keys[drawn(name, i)] = None
        i += 1
    solve = {
        "copy": lambda word: word, "reverse": lambda word: word[::-1], "sort": lambda word: "".join(sorted(word)),
        "addition_of_three": lambda *numbers: str(sum(map(int, numbers))),
    }[name]  # fmt: skip
    size = TASKS[name][1]
    width, answer_width = (3 * size + 2, size + 1) if name == "addition_of_three" else (size, size)

    def row(operands):
        question = "+".join(operands).ljust(width)
        return question[::-1] if name == "addition_of_three" else question, solve(*operands).ljust(answer_width)

    by_split = sorted(keys, key=lambda key: hashed(name, 2, key))
    return {
        split: [row(key) for key in sorted(of_split, key=lambda key: hashed(name, 1, key))]
        for split, of_split in (("train", by_split[count // 10 :]), ("validation", by_split[: count // 10]))
    }


def rows(directory, split):
    tables = [pq.read_table(path) for path in sorted((directory / "parquet").glob(f"{split}-*"))]
    return [row for table in tables for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


@pytest.fixture
def forgotten(monkeypatch):
    monkeypatch.setattr(own_tasks, "_current", {})
    monkeypatch.setattr(own_tasks, "_known", {})


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in DEFAULT else pytest.mark.slow) for name in TASKS]
)
def test_a_dataset_is_what_the_loop_gives(name, tmp_path, forgotten):
    done = run_here("generate", name, *TASKS[name], *FILE, "--num-shards", 2, "--data-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    (directory,) = (tmp_path / "seq2seq_arith").glob(f"{name}*/1.0.0")
    assert {split: rows(directory, split) for split in ("train", "validation")} == by_the_loop(name)
    metadata = json.loads((directory / "metadata.json").read_text())
    assert metadata["parameters"]["task"] == name
    assert metadata["parameters"]["code_sha256"] == own_tasks.find(name).sha256
    assert run_here("verify", directory, *FILE).returncode == 0


VECTORS = re.findall(
    rf"^\| `((?:{'|'.join(TASKS)})[\w-]*)` \| ([\d,]+) \| `(\w+)` \| `(\w+)` \|$",
    (ROOT / "docs/format.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0])
def test_the_vectors_of_the_page(vector, forgotten):
    """The draws as the pipeline makes them, and as the witness makes them."""
    name, draws_used, *digests = vector
    own_tasks.use(EXAMPLE)
    task = Task.from_name(name)
    found = sample.draw(task)
    assert f"{found.draws_used:,}" == draws_used
    bounds = ((0, task.num_train), (task.num_train, task.num_examples))
    by_pipeline = [
        [bytes(row).decode() for row in side[start:stop]]
        for start, stop in bounds
        for side in (np.ascontiguousarray(found.questions), found.answers)
    ]
    again = redraw(task, found.draws_used, 1)
    by_witness = [
        column.to_pylist()
        for split in ("train", "validation")
        for column in checked.written(task, operands(task, again[split][0]))
    ]
    for found in (by_pipeline, by_witness):
        lines = ["".join(f"{q}\t{a}\n" for q, a in zip(*found[at : at + 2], strict=True)) for at in (0, 2)]
        assert [hashlib.sha256(each.encode()).hexdigest() for each in lines] == digests


def test_all_vectors_are_on_the_page():
    assert sorted(name.partition("-")[0] for name, *_ in VECTORS) == sorted(TASKS)


def test_a_dataset_is_read_only_with_its_file(tmp_path, forgotten, monkeypatch):
    own = tmp_path / "mine.py"
    shutil.copy(EXAMPLE, own)
    assert run_here("generate", "copy", *TASKS["copy"], "--task-file", own, "--data-dir", tmp_path).returncode == 0
    directory = tmp_path / "seq2seq_arith/copy-d2-n500/1.0.0"

    def verified(*words):
        monkeypatch.setattr(own_tasks, "_current", {})
        monkeypatch.setattr(own_tasks, "_known", {})
        done = run_here("verify", directory, *words)
        return done.returncode, done.stdout + done.stderr

    code, said = verified()
    assert code == 1
    assert "which runs only if you name its file; if you trust it, add: --task-file FILE.py" in said
    wrong = EXAMPLE.read_text().replace(
        "return Solved(letters.pack(np.where(ordered", "return Solved((np.where(ordered"
    )
    own.write_text(wrong)
    code, said = verified("--task-file", own)
    assert code == 2
    assert "arith-data: " in said
    assert f"{own}, line " in said
    own.write_text(EXAMPLE.read_text() + "\n")
    code, said = verified("--task-file", own)
    assert code == 1
    assert f"{own} has " in said
    assert "it has changed; give the file as it was" in said


def test_a_wrong_row_is_found(tmp_path, forgotten):
    """A question that is written otherwise, although the checksums agree with the files."""
    assert (
        run_here("generate", "sort", *TASKS["sort"], *FILE, "--num-shards", 2, "--data-dir", tmp_path).returncode == 0
    )
    (directory,) = (tmp_path / "seq2seq_arith").glob("sort*/1.0.0")
    task, layout, metadata = read_checked(directory)
    numbers = redraw(task, metadata["draws_used"], layout.num_shards)["train"][0]
    expected, right = operands(task, numbers), rows(directory, "train")[: len(numbers)]
    checked.check_rows(task, right, expected)
    for wrong, complaint in (
        ((right[0][0], right[0][1][::-1]), "row 0: the answer is wrong"),
        (right[1], "row 0: is not the example that the parameters give here"),
        ((right[0][0].upper(), right[0][1]), "row 0: the question is not of the alphabet"),
        (("ab1defg", right[0][1]), "row 0: the question is not of the alphabet"),
        (("ab cdef", right[0][1]), "row 0: the question asks nothing that can be answered"),
    ):
        with pytest.raises(Problem, match=complaint):
            checked.check_rows(task, [wrong, *right[1:]], expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reverse", "addition_of_three"])
def test_worker_processes_need_no_file(name, tmp_path):
    """The task takes its code along to workers in other processes."""
    here, there = tmp_path / "here", tmp_path / "there"
    assert run("generate", name, *TASKS[name], *FILE, "--data-dir", here).returncode == 0
    with worker_pool(sys.executable) as port:
        pool = f"--environment_config=localhost:{port}"
        done = run("generate", name, *TASKS[name], *FILE, "--data-dir", there, *ELSEWHERE, pool)
    assert done.returncode == 0, done.stderr
    assert files(here / "seq2seq_arith") == files(there / "seq2seq_arith")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("suite", "sort", *FILE), "sort has no suite"),
        (
            ("generate", "sort", "--draws", "structured", "--data-dir", "d", *FILE),
            "sort can be drawn by letters, fixed;",
        ),
        (("generate", "sort", "--digits", "500", "--data-dir", "d", *FILE), "letters is 500; give a whole number from"),
        (("show", "sort", "--one-hot", "ab1", *FILE), "holds '1', which is not in the alphabet"),
        (("show", "sort", "--one-hot", "abcdef", *FILE), "here are only operands of at most 5 letters"),
        (("show", "addition_of_three", "--one-hot", "1+2", *FILE), "write three operands with '+' between them, like"),
        (("show", "sort", "--modulus", "7", *FILE), "--modulus is 7, but sort has no modulus; give --letters instead"),
    ],
)
def test_refusals(words, sentence, forgotten):
    done = run_here(*words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
