"""Evaluation of trained networks: scores on sets and suites, predictions, and a search for wrong answers."""
