"""Tasks of arithmetic: their parameters and examples, and how questions are written, answered and scored.

The core imports only NumPy::

    numbers, splitmix, letters    integers of any length, random words, words of letters, as columns of uint64
    decimal_text, notation        how operands and answers are written and read
    sampling, breakdowns          from random words to operands, and from operands to groups
    columns                       rules that write an answer column by column, for proofs

The tasks build on the core (``operations``, ``task``, ``draws``, ``coverage``), and so do their suites (``suites``,
``slices``, ``held_out``). The text that people type and read also uses the files, options and tables of ``base``:
``text``, ``task_options``, ``own_tasks`` with its ``task_rules``, ``scoring``.
"""
