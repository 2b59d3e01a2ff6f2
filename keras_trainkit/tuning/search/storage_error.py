"""What a storage that fails in the middle of a search becomes."""


class StorageError(Exception):
    """The storage cannot be reached: no fault of the trial's, and the end of the search."""
