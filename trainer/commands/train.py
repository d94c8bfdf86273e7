"""``arith-model train``: trains a model, and makes its dataset if it is missing."""

import argparse
import contextlib

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import named_task, task_parameters
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import check_int, given, words
from seq2seq_arith.base.terminal import SUCCESS, say
from seq2seq_arith.trainer.arguments import DATA_FLAGS
from seq2seq_arith.trainer.config import MAX_BATCH, MAX_STEPS_PER_CALL, ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import configured, recipe_data
from seq2seq_arith.trainer.runs.run import run_folder, standing


def run(args: argparse.Namespace) -> int:
    """Trains a model, and shows its best epoch; or says what it would train."""
    task, config = configuration(args)
    _check(args)
    standing(run_folder(args.run_dir), task)  # refuses a folder of another run before the dataset is made
    if not args.dry_run:
        _make_dataset(args, task)
    import_tensorflow()
    from seq2seq_arith.trainer import demo
    from seq2seq_arith.trainer.asking import preview
    from seq2seq_arith.trainer.training import devices, session

    if args.batch_per_replica is not None:
        config = override(config, batch_size=args.batch_per_replica * devices.count_replicas(config.replicas))
    if args.dry_run:
        say(preview.preview(task, args.data_dir, args.run_dir, config))
        return SUCCESS
    trained = session.train(
        task,
        args.data_dir,
        args.run_dir,
        config,
        tensorboard=args.tensorboard or args.profile_steps > 0,
        profiled_steps=args.profile_steps,
        public_cluster=args.public_cluster,
    )
    if devices.is_chief():
        demo.show(trained)
    return SUCCESS


def configuration(args: argparse.Namespace) -> tuple[Task, TrainConfig]:
    """The dataset that ``train`` is asked for, and the recipe with the options put in.

    Raises:
      InputError: A value is out of its range, or the network does not fit the dataset.
    """
    task = recipe_data(args.recipe, args.task, **task_parameters(args, args.task, flags=DATA_FLAGS))
    return task, configured(args.recipe, task, **given(args, ModelConfig), **given(args, TrainConfig))


def _check(args: argparse.Namespace) -> None:
    """Checks the options that are no part of a configuration.

    Raises:
      InputError: A value is out of its range, or two options do not go together.
    """
    if not 0 <= args.profile_steps <= MAX_STEPS_PER_CALL:
        raise InputError(f"profile-steps is {args.profile_steps}; give 0 to {MAX_STEPS_PER_CALL}")
    if args.batch_per_replica is not None:
        if args.batch_size is not None:
            raise InputError("--batch-size and --batch-per-replica are given; give one of them")
        check_int("batch-per-replica", args.batch_per_replica, 1, MAX_BATCH)


def _make_dataset(args: argparse.Namespace, task: Task) -> None:
    """Makes the dataset of ``train`` if it is missing, and names the task's own dataset if it is there instead."""
    from seq2seq_arith.trainer.data import making

    with contextlib.suppress(InputError):  # the options may fit the recipe's dataset alone
        plain = named_task(args, args.task, flags=DATA_FLAGS)
        making.say_if_other(plain, task, args.data_dir, args.recipe, f"add: {' '.join(words(plain, task))}")
    making.make_missing(task, args.data_dir)
