"""``arith-model describe``: shows the network, the data and the costs of a run, or of a recipe."""

import argparse

from seq2seq_arith.arithmetic.operations import is_task
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import SIZE_WORDS
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import options_of
from seq2seq_arith.base.terminal import SUCCESS, say
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.arguments import DATA_FLAGS
from seq2seq_arith.trainer.commands.train import configuration
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.run import Run, open_run


def run(args: argparse.Namespace) -> int:
    """Shows what a run has trained, or what a recipe would train."""
    if is_task(args.what):
        described, args.recipe, args.task = None, args.recipe or "best", args.what
        task, config = configuration(args)
    else:
        described = _open(args)
        task, config = described.task, described.config
    import_tensorflow()
    from seq2seq_arith.trainer.asking import describe

    say(describe.describe(task, config, described))
    return SUCCESS


def _open(args: argparse.Namespace) -> Run:
    """The run to describe.

    Raises:
      InputError: There is none, or there are options, which are for tasks.
    """
    if "/" not in args.what and not expanded(args.what).exists():
        Task(args.what)  # says which tasks there are
    for option in (kind.option for kind in plugins.KINDS):
        if (name := getattr(args, option)) and plugins.is_plugin(name):  # it only says that the code may run
            plugins.allow(name)
            setattr(args, option, None)
    described = open_run(args.what)
    names = [DATA_FLAGS.get(name, name) for name in options_of(Task)]
    names += [about.flag or name for name, (_, about) in options_of(ModelConfig).items()]
    for name in ("recipe", *names, *SIZE_WORDS):
        if getattr(args, name.replace("-", "_")) is not None:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} is given, but {args.what} is a run, which has its own settings; leave it out")
    return described
