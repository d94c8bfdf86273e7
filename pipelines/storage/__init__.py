"""Where datasets are kept: a directory or an object store."""
