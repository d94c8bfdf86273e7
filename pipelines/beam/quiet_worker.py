"""Beam's worker for ``--direct_running_mode=multi_processing``, without what it prints beside its answers.

It sends the traceback of a failed instruction to this program, which says why in one sentence, and also prints it. So
when one worker is killed, the others may still print that their channels were closed, before they are stopped.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from apache_beam.runners.worker import sdk_worker, sdk_worker_main
from apache_beam.transforms.environments import SubprocessSDKEnvironment


@contextlib.contextmanager
def quiet_workers() -> Iterator[None]:
    """Lets Beam start this worker in the block, where it would start its own."""
    make = SubprocessSDKEnvironment.from_command_string

    def from_command_string(command_string: str) -> Any:
        return make(command_string.replace(sdk_worker_main.__name__, __name__))

    SubprocessSDKEnvironment.from_command_string = from_command_string
    try:
        yield
    finally:
        SubprocessSDKEnvironment.from_command_string = make


def main() -> None:
    """Runs one worker until the program stops it, or is gone."""
    sdk_worker.print = lambda *_, **__: None  # found before Python's own
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
