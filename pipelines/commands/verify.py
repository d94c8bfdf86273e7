"""``arith-data verify``: checks a dataset. It is short because each command has a module."""

import time
from typing import TYPE_CHECKING, Annotated, NamedTuple

from seq2seq_arith.base import events
from seq2seq_arith.base.commands import NO_REST, Rest
from seq2seq_arith.base.errors import RunError
from seq2seq_arith.base.options import Option
from seq2seq_arith.base.terminal import FAILURE, SUCCESS, printable
from seq2seq_arith.pipelines.commands.program import ARITH_DATA, DATASET, Sha256, refuse_surplus
from seq2seq_arith.pipelines.formats.location import find_dataset
from seq2seq_arith.pipelines.storage.paths import AnyPath

if TYPE_CHECKING:
    from seq2seq_arith.pipelines.checking.verify import CheckResult


class Verified(NamedTuple):
    """What the check of a dataset found."""

    path: AnyPath
    result: "CheckResult"
    seconds: float


def show_verified(verified: Verified) -> int:
    """Prints what is wrong with a dataset, or what was checked; returns 1 if something is wrong."""
    path, result, seconds = verified
    for problem in result.problems:
        print(printable(problem))
    events.emit("result", path=path, problems=result.problems, sha256=result.identity)
    if result.advice:
        raise RunError(result.advice)
    if result.problems:
        return FAILURE
    print(f"{printable(path)}: {result.summary}; {seconds:.1f} s")
    print(f"sha256 of its metadata, which hold that of every file: {result.identity}")
    return SUCCESS


@ARITH_DATA.command(
    "check every file of a dataset",
    "verify data/seq2seq_arith/addition/1.0.0",
    "verify data/seq2seq_arith/addition/1.0.0 --quick",
    description="Check a dataset: generate it again from its parameters, and compare every file.\n\nAs an independent "
    "check, 10,000 rows are sampled and solved in plain Python.",
    show=show_verified,
)
def verify(
    directory: Annotated[str, Option(DATASET)],
    *,
    quick: Annotated[bool, Option("check only names, sizes and checksums of the files, and no examples")] = False,
    sha256: Sha256 = None,
    rest: Rest = NO_REST,
) -> Verified:
    """Checks a dataset; raises InputError if there is none, RunError if it cannot be read."""
    from seq2seq_arith.pipelines.checking.verify import verify  # imports PyArrow

    refuse_surplus(rest, directory, "verify takes one directory")
    path = find_dataset(directory, rest.words)
    start = time.perf_counter()
    try:
        result = verify(path, quick, sha256)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error
    return Verified(path, result, time.perf_counter() - start)
