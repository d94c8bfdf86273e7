"""The commands of ``arith-data``, a function each: ``base/commands.py`` says how one is added.

All modules are imported for every command, so those that import PyArrow or Beam do so in their functions.
"""

from seq2seq_arith.pipelines.commands.program import ARITH_DATA

# Each adds its command, in the order of the help.
# isort: off
from seq2seq_arith.pipelines.commands import show, generate, plan, verify, fetch, suite, score, card  # noqa: F401
# isort: on

parser = ARITH_DATA.parser  # for the site, which shows the help of every command
