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
# What the dynamic loader says if it finds no room for a library, as under ``ulimit -v``.
NO_ROOM = ("failed to map segment", "cannot allocate memory")


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
    try:
        main = importlib.import_module(module).main
    except (MemoryError, ImportError) as error:
        if isinstance(error, ImportError) and not any(words in str(error).lower() for words in NO_ROOM):
            raise
        print(f"{name}: the memory that this process may use does not suffice; give it more", file=sys.stderr)
        return FAILURE
    return main()
