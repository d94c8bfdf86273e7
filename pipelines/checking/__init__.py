"""The checks of a finished dataset: what its metadata says, its files, and every example of it."""
