"""The first step of both programs: what ends them while their other modules are imported, which takes a second.

The commands ``arith-data`` and ``arith-model`` begin here, and not in the ``__main__`` of their packages, so that
Ctrl-C ends them in a sentence from the beginning. So this module imports hardly anything itself.
"""

import contextlib
import importlib
import os
import signal
import sys

INTERRUPTED, FAILURE = 130, 1  # as in base.terminal, which would take too long to import first


def arith_data() -> int:
    """Runs ``arith-data``, and returns its exit code."""
    return run("arith-data", "seq2seq_arith.pipelines.__main__")


def arith_model() -> int:
    """Runs ``arith-model``, and returns its exit code."""
    return run("arith-model", "seq2seq_arith.trainer.__main__")


def run(name: str, module: str) -> int:
    """Imports a module and runs its ``main``, which replaces the signal handlers that are set here.

    Args:
      name: The program's name, which stands before a failure.
      module: The module.

    Returns:
      The exit code.
    """

    def stop(*_: object) -> None:
        # Nothing has been begun, and an exception amid an import may be swallowed or made another one.
        with contextlib.suppress(OSError):  # a closed stream
            os.write(2, f"{name}: stopped before anything was begun\n".encode())
        os._exit(INTERRUPTED)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    # Only here is the first moment over; after a lack of memory, there may be none for an import.
    from seq2seq_arith.base.machine import TOO_LITTLE_MEMORY, is_short_of_memory

    try:
        main = importlib.import_module(module).main
    except Exception as error:
        if not is_short_of_memory(error):
            raise
        print(f"{name}: {TOO_LITTLE_MEMORY}", file=sys.stderr)
        return FAILURE
    return main()
