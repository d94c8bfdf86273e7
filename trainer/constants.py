"""Numbers that networks share with what evaluates them without TensorFlow; exported models contain this file."""

# The gates of a counter are this many times the result of kernel and bias. A step of Adam is equally large for every
# weight, so they move faster than the other layers, and saturate. With 1, the units count only nearly right, and no
# further than in the training.
COUNTER_STEEPNESS = 20.0
# One latch per this number of units of a dense layer, and half as many in several layers of latches. With few latches,
# a proof has few cases; but the only layer must find the carry with every seed.
UNITS_PER_LATCH = 8
# Of a ``gru_tagger``: the units of the vectors of pairs, and of each dense layer.
GRU_PAIR_UNITS, GRU_DENSE_UNITS = 24, 48
READOUT_UNITS = 32  # of each layer that reads the counts of a counter
