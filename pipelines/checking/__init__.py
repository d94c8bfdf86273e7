"""Independent witnesses: they read a dataset back and draw it again, with code that the writer does not share."""
