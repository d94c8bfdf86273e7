"""The commands of ``arith-model``, a function each: ``base/commands.py`` says how one is added.

Each refuses what it can before TensorFlow is imported. A module is named after its first command.
"""

from seq2seq_arith.trainer.commands.program import ARITH_MODEL

# Each adds its commands, in the order of the help.
# isort: off
from seq2seq_arith.trainer.commands import train, describe, evaluate, predict, sweep  # noqa: F401
# isort: on

parser = ARITH_MODEL.parser  # for the site, which shows the help of every command
