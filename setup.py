"""Packaging of seq2seq_arith; Beam's ``--setup_file`` reads this file too.

The three floors stand at the top of the checkout and install inside the ``seq2seq_arith`` namespace: a
top-level package called ``datasets`` in site-packages would overwrite Hugging Face's.
"""

from setuptools import setup

FLOORS = {
    "seq2seq_arith.pipelines": "pipelines",
    "seq2seq_arith.datasets": "datasets",
    "seq2seq_arith.datasets.seq2seq_arith": "datasets/seq2seq_arith",
    "seq2seq_arith.trainer": "trainer",
    "seq2seq_arith.trainer.models": "trainer/models",
}

setup(packages=list(FLOORS), package_dir=FLOORS)
