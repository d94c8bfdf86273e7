"""The program ``arith-model``, also ``python -m seq2seq_arith.trainer``; checks come before TensorFlow is imported."""

import os
import sys
from collections.abc import Sequence

from seq2seq_arith.base import terminal


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns 0 if all went well, 1 for a failure, 2 for unusable input, 130 if interrupted."""
    words = sys.argv[1:] if argv is None else argv
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever a person set for other programs
    with terminal.program("arith-model", words) as outcome:
        # Here, where Ctrl-C is a sentence: on a slow disk this takes seconds.
        from seq2seq_arith.trainer.commands import ARITH_MODEL

        ARITH_MODEL.run(words, outcome)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main())
