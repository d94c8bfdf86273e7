import os
import time

import keras
import numpy as np
import pytest

from seq2seq_arith.pipelines import InputError
from seq2seq_arith.trainer import checkpoints
from seq2seq_arith.trainer.errors import WriteError

STATE = {"step": 7, "sums": [0.1, 1 / 3], "best": None}


def variables(*shapes):
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in shapes]


def test_what_is_saved_comes_back(tmp_path):
    path, saved = tmp_path / "last.npz", variables((3, 2), (), (5,))
    checkpoints.save(path, saved, STATE)
    arrays, state = checkpoints.load(path)
    fresh = [keras.Variable(np.zeros(variable.shape, np.float32)) for variable in saved]
    checkpoints.assign(fresh, arrays, path)
    assert state == STATE
    assert all(np.array_equal(a, b) for a, b in zip(saved, fresh, strict=True))
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.npz"]


def test_variables_keep_their_order(tmp_path):
    """Not that of their names, in which 10 comes before 2."""
    saved = [keras.Variable(float(number)) for number in range(12)]
    checkpoints.save(tmp_path / "a.npz", saved, STATE)
    assert [float(array) for array in checkpoints.load(tmp_path / "a.npz")[0]] == list(range(12))


def test_a_failed_save_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "last.npz"
    checkpoints.save(path, variables((2,)), STATE)
    before = path.read_bytes()

    def fails(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fails)
    with pytest.raises(WriteError, match=r"last\.npz cannot be written \(disk full\), and nothing of it was left"):
        checkpoints.save(path, variables((2,)), STATE | {"step": 8})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.npz"]


def test_what_a_killed_process_has_left_is_removed_when_it_is_old(tmp_path):
    """A younger one may be another process's."""
    for name, age in ((".last.npz.host.1.partial", 2 * checkpoints.PARTIAL_SECONDS), (".last.npz.host.2.partial", 1)):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    checkpoints.remove_partial(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [".last.npz.host.2.partial"]


def test_a_flipped_bit_is_refused_or_does_no_harm(tmp_path):
    path = tmp_path / "last.npz"
    saved = variables((3,), (2, 2))
    checkpoints.save(path, saved, STATE)
    content, refused = path.read_bytes(), 0
    for bit in range(0, 8 * len(content), 5):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            arrays, state = checkpoints.load(path)
        except InputError:
            refused += 1
            continue
        assert state == STATE
        assert [array.tobytes() for array in arrays] == [np.asarray(variable).tobytes() for variable in saved]
    assert refused > len(content) / 2


@pytest.mark.parametrize("harm", [lambda content: content[: len(content) // 2], lambda content: b"", lambda c: b"no"])
def test_a_damaged_checkpoint_is_refused(tmp_path, harm):
    path = tmp_path / "last.npz"
    checkpoints.save(path, variables((20, 20)), STATE)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(InputError, match="cannot be read"):
        checkpoints.load(path)


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(InputError, match="train the run first"):
        checkpoints.load(tmp_path / "best.npz")


def test_the_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "best.npz"
    checkpoints.save(path, variables((2, 2), (3,)), STATE)
    for others in ([(2, 3), (3,)], [(2, 2)], [(2, 2), (3,), (1,)]):
        with pytest.raises(InputError, match="another model"):
            checkpoints.assign(variables(*others), checkpoints.load(path)[0], path)
