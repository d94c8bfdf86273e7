"""The clients of object stores: the ones that Beam's file systems use, set up by Beam's options.

Beam's own writers are not used. The one for S3 completes an object even if its block ends with an exception, and cannot
write an empty object. None of them can write on the condition that an object is absent or has a certain version.
"""

import contextlib
import functools
import io
import itertools
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from seq2seq_arith.base.errors import InputError, StoreError

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

ABSENT = ""  # stands for the version of an object that is not there
PIECE = 8 * 2**20  # bytes per read
UPLOAD_PIECE = 32 * 2**20  # bytes of a large object that are in memory while it is sent
READ_ATTEMPTS = DELETE_ATTEMPTS = 5
DELETING_THREADS = 16  # on Google's store
MESSAGE_LENGTH = 200  # characters of a client's message that are quoted
FIRST_SECONDS = 20.0  # timeout of the first request; a store that has answered once is given longer
# S3 takes files up to this size in one request. A killed run can leave invisible parts of a larger one.
ONE_REQUEST = 256 * 2**20
SHA256 = "sha256"  # the name under which an object's own metadata hold its content's sha256
# How boto3 repeats a request that a busy store refuses, or whose answer is lost: after random times that grow, up to 20
# seconds each. Google's client does so by itself, for two minutes. A store takes that long to spread a new prefix.
RETRIES = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "10"}
# The codes of a single object in the answer to a bulk delete, for which it is worth asking again.
BUSY = ("InternalError", "SlowDown", "ServiceUnavailable")


class State(NamedTuple):
    """The state of an object.

    Attributes:
      version: Identifies the content; another version may have the same content.
      sha256: That of the content, as the program that wrote it stated; empty if it did not.
    """

    version: str
    sha256: str


class Listed(NamedTuple):
    """An object in a listing: its key, its bytes, its time of writing in seconds since 1970, and its version."""

    key: str
    size: int
    modified: float
    version: str


class Client(Protocol):
    """The operations of a store. A version identifies one state of an object, or is ABSENT.

    Attributes:
      MODULE: The module that must be installed.
      EXTRA: This package's extra that installs it.
    """

    MODULE: str
    EXTRA: str

    def state(self, bucket: str, key: str) -> State | None:
        """The state of an object; None if there is none."""
        ...

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        """A small object and its version; None if there is none."""
        ...

    def pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        """An object from its beginning to its end; raises FileNotFoundError if there is none."""
        ...

    def read_range(self, bucket: str, key: str, start: int, size: int) -> bytes:
        """At most ``size`` bytes of an object from ``start`` on; raises FileNotFoundError if there is none."""
        ...

    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> bool:
        """Writes a small object if its version is the given one, or in any case for None; returns whether it did."""
        ...

    def upload(self, bucket: str, key: str, file: IO[bytes], sha256: str, version: str) -> str | None:
        """Writes an object from a file, which is read from its beginning, if the object has the given version.

        Returns:
          The new version; None if the object had another one.
        """
        ...

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Removes those of these objects that are there, many at once."""
        ...

    def list(self, bucket: str, prefix: str) -> Iterator[Listed]:
        """The objects whose keys begin so."""
        ...

    @staticmethod
    def trouble(error: Exception) -> str:
        """The kind of failure: a key of ``SENTENCES``, or empty."""
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

    def state(self, bucket: str, key: str) -> State | None:
        found = self._client.bucket(bucket).get_blob(key, retry=self._look)
        self._look = self._retry
        return None if found is None else State(str(found.generation), (found.metadata or {}).get(SHA256, ""))

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
        # One request per object. The client's own file asks until there is no more, and is answered 416.
        with tempfile.TemporaryFile() as file:
            try:
                blob.download_to_file(file, retry=self._retry)
            except NotFound:
                raise FileNotFoundError(f"gs://{bucket}/{key}") from None
            file.seek(0)
            while piece := file.read(PIECE):
                yield piece

    def read_range(self, bucket: str, key: str, start: int, size: int) -> bytes:
        from google.api_core.exceptions import NotFound, RequestRangeNotSatisfiable

        blob = self._client.bucket(bucket).blob(key)
        try:
            return blob.download_as_bytes(start=start, end=start + size - 1, retry=self._retry)
        except RequestRangeNotSatisfiable:  # it ends before
            return b""
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

    def upload(self, bucket: str, key: str, file: IO[bytes], sha256: str, version: str) -> str | None:
        from google.api_core.exceptions import PreconditionFailed

        size = file.seek(0, io.SEEK_END)
        blob = self._client.bucket(bucket).blob(key, chunk_size=UPLOAD_PIECE)
        blob.metadata = {SHA256: sha256}
        generation = int(version or 0)
        try:
            blob.upload_from_file(file, rewind=True, size=size, if_generation_match=generation, retry=self._retry)
        except PreconditionFailed:
            return None
        return str(blob.generation)

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        from google.api_core.exceptions import NotFound

        def delete_one(key: str) -> None:
            with contextlib.suppress(NotFound):
                self._client.bucket(bucket).delete_blob(key, retry=self._retry)

        # The store takes up to 100 deletes in a batch, but the emulators do not, so that it could not be tested.
        with ThreadPoolExecutor(DELETING_THREADS) as pool:
            for _ in pool.map(delete_one, keys):
                pass

    def list(self, bucket: str, prefix: str) -> Iterator[Listed]:
        for page in self._client.list_blobs(bucket, prefix=prefix, retry=self._look).pages:
            self._look = self._retry
            for blob in page:
                yield Listed(blob.name, blob.size, blob.updated.timestamp(), str(blob.generation))

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
    MOST_DELETED = 1000  # objects per request
    REFUSED = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")  # the codes of an unmet condition

    def __init__(self, options: "PipelineOptions") -> None:
        from apache_beam.io.aws.clients.s3 import boto3_client

        # Beam makes the client without a configuration, so this is the way to one.
        added = {name: value for name, value in RETRIES.items() if name not in os.environ}
        os.environ.update(added)
        try:
            self._client = boto3_client.Client(options=options).client
        finally:
            for name in added:
                del os.environ[name]

    def state(self, bucket: str, key: str) -> State | None:
        answer = self._unless(("404", "NoSuchKey"), self._client.head_object, Bucket=bucket, Key=key)
        return answer and State(answer["ETag"], answer.get("Metadata", {}).get(SHA256, ""))

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        return self._content(bucket, key)

    def pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        from botocore.exceptions import HTTPClientError

        position, attempts, version = 0, 0, {}
        while True:
            # After a broken connection, reading continues where it broke.
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

    def read_range(self, bucket: str, key: str, start: int, size: int) -> bytes:
        from botocore.exceptions import ClientError

        try:
            found = self._content(bucket, key, Range=f"bytes={start}-{start + size - 1}")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "InvalidRange":  # it ends before
                return b""
            raise
        if found is None:
            raise FileNotFoundError(f"s3://{bucket}/{key}")
        return found[0]

    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> bool:
        condition = {} if version is None else self._condition(version)
        put = self._client.put_object
        return self._unless(self.REFUSED, put, Bucket=bucket, Key=key, Body=data, **condition) is not None

    def upload(self, bucket: str, key: str, file: IO[bytes], sha256: str, version: str) -> str | None:
        place, metadata = {"Bucket": bucket, "Key": key}, {SHA256: sha256}
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if size > ONE_REQUEST:
            return self._upload_in_parts(place, file, metadata, version)
        answer = self._unless(
            self.REFUSED, self._client.put_object, Body=file, Metadata=metadata, **place, **self._condition(version)
        )
        return answer and answer["ETag"]

    def _upload_in_parts(
        self, place: dict[str, str], file: IO[bytes], metadata: dict[str, str], version: str
    ) -> str | None:
        begun = place | {"UploadId": self._client.create_multipart_upload(Metadata=metadata, **place)["UploadId"]}
        answer, parts = None, []
        try:
            for number in itertools.count(1):
                if not (piece := file.read(UPLOAD_PIECE)):
                    break
                tag = self._client.upload_part(PartNumber=number, Body=piece, **begun)["ETag"]
                parts.append({"PartNumber": number, "ETag": tag})
            complete, listed = self._client.complete_multipart_upload, {"Parts": parts}
            # An upload whose answer was lost is no upload any more when the request is repeated.
            refused = (*self.REFUSED, "NoSuchUpload")
            answer = self._unless(refused, complete, MultipartUpload=listed, **begun, **self._condition(version))
        finally:
            if answer is None:
                self._unless(("NoSuchUpload",), self._client.abort_multipart_upload, **begun)
        return answer and answer["ETag"]

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), self.MOST_DELETED):
            self._delete_at_once(bucket, keys[start : start + self.MOST_DELETED])

    def _delete_at_once(self, bucket: str, keys: Sequence[str]) -> None:
        """Removes objects with one request, and more for those that a busy store has left; boto3 does not see these."""
        from botocore.exceptions import ClientError

        for attempt in range(DELETE_ATTEMPTS):
            deleted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
            errors = self._client.delete_objects(Bucket=bucket, Delete=deleted).get("Errors")
            if not errors:
                return
            lasting = [error for error in errors if error.get("Code") not in BUSY]
            if lasting or attempt == DELETE_ATTEMPTS - 1:
                raise ClientError({"Error": (lasting or errors)[0]}, "DeleteObjects")
            keys = [error["Key"] for error in errors]
            time.sleep(random.uniform(0, 2**attempt))

    def list(self, bucket: str, prefix: str) -> Iterator[Listed]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield Listed(found["Key"], found["Size"], found["LastModified"].timestamp(), found["ETag"])

    @staticmethod
    def _condition(version: str) -> dict[str, str]:
        return {"IfMatch": version} if version else {"IfNoneMatch": "*"}

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

    def _content(self, bucket: str, key: str, **more: str) -> tuple[bytes, str] | None:
        """What an object holds, and its version; it is asked for again if the connection breaks amid the answer.

        Requests that were not answered boto3 has repeated itself.
        """
        from botocore.exceptions import HTTPClientError

        for attempt in itertools.count(1):
            answer = self._unless(("NoSuchKey",), self._client.get_object, Bucket=bucket, Key=key, **more)
            if answer is None:
                break
            try:
                return answer["Body"].read(), answer["ETag"]
            except HTTPClientError:
                if attempt == READ_ATTEMPTS:
                    raise
        return None

    def _unless(self, codes: tuple[str, ...], call: Callable[..., Any], **arguments: Any) -> Any:
        """The answer to a request; None if the store answers with one of these error codes."""
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
