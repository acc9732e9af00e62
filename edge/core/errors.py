"""What can go wrong, by what it means for the one who must decide."""


class EdgeError(Exception):
    """Root of the errors of the appliance."""


class SourceUnavailableError(EdgeError):
    """A camera or sensor cannot be opened or was lost; trying again later may help."""


class SourceEndedError(EdgeError):
    """A finite source came to its end as planned."""


class ModelError(EdgeError):
    """A model cannot be used: its file is missing, its digest is wrong or its graph fails its self-test."""


class StoreError(EdgeError):
    """The local store cannot take a record now: the disk is full or the file is damaged."""


class StoreDelayedError(StoreError):
    """The record waits in memory and becomes durable when the disk takes it: do not append it again."""


class RecordInvalidError(StoreError):
    """The record breaks the contract and is never kept: do not append it again. The store has told of its loss."""


class LinkError(EdgeError):
    """The broker or the object storage cannot be reached or refuses us; trying again later may help."""


class PlanConflictError(EdgeError):
    """A camera's plan was changed by somebody else meanwhile; the message names the version that is there now."""


class UnknownError(EdgeError):
    """What was named is not there; the message says what there is."""


class RefusedError(EdgeError):
    """It cannot be done as things stand; the message says why, and what to do about it."""
