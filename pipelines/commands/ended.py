"""How the commands end: what is left, how the dataset is loaded, and why a command failed."""

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.terminal import FAILURE, fail, python_literal
from seq2seq_arith.pipelines.arguments import NAME
from seq2seq_arith.pipelines.formats.command import fetch_command
from seq2seq_arith.pipelines.places.paths import AnyPath

NOTHING_LEFT = "nothing was left behind"


def print_load(task: Task, path: AnyPath, data_dir: str) -> None:
    """Prints the commands that fetch and load a dataset; each works as it is typed."""
    if "://" in data_dir:
        print(f"fetch it with: {fetch_command(task, path)}")
    if data_dir.startswith("s3://"):
        return  # TensorFlow cannot read from S3
    name = "seq2seq_arith" if task == Task() else f"seq2seq_arith/{task.config_name}"
    literal = python_literal(data_dir)
    if any("\udc80" <= each <= "\udcff" for each in data_dir):  # a byte that is not part of a character
        print(f"tfds.load opens no directory whose name is not UTF-8, such as {literal}; rename it, then load it")
        return
    print(f'load it with: tfds.load("{name}", data_dir={literal})')


def failed(message: str, code: int = FAILURE, advice: str = "") -> int:
    """Says why a command failed, and what to do; returns the exit code."""
    return fail(NAME, message, code, advice)
