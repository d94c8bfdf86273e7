"""The base of all layers, which knows nothing of arithmetic; importing it takes the standard library alone."""
