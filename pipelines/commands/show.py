"""``arith-data show``: shows rows of a dataset, and statistics."""

from pathlib import Path
from typing import Annotated, Any

from seq2seq_arith.arithmetic.own_tasks import is_task
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import PARAMETERS, QuestionOption, named_task, tasks
from seq2seq_arith.base.commands import NO_REST, Rest
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import Option, Options
from seq2seq_arith.base.terminal import wrapped
from seq2seq_arith.pipelines.commands.program import ARITH_DATA, refuse_surplus
from seq2seq_arith.pipelines.formats.location import find_dataset
from seq2seq_arith.pipelines.showing import dataset, one_hot, sample


@ARITH_DATA.command(
    "show rows of a dataset, and statistics",
    "show addition",
    "show subtraction --digits 8 --rows 20",
    "show data/seq2seq_arith/addition/1.0.0",
    "show addition --one-hot 12+345",
    "show pq --dashes 20 --one-hot ---p--",
    description="Show rows of a dataset, as people write them and as they are stored, and statistics.\n\nFor a "
    "task, the dataset that the options describe is sampled, and no file is written. An existing dataset has its own "
    "parameters.",
    prints_data=True,
)
def show(
    place: Annotated[
        str,
        Option(
            lambda: f"directory or URL of a dataset, DATA_DIR/seq2seq_arith/CONFIG/1.0.0; or {tasks()}",
            metavar="DIR_OR_TASK",
        ),
    ],
    *,
    rows: Annotated[int, Option("number of examples that are shown", low=0, high=sample.MAX_EXAMPLES)] = 5,
    question: Annotated[
        str | None,
        QuestionOption(
            "instead of rows, show the one-hot encoding of this question, such as 12+345 or ---p--", flag="one-hot"
        ),
    ] = None,
    parameters: Annotated[dict[str, Any], Options(PARAMETERS, as_dict=True)],
    rest: Rest = NO_REST,
) -> str:
    """Rows and statistics of a dataset; or the one-hot encoding of a question, one character per line."""
    refuse_surplus(rest, place, "show takes one directory, or one task")
    if is_task(place):
        task, examples = named_task(place, parameters), None
    else:
        if "/" not in place and not Path(place).exists():
            Task(place)  # says which tasks there are
        for name in parameters:
            flag = PARAMETERS[name].flag
            raise InputError(f"--{flag} is given, but {place} is not a task; leave it out")
        examples = sample.read(find_dataset(place, rest.words, ", or a task"))
        task = examples.task
    if question is not None:
        return one_hot.picture(task, *one_hot.encode(task, question))
    examples = examples or sample.draw(task)
    return f"{wrapped(dataset.introduction(examples, rows))}\n\n{dataset.statistics(examples)}"
