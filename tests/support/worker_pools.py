"""Beam's worker pools, which runners ask for workers, as they do beside the task managers of a cluster."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from sockets import kept_port


@contextlib.contextmanager
def worker_pool(python: str | Path, **variables: str) -> Iterator[int]:
    """A service that starts workers of this Python, with more variables, when a runner asks; its port."""
    with kept_port() as port:
        command = [python, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]
        # The pool starts its workers as plain "python".
        environment = (
            os.environ | {"PYTHONSAFEPATH": "1", "PATH": f"{Path(python).parent}:{os.environ['PATH']}"} | variables
        )
        pool = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 60
            while not _listens(port):
                assert pool.poll() is None, "the pool ended"
                assert time.monotonic() < end, "the pool does not come up"
                time.sleep(0.1)
            yield port
        finally:
            pool.terminate()
            pool.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
        return True
    return False
