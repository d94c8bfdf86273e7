"""The program ``arith-model``: trains models on the datasets of ``arith-data``, describes, scores and asks them.

Also ``python -m seq2seq_arith.trainer``. TensorFlow is imported only after all checks that do not need it.
"""

import importlib
import sys
from collections.abc import Sequence

from seq2seq_arith.arithmetic.own_tasks import registry
from seq2seq_arith.base import events, logs
from seq2seq_arith.base.terminal import run_program
from seq2seq_arith.trainer import commands
from seq2seq_arith.trainer.arguments import PROGRAM, parse
from seq2seq_arith.trainer.quiet import require_tensorflow

WITHOUT_TENSORFLOW = ("runs", "plot", "results")
GO_ON = ("train", "demo", "sweep")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
      argv: The arguments; None for those of the process.

    Returns:
      0 if all went well, 1 for a failure, 2 for input that cannot be used, 130 if it was interrupted.
    """
    logs.be_quiet()
    command = ""

    def work() -> int:
        nonlocal command
        args = parse(argv)
        logs.start(PROGRAM, args)
        events.start(PROGRAM, list(sys.argv[1:] if argv is None else argv), args)
        registry.use(args.task_file)
        command = args.command
        if command not in WITHOUT_TENSORFLOW:
            require_tensorflow()  # before a dataset is made for nothing
        return importlib.import_module(f"{commands.__name__}.{command}").run(args)

    def stopped() -> str:
        goes_on = "; the same command goes on from the last checkpoint, or starts anew if there is none"
        return f"stopped{goes_on if command in GO_ON else ''}"

    return run_program(PROGRAM, work, stopped, ends_process=argv is None)


if __name__ == "__main__":
    sys.exit(main())
