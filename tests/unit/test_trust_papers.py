"""What strangers send to the authority, what it signs, and that the documents say what the program does. S6.4"""

import base64
import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud.trust import papers
from cloud.trust.authority import Authority
from cloud.trust.broker import SERVICE_SIGN, access_list, mosquitto_conf
from cloud.trust.errors import NoAuthorityError, RequestRefusedError
from cloud.trust.papers import Revoked, Wanted
from cloud.trust.requests import LARGEST, read_request
from contract.errors import InvalidIdError
from contract.ids import check_id
from edge.identity import keys
from tests.conftest import ROOT
from tests.support.cloud import START_MS

GATE = "gate-1"
RSA_512 = """-----BEGIN CERTIFICATE REQUEST-----
MIHKMHYCAQAwETEPMA0GA1UEAwwGZ2F0ZS0xMFwwDQYJKoZIhvcNAQEBBQADSwAw
SAJBAKqyBECu0SfEohbbxHUvIVfiAliVNniTifRTjtYd1OX5NVObKw00nF/4RmuD
bUE58RZgCTgrZNYpl/2NSriGR0ECAwEAAaAAMA0GCSqGSIb3DQEBCwUAA0EAcHzD
pSZvWHBHidTZHZY6ua7chP9ps46QBw9DwUEcUkkPloyOnoDA+38sbIciadGDlJhb
FfkQu8XpzSYkhiDBcg==
-----END CERTIFICATE REQUEST-----
"""


def request(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | None = None,
    *names: tuple[x509.ObjectIdentifier, str],
) -> str:
    """A signing request as somebody may make it."""
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in names or ((NameOID.COMMON_NAME, GATE),)])
    key = key or ec.generate_private_key(ec.SECP256R1())
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return x509.CertificateSigningRequestBuilder(subject).sign(key, algorithm).public_bytes(Encoding.PEM).decode()


def tampered(pem: str) -> str:
    """Another name under the same signature."""
    der = x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER).replace(b"gate-1", b"gate-2")
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM).decode()


def certificate_as_request() -> str:
    own = papers.root(ec.generate_private_key(ec.SECP256R1()), START_MS)
    return own.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: request(None, (NameOID.COMMON_NAME, "gate-2")), "only common name"),
        (lambda: request(None, (NameOID.COMMON_NAME, GATE), (NameOID.COMMON_NAME, "gate-2")), "only common name"),
        (lambda: request(None, (NameOID.COMMON_NAME, GATE), (NameOID.ORGANIZATION_NAME, "x")), "only common name"),
        (lambda: request(None, (NameOID.ORGANIZATION_NAME, GATE)), "only common name"),
        (lambda: RSA_512, "P-256"),
        (lambda: request(rsa.generate_private_key(65537, 2048)), "P-256"),
        (lambda: request(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (lambda: request(ec.generate_private_key(ec.SECP256K1())), "P-256"),
        (lambda: request(ed25519.Ed25519PrivateKey.generate()), "P-256"),
        (lambda: tampered(request()), "not signed with its own key"),
        (lambda: "x" * (LARGEST + 1), "more than"),
        (lambda: "", "no PEM"),
        (certificate_as_request, "no PEM"),
        (lambda: "\N{SNOWMAN}", "no PEM"),
    ],
)
def test_only_a_sound_request_for_the_devices_own_name_comes_through(make: Callable[[], str], words: str) -> None:
    with pytest.raises(RequestRefusedError, match=words):
        read_request(make(), GATE)


def test_a_devices_own_request_comes_through() -> None:
    assert read_request(keys.request_of(keys.make_key(), GATE), GATE)


_SOUND = x509.load_pem_x509_csr(request().encode()).public_bytes(Encoding.DER)


@settings(max_examples=300, deadline=None)
@example(place=7, value=1)  # a version that there is not
@given(place=st.integers(0, len(_SOUND) - 1), value=st.integers(0, 255))
def test_a_request_with_any_byte_changed_is_refused(place: int, value: int) -> None:
    changed = _SOUND[:place] + bytes([value]) + _SOUND[place + 1 :]
    if changed == _SOUND:
        return
    body = base64.encodebytes(changed).decode()
    with pytest.raises(RequestRefusedError):
        read_request(f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n", GATE)


@given(text=st.text(max_size=400))
def test_no_text_is_taken_for_a_request(text: str) -> None:
    for pem in (text, f"-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n"):
        with pytest.raises(RequestRefusedError):
            read_request(pem, GATE)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "authority")
    made.init(START_MS)
    return made


def signed(authority: Authority, wanted: Wanted, now_ms: int = START_MS) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.sign(wanted, now_ms).pem.encode())


def test_a_certificate_begins_early_and_never_outlives_the_authority(authority: Authority) -> None:
    key = read_request(request())
    made = signed(authority, Wanted("device", GATE, key, 90))
    assert papers.moment(START_MS) - made.not_valid_before_utc == datetime.timedelta(hours=1)
    late = START_MS + 3640 * 86_400_000
    assert signed(authority, Wanted("device", GATE, key, 90), late).not_valid_after_utc == (
        authority.certificate().not_valid_after_utc
    )


def test_a_server_may_only_serve_and_only_under_its_names(authority: Authority) -> None:
    wanted = Wanted("server", "broker", read_request(request()), 365, ("broker.example.org", "192.0.2.7", "::1"))
    made = signed(authority, wanted)
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [each.dotted_string for each in usage] == ["1.3.6.1.5.5.7.3.1"]
    sans = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in sans] == ["broker.example.org", "192.0.2.7", "::1"]
    for bad in ("", "a b", "https://x", "é"):
        with pytest.raises(ValueError, match="neither a host name"):
            papers.general_name(bad)


def test_the_root_signs_papers_and_nothing_below_it_does(authority: Authority) -> None:
    own = authority.certificate()
    constraints = own.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    usage = own.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)


def test_the_list_names_what_is_revoked_and_holds_as_long_as_the_authority(authority: Authority) -> None:
    authority.write_list([Revoked(7, START_MS), Revoked(9, START_MS)], START_MS)
    assert authority.listed() == {7, 9}
    listed = x509.load_pem_x509_crl(authority.revocation_list().encode())
    assert listed.next_update_utc == authority.certificate().not_valid_after_utc
    public = authority.certificate().public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert listed.is_signature_valid(public)


def test_a_killed_init_goes_on_with_the_same_key_and_a_lost_key_is_not_replaced(tmp_path: Path) -> None:
    first = Authority(tmp_path)
    with pytest.raises(NoAuthorityError, match="authority init"):
        first.pem()
    first.init(START_MS)
    key, pin = (tmp_path / "key.pem").read_bytes(), first.pin()
    (tmp_path / "certificate.pem").unlink()
    assert first.init(START_MS)
    assert (tmp_path / "key.pem").read_bytes() == key
    assert not first.init(START_MS)
    assert first.pin() != pin
    (tmp_path / "key.pem").unlink()
    with pytest.raises(NoAuthorityError, match="put it back"):
        first.init(START_MS)


def test_no_device_can_have_the_name_of_a_service() -> None:
    with pytest.raises(InvalidIdError):
        check_id(f"{SERVICE_SIGN}ingest")


def test_the_document_shows_the_brokers_configuration_as_it_is() -> None:
    shown = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    assert mosquitto_conf() in shown
    assert access_list() in shown


def test_home_assistant_is_let_in_only_where_that_is_wanted() -> None:
    assert "homeassistant" not in access_list()
    assert "pattern write homeassistant/device/%u/config" in access_list(home_assistant=True)
    assert access_list(["ingest", "ingest-2"]).count("user @ingest") == 2
