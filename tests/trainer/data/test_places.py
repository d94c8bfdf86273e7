"""Training on a dataset in an object store: of this process, and in slow tests of real stores' emulators."""

import uuid

import configs
import emulators
import memory_store
import pytest

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import dataset_path
from seq2seq_arith.pipelines.formats.tfrecord import tfrecord_path
from seq2seq_arith.pipelines.places import clients
from seq2seq_arith.pipelines.places.paths import ObjectPath
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.data import records
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.training import session

CONFIG = override(configs.TAGGER, hidden=8, layers=1, batch_size=32, epochs=2, steps_per_epoch=20)


@pytest.fixture(
    params=["memory", pytest.param("gs", marks=pytest.mark.slow), pytest.param("s3", marks=pytest.mark.slow)]
)
def stored(request, data_dir, tasks, monkeypatch) -> ObjectPath:
    """The data directory of a store that has the addition set."""
    if request.param == "memory":
        monkeypatch.setitem(clients.CLIENTS, memory_store.SCHEME, memory_store.MemoryStore)
        place = ObjectPath(f"{memory_store.SCHEME}://{uuid.uuid4().hex}/data")
    else:
        request.getfixturevalue("servers")
        place = ObjectPath(f"{emulators.new_bucket(request.param)}/data")
    for file in dataset_path(data_dir, tasks["addition"]).iterdir():
        (dataset_path(place, tasks["addition"]) / file.name).put(file.read_bytes())
    return place


def test_training_from_a_store_is_the_same_as_from_a_disk(stored, data_dir, tasks, tmp_path):
    weights = []
    for name, place in (("disk", data_dir), ("store", stored)):
        run = session.train(tasks["addition"], str(place), str(tmp_path / name), CONFIG).run
        weights.append({key: array.tobytes() for key, array in checkpoints.load(run.last)[0].items()})
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda content: content[:60] + bytes([content[60] ^ 1]) + content[61:], "has a damaged record, number 0"),
        (lambda content: content[:-5], r"ends before its record \d+"),
        (lambda content: b"", "ends before its record 0"),
        (lambda content: None, "cannot be read"),
    ],
    ids=["changed", "cut", "empty", "gone"],
)
def test_a_damaged_object_is_refused(stored, tasks, harm, sentence):
    path = dataset_path(stored, tasks["addition"]) / tfrecord_path("train", 3, 8)
    content = harm(path.read_bytes())
    if content is None:
        path.unlink()
    else:
        path.put(content)
    split = records.open_source(tasks["addition"], str(stored)).splits["train"]
    with pytest.raises(InputError, match=f"{path} {sentence}"):
        split.head(len(split))


def test_a_store_without_the_dataset(stored, tasks):
    with pytest.raises(InputError, match=f"there is no dataset seq2seq_arith/subtraction-d2-n500 under {stored}"):
        records.open_source(tasks["subtraction"], str(stored))
