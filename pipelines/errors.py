"""The one exception for what a person gave and can put right."""


class InputError(ValueError):
    """Input that cannot be used.

    The message is one sentence that says what was given, what is allowed and what to do. The programs print it
    without a traceback and exit with code 2.
    """


class StoreError(RuntimeError):
    """An object store that fails, or cannot be reached; the message is one sentence."""


class PublishedError(StoreError):
    """A dataset is published, and what was to be done after that was not; the message is one sentence."""
