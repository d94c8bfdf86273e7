"""The configs of the dataset: TFDS calls the parameters of a dataset a config."""

from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from seq2seq_arith.arithmetic import coverage, own_tasks
from seq2seq_arith.arithmetic.operations import DEFAULT_TASK
from seq2seq_arith.arithmetic.task import Task, fields_of
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.catalog import config_description
from seq2seq_arith.pipelines.formats.layout import OPTIONAL_FORMATS, Layout


class ArithConfig(tfds.core.BuilderConfig):
    """The parameters of one dataset and its storage options. Its name has those that are not defaults.

    >>> ArithConfig("addition", digits=6).name
    'addition-d6'

    A parameter that is missing or None gets the default of the task. If so many different pairs cannot be sampled in
    reasonable time, the default number of examples is reduced. ``ArithConfig(**parameters)`` is the inverse of
    ``Task.parameters``.

    Args:
      task: The task's name.
      task_file: A file with custom tasks, whose code then runs.
      num_shards: Files per split. None keeps the number of an existing dataset; otherwise it depends on the size.
      **parameters: The other parameters of ``Task``; and ``parquet``, ``array_record`` and ``parquet_written``: whether
        files in these formats are written besides TFRecord. With None, an existing dataset keeps its formats; a new or
        overwritten one has ``parquet`` only.

    Attributes:
      task: The frozen ``seq2seq_arith.Task``.
      num_shards: The argument of the same name.
      formats: Whether to write each optional data format, or None, by its name.

    Raises:
      InputError: A value is of the wrong kind or out of its range.
      TypeError: There is no such parameter.
    """

    def __init__(
        self,
        task: str = DEFAULT_TASK,
        *,
        task_file: str | Path | None = None,
        num_shards: int | None = None,
        **parameters: Any,
    ) -> None:
        own_tasks.use(task_file)
        self.formats: dict[str, bool | None] = {name: parameters.pop(name, None) for name in OPTIONAL_FORMATS}
        for name, choice in self.formats.items():
            if choice not in (None, True, False):
                raise InputError(f"{name} is {choice!r}; give True or False")
        fields = fields_of({name: value for name, value in parameters.items() if value is not None})
        self.task = coverage.fitted(Task(task, **fields), fields)
        Layout.from_task(self.task, num_shards)
        self.num_shards = num_shards
        super().__init__(name=self.task.config_name, description=config_description(self.task))

    @classmethod
    def from_name(cls, name: str) -> "ArithConfig":
        """The config whose ``name`` this is.

        >>> ArithConfig.from_name("addition-d6-n1000000").task.size
        6

        Raises:
          InputError: No config has this name; the message names the wrong part.
        """
        return cls(**Task.from_name(name).parameters())
