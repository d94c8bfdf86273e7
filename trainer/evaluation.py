"""What a run's best model knows: scores on several sets, where it errs, and its first mistakes."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer import breakdown, inputs, metrics, probes, report, session
from seq2seq_arith.trainer.checkpoints import write_atomically
from seq2seq_arith.trainer.codec import to_strings
from seq2seq_arith.trainer.inputs import Examples
from seq2seq_arith.trainer.learner import Learner
from seq2seq_arith.trainer.runs import Run

MISTAKES = 10
LENGTH_EXAMPLES = 1000
# A third set of pq strings fills gigabytes; this many characters say enough.
THIRD_SET_CHARACTERS = 1 << 24
ALL_QUESTIONS_DIGITS = 3
ROWS = 100_000


@dataclasses.dataclass(frozen=True)
class Result:
    """The result on one set: its score, bool [examples] of what is right, the answers, uint8 [examples, width]."""

    score: metrics.Score
    exact: np.ndarray
    predicted: np.ndarray


def ask(learner: Learner, examples: Examples) -> Result:
    """The result on a set."""
    score, predicted = metrics.evaluate(learner, inputs.encode(learner.view, examples), examples)
    return Result(score, metrics.exact_matches(predicted, examples.answers), predicted)


def run(
    run: Run,
    *,
    task: Task | None = None,
    data_dir: str | None = None,
    lengths: Sequence[int] = (),
    replicas: int | None = None,
) -> dict[str, Any]:
    """Evaluates the best model, prints the tables and saves them in the run's folder.

    On the run's own data it saves ``evaluation.json``; on other data a file that is named after it.

    Args:
      run: Whose model.
      task: The dataset to evaluate on; None for the run's own.
      data_dir: Where the dataset is; None for where the run was trained from.
      lengths: Digits or dashes of further questions, longer than those of the run, say.
      replicas: As in ``make_strategy``.

    Returns:
      What was saved.

    Raises:
      InputError: The data is not there, its splits share a pair, the run has no checkpoint, or its model cannot
        read one of the lengths.
    """
    longer = {length: run.task_of_length(length) for length in lengths}
    task = task or run.task
    source = inputs.open_source(task, data_dir or run.data_dir)
    own = source.sha256 == run.sha256
    learner = session.restore(run, task, replicas)
    examples = inputs.read_split(source, "validation")
    operands = probes.operands_of(task, examples.questions)
    trained = training_keys(source)
    check_disjoint(task, trained, probes.keys(task, operands))
    result = ask(learner, examples)
    scores = {"validation": _scored(examples, result)}
    tables = breakdown.breakdown(task, operands, examples.answers, result.exact)
    if own:
        notes = [f"no validation pair of {task.config_name} is in its training set, on which the model was trained"]
        third = third_set(task, np.concatenate([trained, probes.keys(task, operands)]))
        # Where a dataset has every pair that there is, none is left.
        if len(third):
            scores[f"third set: seed {other_seed(task)}, unseen"] = _scored(third, ask(learner, third))
        if task.name == "addition" and task.digits <= ALL_QUESTIONS_DIGITS:
            tables["all questions"] = all_questions(learner, trained)
    else:
        seen = seen_in_training(run, operands)
        notes = [
            f"the model was trained on {run.task.config_name} {run.sha256[:12]}, this is other data",
            _overlap(seen),
        ]
        if seen is not None:
            tables["pair"] = breakdown.by(np.where(seen, "seen in training", "not seen"), result.exact, "pair")
    if lengths:
        tables["length"] = by_length(run, longer, replicas)
    found = {
        "data": {"parameters": task.parameters(), "sha256": source.sha256, "trained_on": run.sha256},
        "notes": notes,
        "scores": scores,
        "tables": tables,
        "mistakes": first_mistakes(task, examples, result),
    }
    path = run.folder / ("evaluation.json" if own else f"evaluation-{task.config_name}-{source.sha256[:12]}.json")
    write_atomically(path, (json.dumps(found, indent=2) + "\n").encode())
    _show(found)
    report.say(f"\nsaved in {path}")
    return found


def training_keys(source: inputs.Source) -> np.ndarray:
    """The keys of a dataset's training set, structured as ``probes.keys``."""
    return probes.keys(source.task, probes.operands_of(source.task, inputs.read_split(source, "train").questions))


def seen_in_training(run: Run, operands: probes.Operands) -> np.ndarray | None:
    """bool [examples]: which pairs the run was trained on; None where its data is no longer there."""
    try:
        source = inputs.open_source(run.task, run.data_dir)
    except InputError:
        return None
    return np.isin(probes.keys(run.task, operands), training_keys(source)) if source.sha256 == run.sha256 else None


def check_disjoint(task: Task, trained: np.ndarray, validation: np.ndarray) -> None:
    """Checks by key that no validation pair is in the training set.

    Raises:
      InputError: One is.
    """
    shared = np.isin(validation, trained)
    if shared.any():
        left, right = validation[int(np.argmax(shared))]
        raise InputError(
            f"{int(shared.sum())} validation pairs of {task.config_name} are in its training set, the first is "
            f"({left}, {right}); generate the dataset anew"
        )


def other_seed(task: Task) -> int:
    return task.seed + 1 if task.seed < 2**63 else task.seed - 1


def third_set(task: Task, seen: np.ndarray) -> Examples:
    """Examples of the next seed less every key of this one: nobody trained on them or chose by them."""
    left, right = probes.unseen(task, seen, other_seed(task))
    most = max(1000, THIRD_SET_CHARACTERS // task.question_width)
    return probes.examples(task, (left[:most], right[:most]))


def all_questions(learner: Learner, trained: np.ndarray) -> list[dict[str, Any]]:
    """Exact match over every ordered question, apart for keys of the training set and the others."""
    task = learner.view.task
    left, right = probes.all_questions(task)
    exact = []
    with report.progress(f"{task.name}, all questions", len(left), "questions") as tell:
        for start in range(0, len(left), ROWS):
            rows = slice(start, start + ROWS)
            exact.append(ask(learner, probes.examples(task, (left[rows], right[rows]))).exact)
            tell(start, "")
    seen = np.isin(probes.keys(task, (left, right)), trained)
    return breakdown.by(np.where(seen, "seen in training", "not seen"), np.concatenate(exact), "key")


def by_length(run: Run, tasks: dict[int, Task], replicas: int | None = None) -> list[dict[str, Any]]:
    """Exact match on random pairs whose longer operand has each of these lengths; the tasks have room for them."""
    rows = []
    for length, task in tasks.items():
        learner = session.restore(run, task, replicas)
        result = ask(learner, probes.examples(task, probes.of_length(task, length, LENGTH_EXAMPLES)))
        rows.append({"length": length, "examples": LENGTH_EXAMPLES, "exact_match": result.score.exact})
    return rows


def first_mistakes(task: Task, examples: Examples, result: Result) -> list[dict[str, str]]:
    """The first wrong answers of a set, with the right ones."""
    rows = np.flatnonzero(~result.exact)[:MISTAKES]
    columns = (examples.questions[rows], examples.answers[rows], result.predicted[rows])
    return [
        {"question": report.written(question, task), "answer": answer.strip(), "prediction": prediction.strip()}
        for question, answer, prediction in zip(*map(to_strings, columns), strict=True)
    ]


def _overlap(seen: np.ndarray | None) -> str:
    if seen is None:
        return "whether it was trained on some of these pairs is not known, for its own data is no longer there"
    return f"of these {len(seen):,} validation pairs, {np.count_nonzero(seen):,} are in the set that it was trained on"


def _scored(examples: Examples, result: Result) -> dict[str, Any]:
    return {"examples": len(examples)} | dataclasses.asdict(result.score)


def _show(found: dict[str, Any]) -> None:
    rows = [
        [name, f"{s['examples']:,}", f"{s['loss']:.5f}", f"{s['characters']:.5f}", f"{s['exact']:.5f}"]
        for name, s in found["scores"].items()
    ]
    report.say(report.table(["set", "examples", "loss", "character accuracy", "exact match"], rows))
    report.say("\n".join(found["notes"]))
    for name, groups in found["tables"].items():
        report.say(f"\nexact match by {name}" if name != "all questions" else "\nexact match over all questions")
        header = [key for key in groups[0] if key not in ("examples", "exact_match")]
        rows = [[*(g[key] for key in header), f"{g['examples']:,}", f"{g['exact_match']:.5f}"] for g in groups]
        report.say(report.table([*header, "examples", "exact match"], rows))
    mistakes = [[report.shortened(text) for text in mistake.values()] for mistake in found["mistakes"]]
    report.say("\nfirst mistakes" if mistakes else "\nno mistakes on the validation set")
    if mistakes:
        report.say(report.table(["question", "answer", "prediction"], mistakes))
