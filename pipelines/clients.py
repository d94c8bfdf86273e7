"""The clients of object stores: those that Beam's file systems are made of, set up by Beam's options.

Beam's writers are not used: the one for S3 completes an object even if its block ends with an exception, and cannot
write an empty one, and none can make a write depend on what is there.
"""

import contextlib
import functools
import io
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, Protocol

from seq2seq_arith.pipelines.errors import InputError, StoreError

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

ABSENT = ""  # the version of an object that is not there
PIECE = 8 * 2**20  # bytes read at a time
UPLOAD_PIECE = 32 * 2**20  # bytes of a large object that are held to be sent
READ_ATTEMPTS = 5
SAID = 200  # characters of a client's own words
FIRST_SECONDS = 20.0  # for a first look to succeed; a store that has answered is given longer
# S3 takes files up to this size in one request; of larger ones, a killed run can leave invisible parts.
ONE_REQUEST = 256 * 2**20


class Client(Protocol):
    """What a store offers. A version is ABSENT or what names one state of an object."""

    MODULE: str
    EXTRA: str

    def version(self, bucket: str, key: str) -> str | None: ...
    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None: ...
    def pieces(self, bucket: str, key: str) -> Iterator[bytes]: ...
    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> bool: ...
    def upload(self, bucket: str, key: str, file: IO[bytes]) -> None: ...
    def delete(self, bucket: str, key: str) -> None: ...
    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, float]]: ...

    @staticmethod
    def trouble(error: Exception) -> str:
        """What kind of failure it is: a key of ``SENTENCES``, or empty."""
        ...


class GoogleCloudStorage:
    """``google-cloud-storage``, as ``apache_beam.io.gcp.gcsio`` sets it up."""

    MODULE, EXTRA = "google.cloud.storage", "gcp"

    def __init__(self, options: "PipelineOptions") -> None:
        import google.auth
        from apache_beam.io.gcp import gcsio
        from google.cloud import storage
        from google.cloud.storage.retry import DEFAULT_RETRY

        self._retry = DEFAULT_RETRY
        self._look = DEFAULT_RETRY.with_timeout(FIRST_SECONDS)  # until the store has answered once
        try:
            google.auth.default()
        except google.auth.exceptions.DefaultCredentialsError:
            # Public buckets, and emulators. Beam would look for credentials for half a minute first.
            self._client = storage.Client.create_anonymous_client()
        else:
            self._client = gcsio.create_storage_client(options)

    def version(self, bucket: str, key: str) -> str | None:
        found = self._client.bucket(bucket).get_blob(key, retry=self._look)
        self._look = self._retry
        return None if found is None else str(found.generation)

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        from google.api_core.exceptions import NotFound

        blob = self._client.bucket(bucket).blob(key)
        try:
            data = blob.download_as_bytes(retry=self._look)
        except NotFound:
            return None
        self._look = self._retry
        return data, str(blob.generation)

    def pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        from google.api_core.exceptions import NotFound

        blob = self._client.bucket(bucket).blob(key)
        try:
            file: Any
            with blob.open("rb", chunk_size=PIECE, retry=self._retry) as file:
                while piece := file.read(PIECE):
                    yield piece
        except NotFound:
            raise FileNotFoundError(f"gs://{bucket}/{key}") from None

    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> bool:
        from google.api_core.exceptions import PreconditionFailed

        generation = None if version is None else int(version or 0)
        blob = self._client.bucket(bucket).blob(key)
        try:
            blob.upload_from_string(data, if_generation_match=generation, retry=self._retry)
        except PreconditionFailed:
            return False
        return True

    def upload(self, bucket: str, key: str, file: IO[bytes]) -> None:
        size = file.seek(0, io.SEEK_END)
        blob = self._client.bucket(bucket).blob(key, chunk_size=UPLOAD_PIECE)
        blob.upload_from_file(file, rewind=True, size=size, retry=self._retry)

    def delete(self, bucket: str, key: str) -> None:
        from google.api_core.exceptions import NotFound

        with contextlib.suppress(NotFound):
            self._client.bucket(bucket).delete_blob(key, retry=self._retry)

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, float]]:
        for page in self._client.list_blobs(bucket, prefix=prefix, retry=self._look).pages:
            self._look = self._retry
            for blob in page:
                yield blob.name, blob.size, blob.updated.timestamp()

    @staticmethod
    def trouble(error: Exception) -> str:
        import requests
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError, TransportError

        kinds: list[tuple[Any, str]] = [
            (exceptions.NotFound, "bucket"),
            ((exceptions.Forbidden, exceptions.Unauthorized), "denied"),
            ((exceptions.RetryError, TransportError, requests.ConnectionError, requests.Timeout), "unreachable"),
            (GoogleAuthError, "credentials"),
            (exceptions.BadRequest, "refused"),
        ]
        return next((name for kind, name in kinds if isinstance(error, kind)), "")


class S3:
    """``boto3``, as ``apache_beam.io.aws`` sets it up."""

    MODULE, EXTRA = "boto3", "aws"

    def __init__(self, options: "PipelineOptions") -> None:
        from apache_beam.io.aws.clients.s3 import boto3_client
        from boto3.s3.transfer import TransferConfig

        self._client = boto3_client.Client(options=options).client
        self._transfer = TransferConfig(multipart_threshold=ONE_REQUEST, multipart_chunksize=UPLOAD_PIECE)

    def version(self, bucket: str, key: str) -> str | None:
        answer = self._unless(("404", "NoSuchKey"), self._client.head_object, Bucket=bucket, Key=key)
        return answer and answer["ETag"]

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        answer = self._unless(("NoSuchKey",), self._client.get_object, Bucket=bucket, Key=key)
        return answer and (answer["Body"].read(), answer["ETag"])

    def pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        from botocore.exceptions import HTTPClientError

        position, attempts, version = 0, 0, {}
        while True:
            # A connection that breaks is taken up where it broke.
            more = {"Range": f"bytes={position}-"} | version if position else {}
            answer = self._unless(("NoSuchKey",), self._client.get_object, Bucket=bucket, Key=key, **more)
            if answer is None:
                raise FileNotFoundError(f"s3://{bucket}/{key}")
            version = {"IfMatch": answer["ETag"]}
            try:
                for piece in answer["Body"].iter_chunks(PIECE):
                    position += len(piece)
                    yield piece
                return
            except HTTPClientError:
                attempts += 1
                if attempts == READ_ATTEMPTS:
                    raise

    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> bool:
        condition = {} if version is None else {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        codes = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
        put = self._client.put_object
        return self._unless(codes, put, Bucket=bucket, Key=key, Body=data, **condition) is not None

    def upload(self, bucket: str, key: str, file: IO[bytes]) -> None:
        file.seek(0)
        self._client.upload_fileobj(file, bucket, key, Config=self._transfer)

    def delete(self, bucket: str, key: str) -> None:
        self._client.delete_object(Bucket=bucket, Key=key)

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, float]]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield found["Key"], found["Size"], found["LastModified"].timestamp()

    @staticmethod
    def trouble(error: Exception) -> str:
        from botocore import exceptions

        if isinstance(error, exceptions.ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            if code in ("ExpiredToken", "InvalidToken"):
                return "denied"
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return {400: "refused", 401: "denied", 403: "denied", 404: "bucket"}.get(status, "")
        lacking = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound)
        kinds: list[tuple[Any, str]] = [
            ((exceptions.HTTPClientError, exceptions.ConnectionError), "unreachable"),
            ((*lacking, exceptions.CredentialRetrievalError), "credentials"),
            ((exceptions.ParamValidationError, exceptions.NoRegionError, ValueError), "refused"),
        ]
        return next((name for kind, name in kinds if isinstance(error, kind)), "")

    def _unless(self, codes: tuple[str, ...], call: Callable[..., Any], **arguments: Any) -> Any:
        """The answer to a request; None if it is one of these errors."""
        from botocore.exceptions import ClientError

        try:
            return call(**arguments)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in codes:
                return None
            raise


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


def explained(url: str, error: Exception) -> InputError | StoreError:
    """What a client has raised over a URL, in a sentence: InputError for what a person can put right."""
    scheme, _, rest = url.partition("://")
    kind = CLIENTS[scheme].trouble(error)
    # A retry that was given up says no more than that it was.
    cause = getattr(error, "cause", None) or error
    said = " ".join(str(getattr(cause, "message", "") or cause).split())[:SAID] or type(error).__name__
    if not kind:
        return StoreError(f"{url} could not be used: {said}")
    bucket, log_in = f"{scheme}://{rest.partition('/')[0]}", LOG_IN[scheme]
    sentence = SENTENCES[kind].format(url=url, scheme=scheme, bucket=bucket, log_in=log_in, said=said)
    return (StoreError if kind == "unreachable" else InputError)(sentence)


@functools.lru_cache(maxsize=8)
def client(scheme: str, flags: tuple[str, ...]) -> Client:
    """A client, kept: making one takes longer than most of what it does."""
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.options import pipeline_options

    return CLIENTS[scheme](pipeline_options(list(flags)))
