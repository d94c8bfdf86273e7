"""Amazon S3, by ``boto3``."""

import io
import itertools
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from seq2seq_arith.pipelines.places.operations import PIECE, SHA256, UPLOAD_PIECE, Listed, State

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

READ_ATTEMPTS = DELETE_ATTEMPTS = 5
# S3 takes files up to this size in one request. A killed run can leave invisible parts of a larger one.
ONE_REQUEST = 256 * 2**20
# How boto3 repeats a request that a busy store refuses, or whose answer is lost: after random times that grow, up to 20
# seconds each. A store takes minutes to spread a new prefix.
RETRIES = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "10"}
# The codes of a single object in the answer to a bulk delete, for which it is worth asking again.
BUSY = ("InternalError", "SlowDown", "ServiceUnavailable")


class S3:
    """``boto3``, as ``apache_beam.io.aws`` sets it up."""

    MODULE, EXTRA = "boto3", "aws"
    FLAGS = ("s3_",)
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
