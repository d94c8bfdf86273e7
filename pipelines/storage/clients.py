"""Object stores: Google Cloud Storage and Amazon S3, both by ``obstore``, and its errors as sentences.

``obstore`` writes an object on the condition that it is absent or has a certain version. It repeats requests that a
busy store refuses, and continues an interrupted download. Google's and Amazon's own libraries find the credentials
that their command-line tools have stored.
"""

import functools
import os
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from seq2seq_arith.base.errors import InputError, StoreError, UnavailableError

ABSENT = ""  # the version of an absent object
PIECE = 8 * 2**20  # bytes per read
SHA256 = "sha256"  # the key of the content's sha256 in an object's metadata
TIMEOUT = timedelta(minutes=20)  # of a request; a whole file is sent with one
# Retries of a request, after growing random delays: half a minute in total, as busy stores need it.
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


def etag_of(description: Any) -> str:
    """The ETag of an object as ``obstore`` describes it."""
    return (description["e_tag"] or "").strip('"')


def version_of(description: Any) -> str:
    """The version of an object as ``obstore`` describes it."""
    return f"{etag_of(description)} {description.get('version') or ''}"


def mode(version: str | None) -> Any:
    """The write mode of ``obstore``: only if the object has this version, or is ABSENT; unconditional for None."""
    if not version:
        return "overwrite" if version is None else "create"
    tag, _, generation = version.partition(" ")
    return {"e_tag": f'"{tag}"'} | ({"version": generation} if generation else {})


class NoBucketError(Exception):
    """There is no such bucket."""


def is_of_bucket(error: Exception) -> bool:
    """Whether an error means that the bucket is missing, and not only the object."""
    return "NoSuchBucket" in str(error)


def gcs(bucket: str, options: Any) -> Any:
    """A bucket of Google Cloud Storage, with the credentials of ``google.auth``; without any, only a public one."""
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


def s3(bucket: str, options: Any) -> Any:
    """A bucket of Amazon S3, or of a compatible store, with the credentials of ``boto3``."""
    from obstore.store import S3Store

    settings: dict[str, Any] = {}
    if options:
        from apache_beam.options.pipeline_options import S3Options

        flags = options.view_as(S3Options)
        settings = {
            "endpoint": flags.s3_endpoint_url,
            "access_key_id": flags.s3_access_key_id,
            "secret_access_key": flags.s3_secret_access_key,
            "token": flags.s3_session_token,
            "region": flags.s3_region_name,
        }
        settings = {name: value for name, value in settings.items() if value}
    endpoint = settings.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    client: Any = {"timeout": TIMEOUT, "allow_http": bool(endpoint and endpoint.startswith("http://"))}
    if endpoint:
        settings["endpoint"] = endpoint
    if "access_key_id" not in settings and not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= os.environ.keys():
        from obstore.auth.boto3 import Boto3CredentialProvider

        settings["credential_provider"] = Boto3CredentialProvider()
    return S3Store(bucket, client_options=client, retry_config=RETRIES, **settings)


class Kind(NamedTuple):
    """A kind of object store."""

    open: Callable[[str, Any], Any]  # from a bucket and Beam's options, or None, to one of ``obstore``'s stores
    modules: tuple[str, ...]  # that it needs
    extra: str  # this package's extra that installs them
    max_bytes: int = 5 * 2**40  # of an object, which is written by one request


KINDS = {
    "gs": Kind(gcs, ("obstore", "google.auth"), "gcp"),
    "s3": Kind(s3, ("obstore", "boto3"), "aws", max_bytes=5 * 2**30),
}

LOG_IN = {
    "gs": "log in with `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "s3": "log in with `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
}
SENTENCES = {
    "bucket": "there is no bucket {bucket}; create it, or give another",
    "denied": "{bucket} denies access ({reply}); {log_in}",
    "credentials": "there are no valid credentials for {bucket} ({reply}); {log_in}",
    "region": "{bucket} is in another region ({reply}); set AWS_REGION to it",
    "refused": "{url} cannot be used ({reply}); give {scheme}://BUCKET/FOLDER",
    "unreachable": "{bucket} cannot be reached ({reply}); check the network and the address of the endpoint",
    "busy": "{url} could not be used: {reply}",
    "other": "{url} could not be used: {reply}",
}
# The class of the error by the kind of failure; of the others, InputError.
ERRORS = {"unreachable": UnavailableError, "busy": UnavailableError, "other": StoreError}
# Patterns in the text of an error, by the kind of failure; the first match decides.
SIGNS = [
    ("credentials", r"credential|token request|\b401 |Unauthenticated|ProfileNotFound"),
    ("bucket", r"NoSuchBucket"),
    ("denied", r"\b403 |AccessDenied|ExpiredToken|InvalidToken|InvalidAccessKeyId"),
    ("region", r"incorrectly configured region|AuthorizationHeaderMalformed"),
    ("refused", r"\b400 |Could not parse|InvalidBucketName|[Ii]nvalid ur[li]|relative URL"),
    ("unreachable", r"HTTP error|error sending request|timed out"),
    ("busy", r"status code: (?:429|5\d\d) "),
    ("other", ""),
]


def explain(url: str, error: Exception) -> InputError | StoreError:
    """A store's error about a URL as one sentence: InputError if the user can correct the cause, else StoreError.

    UnavailableError if the same request may succeed later.
    """
    scheme, _, rest = url.partition("://")
    text = str(error).partition("\n\nDebug source")[0]
    kind = "bucket" if isinstance(error, NoBucketError) else ""
    kind = kind or next(kind for kind, sign in SIGNS if re.search(sign, f"{type(error).__name__} {text}"))
    answer = re.search(r"(?<=non-2xx status code: ).*|HTTP error: .*", text, re.DOTALL)
    reply = " ".join((answer[0] if answer else text).split())[:MESSAGE_LENGTH] or type(error).__name__
    bucket, log_in = f"{scheme}://{rest.partition('/')[0]}", LOG_IN.get(scheme, "")
    sentence = SENTENCES[kind].format(url=url, scheme=scheme, bucket=bucket, log_in=log_in, reply=reply)
    return ERRORS.get(kind, InputError)(sentence)


@functools.lru_cache(maxsize=8)
def bucket(scheme: str, name: str, flags: tuple[str, ...]) -> Any:
    """A bucket, as one of ``obstore``'s stores; cached, because it keeps its connections."""
    if not flags:
        return KINDS[scheme].open(name, None)
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.beam.options import pipeline_options

    return KINDS[scheme].open(name, pipeline_options(list(flags)))
