"""Amazon S3's client: what it repeats."""

import contextlib

import pytest

from seq2seq_arith.pipelines.places import amazon_store
from seq2seq_arith.pipelines.places.amazon_store import S3


class FakeS3:
    """Removes all objects but those of ``left``, which the first answers say were left with these codes."""

    def __init__(self, *left: dict[str, str]) -> None:
        self.left, self.asked = list(left), []

    def delete_objects(self, Bucket: str, Delete: dict) -> dict:
        del Bucket
        self.asked.append([each["Key"] for each in Delete["Objects"]])
        left = self.left.pop(0) if self.left else {}
        return {"Errors": [{"Key": key, "Code": code, "Message": code} for key, code in left.items()]} if left else {}


def s3_with(client: object) -> S3:
    store = S3.__new__(S3)
    store._client = client
    return store


@pytest.mark.parametrize(
    ("left", "asked", "error"),
    [
        ([], ["ab"], ""),
        ([{"a": "SlowDown", "b": "InternalError"}, {"b": "SlowDown"}], ["ab", "ab", "b"], ""),
        ([{"a": "AccessDenied", "b": "SlowDown"}], ["ab"], "AccessDenied"),
        ([{"b": "SlowDown"}] * 5, ["ab", "b", "b", "b", "b"], "SlowDown"),
    ],
    ids=["removed", "busy", "denied", "busy for long"],
)
def test_objects_that_a_bulk_delete_leaves(monkeypatch, left, asked, error):
    exceptions = pytest.importorskip("botocore.exceptions", reason="needs the extra: pip install 'seq2seq_arith[aws]'")
    monkeypatch.setattr(amazon_store.time, "sleep", lambda seconds: None)
    fake = FakeS3(*left)
    raises = pytest.raises(exceptions.ClientError, match=error) if error else contextlib.nullcontext()
    with raises:
        s3_with(fake).delete("bucket", ["a", "b"])
    assert ["".join(keys) for keys in fake.asked] == asked


def test_an_answer_that_breaks_off():
    exceptions = pytest.importorskip("botocore.exceptions", reason="needs the extra: pip install 'seq2seq_arith[aws]'")
    broken = [exceptions.ReadTimeoutError(endpoint_url="s3")] * 2

    class Fake:
        def get_object(self, **_):
            return {"Body": self, "ETag": "1"}

        def read(self):
            if broken:
                raise broken.pop()
            return b"whole"

    assert s3_with(Fake()).read("bucket", "key") == (b"whole", "1")


def test_a_request_that_is_not_answered():
    """Boto3 has repeated it for minutes already."""
    exceptions = pytest.importorskip("botocore.exceptions", reason="needs the extra: pip install 'seq2seq_arith[aws]'")
    asked = []

    class Fake:
        def get_object(self, **arguments):
            asked.append(arguments)
            raise exceptions.ReadTimeoutError(endpoint_url="s3")

    with pytest.raises(exceptions.ReadTimeoutError):
        s3_with(Fake()).read("bucket", "key")
    assert len(asked) == 1
