"""Sweeps: the runs of a file of options with several seeds, and tables of their results."""
