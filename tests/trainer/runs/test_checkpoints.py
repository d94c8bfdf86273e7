"""Checkpoints: what is saved comes back, under names; damage and other models are refused."""

import json

import keras
import numpy as np
import pytest

from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.trainer.runs import checkpoints

STATE = {"step": 7, "sums": [0.1, 1 / 3], "best": None}


def variables(**shapes):
    """Random variables of these names and shapes."""
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.normal(size=shape).astype(np.float32), name=name) for name, shape in shapes.items()]


def values(variables):
    return [np.asarray(variable).tobytes() for variable in variables]


def test_what_is_saved_comes_back_in_any_order(tmp_path):
    """Also of two layers of one shape."""
    path, saved = tmp_path / "runs" / "x" / "last.npz", variables(a=(3, 2), b=(), c=(3, 2))
    checkpoints.save(path, checkpoints.values(saved), STATE)
    arrays, state = checkpoints.load(path)
    c, a, b = fresh = variables(c=(3, 2), a=(3, 2), b=())
    checkpoints.assign(fresh, arrays, path)
    assert state == STATE
    assert values([a, b, c]) == values(saved)
    assert [entry.name for entry in path.parent.iterdir()] == ["last.npz"]


def test_variables_that_share_a_path_are_refused(tmp_path, input_error):
    with input_error(InputError):
        checkpoints.save(tmp_path / "last.npz", checkpoints.values([*variables(a=(2,)), *variables(a=(3,))]), STATE)
    with input_error(InputError):
        checkpoints.keys(variables(state=(2,)))
    assert not list(tmp_path.iterdir())


def test_a_file_that_unpacks_to_much_more_is_refused(tmp_path):
    """As 14 MB that took 4 GB, in every command that lists the folder."""
    path = tmp_path / "best.npz"
    np.savez_compressed(path, a=np.zeros(10**6, np.float32), state=np.frombuffer(b"{}", np.uint8))
    with pytest.raises(InputError, match=r"[\d,]+ bytes unpack to 4,000,\d+, more than 2 times as many"):
        checkpoints.load(path)
    # Weights, which hardly shrink, may be compressed.
    np.savez_compressed(path, a=np.random.default_rng(0).normal(size=1000), state=np.frombuffer(b"{}", np.uint8))
    assert checkpoints.load(path)[0]["a"].shape == (1000,)


def test_a_flipped_bit_is_refused_or_does_no_harm(tmp_path):
    path = tmp_path / "last.npz"
    saved = variables(a=(3,), b=(2, 2))
    checkpoints.save(path, checkpoints.values(saved), STATE)
    content, refused, fresh = path.read_bytes(), 0, variables(a=(3,), b=(2, 2))
    for bit in range(0, 8 * len(content), 23):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            arrays, state = checkpoints.load(path)
            checkpoints.assign(fresh, arrays, path)
        except InputError:
            refused += 1
            continue
        assert state == STATE
        assert [arrays[name].tobytes() for name in "ab"] == values(saved)
    assert refused > len(content) * 8 / 23 / 3


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"state": np.frombuffer(b"[1]", np.uint8)}, id="state"),
        pytest.param({"a": np.array(["x"])}, id="strings"),
        pytest.param({"a": np.array([1.0, np.nan])}, id="nan"),
        pytest.param({"a": np.array([{}], object)}, id="pickle"),
    ],
)
def test_a_checkpoint_that_no_run_saves_is_refused(tmp_path, members, input_error):
    path = tmp_path / "last.npz"
    np.savez(path, **{"state": np.frombuffer(json.dumps(STATE).encode(), np.uint8), **members})
    with input_error(InputError):
        checkpoints.load(path)


def test_the_checkpoint_before_is_kept_if_it_has_a_name(tmp_path, monkeypatch):
    """At any moment one of the two is there, also if a write fails."""
    path, keep = tmp_path / "last.npz", tmp_path / "previous.npz"
    arrays = checkpoints.values(variables(a=(3, 2)))
    for step in range(3):
        checkpoints.save(path, arrays, {"step": step}, keep=keep)
        assert checkpoints.load(path)[1] == {"step": step}
        assert keep.exists() == (step > 0)
    assert checkpoints.load(keep)[1] == {"step": 1}
    monkeypatch.setattr(HashedFile, "sync", lambda file: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(WriteError):
        checkpoints.save(path, arrays, {"step": 3}, keep=keep)
    assert checkpoints.load(keep)[1] == {"step": 2}
    assert [entry.name for entry in tmp_path.iterdir()] == ["previous.npz"]


@pytest.mark.parametrize(
    "other",
    [{"a": (2, 3), "b": (3,)}, {"a": (2, 2)}, {"a": (2, 2), "b": (3,), "c": (1,)}],
    ids=["shape", "too few", "too many"],
)
def test_the_checkpoint_of_another_model_is_refused(tmp_path, other, input_error):
    path = tmp_path / "best.npz"
    checkpoints.save(path, checkpoints.values(variables(a=(2, 2), b=(3,))), STATE)
    with input_error(InputError):
        checkpoints.assign(variables(**other), checkpoints.load(path)[0], path)
    checkpoints.save(path, {"a": np.zeros((2, 2))}, STATE)  # of another type
    with input_error(InputError):
        checkpoints.assign(variables(a=(2, 2)), checkpoints.load(path)[0], path)
