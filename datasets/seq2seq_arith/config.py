"""The configs of the dataset: what TFDS calls the parameters of one."""

import tensorflow_datasets as tfds

from seq2seq_arith.pipelines.catalog import config_description
from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.shards import Layout
from seq2seq_arith.pipelines.tasks import DEFAULT_TASK, Task


class ArithConfig(tfds.core.BuilderConfig):
    """The parameters of one dataset, and how it is cut into files; it names itself by what differs from the defaults.

    ``ArithConfig("addition", digits=6).name`` is ``addition-d6``. A parameter that is not given, or None, takes the
    default of the task. The inverse of ``Task.parameters`` is ``ArithConfig(**parameters)``.

    Attributes:
      task: The ``seq2seq_arith.pipelines.Task``, frozen.
      num_shards: Files of each split. None takes what is there, or else what suits the size.
      parquet: Whether Parquet stands beside TFRecord. None takes what is there, or else writes it.

    Raises:
      InputError: A value is of the wrong kind or out of its range.
    """

    def __init__(
        self,
        task: str = DEFAULT_TASK,
        *,
        digits: int | None = None,
        num_examples: int | None = None,
        seed: int = 0,
        reverse: bool | None = None,
        ordered: bool | None = None,
        num_shards: int | None = None,
        parquet: bool | None = None,
    ) -> None:
        self.task = Task(
            name=task,
            digits=digits,  # type: ignore[arg-type]
            num_examples=num_examples,  # type: ignore[arg-type]
            seed=seed,
            reverse=reverse,  # type: ignore[arg-type]
            ordered=ordered,  # type: ignore[arg-type]
        )
        if parquet not in (None, True, False):
            raise InputError(f"parquet is {parquet!r}; give True or False")
        Layout.of(self.task, num_shards)
        self.num_shards = num_shards
        self.parquet = parquet
        super().__init__(name=self.task.config_name, description=config_description(self.task))
