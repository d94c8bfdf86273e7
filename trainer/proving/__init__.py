"""Proofs that a trained network is right at every length, or the shortest question that it answers wrong.

A network of latches is a finite automaton, and the small adder of ``examples/`` sees two columns of digits and
one character. So there are finitely many cases, and all of them are checked::

    questions.py    all questions of any length, and the right answers, as a finite automaton
    automata.py     the same with what the layers of the network hold beside it
    tables.py       the weights as tables, and how far float32 can be from them

Nothing here uses the code of the models; NumPy is all it needs. ``training/proof.py`` goes from a run to its proof, and
``training/mending.py`` trains on what a proof has found, until there is nothing to be found.
"""
