"""The commands of ``arith-model``, one module each: what it refuses before TensorFlow is imported, calls and prints.

To add a command, write a module of its name with a ``run``, and add its options to ``trainer/arguments.py``.
"""
