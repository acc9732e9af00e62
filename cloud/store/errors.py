"""What can go wrong with the database, by what it means for the one who must decide."""


class StoreError(Exception):
    """Root of the errors of the cloud's database."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached or refuses us now; trying again later may help."""


class UnstorableError(StoreError):
    """What was given can never be stored: a value that no column takes."""


class AccountError(StoreError):
    """Root of what is refused about accounts; its words may be shown to whoever asked."""


class AlreadyExistsError(AccountError):
    """An account of that name is there already."""


class UnknownAccountError(AccountError):
    """There is no account of that name."""


class AccountRefusedError(AccountError):
    """The accounts may not become so: no admin would be left, there are too many, or the name is none."""
