"""The commands of ``arith-data``, one module each: what it refuses, calls and prints, and its exit code.

To add a command, write a module of its name with a ``run``, and add its options to ``pipelines/arguments.py``.
"""
