"""Places of datasets: directories of this machine, which are ``Path``, and prefixes of object stores, ``ObjectPath``.

An object appears when its upload is complete, and not before. Objects are written by the clients that Beam's file
systems are made of, set up by Beam's options, but not through its writers: the one for S3 completes an object even if
its block ends with an exception, and cannot write an empty one, and none can make a write depend on what is there.
"""

import contextlib
import dataclasses
import fnmatch
import functools
import importlib.util
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from seq2seq_arith.pipelines.errors import InputError, StoreError

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

ABSENT = ""  # the version of an object that is not there
PIECE = 8 * 2**20  # bytes read at a time
UPLOAD_PIECE = 32 * 2**20  # bytes of a large object that are held to be sent
READ_ATTEMPTS = 5
LIST_SECONDS = 30.0
SAID = 200  # characters of a client's own words
FIRST_SECONDS = 20.0  # for small requests to succeed; a run begins with some
# S3 takes files up to this size in one request; of larger ones, a killed run can leave invisible parts.
ONE_REQUEST = 256 * 2**20


@dataclasses.dataclass(frozen=True)
class Entry:
    """An object of a listing: its name below the prefix, bytes, and when it was written, in seconds since 1970."""

    name: str
    size: int
    modified: float


@dataclasses.dataclass(frozen=True)
class Run:
    """One run that writes into a store.

    Attributes:
      token: Names it among all.
      held: A directory of the machine that publishes, for files that are held back until all others are there.
    """

    token: str
    held: Path


@dataclasses.dataclass(frozen=True)
class ObjectPath:
    """An object, or a prefix of objects, with the operations of ``Path`` that are needed here.

    Attributes:
      url: ``gs://BUCKET/KEY`` or ``s3://BUCKET/KEY``, without a slash at the end.
      flags: Beam's, which may set an endpoint, or whose credentials are used.
      run: The run that writes here.

    All operations raise InputError for what a person can put right, such as a bucket that is not there, and StoreError
    if the store fails.
    """

    url: str
    flags: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    run: Run | None = None

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> "ObjectPath":
        return dataclasses.replace(self, url=f"{self.url}/{name}")

    @property
    def name(self) -> str:
        return self._key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix

    @property
    def parents(self) -> "list[ObjectPath]":
        """The prefixes above this one, the nearest first, down to the bucket."""
        folders = self._key.split("/")[:-1]
        bucket = self.url.removesuffix(self._key).rstrip("/")
        urls = ["/".join([bucket, *folders[:length]]) for length in range(len(folders), -1, -1)]
        return [dataclasses.replace(self, url=url) for url in urls]

    def is_dir(self) -> bool:
        """Whether there are objects below."""
        return next(self.entries(), None) is not None

    def is_file(self) -> bool:
        with self._named():
            return self._store.version(self._bucket, self._key) is not None

    def read(self) -> tuple[bytes, str] | None:
        """The object and its version; None if there is none."""
        with self._named():
            return self._store.read(self._bucket, self._key)

    def pieces(self) -> Iterator[bytes]:
        """The object from its beginning to its end.

        Raises:
          FileNotFoundError: There is none.
        """
        with self._named():
            yield from self._store.pieces(self._bucket, self._key)

    def read_bytes(self) -> bytes:
        return b"".join(self.pieces())

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def put(self, data: bytes, version: str | None = None) -> bool:
        """Writes a small object; whether it did.

        Args:
          data: All of it.
          version: Of the object that is to be replaced, ABSENT if there shall be none; None replaces any.
        """
        with self._named():
            return self._store.put(self._bucket, self._key, data, version)

    def write_text(self, text: str) -> None:
        self.put(text.encode())

    def upload(self, file: IO[bytes]) -> None:
        """Writes an object whole, from a file that is read from its beginning.

        It is removed again if its run has been given up meanwhile in this process, whose threads outlive it.
        """
        with self._named():
            self._store.upload(self._bucket, self._key, file)
            if self.run and self.run.token in _given_up:
                self._store.delete(self._bucket, self._key)

    def unlink(self, missing_ok: bool = True) -> None:
        """Removes the object, if it is there."""
        with self._named():
            self._store.delete(self._bucket, self._key)

    def mkdir(self, exist_ok: bool = True) -> None:
        """A store has no directories."""

    def entries(self, beside: str = "/") -> Iterator[Entry]:
        """All objects whose key goes on with ``beside``, by default those below; names go on from there."""
        prefix = f"{self._key}{beside}".removeprefix("/")
        with self._named():
            for key, size, modified in self._store.list(self._bucket, prefix):
                # What consoles make for an empty folder is an object whose name ends so.
                if not key.endswith("/"):
                    yield Entry(key.removeprefix(prefix), size, modified)

    @property
    def _bucket(self) -> str:
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def _key(self) -> str:
        return self.url.partition("://")[2].partition("/")[2]

    @property
    def _store(self) -> "_Store":
        return _store(self.url.partition("://")[0], self.flags)

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """What a client raises, in a sentence."""
        try:
            yield
        except (InputError, StoreError, FileNotFoundError):
            raise
        except Exception as error:  # clients derive theirs from many
            raise _explained(self, error) from error


AnyPath = Path | ObjectPath


def place(directory: str, flags: list[str] | None = None) -> AnyPath:
    """The place that a person means: a directory of this machine, absolute, or a prefix of an object store.

    Args:
      directory: A path or a URL.
      flags: Beam's, for the store.

    Raises:
      InputError: It is a URL of another kind, or what it needs is not installed.
    """
    scheme, separator, rest = directory.partition("://")
    if not separator:
        return Path(directory).absolute()
    if scheme not in _STORES:
        raise InputError(f"{directory} is in no store that is known here; give a directory, gs://BUCKET or s3://BUCKET")
    rest = rest.rstrip("/")
    if not all(rest.split("/")):
        raise InputError(f"{directory} has an empty name between its slashes; give {scheme}://BUCKET/FOLDER")
    module, extra = _STORES[scheme].MODULE, _STORES[scheme].EXTRA
    if not _installed(module):
        raise InputError(f"{directory} needs {module}, which is not installed: pip install 'seq2seq_arith[{extra}]'")
    return ObjectPath(f"{scheme}://{rest}", tuple(flags or ()))


def sizes(directory: AnyPath) -> dict[str, int]:
    """Every file below a directory or a prefix, with its bytes."""
    if isinstance(directory, ObjectPath):
        return {entry.name: entry.size for entry in directory.entries()}
    files = (path for path in directory.rglob("*") if not path.is_dir())
    return {str(path.relative_to(directory)): path.lstat().st_size for path in files}


def pieces(path: AnyPath) -> Iterator[bytes]:
    """A file from its beginning to its end.

    Raises:
      FileNotFoundError: There is none.
    """
    if isinstance(path, ObjectPath):
        yield from path.pieces()
        return
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def catalog_directory(directory: AnyPath) -> Path:
    """The directory of this machine where a run leaves the files that describe what it wrote into ``directory``."""
    if isinstance(directory, Path):
        return directory
    if directory.run is None:
        raise ValueError(f"{directory} is not staged")
    return directory.run.held


def own_file(directory: AnyPath, name: str) -> AnyPath:
    """A file that a run's workers leave for the run itself; beside a prefix, under a name that no other run has."""
    if isinstance(directory, Path) or directory.run is None:
        return directory / name
    return directory.parents[0] / f"{directory.name}.incomplete-{directory.run.token}" / name


def counter(directory: AnyPath, pattern: str) -> Callable[[], int]:
    """A function that says how many files match; of a store, those since now, and it asks only twice a minute."""
    if isinstance(directory, Path):
        return lambda: len(list(directory.glob(pattern)))
    start = asked = time.time()
    count = 0

    def counted() -> int:
        nonlocal asked, count
        if time.time() - asked >= LIST_SECONDS:
            with contextlib.suppress(InputError, StoreError):
                fresh = (entry.name for entry in directory.entries() if entry.modified >= start)
                count = len(fnmatch.filter(fresh, pattern))
            asked = time.time()
        return count

    return counted


def give_up(run: Run) -> None:
    """Removes what threads of this process still upload for a run, as soon as they have."""
    _given_up.add(run.token)


_given_up: set[str] = set()


class _Store(Protocol):
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
        """What kind of failure it is: a key of ``_SENTENCES``, or empty."""
        ...


class _GoogleCloudStorage:
    """``google-cloud-storage``, as ``apache_beam.io.gcp.gcsio`` sets it up."""

    MODULE, EXTRA = "google.cloud.storage", "gcp"

    def __init__(self, options: "PipelineOptions") -> None:
        import google.auth
        from apache_beam.io.gcp import gcsio
        from google.cloud import storage
        from google.cloud.storage.retry import DEFAULT_RETRY

        self._soon = DEFAULT_RETRY.with_timeout(FIRST_SECONDS)
        self._retry = DEFAULT_RETRY
        try:
            google.auth.default()
        except google.auth.exceptions.DefaultCredentialsError:
            # Public buckets, and emulators. Beam would look for credentials for half a minute first.
            self._client = storage.Client.create_anonymous_client()
        else:
            self._client = gcsio.create_storage_client(options)

    def version(self, bucket: str, key: str) -> str | None:
        found = self._client.bucket(bucket).get_blob(key, retry=self._soon)
        return None if found is None else str(found.generation)

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        from google.api_core.exceptions import NotFound

        blob = self._client.bucket(bucket).blob(key)
        try:
            data = blob.download_as_bytes(retry=self._soon)
        except NotFound:
            return None
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
            blob.upload_from_string(data, if_generation_match=generation, retry=self._soon)
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
        for blob in self._client.list_blobs(bucket, prefix=prefix, retry=self._soon):
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


class _S3:
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


_STORES: dict[str, Any] = {"gs": _GoogleCloudStorage, "s3": _S3}

_LOG_IN = {
    "gs": "log in with `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "s3": "log in with `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
}
_SENTENCES = {
    "bucket": "there is no bucket {bucket}; make it, or give another",
    "denied": "{bucket} does not let you do this ({said}); {log_in}",
    "credentials": "there are no credentials for {bucket} that can be used ({said}); {log_in}",
    "refused": "{url} cannot be used ({said}); give {scheme}://BUCKET/FOLDER",
    "unreachable": "{bucket} cannot be reached ({said}); look at the network and at the endpoint's address",
}


def _explained(path: ObjectPath, error: Exception) -> InputError | StoreError:
    scheme = path.url.partition("://")[0]
    kind = _STORES[scheme].trouble(error)
    # A retry that was given up says no more than that it was.
    cause = getattr(error, "cause", None) or error
    said = " ".join(str(getattr(cause, "message", "") or cause).split())[:SAID] or type(error).__name__
    if not kind:
        return StoreError(f"{path.url} could not be used: {said}")
    bucket, log_in = f"{scheme}://{path._bucket}", _LOG_IN[scheme]
    sentence = _SENTENCES[kind].format(url=path.url, scheme=scheme, bucket=bucket, log_in=log_in, said=said)
    return (StoreError if kind == "unreachable" else InputError)(sentence)


@functools.lru_cache(maxsize=8)
def _store(scheme: str, flags: tuple[str, ...]) -> _Store:
    """A client, kept: making one takes longer than most of what it does."""
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.options import pipeline_options

    return _STORES[scheme](pipeline_options(list(flags)))


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
