"""How a dataset is cut into files, and the format of each."""
