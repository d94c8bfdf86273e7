"""Google's store: how long it is waited for, and how many objects are removed at once."""

import contextlib
import os
import types

import emulators
import pytest
from flaky import flaky

from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.places import google_store
from seq2seq_arith.pipelines.places.google_store import GoogleCloudStorage

ODD = ["a b", "a/ü?2", "a/3%20#", "a/+&=", "a/'\"", "a/\U0001d7d8"]


def test_how_long_google_may_take():
    """A first look fails soon; a store that has answered once is waited for."""
    pytest.importorskip("google.cloud.storage", reason="needs the extra: pip install 'seq2seq_arith[gcp]'")
    store = GoogleCloudStorage.__new__(GoogleCloudStorage)
    store._look, store._retry = "short", "long"
    said = []

    class Fake:
        def bucket(self, _):
            return self

        def get_blob(self, _, retry):
            said.append(retry)

    store._client = Fake()
    for _ in range(2):
        store.state("bucket", "key")
    assert said == ["short", "long"]


class FakeClient:
    """Answers a batch of deletes with these statuses, or with an error; and single deletes with what is there."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers, self.batches, self.single = answers, [], []

    def bucket(self, _):
        return self

    @contextlib.contextmanager
    def batch(self, raise_exception):
        assert not raise_exception
        self.batches.append([])
        yield (batch := types.SimpleNamespace())
        if isinstance(self.answers[0], Exception):
            raise self.answers[0]
        batch._responses = [types.SimpleNamespace(status_code=status) for status in self.answers]

    def delete_blob(self, key, retry):
        if retry is None:
            self.batches[-1].append(key)
        else:
            self.single.append(key)


def busy() -> Exception:
    exceptions = pytest.importorskip("google.api_core.exceptions", reason="needs the extra: gcp")
    return exceptions.ServiceUnavailable("slow down")


@pytest.mark.parametrize(
    ("answers", "single"),
    [
        ((204, 200, 404), ""),
        ((204, 503, 429), "bc"),
        ((403, 204, 204), "a"),  # the client says why when it asks again
        ((busy(),), "abc"),
        ((ConnectionError(),), "abc"),
        ((ValueError("Bad response:  not multi-part"),), "abc"),
    ],
    ids=["removed or absent", "two are busy", "denied", "all are busy", "no answer", "no batches there"],
)
def test_what_a_batch_leaves_is_removed_alone(answers, single):
    """With the client's own repetitions, which a batch does not have."""
    store = GoogleCloudStorage.__new__(GoogleCloudStorage)
    store._retry, store._client = object(), FakeClient(*answers)
    store.delete("bucket", ["a", "b", "c"])
    assert store._client.batches == [["a", "b", "c"]]
    assert "".join(store._client.single) == single


@pytest.mark.slow
def test_a_hundred_objects_are_removed_with_one_request(servers, monkeypatch):
    """By the real client, from a server, whatever their names are."""
    (bucket,) = emulators.new_bucket("gs").split("//")[1:]
    keys = [*ODD, *(f"a/{number}" for number in range(2 * google_store.MOST_DELETED))]
    posted = []
    with flaky(os.environ["STORAGE_EMULATOR_HOST"], 0.0, passed=posted) as (url, _):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        store = GoogleCloudStorage(pipeline_options([]))
        for key in (*keys, "kept"):
            store.put(bucket, key, b"content", None)
        posted.clear()
        store.delete(bucket, [*keys, "absent"])
        assert posted == ["200 POST /batch/storage/v1"] * 3
        assert [each.key for each in store.list(bucket, "")] == ["kept"]
