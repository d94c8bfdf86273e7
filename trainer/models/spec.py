"""The sizes of a network, as its building function is given them."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec:
    """The sizes of a network on a view.

    Attributes:
      hidden: Units per layer.
      layers: Number of layers; the network decides which of its layers they are.
      steps: Characters of an answer.
      depth: Characters of the alphabet.
      recurrent: The keywords ``unroll`` and ``use_cudnn`` of the recurrent layers.
    """

    hidden: int
    layers: int
    steps: int
    depth: int
    recurrent: dict[str, Any]
