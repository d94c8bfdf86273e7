"""The program ``arith-data``: plans a dataset, makes it, shows, checks and fetches it; and writes suites.

Also ``python -m seq2seq_arith.pipelines``.
"""

import importlib
import sys
from collections.abc import Sequence

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.base import events, terminal
from seq2seq_arith.base.options import complete
from seq2seq_arith.pipelines import commands
from seq2seq_arith.pipelines.arguments import NAME, make_parser, with_question
from seq2seq_arith.pipelines.commands.ended import NOTHING_LEFT


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code: 0, 1 for a failure, 2 for input that cannot be used."""
    with terminal.program(NAME) as outcome:
        outcome.stopped = f"stopped; {NOTHING_LEFT}"
        words = sys.argv[1:] if arguments is None else list(arguments)
        parser = make_parser()
        complete(parser)
        parsed, rest = parser.parse_known_args(with_question(words))
        terminal.start_log(parsed)
        events.start(NAME, words, parsed)
        parsed.words = words
        own_tasks.use(parsed.task_file)
        # Only the module of this command: some import PyArrow, which takes half a second.
        outcome.code = importlib.import_module(f"{commands.__name__}.{parsed.command}").run(parsed, rest)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main())
