"""The lab's certificates: one authority, made anew for every lab, and what it signs.

One CA for servers, clients and the front proxy is enough here: who may be what is decided by the
subjects, and the CA's key never leaves the state directory.
"""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aicr_lab.state import write_private

# A lab lives for hours or days; one that is forgotten still works a year later.
_LIFETIME = datetime.timedelta(days=365)
# Clocks of the host and of what is suspended with it may differ a little.
_BACKDATED = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate and its key, on disk as ``<name>.crt`` and ``<name>.key`` (mode 0600)."""

    certificate: Path
    key: Path


class Authority:
    """The lab's CA in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def certificate(self) -> Path:
        """The CA's certificate."""
        return self._directory / "ca.crt"

    @property
    def key(self) -> Path:
        """The CA's key."""
        return self._directory / "ca.key"

    def create(self) -> None:
        """Make a new CA."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("aicr-lab", "")
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(name, name, key, signed_by=key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        self._save("ca", key, certificate)

    def issue(
        self, name: str, common_name: str, *, organization: str = "", hosts: Sequence[str] = ()
    ) -> Identity:
        """Signs a client certificate; one with ``hosts`` is good for a server too."""
        ca_key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey), "made by create()"
        ca = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _builder(_name(common_name, organization), ca.subject, key, signed_by=ca_key)
        if hosts:
            purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False).sign(
            ca_key, hashes.SHA256()
        )
        return self._save(name, key, certificate)

    def create_signing_key(self, name: str) -> Identity:
        """A key pair for service account tokens; ``.crt`` is the bare public key."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return self._write(name, key, public)

    def identity(self, name: str) -> Identity:
        """What was issued under a name."""
        return Identity(
            certificate=self._directory / f"{name}.crt", key=self._directory / f"{name}.key"
        )

    def _save(
        self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
    ) -> Identity:
        return self._write(name, key, certificate.public_bytes(serialization.Encoding.PEM))

    def _write(self, name: str, key: ec.EllipticCurvePrivateKey, public: bytes) -> Identity:
        identity = self.identity(name)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            # The API server reads service account keys in the traditional form only.
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        write_private(identity.key, pem)
        write_private(identity.certificate, public)
        return identity


def _name(common_name: str, organization: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    signed_by: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    # Both key identifiers, as Go's programs set them: Python takes no certificate without from
    # 3.13 on.
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key())
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority, critical=False)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
