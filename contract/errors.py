"""The ways in which something from outside can break the agreement."""


class ContractError(ValueError):
    """Something from outside does not keep the contract; the message names the place and the remedy."""


class InvalidIdError(ContractError):
    """An identifier has a character or a length that a topic, a key or a path could not carry safely."""


class InvalidMessageError(ContractError):
    """A payload is not a message of this contract."""


class InvalidManifestError(ContractError):
    """A model's manifest is malformed or contradicts itself."""


class InvalidSettingsError(ContractError):
    """A setting is unknown, of the wrong type or out of its bounds; the message names its path and its value."""


class InvalidPlanError(ContractError):
    """A camera's plan is malformed; the message names the field."""
