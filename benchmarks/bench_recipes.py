"""Trains recipes with several seeds and asks each model its task's suite: ``make bench-recipes``.

Prints a table in Markdown for each recipe and task: a row per seed as soon as it is known, and a last row that says how
many seeds hold the bar::

    python benchmarks/bench_recipes.py --recipe best --task subtraction --seeds 5 --lengths 18

Without ``--recipe`` and ``--task``, it goes through ``CASES``. Every training has a process of its own. The tables of
the documentation are of suite seed 0; whoever changes a recipe tunes it with other suite seeds.
"""

import argparse
import dataclasses
import itertools
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timing

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.tasks import OPERATIONS, Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import check_int, check_number
from seq2seq_arith.base.tables import cut
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.arguments import parse_lengths
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.data.making import make_missing
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import RECIPES, recipe, recipe_data
from seq2seq_arith.trainer.runs.run import Run


@dataclasses.dataclass(frozen=True)
class Case:
    """A recipe and a task, and what its models are to hold.

    Attributes:
      recipe, task: Their names.
      bar: The least share that is to be right in every slice.
      seeds: How many trainings.
      lengths: Sizes of suites beside that of the training.
    """

    recipe: str
    task: str
    bar: float = 0.9995
    seeds: int = 3
    lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_int("seeds", self.seeds, 1, None)
        check_number("bar", self.bar, 0, 1)

    @property
    def data(self) -> Task:
        return recipe_data(self.recipe, self.task)

    @property
    def config(self) -> TrainConfig:
        return recipe(self.recipe, self.task)

    def check(self) -> None:
        """Raises InputError unless its models can read all lengths."""
        for length in self.lengths:
            Run(Path(), self.data, "", "", self.config).task_of_length(length)

    @property
    def title(self) -> str:
        """What is trained on what, and what the view gives."""
        model = self.config.model
        return (
            f"{self.task}, recipe {self.recipe}: {model.name}, {model.layers} of {model.hidden}, view {model.view}; "
            f"given: {model.given}; trained on {self.data.config_name}"
        )


CASES = (
    Case("best", "addition"),
    Case("best", "subtraction", seeds=5),
    Case("best", "multiplication", bar=0.99),
    Case("best", "pq", bar=1.0),
    Case("lengths", "addition", bar=0.999, seeds=10, lengths=(18, 200)),
    Case("lengths", "subtraction", bar=0.99, lengths=(18, 40)),
    Case("lengths", "pq", bar=1.0, lengths=(10_000,)),
    Case("raw", "addition", bar=0.99),
    Case("raw", "subtraction", bar=0.99),
)


@dataclasses.dataclass(frozen=True)
class Worst:
    """The worst slice of a suite, and whether it holds the bar."""

    text: str
    holds: bool

    @classmethod
    def of(cls, found: dict[str, Any] | None, bar: float) -> "Worst":
        """The worst slice as ``SuiteResult.to_json`` gives it; a task without a suite holds every bar."""
        if found is None:
            return cls("no suite", True)
        if found["wrong_example"] is None:
            return cls("each 1.0000", True)
        return cls(f"{found['name']} {cut(found['exact_match'], 4)}", found["exact_match"] >= bar)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default="data", help="where datasets are kept; missing ones are made")
    parser.add_argument("--recipe", nargs="+", choices=RECIPES, help="default: those of CASES")
    parser.add_argument("--task", nargs="+", choices=OPERATIONS, help="default: those of CASES")
    parser.add_argument("--seeds", type=int, help="trainings per recipe and task")
    parser.add_argument("--lengths", help="sizes of further suites, such as 18 or 18,200")
    parser.add_argument("--bar", type=float, help="the share that is to be right in every slice")
    parser.add_argument("--per-slice", type=int, default=SuiteOptions().per_slice, help="questions per slice")
    parser.add_argument("--suite-seed", type=int, default=0, help="decides which questions are asked")
    args = parser.parse_args()
    try:
        cases = choose(args)
        for case in cases:
            case.check()
            make_missing(case.data, args.data_dir)
        suite = SuiteOptions(per_slice=args.per_slice, seed=args.suite_seed)
    except InputError as error:
        parser.error(str(error))
    for case in cases:
        bench(case, args.data_dir, suite)
    return 0


def choose(args: argparse.Namespace) -> list[Case]:
    """The cases that were asked for, with the numbers that were given.

    A recipe and a task that are both given need not be one of ``CASES``.
    """
    known = {(case.recipe, case.task): case for case in CASES}
    if args.recipe and args.task:
        known = {pair: known.get(pair) or Case(*pair) for pair in itertools.product(args.recipe, args.task)}
    given = {"seeds": args.seeds, "bar": args.bar, "lengths": args.lengths and tuple(parse_lengths(args.lengths))}
    changes = {name: value for name, value in given.items() if value is not None}
    return [
        dataclasses.replace(case, **changes)
        for case in known.values()
        if case.recipe in (args.recipe or RECIPES) and case.task in (args.task or OPERATIONS)
    ]


def bench(case: Case, data_dir: str, suite: SuiteOptions) -> None:
    """Trains and asks the models of a case, and prints its table."""
    say(f"\n{case.title}\n")
    sizes = dict.fromkeys([case.data.digits, *case.lengths])
    titles = [f"worst slice, {case.data.notation.describe(size)}" for size in sizes]
    header = ["seed", "seconds", "weights", "examples seen", "operations", "exact match", *titles]
    say(f"{row(header)}\n{row(['---'] * len(header))}")
    found, worsts = [], []
    for seed in range(case.seeds):
        result, _ = timing.call(
            measure,
            recipe_name=case.recipe,
            task_name=case.task,
            data_dir=data_dir,
            seed=seed,
            lengths=case.lengths,
            suite=dataclasses.asdict(suite),
        )
        worst = [Worst.of(slice, case.bar) for slice in result["worst"]]
        say(row([seed, *took(result), cut(result["exact_match"], 4), *(each.text for each in worst)]))
        found.append(result)
        worsts.append(worst)
    seconds = statistics.median(result["seconds"] for result in found)
    held = [sum(each.holds for each in column) for column in zip(*worsts, strict=True)]
    texts = [f"{count} of {case.seeds} hold {case.bar:g}" for count in held]
    say(row(["all", f"{seconds:.1f} (median)", "", "", "", "", *texts]))


def measure(
    recipe_name: str,
    task_name: str,
    data_dir: str,
    seed: int,
    lengths: Sequence[int],
    suite: dict[str, Any],
) -> dict[str, Any]:
    """Trains one model: its summary, and for each size of its suite the worst slice."""
    import_tensorflow()
    from seq2seq_arith.trainer.asking import suites
    from seq2seq_arith.trainer.training import session

    task, config = recipe_data(recipe_name, task_name), override(recipe(recipe_name, task_name), seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        trained = session.train(task, data_dir, str(Path(folder) / "run"), config)
        results = suites.ask_run(trained.run, SuiteOptions(**suite), lengths=lengths)
    return dataclasses.asdict(trained.summary) | {"worst": [result.to_json()["worst"] for result in results]}


def took(summary: dict[str, Any]) -> list[str]:
    """What a training took, in words."""
    return [
        f"{summary['seconds']:.1f}",
        f"{summary['weights']:,}",
        f"{summary['examples']:,}",
        f"{summary['operations']:.1e}",
    ]


def row(cells: Sequence[Any]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    sys.exit(main())
