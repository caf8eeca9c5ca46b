"""Server and signing certificates, SSH keys, service-specific credentials and service-linked roles as boto3 and the AWS CLI
know them, with keys and certificates of Python's cryptography."""

import json
import subprocess

import pytest
from certificates import DAY, FORMS, NOW, PEM, certificate, pem, ssh_public_key
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from world import HOME_ACCOUNT


@pytest.fixture(scope="module")
def keys():
    return {"root": rsa.generate_private_key(65537, 2048), "leaf": rsa.generate_private_key(65537, 2048)}


@pytest.fixture(scope="module")
def iam(world):
    return world.root.boto("iam")


@pytest.fixture
def user(iam, request):
    made = "u" + str(abs(hash(request.node.name)))
    iam.create_user(UserName=made)
    return made


def code(refusal) -> str:
    return refusal.value.response["Error"]["Code"]


def test_a_server_certificate_of_rsa_with_its_chain(iam, keys):
    body = certificate("www.example", keys["leaf"], "authority", keys["root"])
    chain = certificate("authority", keys["root"], "authority", keys["root"])
    for number, form in enumerate((FORMS.PKCS8, FORMS.TraditionalOpenSSL)):
        given = {"CertificateBody": body, "CertificateChain": chain, "PrivateKey": pem(keys["leaf"], form)}
        made = iam.upload_server_certificate(ServerCertificateName=f"Rsa-{number}", Path="/rsa/", **given)
        facts = made["ServerCertificateMetadata"]
        assert facts["Arn"] == f"arn:aws:iam::{HOME_ACCOUNT}:server-certificate/rsa/Rsa-{number}"
        assert facts["Expiration"] == NOW + DAY
        shown = iam.get_server_certificate(ServerCertificateName=f"rsa-{number}")["ServerCertificate"]
        # As they were sent, but for the newline at the end of a file: Terraform's provider compares without it.
        assert (shown["CertificateBody"], shown["CertificateChain"]) == (body.strip(), chain.strip())
        assert "PrivateKey" not in json.dumps(shown, default=str)
    pages = iam.get_paginator("list_server_certificates").paginate(PathPrefix="/rsa/", PaginationConfig={"PageSize": 1})
    listed = [one["ServerCertificateName"] for page in pages for one in page["ServerCertificateMetadataList"]]
    assert listed == ["Rsa-0", "Rsa-1"]
    for one in listed:
        iam.delete_server_certificate(ServerCertificateName=one)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
@pytest.mark.parametrize("form", [FORMS.PKCS8, FORMS.TraditionalOpenSSL])
def test_a_server_certificate_of_ec(iam, curve, form):
    key = ec.generate_private_key(curve)
    body = certificate("ec.example", key, "ec.example", key)
    iam.upload_server_certificate(ServerCertificateName="ec", CertificateBody=body, PrivateKey=pem(key, form))
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.upload_server_certificate(ServerCertificateName="EC", CertificateBody=body, PrivateKey=pem(key, form))
    iam.update_server_certificate(ServerCertificateName="ec", NewServerCertificateName="ec2", NewPath="/moved/")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_server_certificate(ServerCertificateName="ec")
    iam.delete_server_certificate(ServerCertificateName="ec2")


def test_what_does_not_belong_together_is_refused(iam, keys):
    body = certificate("www.example", keys["leaf"], "authority", keys["root"])
    own = pem(keys["leaf"])

    def refused(body=body, key=own, **more) -> str:
        with pytest.raises(iam.exceptions.ClientError) as refusal:
            iam.upload_server_certificate(ServerCertificateName="bad", CertificateBody=body, PrivateKey=key, **more)
        return code(refusal)

    elliptic = ec.generate_private_key(ec.SECP256R1())
    assert refused(key=pem(keys["root"])) == "KeyPairMismatch"
    assert refused(key=pem(elliptic)) == "KeyPairMismatch"
    assert refused(certificate("x", elliptic, "x", elliptic)) == "KeyPairMismatch"
    locked = pem(keys["leaf"], FORMS.PKCS8, serialization.BestAvailableEncryption(b"secret"))
    older = pem(keys["leaf"], FORMS.TraditionalOpenSSL, serialization.BestAvailableEncryption(b"secret"))
    for key in (locked, older, "nonsense", body, pem(keys["leaf"], FORMS.OpenSSH)):
        assert refused(key=key) == "MalformedCertificate"
    weak = rsa.generate_private_key(65537, 1024)
    assert refused(certificate("x", weak, "x", weak), pem(weak)) == "MalformedCertificate"
    odd = ec.generate_private_key(ec.SECP521R1())
    assert refused(certificate("x", odd, "x", odd), pem(odd)) == "MalformedCertificate"
    late = certificate("x", keys["leaf"], "x", keys["leaf"], NOW - 2 * DAY, NOW - DAY)
    early = certificate("x", keys["leaf"], "x", keys["leaf"], NOW + DAY, NOW + 2 * DAY)
    assert refused(late) == refused(early) == "MalformedCertificate"
    # An authority of the right name whose key signed something else.
    impostor = certificate("authority", keys["leaf"], "authority", keys["leaf"])
    assert refused(CertificateChain=impostor) == "MalformedCertificate"
    assert refused(CertificateChain=body) == "MalformedCertificate"
    bundle = body + certificate("authority", keys["root"], "authority", keys["root"])
    assert refused(bundle) == refused(CertificateChain=bundle) == "MalformedCertificate"


def test_signing_certificates_on_the_command_line(world, iam, user, keys, tmp_path):
    path = tmp_path / "signing.pem"
    path.write_text(certificate("signing.example", keys["leaf"], "signing.example", keys["leaf"]))
    whose = ("--user-name", user)
    root = world.root
    made = root.aws("iam", "upload-signing-certificate", *whose, "--certificate-body", f"file://{path}")["Certificate"]
    assert len(made["CertificateId"]) == 32 and made["Status"] == "Active"
    with pytest.raises(iam.exceptions.DuplicateCertificateException):
        iam.upload_signing_certificate(UserName=user, CertificateBody=path.read_text())
    with pytest.raises(iam.exceptions.MalformedCertificateException):
        iam.upload_signing_certificate(UserName=user, CertificateBody="nonsense")
    which = ("--certificate-id", made["CertificateId"])
    root.aws("iam", "update-signing-certificate", *whose, *which, "--status", "Inactive")
    pages = iam.get_paginator("list_signing_certificates").paginate(UserName=user)
    (shown,) = [one for page in pages for one in page["Certificates"]]
    assert shown == iam.list_signing_certificates(UserName=user)["Certificates"][0] and shown["Status"] == "Inactive"
    with pytest.raises(iam.exceptions.DeleteConflictException) as conflict:
        iam.delete_user(UserName=user)
    assert conflict.value.response["Error"]["Message"] == "Cannot delete entity, must delete certificates first."
    root.aws("iam", "delete-signing-certificate", *whose, *which)
    iam.delete_user(UserName=user)


def test_ssh_keys_are_those_of_openssh(iam, user, tmp_path):
    path = tmp_path / "id_rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "3072", "-N", "", "-f", path, "-C", "me@here"], check=True)
    public = path.with_suffix(".pub").read_text()
    told = subprocess.run(["ssh-keygen", "-l", "-E", "md5", "-f", path], check=True, capture_output=True, text=True).stdout
    made = iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=public)["SSHPublicKey"]
    assert "MD5:" + made["Fingerprint"] in told
    which = {"UserName": user, "SSHPublicKeyId": made["SSHPublicKeyId"]}
    shown = iam.get_ssh_public_key(**which, Encoding="PEM")["SSHPublicKey"]["SSHPublicKeyBody"]
    key = serialization.load_pem_public_key(shown.encode())
    assert public.startswith(ssh_public_key(key) + " ")
    with pytest.raises(iam.exceptions.DuplicateSSHPublicKeyException):
        iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=shown)
    for form in (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1):
        other = rsa.generate_private_key(65537, 2048).public_key()
        body = other.public_bytes(PEM, form).decode()
        one = iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=body)["SSHPublicKey"]
        back = iam.get_ssh_public_key(UserName=user, SSHPublicKeyId=one["SSHPublicKeyId"], Encoding="SSH")["SSHPublicKey"]
        assert serialization.load_ssh_public_key(back["SSHPublicKeyBody"].encode()) == other
        iam.delete_ssh_public_key(UserName=user, SSHPublicKeyId=one["SSHPublicKeyId"])
    elliptic = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(iam.exceptions.UnrecognizedPublicKeyEncodingException):
        iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=ssh_public_key(elliptic))
    weak = rsa.generate_private_key(65537, 1024).public_key()
    for bad in (elliptic, weak):
        with pytest.raises(iam.exceptions.InvalidPublicKeyException):
            body = bad.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
            iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=body)
    iam.update_ssh_public_key(**which, Status="Inactive")
    (listed,) = iam.list_ssh_public_keys(UserName=user)["SSHPublicKeys"]
    assert listed == {**which, "Status": "Inactive", "UploadDate": made["UploadDate"]}
    iam.delete_ssh_public_key(**which)
    iam.delete_user(UserName=user)


def test_service_specific_credentials(world, iam, user):
    made = iam.create_service_specific_credential(UserName=user, ServiceName="codecommit.amazonaws.com")
    made = made["ServiceSpecificCredential"]
    assert made["ServiceUserName"] == f"{user}-at-{HOME_ACCOUNT}" and len(made["ServicePassword"]) == 44
    assert "ServiceCredentialSecret" not in made and "ExpirationDate" not in made
    which = {"UserName": user, "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    reset = iam.reset_service_specific_credential(**which)["ServiceSpecificCredential"]
    assert reset["ServicePassword"] != made["ServicePassword"]
    key = iam.create_service_specific_credential(UserName=user, ServiceName="bedrock.amazonaws.com", CredentialAgeDays=30)
    key = key["ServiceSpecificCredential"]
    assert key["ServiceCredentialSecret"].startswith("ABSK") and key["ServiceCredentialAlias"] == f"{user}-at-{HOME_ACCOUNT}"
    assert "ServiceUserName" not in key and "ServicePassword" not in key
    with pytest.raises(iam.exceptions.ServiceNotSupportedException):
        iam.create_service_specific_credential(UserName=user, ServiceName="s3.amazonaws.com")
    listed = world.root.aws("iam", "list-service-specific-credentials", "--user-name", user)["ServiceSpecificCredentials"]
    assert len(listed) == 2 and "ServicePassword" not in json.dumps(listed)
    everybody = iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"]
    assert len([one for one in everybody if one["UserName"] == user]) == 2
    iam.update_service_specific_credential(**which, Status="Inactive")
    with pytest.raises(iam.exceptions.DeleteConflictException) as conflict:
        iam.delete_user(UserName=user)
    assert conflict.value.response["Error"]["Message"] == "Cannot delete entity, must remove referenced objects first."
    for one in listed:
        iam.delete_service_specific_credential(UserName=user, ServiceSpecificCredentialId=one["ServiceSpecificCredentialId"])
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.reset_service_specific_credential(**which)
    iam.delete_user(UserName=user)


def test_a_service_linked_role_and_its_deletion(world, iam):
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="crew")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForAutoScaling_crew"
    assert role["Arn"] == f"arn:aws:iam::{HOME_ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/{role['RoleName']}"
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "autoscaling.amazonaws.com"}
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="CREW")
    with pytest.raises(iam.exceptions.UnmodifiableEntityException):
        iam.delete_role(RoleName=role["RoleName"])
    with pytest.raises(iam.exceptions.UnmodifiableEntityException):
        iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=f"arn:aws:iam::{HOME_ACCOUNT}:policy/any")
    task = world.root.aws("iam", "delete-service-linked-role", "--role-name", role["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=role["RoleName"])
