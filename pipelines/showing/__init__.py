"""Shows a dataset: rows, statistics, and a question in one-hot; for ``arith-data show`` and the demo."""
