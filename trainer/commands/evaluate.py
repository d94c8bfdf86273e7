"""``arith-model evaluate``: scores the best model of a run."""

import argparse

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task_options import task_parameters
from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.trainer.arguments import DATA_FLAGS, asked_suite, parse_lengths
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.own_code import open_with


def run(args: argparse.Namespace) -> int:
    """Scores the best model of a run."""
    scored, lengths = open_with(args.run_dir, args.model, args.view), parse_lengths(args.lengths)
    for length in lengths:
        scored.task_of_length(length)  # refuses a length before TensorFlow is imported
    if args.all_questions:
        scored.check_all_questions()
    chosen = asked_suite(args)
    parameters = task_parameters(args, scored.task.name, flags=DATA_FLAGS)
    task = coverage.fitted(scored.task.replace(**parameters), parameters)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import evaluation

    evaluation.evaluate(
        scored,
        task=task,
        data_dir=args.data_dir,
        lengths=lengths,
        chosen=chosen,
        all_questions=args.all_questions,
        replicas=args.replicas,
    )
    return SUCCESS
