"""The program ``arith-model``, also ``python -m seq2seq_arith.trainer``; checks come before TensorFlow is imported."""

import os
import sys
from collections.abc import Sequence

from seq2seq_arith.base import events, terminal


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns 0 if all went well, 1 for a failure, 2 for unusable input, 130 if interrupted."""
    words = sys.argv[1:] if argv is None else argv
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever a person set for other programs
    with terminal.program("arith-model", words) as outcome:
        # Here, where Ctrl-C is a sentence: on a slow disk these take seconds.
        from seq2seq_arith.arithmetic import own_tasks
        from seq2seq_arith.trainer.arguments import PROGRAM
        from seq2seq_arith.trainer.commands import COMMANDS, parse
        from seq2seq_arith.trainer.quiet import require_tensorflow

        args = parse(words)
        terminal.start_log(args)
        events.start(PROGRAM, list(words), args)
        own_tasks.use(args.task_file)
        command = COMMANDS[args.command]
        if command.goes_on:
            outcome.stopped += "; the same command goes on from the last checkpoint, or starts anew if there is none"
        if command.needs_tensorflow:
            require_tensorflow()  # before a dataset is made for nothing
        outcome.code = command.run(args)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main())
