"""``python -m seq2seq_arith``: the programs of the package, and its versions."""

import textwrap

from seq2seq_arith.base.packages import versions
from seq2seq_arith.base.version import __version__

PROGRAMS = """\
arith-data    datasets: python -m seq2seq_arith.pipelines
arith-model   networks: python -m seq2seq_arith.trainer
Add --help to each of them. In Python: import seq2seq_arith"""

if __name__ == "__main__":
    print(f"seq2seq_arith {__version__}\n{versions()}\n\nPrograms:\n{textwrap.indent(PROGRAMS, '  ')}")
