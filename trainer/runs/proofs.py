"""The proof of a run, ``proof.json`` in its folder; ``training/proof.py`` writes it.

It is void if the weights, the configuration of the network or the prover are others than those of the proof.
"""

import dataclasses
import hashlib
import json
from typing import Any

from seq2seq_arith.arithmetic.text import visible
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import cut, shortened
from seq2seq_arith.trainer.runs import files
from seq2seq_arith.trainer.runs.run import Run, open_run
from seq2seq_arith.trainer.runs.samples import Sample

# The version of the prover: of what it regards as proved, and of its certificates.
#   1: without a version in the proof; float32 without underflow and overflow.
#   2: the bound covers underflow, sums that can overflow are refused, and proofs that hold have a certificate.
#   3: larger bounds for counters of more than ten layers, and for transformers with weights below 2^-126.
PROVER = 3


@dataclasses.dataclass(frozen=True)
class Counterexample(Sample):
    """A question of a case that is wrong or too near to tell, with the answer of the network itself.

    The network answers it as ``predict`` does. If that is right, rounding may decide a logit of the case, or a gate, of
    which both values are cases; or the question has another number of ``columns`` there than ``predict`` shows of it.
    """

    columns: int | None = None  #: in which it may be answered wrong; None for those that ``predict`` shows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proof:
    """What was found when every case that a model can meet was checked."""

    task: str
    prover: int  #: the version of the prover, ``PROVER``
    weights_sha256: str  #: of the file of the best weights
    config_sha256: str  #: of the task, the model with its custom code, and the precision: ``config_sha256``
    states: int  #: of the latches; boxes of a GRU; characters that the small adder can see before it; sums of a counter
    cases: int  #: distinct ones, each of which was checked
    wrong: int  #: cases that are answered wrong
    near: int  #: cases that are right by so little that rounding in float32 may decide
    margin: float  #: the least by which the right logit is above all others, rounded down
    bound: float  #: the most that a float32 logit can be wrong, or two of one sum can differ, rounded up
    open: int | None = None  #: cases whose boxes leave the answer open, and no search found wrong; None without boxes
    rounding: float | None = None  #: the largest share of a margin that float32 can change, if each has its own bound
    seconds: float
    version: str  #: of this package
    counterexample: Counterexample | None = None  #: a question of a wrong or near case
    is_shortest: bool = True  #: whether it is known that no shorter question is answered wrong
    certificate_sha256: str | None = None  #: of ``certificate.npz``; None if there is none
    dashes: int | None = None  #: of an operand of pq, the most that are proved; None for questions of any length

    def __post_init__(self) -> None:
        if self.holds != (self.counterexample is None):
            raise InputError("a proof has a counterexample if it does not hold, and only then; prove the model again")

    @property
    def holds(self) -> bool:
        """Whether every question is answered right."""
        return not self.wrong and not self.near and not self.open

    def __str__(self) -> str:
        checked = f"{self.states:,} {'sums' if self.dashes else 'states'}, {self.cases:,} cases"
        wrong = self.counterexample
        if wrong is None:
            reach = f"up to {self.dashes:,} dashes" if self.dashes else "any length"
            margin = f"the right logit is above the others by at least {cut(self.margin, 5)}"
            error = f"float32 is wrong by at most {self.bound:g}"
            if self.rounding is not None:
                error = f"float32 changes no such difference by more than {100 * self.rounding:.3g}% of it"
            right = f"every question of {self.task}, of {reach}, is answered right"
            return f"proved: {right} ({checked}; {margin}, and {error})"
        question, answer, prediction = map(shortened, (wrong.question, wrong.answer, wrong.prediction))
        prediction = visible(prediction)  # a blank in the middle of an answer
        if wrong.right and wrong.columns:
            kind = f"not proved: {question} is answered right, but may be answered wrong in {wrong.columns} columns"
        elif wrong.right:
            kind = f"not proved: rounding in float32 may decide how {question} is answered"
        else:
            kind = f"not proved: {question} is {answer}, and the model answers {prediction or 'nothing'}"
        undecided = f"{self.near:,} too near to tell" if self.open is None else f"{self.open:,} open"
        which = "it is the shortest such question" if self.is_shortest else "a shorter one may exist"
        return f"{kind}; {which} ({checked}, {self.wrong:,} wrong, {undecided})"

    def in_brief(self) -> str:
        """For a table: what is proved, or a question that is answered wrong, or may be."""
        if self.counterexample is not None:
            return (
                f"{'too near' if self.counterexample.right else 'wrong'} at {shortened(self.counterexample.question)}"
            )
        return f"up to {self.dashes:,} dashes" if self.dashes else "every length"

    def to_json(self) -> dict[str, Any]:
        """The fields, and whether the proof holds."""
        return dataclasses.asdict(self) | {"proved": self.holds}


def sha256(run: Run) -> str:
    """The checksum of a run's best weights; raises InputError if there are none yet."""
    try:
        return hashlib.sha256(run.best.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{run.place} has no best.npz ({error.strerror}); train the run first") from None


def config_sha256(run: Run) -> str:
    """The checksum of what a run's ``config.json`` says about the function that its weights compute.

    These are the parameters of the task, the model, with the checksums of custom code, and the precision; but not the
    options of the training. Raises InputError if the file cannot be read, or has changed since the run was opened: then
    it describes another function than that of the run, which was proved.
    """
    try:
        config = json.loads(run.config_path.read_bytes())
        data, train = config["data"], config["train"]
        parts = {"task": data["parameters"], "model": train["model"], "precision": train.get("precision")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{run.place}/config.json cannot be read; give the folder of a run") from None
    current = open_run(run.folder)
    if current.task != run.task or any(
        getattr(current.config, part) != getattr(run.config, part) for part in ("model", "precision")
    ):
        raise InputError(f"{run.place}/config.json has changed since the run was opened; open the run again")
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read(run: Run) -> Proof | None:
    """The proof of the network that a run has now; None if there is none, or it is that of another one."""
    try:
        proof = files.read_json(run.proof, Proof, further=True)  # whether it is ``proved`` follows from the rest
        is_of_run = proof.weights_sha256 == sha256(run) and proof.config_sha256 == config_sha256(run)
        return proof if is_of_run and proof.prover == PROVER and proof.task == run.task.name else None
    except (OSError, InputError):
        return None
