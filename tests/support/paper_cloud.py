"""The cloud as a device that enrols sees it, without a network: asked again with the same key, it answers the same."""

from pathlib import Path

from cloud.store.clock import SystemClock
from cloud.trust.authority import Authority
from cloud.trust.papers import Wanted
from cloud.trust.requests import digest_of, read_request
from contract.enrolment import Claim, Credentials, Renewal, Token, join_token
from contract.times import to_wire
from edge.core.errors import EdgeError, RefusedError

DAY_MS = 86_400_000


class PaperCloud:
    """A `Door`. `now_ms` is its clock, `trouble` what it raises instead of answering."""

    def __init__(self, folder: Path, now_ms: int | None = None, *, days: float = 90.0) -> None:
        self.now_ms = now_ms or SystemClock().now_ms()
        self.days = days
        self.trouble: EdgeError | None = None
        self.asked = 0
        self.trusted: list[str] = []
        self._authority = Authority(folder)
        self._authority.init(self.now_ms)
        self._spent_on = ""
        self._given: dict[str, Credentials] = {}

    @property
    def token(self) -> str:
        """The one that it knows."""
        return join_token(Token(id="t1", secret="s1", pin=self._authority.pin()))  # noqa: S106 - a test's

    def forgetful(self) -> "PaperCloud":
        """Itself, as if nobody had asked yet."""
        self._spent_on = ""
        return self

    def authority(self) -> str:
        """Its authority."""
        return self._authority.pem()

    def claim(self, claim: Claim, authority: str) -> Credentials:
        """For one key."""
        self.trusted.append(authority)
        given = self._certify(claim.request, claim.device)
        key = digest_of(read_request(claim.request))
        if claim.token != self.token or self._spent_on not in {"", key}:
            raise RefusedError("this token was used already")
        self._spent_on = key
        return given

    def renew(self, renewal: Renewal, authority: str) -> Credentials:
        """For any key."""
        self.trusted.append(authority)
        return self._certify(renewal.request, "gate-1")

    def cut(self) -> None:
        """Nothing hangs here."""

    def _certify(self, request: str, device: str) -> Credentials:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        key = read_request(request, device)
        if digest_of(key) not in self._given:
            issued = self._authority.sign(Wanted("device", device, key, self.days), self.now_ms)
            self._given[issued.key_digest] = Credentials(
                device=device,
                certificate=issued.pem,
                authority=self._authority.pem(),
                expires=to_wire(issued.expires_ms),
            )
        return self._given[digest_of(key)]
