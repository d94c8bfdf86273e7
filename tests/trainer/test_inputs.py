import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer import inputs
from seq2seq_arith.trainer.codec import make_view, to_strings
from seq2seq_arith.trainer.inputs import Batches, Encoded


@pytest.mark.parametrize("name", ["addition", "subtraction", "pq"])
def test_splits_are_read_as_tfds_reads_them(data_dir, tasks, name):
    source = inputs.open_source(tasks[name], str(data_dir))
    builder = tfds.builder(f"seq2seq_arith/{tasks[name].config_name}", data_dir=data_dir)
    for split in ("train", "validation"):
        examples = inputs.read_split(source, split)
        expected = [(e["question"].decode(), e["answer"].decode()) for e in tfds.as_numpy(builder.as_dataset(split))]
        assert list(zip(*map(to_strings, (examples.questions, examples.answers)), strict=True)) == expected


def test_encoding_in_parts_changes_nothing(data_dir, tasks):
    source = inputs.open_source(tasks["addition"], str(data_dir))
    examples = inputs.read_split(source, "validation")
    whole, parts = (inputs.encode(make_view("aligned", source.task), examples, rows) for rows in (1000, 7))
    np.testing.assert_array_equal(whole.questions, parts.questions)
    np.testing.assert_array_equal(whole.answers, parts.answers)


def test_a_missing_dataset_names_the_command_that_makes_it(data_dir):
    task = Task("subtraction", digits=7, seed=3, ordered=True, reverse=True)
    with pytest.raises(InputError) as caught:
        inputs.open_source(task, str(data_dir))
    command = "arith-data generate subtraction --digits 7 --seed 3 --reverse --ordered --data-dir"
    assert command in str(caught.value)


@pytest.mark.parametrize("harm", ["cut", "changed", "gone"])
def test_a_damaged_file_is_refused(data_dir, tasks, tmp_path, harm):
    shutil.copytree(data_dir, tmp_path, dirs_exist_ok=True)
    source = inputs.open_source(tasks["addition"], str(tmp_path))
    path = next(tmp_path.rglob(f"{tasks['addition'].config_name}/*/*train.tfrecord-00003*"))
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(bytes(content) if harm == "changed" else bytes(content[:-5]))
    if harm == "gone":
        path.unlink()
    with pytest.raises(InputError, match="check it with arith-data verify"):
        inputs.read_split(source, "train")


def test_a_lost_shard_is_named(data_dir, tasks, tmp_path):
    shutil.copytree(data_dir, tmp_path, dirs_exist_ok=True)
    source = inputs.open_source(tasks["addition"], str(tmp_path))
    path = next(tmp_path.rglob(f"{tasks['addition'].config_name}/*/*train.tfrecord-00003*"))
    path.unlink()
    with pytest.raises(InputError) as caught:
        inputs.read_split(source, "train")
    assert f"({path}; No such file or directory); check it with" in str(caught.value)


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json", "metadata.json"])
def test_a_cut_description_is_refused(data_dir, tasks, tmp_path, name):
    shutil.copytree(data_dir, tmp_path, dirs_exist_ok=True)
    path = next(tmp_path.rglob(f"{tasks['addition'].config_name}/*/{name}"))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match="cannot be read"):
        inputs.read_split(inputs.open_source(tasks["addition"], str(tmp_path)), "train")


def test_a_dataset_in_place_of_its_data_directory(data_dir, tasks):
    path = data_dir / "seq2seq_arith" / tasks["addition"].config_name / "1.0.0"
    with pytest.raises(InputError, match="is a dataset itself; give the --data-dir under which"):
        inputs.open_source(tasks["addition"], str(path))


@pytest.mark.parametrize("place", ["s3://bucket/data", "foo://bucket/data", ""])
def test_a_place_that_cannot_be_read(tasks, place):
    with pytest.raises(InputError, match=f"{place} cannot be read here" if place else "has an empty name"):
        inputs.open_source(tasks["addition"], place)


def numbered(count: int) -> Encoded:
    rows = np.arange(count, dtype=np.uint8)[:, None]
    return Encoded(rows, rows)


@given(st.integers(1, 200), st.integers(1, 250), st.integers(1, 5), st.integers(0, 9))
def test_a_pass_holds_every_example_once(count, batch_size, multiple, seed):
    batches = Batches(numbered(count), batch_size, multiple, seed)
    steps = batches.steps_per_pass
    questions, answers, weights = batches.block(3 * steps, steps, steps)
    assert questions.shape[1] % multiple == 0
    used = weights > 0
    assert sorted(questions[used].ravel()) == list(range(count))
    np.testing.assert_array_equal(questions, answers)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)


@given(st.integers(0, 40), st.integers(1, 6))
def test_a_step_is_the_same_in_every_block(first, count):
    batches = Batches(numbered(50), 8, 2, seed=1)
    blocks = batches.block(first, count, 9)
    alone = [batches.block(first + step, 1, 1) for step in range(count)]
    for part, column in zip(blocks, zip(*alone, strict=True), strict=True):
        np.testing.assert_array_equal(part[:count], np.concatenate(column))
    assert not blocks[2][count:].any()


def test_every_pass_and_every_seed_has_its_own_order():
    orders = {
        tuple(Batches(numbered(50), 50, 1, seed).block(step, 1, 1)[0].ravel()) for seed in (0, 1) for step in (0, 1)
    }
    assert len(orders) == 4
