"""What is wrong with a recording or its truth, so that one bad file costs its own sequence and not the whole run."""


class DataProblemError(Exception):
    """A file of the evaluation is missing or malformed; the words name the file and what is expected of it."""
