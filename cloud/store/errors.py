"""What can go wrong with the database, by what it means for the one who must decide."""


class StoreError(Exception):
    """Root of the errors of the cloud's database."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached or refuses us now; trying again later may help."""


class UnstorableError(StoreError):
    """What was given can never be stored: a value that no column takes."""


class AlreadyExistsError(StoreError):
    """A user of that name is there already."""
