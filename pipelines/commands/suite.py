"""``arith-data suite``: writes the questions of a task's suite, which ``pipelines.suite`` draws, as a table."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import PARAMETERS, SIZE, SIZE_WORDS, TaskName, task_fields
from seq2seq_arith.base.commands import NO_REST, Rest
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import Group, Option, Options
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.pipelines.commands.program import ARITH_DATA, refuse_surplus
from seq2seq_arith.pipelines.formats.location import find_dataset

if TYPE_CHECKING:
    from seq2seq_arith.pipelines.suite import Suite


SIZES = Group("size of the questions")


class Drawn(NamedTuple):
    """The questions of a task's suite, without pairs of the training split of ``unseen_of``, if that is given."""

    task: Task
    suite: "Suite"
    chosen: SuiteOptions
    unseen_of: str | None
    folder: Path | None = None  # that of the task for the harness, which has been written


def sized_task(
    task: TaskName,
    *,
    size: Annotated[dict[str, int], Options(PARAMETERS, only=(SIZE, *SIZE_WORDS), group=SIZES, as_dict=True)],
) -> Task:
    """The task of a name with questions of this size."""
    return Task(task, **task_fields(task, size))


def show_suite(drawn: Drawn) -> None:
    """Prints the table, and on standard error how many questions it has."""
    from seq2seq_arith.pipelines.lm_eval import group_name
    from seq2seq_arith.pipelines.suite import as_table

    task, suite, _, unseen_of, folder = drawn
    if folder:
        print(f"{printable(folder)}: the group {group_name(task)} of lm-evaluation-harness")
    else:
        print(as_table(task, suite), end="", flush=True)
    left_out = f"; {suite.left_out:,} left out, whose operands are in {printable(unseen_of)}" if unseen_of else ""
    count = f"{suite.num_questions:,} different question{'s' * (suite.num_questions != 1)}"
    print(f"version {suite.version}: {len(suite.pairs)} slices, {count}{left_out}", file=sys.stderr)


@ARITH_DATA.command(
    "write the suite of a task: hard questions in named slices",
    "suite subtraction --per-slice 5",
    "suite addition --digits 18 --set held_out > suite.tsv",
    "suite addition --digits 8 --per-slice 10 --lm-eval harness",
    description="Write the suite (challenge set) of a task to standard output: hard questions in named slices, with "
    "their answers.",
    show=show_suite,
    prints_data=True,
)
def suite(
    task: Annotated[Task, Options(sized_task)],
    *,
    chosen: Annotated[SuiteOptions, Options(SuiteOptions)],
    unseen_of: Annotated[
        str | None,
        Option(
            "leave out all pairs of operands that are in the training split of this dataset (no train-test overlap); "
            "the split is sampled again from metadata.json, so the other files are not read",
            metavar="DIR",
        ),
    ] = None,
    lm_eval: Annotated[
        str | None,
        Option(
            "instead of the table, write tasks for lm-evaluation-harness, one per slice, into this new folder",
            metavar="DIR",
        ),
    ] = None,
    rest: Rest = NO_REST,
) -> Drawn:
    """The hard questions of a task's suite."""
    from seq2seq_arith.pipelines.suite import build  # imports PyArrow

    refuse_surplus(rest, unseen_of or "", "suite takes one task")
    folder = None if lm_eval is None else expanded(lm_eval)
    if folder and folder.exists():
        raise InputError(f"{folder} exists already; give a folder that does not exist")
    built = build(task, chosen, find_dataset(unseen_of, rest.words) if unseen_of else None)
    if folder:
        from seq2seq_arith.pipelines.lm_eval import write

        if not built.num_questions:
            raise InputError("the suite has no question; give another suite")
        write(folder, task, built)
    return Drawn(task, built, chosen, unseen_of, folder)
