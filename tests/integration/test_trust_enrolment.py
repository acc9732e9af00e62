"""Tokens and certificates over a real database: single use, expiry, renewal, revocation. Issue 6, point 4."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.__main__ import cloud_cli
from cloud.store.audit import Audit
from cloud.trust.desk import TrustDesk, trust_desk
from cloud.trust.errors import CertificateRefusedError, RequestRefusedError, TokenRefusedError, TrustError
from cloud.trust.issuing import Order
from cloud.trust.register import OTHERS
from cloud.trust.settings import TrustSettings
from contract.enrolment import Claim, Credentials, join_token, split_token
from edge.identity import keys
from tests.support.cloud import StillClock, opened
from tests.support.trust import ASKER, DAY_MS, claim, desk_at, renewal

GATE = "gate-1"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
async def desk(tmp_path: Path, clock: StillClock) -> AsyncIterator[TrustDesk]:
    async with desk_at(f"sqlite:///{tmp_path / 'cloud.db'}", tmp_path, clock) as found:
        yield found


async def invited(desk: TrustDesk, device: str = GATE) -> str:
    return await desk.enrolment.invite(device, by=ASKER)


async def enrolled(desk: TrustDesk) -> tuple[bytes, Credentials]:
    key = keys.make_key()
    return key, await desk.enrolment.claim(claim(await invited(desk), key=key))


async def test_a_token_buys_a_certificate_of_the_device_alone(desk: TrustDesk, clock: StillClock) -> None:
    key, bought = await enrolled(desk)
    term = keys.check(bought, key=key, device=GATE, pin=desk.authority.pin())
    assert term.begins_ms < clock.ms < term.expires_ms
    assert abs(term.expires_ms - clock.ms - 90 * DAY_MS) < 1000
    certificate = x509.load_pem_x509_certificate(bought.certificate.encode())
    assert [
        usage.dotted_string for usage in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    ] == [
        "1.3.6.1.5.5.7.3.2"  # clientAuth and nothing else
    ]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


async def test_a_token_is_good_once_but_answers_the_key_that_used_it_again(desk: TrustDesk) -> None:
    token, key = await invited(desk), keys.make_key()
    first = await desk.enrolment.claim(claim(token, key=key))
    assert await desk.enrolment.claim(claim(token, key=key)) == first
    with pytest.raises(TokenRefusedError, match="used already"):
        await desk.enrolment.claim(claim(token))


async def test_of_many_claims_at_once_one_wins(desk: TrustDesk) -> None:
    token = await invited(desk)
    answers = await asyncio.gather(*(desk.enrolment.claim(claim(token)) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(answer, Credentials) for answer in answers) == 1
    assert sum(isinstance(answer, TokenRefusedError) for answer in answers) == 5
    assert len(await desk.register.certificates_of(GATE)) == 1


async def test_claims_of_the_same_key_at_once_get_the_same_certificate(desk: TrustDesk) -> None:
    token, key = await invited(desk), keys.make_key()
    answers = await asyncio.gather(*(desk.enrolment.claim(claim(token, key=key)) for _ in range(4)))
    assert len({answer.certificate for answer in answers}) == 1


async def test_a_token_dies(desk: TrustDesk, clock: StillClock) -> None:
    token = await invited(desk)
    clock.ms += 24 * 3_600_000 + 1
    with pytest.raises(TokenRefusedError, match="died of age"):
        await desk.enrolment.claim(claim(token))


async def test_a_second_invitation_ends_the_first(desk: TrustDesk) -> None:
    first, second = await invited(desk), await invited(desk)
    with pytest.raises(TokenRefusedError, match="not known here"):
        await desk.enrolment.claim(claim(first))
    assert await desk.enrolment.claim(claim(second))


async def test_who_guesses_learns_nothing(desk: TrustDesk, clock: StillClock) -> None:
    """An unknown id, a wrong secret and a wrong secret of a dead or used token get the same words."""
    token = split_token(await invited(desk))
    guesses = [token.id, "0" * 16, "x\0y", "é"]
    words = set()
    for age_ms in (0, 2 * DAY_MS):
        clock.ms += age_ms
        for token_id in guesses:
            guess = f"aff1.{token_id}.{'A' * 43}.{token.pin}"
            with pytest.raises(TokenRefusedError) as caught:
                await desk.enrolment.claim(claim(guess))
            words.add(str(caught.value))
    assert words == {"this token is not known here"}


async def test_a_token_is_for_one_device_and_one_authority(desk: TrustDesk) -> None:
    token = split_token(await invited(desk))
    with pytest.raises(TokenRefusedError, match="another name"):
        await desk.enrolment.claim(claim(join_token(token), device="gate-2"))
    with pytest.raises(TokenRefusedError, match="another authority"):
        await desk.enrolment.claim(claim(f"aff1.{token.id}.{token.secret}.{'0' * 64}"))
    with pytest.raises(TokenRefusedError, match="copied whole"):
        await desk.enrolment.claim(claim("aff1.only"))


async def test_a_request_for_another_name_spends_no_token(desk: TrustDesk) -> None:
    token = await invited(desk)
    other = Claim(token=token, device=GATE, request=keys.request_of(keys.make_key(), "gate-2"))
    with pytest.raises(RequestRefusedError, match="only common name"):
        await desk.enrolment.claim(other)
    assert await desk.enrolment.claim(claim(token))


async def test_a_certificate_buys_the_next_and_is_good_until_its_end(desk: TrustDesk, clock: StillClock) -> None:
    key, first = await enrolled(desk)
    clock.ms += 60 * DAY_MS
    ask = renewal(first.certificate, key, keys.make_key())
    second = await desk.enrolment.renew(ask)
    assert second.expires > first.expires
    assert await desk.enrolment.renew(ask) == second  # an answer that was lost
    assert len(await desk.register.certificates_of(GATE)) == 2


async def test_who_found_an_old_copy_of_a_disk_does_not_live_on_beside_the_device(
    desk: TrustDesk, clock: StillClock
) -> None:
    key, first = await enrolled(desk)
    clock.ms += 60 * DAY_MS
    next_key = keys.make_key()
    ask = renewal(first.certificate, key, next_key)
    second = await desk.enrolment.renew(ask)
    clock.ms += 6 * DAY_MS
    assert await desk.enrolment.renew(renewal(first.certificate, key, keys.make_key())), "it lost what it got"
    clock.ms += 2 * DAY_MS
    with pytest.raises(CertificateRefusedError, match="a newer certificate of this device"):
        await desk.enrolment.renew(renewal(first.certificate, key, keys.make_key()))
    assert await desk.enrolment.renew(ask) == second, "the device itself kept the key that it asked with"


async def test_an_expired_certificate_is_renewed_within_grace_alone(desk: TrustDesk, clock: StillClock) -> None:
    key, first = await enrolled(desk)
    clock.ms += 119 * DAY_MS
    assert await desk.enrolment.renew(renewal(first.certificate, key, keys.make_key()))
    clock.ms += 2 * DAY_MS
    with pytest.raises(CertificateRefusedError, match="too long ago"):
        await desk.enrolment.renew(renewal(first.certificate, key, keys.make_key()))


async def test_renewal_needs_the_key_and_another_one(desk: TrustDesk) -> None:
    key, first = await enrolled(desk)
    with pytest.raises(CertificateRefusedError, match="not by the key"):
        await desk.enrolment.renew(renewal(first.certificate, keys.make_key(), keys.make_key()))
    with pytest.raises(CertificateRefusedError, match="another key"):
        await desk.enrolment.renew(renewal(first.certificate, key, key))
    with pytest.raises(CertificateRefusedError, match="not known here"):
        await desk.enrolment.renew(renewal(desk.authority.pem(), key, keys.make_key()))
    with pytest.raises(RequestRefusedError, match="only common name"):
        await desk.enrolment.renew(renewal(first.certificate, key, keys.make_key(), device="gate-2"))


async def test_a_device_cannot_fill_the_register(desk: TrustDesk) -> None:
    key, first = await enrolled(desk)
    with pytest.raises(CertificateRefusedError, match="too often today"):
        for _ in range(16):
            await desk.enrolment.renew(renewal(first.certificate, key, keys.make_key()))


async def test_what_is_revoked_stays_revoked(desk: TrustDesk) -> None:
    """Certificates, the token that was used, one that waits; then a new invitation makes good."""
    token, key = await invited(desk), keys.make_key()
    first = await desk.enrolment.claim(claim(token, key=key))
    waiting = await invited(desk)
    assert await desk.revocation.revoke(GATE, by=ASKER) == 1
    assert await desk.revocation.revoke(GATE, by=ASKER) == 0
    with pytest.raises(CertificateRefusedError, match="was revoked"):
        await desk.enrolment.renew(renewal(first.certificate, key, keys.make_key()))
    for dead in (token, waiting):
        with pytest.raises(TokenRefusedError):
            await desk.enrolment.claim(claim(dead, key=key))
    listed = x509.load_pem_x509_crl(desk.authority.revocation_list().encode())
    serial = x509.load_pem_x509_certificate(first.certificate.encode()).serial_number
    assert [each.serial_number for each in listed] == [serial]
    assert (await enrolled(desk))[1].certificate != first.certificate
    assert desk.authority.listed() == {serial}


async def test_revoking_while_a_device_renews_leaves_it_nothing(desk: TrustDesk) -> None:
    key, first = await enrolled(desk)
    asked = [desk.enrolment.renew(renewal(first.certificate, key, keys.make_key())) for _ in range(4)]
    await asyncio.gather(*asked, desk.revocation.revoke(GATE, by=ASKER), return_exceptions=True)
    assert all(each.revoked_ms is not None for each in await desk.register.certificates_of(GATE))


async def test_a_list_that_was_not_written_is_made_good(desk: TrustDesk, clock: StillClock) -> None:
    """As by a kill between the register and the list."""
    await enrolled(desk)
    await desk.register.revoke(GATE, by=ASKER, now_ms=clock.ms)
    assert not desk.authority.listed()
    assert await desk.revocation.refresh()
    assert len(desk.authority.listed()) == 1
    assert not await desk.revocation.refresh()


async def test_lists_written_in_a_row_are_each_newer_and_none_is_from_the_future(
    desk: TrustDesk, clock: StillClock
) -> None:
    moments = []
    for _ in range(5):
        desk.authority.write_list([], clock.ms)
        moments.append(x509.load_pem_x509_crl(desk.authority.revocation_list().encode()).last_update_utc)
    assert moments == sorted(set(moments))
    assert moments[-1].timestamp() * 1000 < clock.ms


async def test_who_did_what_is_noted(tmp_path: Path, clock: StillClock) -> None:
    async with opened(f"sqlite:///{tmp_path / 'cloud.db'}") as database:
        desk = trust_desk(TrustSettings(), tmp_path, database=database, clock=clock)
        desk.authority.init(clock.ms)
        key, first = await enrolled(desk)
        await desk.enrolment.renew(renewal(first.certificate, key, keys.make_key()))
        await desk.revocation.revoke(GATE, by=ASKER)
        noted = [(row["actor"], row["action"], row["target"]) for row in await Audit(database).page(limit=9)]
    assert noted == [
        ("test", "device.revoke", GATE),
        (f"device:{GATE}", "certificate.renew", GATE),
        (f"device:{GATE}", "device.enrol", GATE),
        ("test", "device.invite", GATE),
    ]


async def test_a_server_of_the_same_name_is_not_touched(desk: TrustDesk) -> None:
    """Who may revoke devices must not take the broker's certificate away by a device's name."""
    _, bought = await enrolled(desk)
    order = Order("server", GATE, (GATE,), 30)
    await desk.issuing.sign_request(order, keys.request_of(keys.make_key(), GATE))
    assert [each.pem for each in await desk.register.certificates_of(GATE)] == [bought.certificate]
    assert await desk.revocation.revoke(GATE, by=ASKER) == 1
    assert await desk.revocation.revoke(GATE, by=ASKER, kinds=OTHERS) == 1


@pytest.mark.parametrize("torn", [b"", b"-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n", None])
async def test_a_list_that_is_gone_or_torn_is_written_anew(desk: TrustDesk, torn: bytes | None) -> None:
    await enrolled(desk)
    await desk.revocation.revoke(GATE, by=ASKER)
    path, listed = desk.authority.crl_path, desk.authority.listed()
    assert len(listed) == 1
    path.unlink() if torn is None else path.write_bytes(torn)
    assert await desk.revocation.refresh()
    assert desk.authority.listed() == listed


async def test_devices_are_listed_with_how_they_stand(desk: TrustDesk, clock: StillClock) -> None:
    await enrolled(desk)
    await invited(desk, "gate-2")
    first, second = await desk.register.devices()
    assert (first.device, first.revoked_ms, first.invited_until_ms) == (GATE, None, None)
    assert (second.device, second.expires_ms, second.invited_until_ms) == ("gate-2", None, clock.ms + DAY_MS)


_SECRET = st.text(max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    token=_SECRET | st.builds("aff1.{}.{}.{}".format, _SECRET, _SECRET, st.just("0" * 64)), request=st.text(max_size=80)
)
async def test_nothing_but_a_refusal_comes_of_nonsense(desk: TrustDesk, token: str, request: str) -> None:
    with pytest.raises(TrustError):
        await desk.enrolment.claim(Claim(token=token, device=GATE, request=request))


def test_the_authority_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    config = tmp_path / "cloud.toml"
    config.write_text(f'state_dir = "{tmp_path / "state"}"\n')

    def cloud(*words: str) -> str:
        done = CliRunner().invoke(cloud_cli, [*words, "--config", str(config)])
        assert done.exit_code == 0, done.output
        return done.output

    cloud("authority", "init")
    before = {path.name: path.read_bytes() for path in (tmp_path / "state" / "authority").iterdir()}
    assert '"changed":false' in cloud("authority", "init", "--json")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "state" / "authority").iterdir()}
    assert (tmp_path / "state" / "authority" / "key.pem").stat().st_mode & 0o777 == 0o600
    sans = ("--san", "localhost", "--san", "::1")
    assert '"changed":true' in cloud("authority", "issue-server", "localhost", *sans, "--json")
    assert '"changed":false' in cloud("authority", "issue-server", "localhost", *sans, "--json")
    assert '"changed":true' in cloud("authority", "issue-server", "localhost", "--json")
    request, certificate = tmp_path / "request.pem", tmp_path / "certificate.pem"
    request.write_text(keys.request_of(keys.make_key(), "whatever"))
    cloud("authority", "issue-server", "broker", "--request", str(request), "--out", str(certificate))
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    assert made.subject.rfc4514_string() == "CN=broker"
    cloud("authority", "issue-client", "ingest")
    assert "1 certificates of @ingest revoked" in cloud("authority", "revoke", "@ingest")
    assert '"changed":true' in cloud("authority", "issue-client", "ingest", "--json")
    assert "X509 CRL" in cloud("authority", "crl")
    reader = tmp_path / "crl.pem"
    reader.write_text("the one before")
    with reader.open() as half_read:
        cloud("authority", "crl", "--out", str(reader))
        assert half_read.read() == "the one before", "it is replaced whole"
    assert "X509 CRL" in reader.read_text()
    nowhere = CliRunner().invoke(
        cloud_cli, ["authority", "crl", "--out", str(tmp_path / "no" / "crl"), "--config", str(config)]
    )
    assert (nowhere.exit_code, "No such file" in nowhere.output) == (1, True)
    assert "user @ingest" in CliRunner().invoke(cloud_cli, ["authority", "broker-acl"]).output
