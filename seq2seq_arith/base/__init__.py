"""The base of all layers: errors, files, options, terminal, progress, machine. It knows nothing of arithmetic.

Importing a module of this package imports nothing but the standard library.
"""
