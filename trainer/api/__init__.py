"""The Python interface that ``import seq2seq_arith`` offers: datasets and trained runs as objects."""
