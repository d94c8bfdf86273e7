"""Object stores: Google Cloud Storage and Amazon S3, both by ``obstore``, and its errors as sentences.

``obstore`` writes an object on the condition that it is absent or has a certain version. It repeats requests that a
busy store refuses, and continues a download that has broken off. Credentials are found by Google's and Amazon's own
libraries, as their command-line tools leave them.
"""

import contextlib
import functools
import mmap
import os
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple

from seq2seq_arith.base.errors import InputError, StoreError

ABSENT = ""  # the version of an object that is not there
PIECE = 8 * 2**20  # bytes per read
SHA256 = "sha256"  # the name under which an object's own metadata hold its content's sha256
TIMEOUT = timedelta(minutes=20)  # of a request; a whole file is sent with one
# How often a request is repeated, after random times that grow: half a minute in all, as busy stores need it.
RETRIES: Any = {
    "max_retries": 10,
    "backoff": {"init_backoff": timedelta(seconds=0.3), "max_backoff": timedelta(seconds=20), "base": 3},
}
MESSAGE_LENGTH = 200  # characters of an error's message that are quoted


class State(NamedTuple):
    """The state of an object."""

    version: str  # identifies it for a conditional write: its ETag, and after a space Google's generation
    sha256: str  # that of the content, as the program that wrote it stated; empty if it did not


class Entry(NamedTuple):
    """An object in a listing: its key or name, its bytes, its time of writing in seconds since 1970, and its ETag."""

    name: str
    size: int
    modified: float
    etag: str = ""


def etag(version: str) -> str:
    """The ETag in a version: equal for equal contents."""
    return version.partition(" ")[0]


class Client:
    """The operations of a store, on objects of its buckets."""

    MODULES: ClassVar[tuple[str, ...]] = ()  # that the store needs
    EXTRA: ClassVar[str] = ""  # this package's extra that installs them

    def __init__(self, options: Any) -> None:
        self._options = options
        self._bucket = functools.cache(self._open)

    def _open(self, bucket: str) -> Any:
        """One of ``obstore``'s stores, for a bucket."""
        raise NotImplementedError

    def state(self, bucket: str, key: str) -> State | None:
        """The state of an object; None if there is none."""
        found = self._get(bucket, key, head=True)
        return found and State(_version(found.meta), found.attributes.get(SHA256, ""))

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        """A small object and its version; None if there is none."""
        found = self._get(bucket, key)
        return found and (bytes(found.bytes()), _version(found.meta))

    def pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        """An object from its beginning to its end; raises FileNotFoundError if there is none."""
        yield from map(bytes, self._bucket(bucket).get(key).stream(min_chunk_size=PIECE))

    def read_range(self, bucket: str, key: str, start: int, size: int) -> bytes:
        """At most ``size`` bytes of an object from ``start`` on; raises FileNotFoundError if there is none."""
        from obstore.exceptions import BaseError

        store = self._bucket(bucket)
        try:
            return bytes(store.get_range(key, start=start, length=size)) if size else b""
        except BaseError:
            if start >= store.head(key)["size"]:
                return b""
            raise

    def put(self, bucket: str, key: str, content: bytes | mmap.mmap, version: str | None, sha256: str) -> str | None:
        """Writes an object if its version is the given one, or in any case for None; the new version, or None."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        attributes = {SHA256: sha256} if sha256 else None
        try:
            put = self._bucket(bucket).put
            return _version(put(key, content, attributes=attributes, mode=_mode(version), use_multipart=False))
        except (AlreadyExistsError, PreconditionError):
            return None
        except FileNotFoundError as error:
            if version and not _is_of_bucket(error):  # S3's answer if there is none to be replaced
                return None
            raise _NoBucketError(str(error)) from None

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Removes those of these objects that are there, many at once."""
        store = self._bucket(bucket)
        try:
            store.delete(list(keys))
        except FileNotFoundError:  # Google's store says so of the first that is not there
            for key in keys:
                with contextlib.suppress(FileNotFoundError):
                    store.delete(key)

    def list(self, bucket: str, prefix: str) -> Iterator[Entry]:
        """The objects below a prefix, which ends where a name ends."""
        for chunk in self._bucket(bucket).list(prefix or None):
            for found in chunk:
                yield Entry(found["path"], found["size"], found["last_modified"].timestamp(), _etag(found))

    def _get(self, bucket: str, key: str, head: bool = False) -> Any:
        try:
            return self._bucket(bucket).get(key, options={"head": head})
        except FileNotFoundError as error:
            if _is_of_bucket(error):
                raise _NoBucketError(str(error)) from None
            return None


class _NoBucketError(Exception):
    """There is no such bucket."""


def _is_of_bucket(error: Exception) -> bool:
    return "NoSuchBucket" in str(error)


def _etag(found: Any) -> str:
    return (found["e_tag"] or "").strip('"')


def _version(found: Any) -> str:
    return f"{_etag(found)} {found.get('version') or ''}"


def _mode(version: str | None) -> Any:
    if not version:
        return "overwrite" if version is None else "create"
    tag, _, generation = version.partition(" ")
    return {"e_tag": f'"{tag}"'} | ({"version": generation} if generation else {})


class GoogleCloudStorage(Client):
    """Google Cloud Storage, with the credentials of ``google.auth``; without them, public buckets can be read."""

    MODULES, EXTRA = ("obstore", "google.auth"), "gcp"

    def _open(self, bucket: str) -> Any:
        import google.auth
        from google.auth import exceptions
        from obstore.auth.google import GoogleCredentialProvider
        from obstore.store import GCSStore

        settings: dict[str, Any] = {"client_options": {"timeout": TIMEOUT}, "retry_config": RETRIES}
        if emulator := os.environ.get("STORAGE_EMULATOR_HOST"):
            settings["base_url"] = emulator if "://" in emulator else f"http://{emulator}"
            settings["credential_provider"] = lambda: {"token": "none", "expires_at": None}
            settings["client_options"]["allow_http"] = True
        else:
            try:
                credentials, _ = google.auth.default(["https://www.googleapis.com/auth/devstorage.read_write"])
                settings["credential_provider"] = GoogleCredentialProvider(credentials)
            except exceptions.DefaultCredentialsError:
                settings["skip_signature"] = True
        return GCSStore(bucket, **settings)


class S3(Client):
    """Amazon S3, or a store that speaks as it does, with the credentials of ``boto3``."""

    MODULES, EXTRA = ("obstore", "boto3"), "aws"

    def _open(self, bucket: str) -> Any:
        from obstore.store import S3Store

        given: dict[str, Any] = {}
        if self._options:
            from apache_beam.options.pipeline_options import S3Options

            flags = self._options.view_as(S3Options)
            given = {
                "endpoint": flags.s3_endpoint_url,
                "access_key_id": flags.s3_access_key_id,
                "secret_access_key": flags.s3_secret_access_key,
                "token": flags.s3_session_token,
                "region": flags.s3_region_name,
            }
            given = {name: value for name, value in given.items() if value}
        endpoint = given.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        client: Any = {"timeout": TIMEOUT, "allow_http": bool(endpoint and endpoint.startswith("http://"))}
        if endpoint:
            given["endpoint"] = endpoint
        if "access_key_id" not in given and not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= os.environ.keys():
            from obstore.auth.boto3 import Boto3CredentialProvider

            given["credential_provider"] = Boto3CredentialProvider()
        return S3Store(bucket, client_options=client, retry_config=RETRIES, **given)


CLIENTS: dict[str, Any] = {"gs": GoogleCloudStorage, "s3": S3}

LOG_IN = {
    "gs": "log in with `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "s3": "log in with `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
}
SENTENCES = {
    "bucket": "there is no bucket {bucket}; make it, or give another",
    "denied": "{bucket} does not let you do this ({said}); {log_in}",
    "credentials": "there are no credentials for {bucket} that can be used ({said}); {log_in}",
    "region": "{bucket} is in another region ({said}); set AWS_REGION to it",
    "refused": "{url} cannot be used ({said}); give {scheme}://BUCKET/FOLDER",
    "unreachable": "{bucket} cannot be reached ({said}); look at the network and at the endpoint's address",
}
# What the text of an error has, by the kind of failure; the first that fits decides.
SIGNS = [
    ("credentials", r"credential|token request|\b401 |Unauthenticated|ProfileNotFound"),
    ("bucket", r"NoSuchBucket"),
    ("denied", r"\b403 |ExpiredToken|InvalidToken|InvalidAccessKeyId"),
    ("region", r"incorrectly configured region|AuthorizationHeaderMalformed"),
    ("refused", r"\b400 |Could not parse|InvalidBucketName|[Ii]nvalid ur[li]|relative URL"),
    ("unreachable", r"HTTP error|error sending request|timed out"),
]


def explain(url: str, error: Exception) -> InputError | StoreError:
    """A store's error about a URL as one sentence: InputError if the user can correct the cause, else StoreError."""
    scheme, _, rest = url.partition("://")
    text = str(error).partition("\n\nDebug source")[0]
    kind = "bucket" if isinstance(error, _NoBucketError) else ""
    kind = kind or next((kind for kind, sign in SIGNS if re.search(sign, f"{type(error).__name__} {text}")), "")
    answer = re.search(r"(?<=non-2xx status code: ).*|HTTP error: .*", text, re.DOTALL)
    said = " ".join((answer[0] if answer else text).split())[:MESSAGE_LENGTH] or type(error).__name__
    if not kind:
        return StoreError(f"{url} could not be used: {said}")
    bucket, log_in = f"{scheme}://{rest.partition('/')[0]}", LOG_IN.get(scheme, "")
    sentence = SENTENCES[kind].format(url=url, scheme=scheme, bucket=bucket, log_in=log_in, said=said)
    return (StoreError if kind == "unreachable" else InputError)(sentence)


@functools.lru_cache(maxsize=8)
def client(scheme: str, flags: tuple[str, ...]) -> Any:
    """A client; cached, because it keeps its connections."""
    if not flags:
        return CLIENTS[scheme](None)
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.beam.options import pipeline_options

    return CLIENTS[scheme](pipeline_options(list(flags)))
