"""Linear probing: the layers and steps at which a linear function reads a carry, a borrow or a digit."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from seq2seq_arith.arithmetic import numbers, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.checks import check_choice, check_int
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.input_formats import Scratchpad
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.interpretability.subject import ALL, Analysis, Subject, heat_map, random_questions
from seq2seq_arith.trainer.training.learner import Learner

# The properties that can be probed: their tasks, and a function of both numbers, the answer, and ten times the value of
# a digit position.
PROPERTIES: dict[str, tuple[tuple[str, ...], Callable[..., np.ndarray]]] = {
    "carry": (("addition",), lambda a, b, answer, above: a % above + b % above >= above),
    "borrow": (("subtraction",), lambda a, b, answer, above: np.maximum(a, b) % above < np.minimum(a, b) % above),
    "digit": (
        ("addition", "subtraction", "multiplication"),
        lambda a, b, answer, above: abs(answer) % above * 10 // above,
    ),
}
RIDGE = 1.0  # the penalty of a probe, on features of variance 1


def probe(learner: Learner, name: str, position: int, count: int, seed: int) -> Analysis:
    """The accuracy of a linear probe for a property, by layer and step; beside it that of a control task.

    Both numbers have a digit at ``position``, 0 for the units. The probe is fitted to one half of the questions by
    ridge regression, and evaluated on the other half. In the control task (Hewitt, Liang, "Designing and Interpreting
    Probes with Control Tasks", EMNLP 2019), each pair of digits at the position has a random label, with the
    frequencies of the true labels. Accuracy on it measures how well a probe can memorise pairs, so only the accuracy
    above it (*selectivity*) is evidence that the layer encodes the property. Steps whose input contains the answer's
    character at the position are left out.
    """
    task = learner.input_format.task
    check_choice("the property", name, list(PROPERTIES))
    tasks, _ = PROPERTIES[name]
    if task.name not in tasks:
        raise InputError(f"{task.name} has no {name} to look for; that is for {', '.join(tasks)}")
    if isinstance(learner.input_format, Scratchpad):
        raise InputError(
            f"with {learner.input_format.name}, digits are written before the answer; probe a run of another input "
            "format"
        )
    check_int("position", position, 0, task.size - 1)
    check_int("questions", count, 100, 10**5)
    examples = question_sets.examples(task, questions_with_digit(task, position, count, seed))
    values, pairs = labels(task, name, position, examples)
    if len({*values.tolist()}) < 2:
        advice = f"give a position below {position}" if position else "probe for another property"
        raise InputError(f"every {name} of digit position {position} is the same; {advice}")
    control = np.random.default_rng(seed).choice(values, 100)[pairs]
    subject, rows = Subject(learner, examples.questions, examples.answers), []
    states, _ = subject.activations()
    for layer, step, step_name in readable_steps(subject, states, position):
        accuracy, of_control = probe_accuracy(states[layer][:, step], values, control)
        rows.append({"layer": layer, "step": step_name, "accuracy": accuracy, "control": of_control})
    facts = {"majority": _majority(values), "majority of control": _majority(control)}
    baseline = f"always one answer: {facts['majority']:.4f}, in the control {facts['majority of control']:.4f}"
    title = f"{name} of digit position {position}, 0 for the units, in {len(values):,} questions; {baseline}"
    best = sorted(rows, key=lambda row: (-row["accuracy"], row["control"]))
    drawn = [
        heat_map(rows, column, f"{heading}\nby a linear probe", "accuracy", facts[chance])
        for column, chance, heading in (
            ("accuracy", "majority", f"Where the {name} of digit position {position} is read"),
            ("control", "majority of control", "Control: where a random value is read as well"),
        )
    ]
    return Analysis(best, drawn, title, facts)


def questions_with_digit(task: Task, position: int, count: int, seed: int) -> question_sets.Operands:
    """At most ``count`` random questions both of whose numbers have a digit at a digit position."""
    # Lengths are equally frequent, so (size - position)^2 of size^2 pairs have the digit; twice as many are drawn.
    operands = random_questions(task, seed, 2 * count * -(-(task.size**2) // (task.size - position) ** 2))
    is_long = np.all([[number >= 10**position for number in numbers.to_ints(side)] for side in operands], axis=0)
    return tuple(side[:, is_long][:, :count] for side in operands)


def labels(task: Task, name: str, position: int, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """The property of each question at a digit position, and its digit pair there, 0 to 99; both int [examples]."""
    left, right = (np.array(numbers.to_ints(side), object) for side in text.operands(task, examples.questions))
    answers = np.array([int(answer) for answer in text.to_strings(examples.answers)], object)
    _, value = PROPERTIES[name]
    pairs = left // 10**position % 10 * 10 + right // 10**position % 10
    return np.asarray(value(left, right, answers, 10 ** (position + 1)), int), np.asarray(pairs, int)


def readable_steps(subject: Subject, states: Mapping[str, np.ndarray], position: int) -> Iterator[tuple[str, int, str]]:
    """Each layer and step, with its name, whose input does not contain the answer's character at a digit position.

    A layer with as many steps as the answer may be of the answer, even if the question has as many. Its steps after the
    last one without that character are left out, and so is its last state.
    """
    steps, last_blind = subject.written.shape[1], subject.last_blind_step(position)
    for layer, values in states.items():
        of_answer = states.get(layer.partition("[")[0], values).shape[1] == steps
        for step, step_name in enumerate(subject.step_names(values.shape[1])):
            if step_name == ALL:  # the state after the last step
                has_read = of_answer and steps > last_blind
            else:
                number = int(step_name[1:]) if step_name[1:].isdigit() else 0
                has_read = (of_answer or step_name.startswith("a")) and number > last_blind
            if not has_read:
                yield layer, step, step_name


def _majority(values: np.ndarray) -> float:
    """The share of the most frequent value in the second half: the accuracy of always answering with it."""
    evaluated = values[len(values) // 2 :]
    return float(np.bincount(evaluated).max() / len(evaluated))


def probe_accuracy(states: np.ndarray, *labels: np.ndarray) -> list[float]:
    """For each of the labels, int [examples], the accuracy of a linear probe of states, float32 [examples, units].

    The probe is fitted to the first half of the examples, and evaluated on the second.
    """
    half = len(states) // 2
    centred = (states - states[:half].mean(axis=0)) / (states[:half].std(axis=0) + 1e-6)
    features = np.c_[centred, np.ones(len(states))].astype(np.float64)
    gram, accuracies = features[:half].T @ features[:half] + RIDGE * np.eye(features.shape[1]), []
    for values in labels:
        weights = np.linalg.solve(gram, features[:half].T @ np.eye(values.max() + 1)[values[:half]])
        accuracies.append(float(np.mean((features[half:] @ weights).argmax(axis=1) == values[half:])))
    return accuracies
