"""Certificates and keys as people have them on disk, made with Python's cryptography."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
FORMS = serialization.PrivateFormat
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject: str, key, issuer: str, issuer_key, begins=NOW - DAY, ends=NOW + DAY) -> str:
    builder = x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number(), begins, ends)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(PEM).decode()


def pem(key, form=FORMS.PKCS8, encryption=None) -> str:
    return key.private_bytes(PEM, form, encryption or serialization.NoEncryption()).decode()


def ssh_public_key(key) -> str:
    """The public half as OpenSSH writes it, of a private or a public key."""
    public = key.public_key() if hasattr(key, "public_key") else key
    return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
