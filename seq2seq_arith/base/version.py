"""The version of the program. It is in the lowest package, so that every package can import it."""

__version__ = "0.2.0.dev0"
