"""Who wears a sensor, as far as anybody knows, and whether anything that it says may be kept."""

from edge.affect.session import Viewing, Viewings


class Wearer:
    """The wearer of one sensor, by what sessions and settings say. Belongs to the event loop.

    Of who did not agree, or took it back, nothing is kept, not even without a name: the sensor and the time tell who it
    was. That lasts until the sensor was taken off, or somebody who agreed wears it.
    """

    def __init__(self, sensor_id: str, viewings: Viewings) -> None:
        self._sensor_id = sensor_id
        self._viewings = viewings
        self._known: str | None = None
        self.unwilling = False
        """Whether nothing of who wears the sensor now may be kept."""

    def named(self, viewing: Viewing | None) -> str | None:
        """Who wears it in a viewing, or in the device's own run by the settings; None if nobody says."""
        return viewing.user_id if viewing else self._viewings.wearer(self._sensor_id)

    def meet(self, viewing: Viewing | None) -> bool:
        """Hear whose run it is; whether what is remembered may be another's than theirs, and has to go."""
        named, before, were_unwilling = self.named(viewing), self._known, self.unwilling
        if named is not None:
            self._known, self.unwilling = named, not self._viewings.may_name(named)
            return before not in {None, named} or (were_unwilling and not self.unwilling)
        if before is not None and not self._viewings.may_name(before):
            self._known, self.unwilling = None, True
            return True
        return False

    def take_off(self) -> None:
        """The sensor fell silent."""
        self.unwilling = False

    def erase(self, user: str) -> bool:
        """They were erased; whether it was they who wear it."""
        if self._known != user:
            return False
        self._known, self.unwilling = None, True
        return True
