"""The questions: what a task is, which examples it has, and how they are written, answered and scored.

The core is pure NumPy, and imports nothing else::

    numbers, splitmix, letters    integers of any length, random words, words of letters, as columns of uint64
    decimal_text, notation        how operands and answers are written and read
    drawing, breakdowns           from random words to operands, and from operands to groups
    columns                       rules that write an answer column by column, which a proof follows

On it stand the tasks (``operations``, ``task``, ``draws``, ``coverage``), their suites (``suites``, ``slices``,
``held_out``), and what people type and read, with the files, options and tables of ``base``: ``text``,
``task_options``, ``own_tasks`` with its ``task_rules``, ``scoring``.
"""
