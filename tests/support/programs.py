"""Running ``arith-data`` as a person does, in a process of its own, and looking at what it leaves."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

PROGRAM = [sys.executable, "-m", "seq2seq_arith.pipelines"]


def environment() -> dict[str, str]:
    """Ours, and the checkout's folder called ``datasets`` out of the way of Hugging Face's."""
    return os.environ | {"PYTHONSAFEPATH": "1"}


def run(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    """``arith-data`` with these arguments, waited for."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300, **options)


def start(*arguments: object, **options) -> subprocess.Popen[str]:
    """``arith-data`` with these arguments, in a process group of its own."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
        **options,
    )


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("localhost", 0)) as listener:
        return listener.getsockname()[1]


class Content(bytes):
    """A file's bytes, long ones shown by their sha256: what a comparison that fails prints can be read."""

    def __repr__(self) -> str:
        long = f"<{len(self):,} bytes, sha256 {hashlib.sha256(self).hexdigest()}>"
        return super().__repr__() if len(self) < len(long) else long


def tree(directory: Path) -> dict[str, bytes | None]:
    """Every file below a directory with its bytes, and every folder with None."""
    paths = sorted(directory.rglob("*"))
    return {str(path.relative_to(directory)): Content(path.read_bytes()) if path.is_file() else None for path in paths}


def files(directory: Path) -> dict[str, bytes]:
    """Every file below a directory with its bytes."""
    return {path: content for path, content in tree(directory).items() if content is not None}


def is_complete(directory: Path) -> bool:
    """Whether every file that ``metadata.json`` lists is there with its sha256, the metadata's own included."""
    metadata = json.loads((directory / "metadata.json").read_text())
    found = {path: hashlib.sha256(content).hexdigest() for path, content in files(directory).items()}
    del found["metadata.json"]
    content = {name: value for name, value in metadata.items() if name != "sha256"}
    own = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return found == metadata["files"] and own == metadata["sha256"]
