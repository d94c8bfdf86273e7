"""The commands that make a dataset and fetch it, as they are typed."""

import re
import shlex
import types
from collections.abc import Sequence

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.options import words
from seq2seq_arith.pipelines.formats.layout import DEFAULT_FORMATS, OPTIONAL_FORMATS, Layout
from seq2seq_arith.pipelines.places.clients import CLIENTS
from seq2seq_arith.pipelines.places.paths import AnyPath, ObjectPath

PROGRAM = "arith-data"
# Beam's flags with credentials. Their values are never printed: a person fills them in.
SECRETS = re.compile("^([^=]*(?:secret|token|access_key)[^=]*=).*", re.DOTALL)


def generate_command(task: Task, layout: Layout, data_dir: object, others: Sequence[str] = ()) -> str:
    """The command that makes a dataset with this layout.

    >>> task = Task("subtraction", num_examples=500_000, draws="structured")
    >>> generate_command(task, Layout.of(task), "data")
    'arith-data generate subtraction --num-examples 500000 --draws structured --data-dir data'
    >>> generate_command(Task(), Layout(3, ("tfrecord",)), "my data", ["--overwrite"])
    "arith-data generate addition --num-shards 3 --no-parquet --data-dir 'my data' --overwrite"

    ``data_dir`` is a path or a URL; of an ``ObjectPath``, all Beam's flags are typed, too. ``others`` come after it.
    """
    files = words(layout, Layout.of(task))
    for name in OPTIONAL_FORMATS:
        if (name in layout.formats) != (name in DEFAULT_FORMATS):
            files.append(f"--{'' if name in layout.formats else 'no-'}{name.replace('_', '-')}")
    options = words(task, types.SimpleNamespace(**task.defaults))
    given = ["--data-dir", str(data_dir), *others, *_flags(data_dir)]
    return shlex.join([PROGRAM, "generate", task.name, *task_file(task), *options, *files, *given])


def fetch_command(task: Task, path: AnyPath) -> str:
    """The command that copies a dataset into a directory.

    >>> fetch_command(Task("pq"), ObjectPath("gs://b/data/seq2seq_arith/pq/1.0.0", ("--runner=X",)))
    'arith-data fetch gs://b/data/seq2seq_arith/pq/1.0.0 DIR'
    """
    # Of Beam's flags, those of the store.
    own = CLIENTS[path.url.partition("://")[0]].FLAGS if isinstance(path, ObjectPath) else ()
    flags = [flag for flag in _flags(path) if flag.removeprefix("--").startswith(own)]
    return shlex.join([PROGRAM, "fetch", str(path), "DIR", *task_file(task), *flags])


def _flags(place: object) -> list[str]:
    """Beam's flags of a place in a store, one word each, without secrets; none for a directory.

    >>> _flags(ObjectPath("s3://b", ("--s3_endpoint_url", "http://host", "--s3_disable_ssl", "--s3_session_token=x")))
    ['--s3_endpoint_url=http://host', '--s3_disable_ssl', '--s3_session_token=SECRET']
    """
    flags: list[str] = []
    for word in place.flags if isinstance(place, ObjectPath) else ():
        if flags and not word.startswith("--") and "=" not in flags[-1]:
            flags[-1] += f"={word}"
        else:
            flags.append(word)
    return [SECRETS.sub(r"\1SECRET", flag) for flag in flags]


def task_file(task: Task) -> list[str]:
    """The option that names the file of a task of one's own; none for other tasks."""
    return ["--task-file", task.code] if task.code and task.code.endswith(".py") else []
