"""Google Cloud Storage, by its own client."""

import contextlib
import functools
import io
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any

from seq2seq_arith.pipelines.places.operations import PIECE, SHA256, UPLOAD_PIECE, Listed, State

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

FIRST_SECONDS = 20.0  # timeout of the first request; a store that has answered once is given longer
MOST_DELETED = 100  # objects per batch
DELETING_THREADS = 16  # each of which sends a batch


class GoogleCloudStorage:
    """``google-cloud-storage``, as ``apache_beam.io.gcp.gcsio`` sets it up."""

    MODULE, EXTRA = "google.cloud.storage", "gcp"
    FLAGS = ("project", "impersonate_service_account", "gcp_oauth_scope", "no_auth")

    def __init__(self, options: "PipelineOptions") -> None:
        import google.auth
        from apache_beam.io.gcp import gcsio
        from google.cloud import storage
        from google.cloud.storage.retry import DEFAULT_RETRY

        # Google's client repeats a request that a busy store refuses for two minutes, after random times that grow.
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
        batches = [keys[start : start + MOST_DELETED] for start in range(0, len(keys), MOST_DELETED)]
        with ThreadPoolExecutor(DELETING_THREADS) as pool:
            for _ in pool.map(functools.partial(self._delete_batch, bucket), batches):
                pass

    def _delete_batch(self, bucket: str, keys: Sequence[str]) -> None:
        """Removes objects with one request, and one by one what it leaves: the client repeats such requests alone."""
        from google.api_core.exceptions import NotFound

        for key in self._left_by_batch(bucket, keys):
            with contextlib.suppress(NotFound):
                self._client.bucket(bucket).delete_blob(key, retry=self._retry)

    def _left_by_batch(self, bucket: str, keys: Sequence[str]) -> Sequence[str]:
        """Removes objects with one request; those for which the store has answered that it did not, or nothing."""
        from google.api_core.exceptions import GoogleAPICallError

        never: Any = None  # a batch has no repetitions
        try:
            with self._client.batch(raise_exception=False) as batch:
                for key in keys:
                    self._client.bucket(bucket).delete_blob(key, retry=never)
            answers = [answer.status_code for answer in batch._responses]  # as Google's own examples read them
        except (GoogleAPICallError, OSError, ValueError):  # busy, no answer, or one that says nothing of the objects
            return keys
        return [key for key, status in zip(keys, answers, strict=True) if status not in (200, 204, 404)]

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
