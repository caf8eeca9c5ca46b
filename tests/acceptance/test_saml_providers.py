"""SAML providers as boto3 and the AWS CLI know them, with certificates and private keys as identity providers make them."""

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from world import HOME_ACCOUNT

ARN = f"arn:aws:iam::{HOME_ACCOUNT}:saml-provider/corp"


def certificate(key) -> str:
    """A certificate that signs itself, expired long ago: nobody asks for its time."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example.com")])
    begin = datetime.datetime(2015, 1, 1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=365))
    return base64.b64encode(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)).decode()


def metadata(*keys, attributes: str = "") -> str:
    """Metadata as AD FS and others write it: line breaks in the certificates, more about the provider than anybody reads."""
    signing = "".join(
        f"""
    <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>
{chr(10).join(text[at : at + 64] for at in range(0, len(text), 64))}
    </X509Certificate></X509Data></KeyInfo></KeyDescriptor>"""
        for text in map(certificate, keys)
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<EntityDescriptor ID="_1" entityID="http://idp.example.com/adfs/services/trust" {attributes}
    xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
  <RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="fed:ApplicationServiceType"
      xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706"
      protocolSupportEnumeration="http://docs.oasis-open.org/ws-sx/ws-trust/200512"/>
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{signing}
    <SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/adfs/ls/"/>
    <NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</NameIDFormat>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/adfs/ls/"/>
  </IDPSSODescriptor>
  <ContactPerson contactType="support"><GivenName>Jos\u00e9 &amp; al.</GivenName></ContactPerson>
</EntityDescriptor>
"""


@pytest.fixture(scope="module")
def keys():
    return [rsa.generate_private_key(65537, 2048) for _ in range(4)]


def pem(key, form=serialization.PrivateFormat.PKCS8, encryption=None) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, encryption or serialization.NoEncryption()).decode()


def test_a_provider_lives_from_its_making_to_its_deletion(world, keys):
    root = world.root
    iam = root.boto("iam")
    document = metadata(keys[0], ec.generate_private_key(ec.SECP384R1()), attributes='validUntil="2040-05-06T07:08:09.123Z"')
    file = world.folder / "metadata.xml"
    file.write_text(document, encoding="utf-8")
    made = root.aws("iam", "create-saml-provider", "--name", "corp", "--saml-metadata-document", f"file://{file}")
    assert made == {"SAMLProviderArn": ARN}
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_saml_provider(Name="CORP", SAMLMetadataDocument=document)
    found = root.aws("iam", "get-saml-provider", "--saml-provider-arn", ARN)
    assert found["SAMLMetadataDocument"] == document
    assert found["ValidUntil"].startswith("2040-05-06T07:08:09") and len(found["SAMLProviderUUID"]) >= 22
    (listed,) = root.aws("iam", "list-saml-providers")["SAMLProviderList"]
    assert (listed["Arn"], listed["ValidUntil"], listed["CreateDate"]) == (ARN, found["ValidUntil"], found["CreateDate"])

    iam.tag_saml_provider(SAMLProviderArn=ARN, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}])
    pages = list(iam.get_paginator("list_saml_provider_tags").paginate(SAMLProviderArn=ARN, PaginationConfig={"PageSize": 1}))
    assert [tag["Key"] for page in pages for tag in page["Tags"]] == ["a", "b"]
    iam.untag_saml_provider(SAMLProviderArn=ARN, TagKeys=["a"])
    assert iam.get_saml_provider(SAMLProviderArn=ARN)["Tags"] == [{"Key": "b", "Value": "2"}]

    newer = metadata(keys[1])
    assert iam.update_saml_provider(SAMLProviderArn=ARN, SAMLMetadataDocument=newer)["SAMLProviderArn"] == ARN
    updated = iam.get_saml_provider(SAMLProviderArn=ARN)
    assert updated["SAMLMetadataDocument"] == newer and updated["SAMLProviderUUID"] == found["SAMLProviderUUID"]
    root.aws("iam", "delete-saml-provider", "--saml-provider-arn", ARN)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_saml_provider(SAMLProviderArn=ARN)


def test_private_keys_are_added_and_removed_and_never_seen_again(world, keys):
    iam = world.root.boto("iam")
    for key in keys[:3]:
        body = "".join(pem(key).splitlines()[1:-1])
        for at in range(64, len(body) - 64, 64):
            world.hunt.remember("a line of a SAML provider's private key", body[at : at + 64])
    document = metadata(keys[3])
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.create_saml_provider(Name="corp", SAMLMetadataDocument=document, AssertionEncryptionMode="Required")
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=document, AssertionEncryptionMode="Required", AddPrivateKey=pem(keys[0]))
    (first,) = iam.get_saml_provider(SAMLProviderArn=ARN)["PrivateKeyList"]
    assert first["Timestamp"] and set(first) == {"KeyId", "Timestamp"}

    # PKCS#1 is a form of the same thing.
    iam.update_saml_provider(SAMLProviderArn=ARN, AddPrivateKey=pem(keys[1], serialization.PrivateFormat.TraditionalOpenSSL))
    found = iam.get_saml_provider(SAMLProviderArn=ARN)
    assert [key["KeyId"] for key in found["PrivateKeyList"]][0] == first["KeyId"] and len(found["PrivateKeyList"]) == 2
    assert found["AssertionEncryptionMode"] == "Required" and found["SAMLMetadataDocument"] == document
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.update_saml_provider(SAMLProviderArn=ARN, AddPrivateKey=pem(keys[2]))
    wrong = {
        "password": pem(keys[2], encryption=serialization.BestAvailableEncryption(b"hunter2-hunter2")),
        "elliptic": pem(ec.generate_private_key(ec.SECP256R1())),
        "short": pem(rsa.generate_private_key(65537, 1024)),
        "two": pem(keys[2]) + pem(keys[2]),
        "public": keys[2].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode(),
    }
    for what, text in wrong.items():
        with pytest.raises(iam.exceptions.InvalidInputException) as refused:
            iam.update_saml_provider(SAMLProviderArn=ARN, AddPrivateKey=text)
        assert "private key" in refused.value.response["Error"]["Message"], what

    iam.update_saml_provider(SAMLProviderArn=ARN, RemovePrivateKey=first["KeyId"])
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.update_saml_provider(SAMLProviderArn=ARN, RemovePrivateKey=first["KeyId"])
    (last,) = iam.get_saml_provider(SAMLProviderArn=ARN)["PrivateKeyList"]
    # The last key stays for as long as encryption is required.
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.update_saml_provider(SAMLProviderArn=ARN, RemovePrivateKey=last["KeyId"])
    iam.update_saml_provider(SAMLProviderArn=ARN, RemovePrivateKey=last["KeyId"], AssertionEncryptionMode="Allowed")
    assert "PrivateKeyList" not in iam.get_saml_provider(SAMLProviderArn=ARN)
    iam.delete_saml_provider(SAMLProviderArn=ARN)

    # What is recorded soon is recorded when the broker has stopped.
    world.restart()
    events = [event["requestParameters"] or {} for event in world.audit() if "SAMLProvider" in event["eventName"]]
    given = [parameters.get("addPrivateKey") for parameters in events]
    assert {value for value in given if value} == {"HIDDEN_DUE_TO_SECURITY_REASONS"}
    assert len([value for value in given if value]) == 8
    assert world.hunt.found_in_files(world.broker.folder, except_for={"master.key"}) == []


def test_metadata_that_aws_cannot_parse_is_refused(world, keys):
    iam = world.root.boto("iam")
    good = metadata(keys[0])
    for what, document in {
        "a service provider": good.replace("IDPSSODescriptor", "SPSSODescriptor"),
        "a byte order mark": "\ufeff" + good,
        "entities": good.replace("?>", '?><!DOCTYPE a [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>', 1).replace("&amp;", "&lol2;"),
        "an external entity": good.replace("?>", '?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', 1).replace("&amp;", "&x;"),
        "many providers": good.replace("EntityDescriptor", "EntitiesDescriptor"),
        "a certificate on another curve": metadata(ec.generate_private_key(ec.SECP521R1())),
    }.items():
        with pytest.raises(iam.exceptions.InvalidInputException) as refused:
            iam.create_saml_provider(Name="corp", SAMLMetadataDocument=document)
        assert refused.value.response["Error"]["Message"].startswith("Could not parse metadata"), what
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    # AWS takes certificates of 1,024 bits.
    iam.create_saml_provider(Name="short", SAMLMetadataDocument=metadata(rsa.generate_private_key(65537, 1024)))
