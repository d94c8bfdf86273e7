"""Checks the proof of a run: an independent program that needs only Python and NumPy. Start here to read it.

    python -I trainer/proving/check RUN_FOLDER

It prints ``yes`` or ``no`` with one sentence, and ends with exit code 0 or 1. It shares no code with the trainer or the
prover. Nothing in ``proof.json`` or in the certificate is believed: what they state is only taken as a suggestion of
which states can be reached, and the check fails if a state, a transition or a case is missing.

What it trusts:

1. Python, NumPy and this machine, for float64 and float32.
2. The description of the network in ``latches.py``, ``small_adder.py``, ``gru.py``, ``counter.py`` or
   ``windowed.py``. The real network runs in float32. It may add in any order, fuse multiplications with additions, and
   read numbers below 2^-126 as zero; its tanh and its sigmoid have an error of at most 2^-20.
3. The input format ``aligned``: it shows a question as columns of two characters, the units first, with blanks after
   the last digit of each operand, and with at least one column of blanks. The answer has one character per column. (The
   counter reads its question as it is written, with blanks after it; the transformer, as ``windowed.py`` says.)
4. The rules in ``rules.py``, which say what the right answer is.

Read in this order: ``reading.py`` (the files), ``rules.py`` (the task), ``floats.py`` (rounding errors), and then the
module of a network. To add a kind of network, write a module with the two functions of ``small_adder.py``, ``shapes``
and ``check``, and add its name to ``NETWORKS``.
"""

import sys
from pathlib import Path

import counter
import gru
import latches
import numpy as np
import reading
import small_adder
import windowed
from reading import Refused

# The kinds of networks, by the name of the model in the configuration.
NETWORKS = {
    "latch_tagger": latches,
    "small_adder": small_adder,
    "gru_tagger": gru,
    "counter": counter,
    "causal": windowed,
}


def verdict(folder: Path) -> str:
    """What is proved about the run in a folder, as a sentence; raises Refused if nothing is."""
    run = reading.open_run(folder)
    network = NETWORKS.get(run.network)
    if network is None:
        raise Refused(f"there is no check for the model {run.network}; there is one for {', '.join(NETWORKS)}")
    return network.check(run, reading.weights(run, network.shapes(run)))


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -I trainer/proving/check RUN_FOLDER", file=sys.stderr)
        return 2
    try:
        with np.errstate(all="ignore"):
            print(f"yes: {verdict(Path(arguments[0]))}")
        return 0
    except Refused as error:
        print(f"no: {error}")
    except Exception as error:  # a file is not as it must be, in a way that is not described
        print(f"no: the check fails ({error!r})")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
