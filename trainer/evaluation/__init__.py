"""Asking the networks of runs: scores on sets and suites, predictions, and a search for wrong answers."""
