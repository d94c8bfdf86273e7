"""The client of each object store, and its errors as sentences.

The clients are those that Beam's file systems use, set up by Beam's options. Beam's own writers are not used. The one
for S3 completes an object even if its block ends with an exception, and cannot write an empty object. None of them can
write on the condition that an object is absent or has a certain version.
"""

import functools
from typing import Any

from seq2seq_arith.base.errors import InputError, StoreError
from seq2seq_arith.pipelines.places.amazon_store import S3
from seq2seq_arith.pipelines.places.google_store import GoogleCloudStorage
from seq2seq_arith.pipelines.places.operations import Client

MESSAGE_LENGTH = 200  # characters of a client's message that are quoted

CLIENTS: dict[str, Any] = {"gs": GoogleCloudStorage, "s3": S3}

LOG_IN = {
    "gs": "log in with `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "s3": "log in with `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
}
SENTENCES = {
    "bucket": "there is no bucket {bucket}; make it, or give another",
    "denied": "{bucket} does not let you do this ({said}); {log_in}",
    "credentials": "there are no credentials for {bucket} that can be used ({said}); {log_in}",
    "refused": "{url} cannot be used ({said}); give {scheme}://BUCKET/FOLDER",
    "unreachable": "{bucket} cannot be reached ({said}); look at the network and at the endpoint's address",
}


def explain(url: str, error: Exception) -> InputError | StoreError:
    """A client's error about a URL as one sentence: InputError if the user can correct the cause, else StoreError."""
    scheme, _, rest = url.partition("://")
    kind = CLIENTS[scheme].trouble(error)
    # The error of a failed retry does not say why; its cause does.
    cause = getattr(error, "cause", None) or error
    said = " ".join(str(getattr(cause, "message", "") or cause).split())[:MESSAGE_LENGTH] or type(error).__name__
    if not kind:
        return StoreError(f"{url} could not be used: {said}")
    bucket, log_in = f"{scheme}://{rest.partition('/')[0]}", LOG_IN[scheme]
    sentence = SENTENCES[kind].format(url=url, scheme=scheme, bucket=bucket, log_in=log_in, said=said)
    return (StoreError if kind == "unreachable" else InputError)(sentence)


@functools.lru_cache(maxsize=8)
def client(scheme: str, flags: tuple[str, ...]) -> Client:
    """A client; cached, because making one takes longer than most requests."""
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.beam.options import pipeline_options

    return CLIENTS[scheme](pipeline_options(list(flags)))
