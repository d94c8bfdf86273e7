"""The questions: notation, tasks, draws, text and suites, in pure NumPy."""
