"""The runs of a sweep file.

A file for ``arith-model sweep`` has the options of ``arith-model train`` as keys, and a table for each kind of run; a
list means one run per value, and several lists every combination::

    [common]                       # of all runs
    task = "addition"
    recipe = "plain"
    digits = 10

    [suite]                        # the evaluation: options of arith-model evaluate
    per-slice = 100

    [runs.coupled]
    positional_encoding = "position_coupling"
    seeds = "0-4"                  # instead of --seeds

    [runs.rotated]
    positional_encoding = ["rope", "position_coupling"]
    suite = { lengths = "15,20" }  # for these runs, in addition

With ``--seeds 0-1`` these are nine runs: ``coupled-seed0`` to ``coupled-seed4``, ``rotated-rope-seed0``, and so on.

With ``data_seeds = "10-14"`` beside ``seeds = "0-4"``, the two are paired: the run of seed 0 is on the dataset of data
seed 10, and so on.
"""

import dataclasses
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seq2seq_arith.base.checks import read_numbers
from seq2seq_arith.base.decoding import read_toml
from seq2seq_arith.base.errors import InputError

TABLES = {"common", "suite", "runs"}
# What a table of runs may have besides options of ``arith-model train``.
SUITE, SEEDS, DATA_SEEDS = "suite", "seeds", "data-seeds"
DATA_SEED = "data-seed"  # the option of ``arith-model train``
# Options that a sweep sets itself.
OWN = {"seed", "run-dir", "data-dir"}
NAME = re.compile(r"[A-Za-z0-9][\w.+-]*")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planned:
    """One run of a sweep: a group has a run per seed."""

    group: str
    seed: int
    task: str
    settings: dict[str, Any]  # options of ``arith-model train`` without their dashes
    suite: dict[str, Any]  # likewise, of ``evaluate``

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.group}-seed{self.seed}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """The commands of a planned run, after all its settings are checked."""

    settings: dict[str, Any]  # the dataset's name, the configuration as JSON, and the options of the suite
    train: list[str]  # the arguments of ``arith-model train``, except the folders
    evaluate: list[str]  # likewise, of ``evaluate``


def read(path: Path, seeds: Sequence[int], usual: dict[str, Any] | None = None) -> tuple[Planned, ...]:
    """The runs of a file, in its order; ``seeds`` are those of a table without ``seeds``.

    ``usual`` are settings of all runs, which the file may change.

    Raises InputError if the file cannot be read, or it is not that of a sweep.
    """
    content = read_toml(path, "a sweep")
    strange = sorted(set(content) - TABLES)
    if strange or not all(isinstance(table, dict) for table in content.values()):
        raise InputError(f"{path} has {', '.join(strange) or 'a value'} at its top; give the tables {sorted(TABLES)}")
    common, kinds = (usual or {}) | content.get("common", {}), content.get("runs", {})
    if not kinds or not all(isinstance(kind, dict) for kind in kinds.values()):
        raise InputError(f"{path} has no runs; give at least one table, such as [runs.first]")
    planned = []
    for name, kind in kinds.items():
        settings = _dashed(common) | _dashed(kind)
        own = settings.pop(SUITE, {})
        if not isinstance(own, dict):
            raise InputError(f'{path} has a suite of {name} that is not a table; write suite = {{ lengths = "15,20" }}')
        suite = _dashed(content.get(SUITE, {})) | _dashed(own)
        chosen = settings.pop(SEEDS, None)
        own_seeds = seeds if chosen is None else read_numbers(SEEDS, chosen)
        datasets = _of_data_seeds(path, name, settings, own_seeds)
        combinations = list(_combinations(path, name, settings))
        for seed, dataset in zip(own_seeds, datasets, strict=True):
            planned += [_planned(path, group, values | dataset, suite, seed) for group, values in combinations]
    names = Counter(run.name for run in planned)
    if twice := next((name for name, count in names.items() if count > 1), None):
        raise InputError(f"{path} has two runs named {twice}; rename a table, or leave out a seed or a value")
    return tuple(planned)


def _dashed(settings: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in settings.items()}


def _of_data_seeds(path: Path, name: str, settings: dict[str, Any], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """The settings of the dataset of each seed; takes the data seeds, which are paired with the seeds, out of all."""
    if (chosen := settings.pop(DATA_SEEDS, None)) is None:
        return [{}] * len(seeds)
    data_seeds = read_numbers(DATA_SEEDS, chosen)
    if DATA_SEED in settings:
        raise InputError(f"{path}, runs {name}: {DATA_SEED} and {DATA_SEEDS} exclude each other; leave one of them out")
    if len(data_seeds) != len(seeds):
        raise InputError(
            f"{path}, runs {name}: there are {len(data_seeds)} {DATA_SEEDS} and {len(seeds)} {SEEDS}, which are "
            "paired; give as many of both"
        )
    return [{DATA_SEED: data_seed} for data_seed in data_seeds]


def _combinations(path: Path, name: str, settings: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each combination of the lists among the settings, with its name."""
    lists = {key: value for key, value in settings.items() if isinstance(value, list)}
    if empty := next((key for key, value in lists.items() if not value), None):
        raise InputError(f"{path}, runs {name}: {empty} is an empty list; give it a value, or leave it out")
    for values in itertools.product(*lists.values()):
        group = "-".join([name, *map(str, values)])
        if not NAME.fullmatch(group):
            raise InputError(f"{path} has runs named {group!r}; use letters, digits and the signs _ . + -")
        yield group, settings | dict(zip(lists, values, strict=True))


def _planned(path: Path, group: str, settings: dict[str, Any], suite: dict[str, Any], seed: int) -> Planned:
    if reserved := sorted(OWN & set(settings)):
        raise InputError(f"{path} sets {reserved[0]}; leave it out, because arith-model sweep has an option for it")
    rest = {key: value for key, value in settings.items() if key != "task"}
    if not isinstance(settings.get("task"), str):
        raise InputError(f'{path} names no task for {group}; add a line such as task = "addition" to [common]')
    return Planned(group=group, seed=seed, task=settings["task"], settings=rest, suite=suite)
