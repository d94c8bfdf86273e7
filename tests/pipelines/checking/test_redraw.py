"""The second drawing, on which ``verify`` relies: against the notebook's loop and the data format's vectors."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import small_tasks

from seq2seq_arith.arithmetic import draws, own_tasks
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.checking import redraw as module
from seq2seq_arith.pipelines.checking.redraw import operands, redraw
from seq2seq_arith.pipelines.checking.rows import written


def texts(task: Task, expected: reference.Dataset, num_shards: int) -> None:
    drawn = redraw(task, expected.draws_used, num_shards)
    for split, shards in drawn.items():
        assert len(shards) == num_shards
        for shard, numbers in enumerate(shards):
            left, right = operands(task, numbers)
            rows = [reference.text(task, *pair) for pair in zip(left.tolist(), right.tolist(), strict=True)]
            wanted = [row for row in expected.split(split) if row.shard(num_shards) == shard]
            assert rows == [(row.question, row.answer) for row in wanted]


@given(small_tasks(), st.integers(1, 70))
def test_as_the_loop_keeps(task, num_shards):
    texts(task, reference.dataset(task), num_shards)


@pytest.mark.parametrize("chunk", [16, 64, 1000])
@pytest.mark.parametrize("name", ["addition", "pq"])
def test_any_bands(monkeypatch, name, chunk):
    """Chunks, bands of hashes and blocks that are smaller than the dataset."""
    monkeypatch.setattr(module, "CHUNK", chunk)
    monkeypatch.setattr(module, "BLOCK", 7)
    task = Task(name, digits=30 if name == "pq" else 2, num_examples=300, seed=7)
    texts(task, reference.dataset(task), 5)


@pytest.mark.parametrize("hashes", [1, 5, 2**62])
def test_keys_with_one_hash(monkeypatch, hashes):
    """Every hash is shared by many keys (or by some): the keys themselves decide."""
    right, wrong = module._hash, reference.key_hash
    monkeypatch.setattr(module, "_hash", lambda *arguments: right(*arguments) % np.uint64(hashes))
    monkeypatch.setattr(reference, "key_hash", lambda *arguments: wrong(*arguments) % hashes)
    task = Task("addition", digits=1, num_examples=50, seed=4)
    texts(task, reference.dataset(task), 3)


@pytest.mark.parametrize(("name", "draws_used", "train", "validation"), reference.OTHERS)
def test_the_second_edition(name, draws_used, train, validation):
    task = Task.from_name(name)
    shards = redraw(task, draws_used, 8)
    for split, digest in zip(reference.SPLITS, (train, validation), strict=True):
        columns = ((side.to_pylist() for side in written(task, operands(task, numbers))) for numbers in shards[split])
        assert reference.rows_sha256(row for sides in columns for row in zip(*sides, strict=True)) == digest


OWN = """
from seq2seq_arith.arithmetic import drawing, numbers
from seq2seq_arith.arithmetic.notation import DECIMAL, Solved
from seq2seq_arith.arithmetic.operations import Operation

OPERATIONS = {{
    "own": Operation(
        symbol="m", notation=DECIMAL, alphabet="0123456789m ", digits=3, max_digits=18, recipe_family="decimal",
        solve=lambda size, left, right: Solved(numbers.add(left, right)), draws={{"mine": drawing.{way}}},
        question_width=lambda size: 2 * size + 1, answer_width=lambda size: size + 1 if size < 18 else 20,
    )
}}
"""


@pytest.mark.parametrize("way", ["DIGITS", "VALUE", "CARRYING", "BORROWING"])
def test_a_way_of_drawing_may_have_any_name(tmp_path, no_custom_tasks, way):
    """And any operator: what is drawn again is what the way draws."""
    file = tmp_path / "own.py"
    file.write_text(OWN.format(way=way))
    own_tasks.use(str(file))
    task, numbers = Task("own", num_examples=100), np.arange(300, dtype=np.uint64)
    redrawn, drawn = module._operands(task, numbers), draws.operands(task, numbers)
    assert [side.tolist() for side in redrawn] == [side[0].tolist() for side in drawn]
