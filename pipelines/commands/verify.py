"""``arith-data verify``: checks a dataset. It is short because each command has a module."""

import time
from typing import Annotated

from seq2seq_arith.base import events
from seq2seq_arith.base.commands import NO_REST, Rest
from seq2seq_arith.base.options import Option
from seq2seq_arith.base.terminal import FAILURE, SUCCESS, printable
from seq2seq_arith.pipelines.commands.program import ARITH_DATA, DATASET, Sha256, failed, refuse_surplus
from seq2seq_arith.pipelines.formats.location import find_dataset


@ARITH_DATA.command(
    "check a finished dataset",
    "verify data/seq2seq_arith/addition/1.0.0",
    "verify data/seq2seq_arith/addition/1.0.0 --quick",
    description="Make a dataset again from its parameters, and compare every file; draw and solve 10,000 rows in plain "
    "Python.",
)
def verify(
    directory: Annotated[str, Option(DATASET)],
    *,
    quick: Annotated[bool, Option("check names, sizes and checksums only, and no example")] = False,
    sha256: Sha256 = None,
    rest: Rest = NO_REST,
) -> int:
    """Says what is wrong with a dataset, or what was checked; returns the exit code."""
    from seq2seq_arith.pipelines.checking.verify import verify  # imports PyArrow

    refuse_surplus(rest, directory, "verify takes one directory")
    place = find_dataset(directory, rest.words)
    start = time.perf_counter()
    try:
        result = verify(place, quick, sha256)
    except OSError as error:
        return failed(f"{place} cannot be read: {error.strerror or error}")
    for problem in result.problems:
        print(printable(problem))
    events.emit("result", path=place, problems=result.problems, sha256=result.identity)
    if result.problems:
        return failed(result.advice) if result.advice else FAILURE
    print(f"{printable(str(place))}: {result.summary}; {time.perf_counter() - start:.1f} s")
    print(f"sha256 of its metadata, which hold that of every file: {result.identity}")
    return SUCCESS
