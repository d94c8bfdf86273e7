"""The base of all layers, which knows nothing of arithmetic; its modules import the standard library alone."""
