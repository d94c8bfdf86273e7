"""Runs what is measured in processes of its own: the one way in which all benchmarks take time and memory.

A new process starts without memory, threads or compiled graphs of the measurement before it.
"""

import dataclasses
import importlib
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Measured:
    """A process that has ended well.

    Attributes:
      output: What it printed to standard output.
      seconds: From its start to its end.
      memory: Bytes of memory at its peak.
    """

    output: str
    seconds: float
    memory: int


def run(command: list[str], **options: Any) -> Measured:
    """Runs a command to its end; ``options`` are those of ``subprocess.Popen``.

    Raises:
      SystemExit: The command failed; the message ends with what it wrote to standard error.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, **options)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (output, errors):
            file.seek(0)
        if process.returncode:
            sys.exit(f"failed: {' '.join(command)}\n{errors.read().decode()}")
        return Measured(output.read().decode(), seconds, usage.ru_maxrss * 1024)


def call(function: Callable, **given: Any) -> tuple[Any, int]:
    """Calls a benchmark's function in a process of its own.

    Args:
      function: A module-level function of a file in this folder. Its arguments and result must be such as JSON holds.

    Returns:
      The function's result, and the bytes of memory of its process at the peak.
    """
    module = Path(inspect.getfile(function)).stem
    measured = run([sys.executable, __file__, module, function.__name__, json.dumps(given)])
    return json.loads(measured.output.splitlines()[-1]), measured.memory


def median(rows: Iterable[dict], name: str) -> float:
    """The median of one entry of several results."""
    return statistics.median(row[name] for row in rows)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))  # which PYTHONSAFEPATH leaves out
    module_name, function_name, arguments = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module_name), function_name)(**json.loads(arguments))))
