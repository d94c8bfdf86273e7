"""What ends a training that could not know it beforehand."""


class TrainingError(Exception):
    """A training that cannot go on. The message says why, and what is left."""


class DivergedError(TrainingError):
    """The loss, or a weight, is no longer a number. The message says where, and which checkpoint is good."""


class LostMachineError(TrainingError):
    """Another machine of the cluster is gone. The message says how to go on."""
