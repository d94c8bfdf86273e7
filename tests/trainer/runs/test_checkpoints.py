"""Checkpoints: what is saved comes back, under names; damage and other models are refused."""

import contextlib
import json
import zipfile

import keras
import numpy as np
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.models.build import build_model
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.runs import checkpoints

STATE = {"step": 7, "sums": [0.1, 1 / 3], "best": None}


def variables(**shapes):
    """Random variables of these names and shapes."""
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.normal(size=shape).astype(np.float32), name=name) for name, shape in shapes.items()]


def values(variables):
    return [np.asarray(variable).tobytes() for variable in variables]


def test_what_is_saved_comes_back(tmp_path):
    path, saved = tmp_path / "runs" / "x" / "last.npz", variables(a=(3, 2), b=(), c=(5,))
    checkpoints.save(path, checkpoints.values(saved), STATE)
    arrays, state = checkpoints.load(path)
    fresh = [keras.Variable(np.zeros(variable.shape, np.float32), name=variable.name) for variable in saved]
    checkpoints.assign(fresh, arrays, path)
    assert state == STATE
    assert values(fresh) == values(saved)
    assert [entry.name for entry in path.parent.iterdir()] == ["last.npz"]


def test_exchanged_layers_of_one_shape_are_told_apart(tmp_path):
    path = tmp_path / "last.npz"
    saved = variables(first=(2, 2), second=(2, 2))
    checkpoints.save(path, checkpoints.values(saved), STATE)
    second, first = fresh = variables(second=(2, 2), first=(2, 2))
    checkpoints.assign(fresh, checkpoints.load(path)[0], path)
    assert values([first, second]) == values(saved)


@pytest.mark.parametrize("name", MODELS)
def test_the_keys_of_a_model_are_the_same_whenever_and_wherever_it_is_built(name):
    """Keras numbers unnamed layers on; layers for a GPU and for long strings are other classes."""
    view = make_view("crossed" if name.endswith("tagger") else "aligned", Task("addition"))
    config = ModelConfig(name=name, view=view.name, hidden=8, layers=2)
    first, *others = (build_model(config, view, cudnn=cudnn) for cudnn in (False, False, True))
    keys = checkpoints.keys(first.variables)
    for other in others:
        assert checkpoints.keys(other.variables) == keys


def test_variables_that_share_a_path_are_refused(tmp_path):
    with pytest.raises(ValueError, match="share the path 'a'; give every layer of the model a name"):
        checkpoints.save(tmp_path / "last.npz", checkpoints.values([*variables(a=(2,)), *variables(a=(3,))]), STATE)
    for name in ("state", "sha256"):
        with pytest.raises(ValueError, match=f"share the path '{name}'"):
            checkpoints.keys(variables(**{name: (2,)}))
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "last.npz"
    checkpoints.save(path, checkpoints.values(variables(a=(2,))), STATE)
    before = path.read_bytes()

    def fails(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fails)
    with pytest.raises(WriteError, match=r"last\.npz cannot be written \(disk full\), and nothing of it was left"):
        checkpoints.save(path, checkpoints.values(variables(a=(2,))), STATE | {"step": 8})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.npz"]


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


def archive(path, **members):
    """A checkpoint with the right sha256."""
    members = {"state": np.frombuffer(json.dumps(STATE).encode(), np.uint8), **members}
    with contextlib.suppress(TypeError):  # of Python objects there is no sha256
        members["sha256"] = checkpoints._digest(members)
    np.savez(path, **members)


def exchanged_names(path):
    """Two arrays of one shape under each other's name, which no checksum of the zip format notices."""
    checkpoints.save(path, checkpoints.values(variables(a=(3,), b=(3,))), STATE)
    with np.load(path) as saved:
        np.savez(path, **dict(saved) | {"a": saved["b"], "b": saved["a"]})


def compressed(path):
    """Few bytes that become many: 40 MB of zeros here."""
    np.savez_compressed(path, a=np.zeros(10**7, np.float32), state=np.frombuffer(b"{}", np.uint8))


def raw_bytes(path):
    archive(path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("b", b"no array")


def huge_shape(path):
    archive(path)
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("b.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (exchanged_names, "its content does not have its sha256"),
        (raw_bytes, ""),
        (huge_shape, ""),
        (compressed, "its members are larger than the file"),
        (lambda path: archive(path, state=np.frombuffer(b"[1]", np.uint8)), "its state is not a JSON object"),
        (lambda path: archive(path, state=np.frombuffer(b"[" * 10**5, np.uint8)), ""),
        (lambda path: archive(path, a=np.array(["x"])), "a does not hold finite numbers"),
        (lambda path: archive(path, a=np.zeros(3, np.complex64)), "a does not hold finite numbers"),
        (lambda path: archive(path, a=np.zeros(3, "datetime64[s]")), "a does not hold finite numbers"),
        (lambda path: archive(path, a=np.array([1.0, np.nan])), "a does not hold finite numbers"),
        (lambda path: archive(path, a=np.array([{}], object)), "allow_pickle"),
    ],
)
def test_a_checkpoint_that_no_run_saves_is_refused(tmp_path, harm, sentence):
    path = tmp_path / "last.npz"
    harm(path)
    with pytest.raises(InputError, match=r"last\.npz cannot be read .*; delete it, and train again") as caught:
        checkpoints.load(path)
    assert sentence in str(caught.value)


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


@pytest.mark.parametrize("harm", [lambda content: content[: len(content) // 2], lambda content: b"", lambda c: b"no"])
def test_a_damaged_checkpoint_is_refused(tmp_path, harm):
    path = tmp_path / "last.npz"
    checkpoints.save(path, checkpoints.values(variables(a=(20, 20))), STATE)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(InputError, match="cannot be read"):
        checkpoints.load(path)


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(InputError, match="train the run first"):
        checkpoints.load(tmp_path / "best.npz")


@pytest.mark.parametrize(
    "other", [{"a": (2, 3), "b": (3,)}, {"a": (2, 2)}, {"a": (2, 2), "b": (3,), "c": (1,)}, {"a": (2, 2), "d": (3,)}]
)
def test_the_checkpoint_of_another_model_is_refused(tmp_path, other):
    path = tmp_path / "best.npz"
    checkpoints.save(path, checkpoints.values(variables(a=(2, 2), b=(3,))), STATE)
    with pytest.raises(InputError, match="another model"):
        checkpoints.assign(variables(**other), checkpoints.load(path)[0], path)


def test_values_of_another_type_are_refused(tmp_path):
    path = tmp_path / "best.npz"
    checkpoints.save(path, {"a": np.zeros((2, 2))}, STATE)
    with pytest.raises(InputError, match="another model"):
        checkpoints.assign(variables(a=(2, 2)), checkpoints.load(path)[0], path)
