"""The base of all layers: errors, events, files, options and tables, without arithmetic.

Importing it needs only the standard library.
"""
