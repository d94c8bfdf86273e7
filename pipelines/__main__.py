"""The program ``arith-data``, also ``python -m seq2seq_arith.pipelines``: all that is done with datasets and suites."""

import sys
from collections.abc import Sequence

from seq2seq_arith.base import terminal


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code: 0, 1 for a failure, 2 for input that cannot be used."""
    words = sys.argv[1:] if argv is None else argv
    with terminal.program("arith-data", words) as outcome:
        # Here, where Ctrl-C is a sentence: on a slow disk this takes seconds.
        from seq2seq_arith.pipelines.commands import ARITH_DATA

        ARITH_DATA.run(words, outcome)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main())
