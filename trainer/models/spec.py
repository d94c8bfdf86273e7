"""What builds a network is given: the sizes of its task and of its layers. The files of custom models import it."""

import dataclasses
from typing import Any

import keras


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec:
    """The sizes of a network on an input format, and what its characters mean."""

    name: str  #: the network's
    hidden: int  #: units per layer
    layers: int  #: their number; the network decides which of its layers they are
    question_shape: tuple[int, ...]  #: of one question: (steps,) or (steps, channels)
    steps: int  #: characters of an answer
    alphabet: str  #: the characters, in the order of their ids
    units_first: bool = False  #: whether the digits of an operand start from the least significant one
    unseen: int | None = None  #: the id of the characters of the question that attention must not see, if there is one
    options: dict[str, Any] = dataclasses.field(default_factory=dict)  #: the other settings of the network, by name
    unroll: bool = False  #: whether recurrent layers should be unrolled, which makes short ones faster on a CPU
    on_gpu: bool = False  #: whether the network runs on GPUs, and may use cuDNN

    @property
    def depth(self) -> int:
        """Characters of the alphabet."""
        return len(self.alphabet)

    @property
    def recurrent(self) -> dict[str, Any]:
        """The keywords ``unroll`` and ``use_cudnn`` of recurrent layers."""
        return {"unroll": self.unroll, "use_cudnn": "auto" if self.on_gpu else False}

    def question(self) -> Any:
        """A Keras input of question ids, int32 [examples, *question_shape]."""
        return keras.Input(self.question_shape, dtype="int32", name="question")

    def previous(self) -> Any:
        """A Keras input of the character before each of the answer, int32 [examples, steps]; the first is ``depth``."""
        return keras.Input((self.steps,), dtype="int32", name="previous")
