"""Proofs that a trained network is right at every length, or the shortest question that it answers wrong.

``README.md`` in this folder says why, and in which order to read. Nothing here uses the code of the models; NumPy is
all it needs::

    questions.py    all questions of any length, and the right answers, as a finite automaton
    automata.py     the same with what the layers of the network hold beside it
    tables.py       the weights as tables, and how far float32 can be from them
    counting.py     a counter, whose sums of whole numbers are exact
    windowed.py     a transformer whose attention sees finitely many combinations of characters
    boxes.py        a GRU whose real state stays in boxes
    shapes.py       the shapes of the weights of these networks
    networks.py     the networks that can be proved, an entry each
"""
