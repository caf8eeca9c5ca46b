"""The main job, end to end: who are you, what may you become, here is a credential that expires.

Told step by step with the real AWS CLI, boto3 and PyJWT, once on each store. In a home account, root makes a group of
developers and alice; alice proves who she is with a second factor and borrows a role from a partner's account; a service asks
what her session may do; a workload gets credentials from a sidecar; and at the end the auditor looks at what is on record.
"""

import base64
import json
import stat
import time
from pathlib import Path

import jwt
import pytest
from actors import Refusal, allow, policy, trust
from authenticator import Authenticator
from machine import until
from signing import Key
from terminal import aws_at_a_terminal
from workload import Sidecar, ask_as_workload
from world import HOME_ACCOUNT, PARTNER_ACCOUNT

GROUP = "developers"
PHONE = f"arn:aws:iam::{HOME_ACCOUNT}:mfa/alice-phone"
LAPTOP = f"arn:aws:iam::{HOME_ACCOUNT}:mfa/alice-laptop"
ALICE = f"arn:aws:iam::{HOME_ACCOUNT}:user/alice"
PARTNER_READ = f"arn:aws:iam::{PARTNER_ACCOUNT}:role/partner-read"
REPORT_READER = f"arn:aws:iam::{HOME_ACCOUNT}:role/report-reader"
EXTERNAL_ID = "home-7f3a"
Q3 = "arn:aws:reports:::q3"
PARTNER_Q3 = "arn:aws:reports:::partner-q3"
BRUNO_PASSWORD = "First-Day-2026!-change-me"

WITH_MFA = policy(allow("sts:AssumeRole", PARTNER_READ, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))


def claims_of(token: str) -> dict:
    """What a token says, unchecked: the story checks it with an independent library further down."""
    return jwt.decode(token, options={"verify_signature": False})


def session_subject(actor) -> dict:
    """How a service names the session that stands before it."""
    session = claims_of(actor.key.token)["sub"]
    return {"type": "session", "id": session, "properties": {"session_token": actor.key.token}}


def is_not_authorized(refusal: Refusal, who: str) -> bool:
    """AWS's sentence for a caller who may not assume the role."""
    sentence = f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {PARTNER_READ}"
    return refusal.code == "AccessDenied" and refusal.operation == "AssumeRole" and refusal.message.startswith(sentence)


class Cast:
    """Who the story has met so far."""

    phone: Authenticator
    laptop: Authenticator


@pytest.fixture(scope="module")
def cast(world):
    return Cast()


@pytest.mark.story
class TestTheMainJob:
    # 1. The operator

    def test_1_an_operator_starts_the_broker_and_needs_no_set_up(self, world):
        assert world.broker.get("/health/live").status == 200
        assert world.root.who() == f"arn:aws:iam::{HOME_ACCOUNT}:root"
        master_key = world.broker.data_dir / "master.key"
        assert stat.S_IMODE(master_key.stat().st_mode) == 0o600
        printed = world.broker.terminal.read_text()
        assert world.endpoint in printed and HOME_ACCOUNT in printed
        print(f"ready after {world.ready_after * 1000:.0f} ms")

    def test_1_a_second_start_finds_everything_again(self, world):
        before = world.broker.json("/.well-known/jwks.json")
        world.restart()
        assert world.broker.json("/.well-known/jwks.json") == before
        assert world.root.who() == f"arn:aws:iam::{HOME_ACCOUNT}:root"

    # 2. Root makes the home account what it is

    def test_2_root_makes_a_group_with_an_attached_and_an_inline_policy(self, world):
        root = world.root
        assert root.aws("iam", "create-group", "--group-name", GROUP)["Group"]["Arn"].endswith(f":group/{GROUP}")
        document = policy(allow(["reports:Read", "reports:Write"], "arn:aws:reports:::*"))
        made = root.aws("iam", "create-policy", "--policy-name", "work-on-reports", "--policy-document", document)
        arn = made["Policy"]["Arn"]
        root.aws("iam", "attach-group-policy", "--group-name", GROUP, "--policy-arn", arn)
        put = ["--group-name", GROUP, "--policy-name", "with-mfa", "--policy-document", WITH_MFA]
        root.aws("iam", "put-group-policy", *put)
        attached = root.aws("iam", "list-attached-group-policies", "--group-name", GROUP)["AttachedPolicies"]
        assert attached == [{"PolicyName": "work-on-reports", "PolicyArn": arn}]
        inline = root.aws("iam", "get-group-policy", "--group-name", GROUP, "--policy-name", "with-mfa")
        assert inline["PolicyDocument"] == json.loads(WITH_MFA)

    def test_2_root_makes_alice_a_member_with_an_access_key(self, world, cast):
        root = world.root
        user = root.aws("iam", "create-user", "--user-name", "alice", "--tags", "Key=team,Value=reports")["User"]
        assert user["Arn"] == ALICE and user["UserId"].startswith("AIDA")
        root.aws("iam", "add-user-to-group", "--group-name", GROUP, "--user-name", "alice")
        members = root.aws("iam", "get-group", "--group-name", GROUP)["Users"]
        assert [member["UserName"] for member in members] == ["alice"]
        key = root.aws("iam", "create-access-key", "--user-name", "alice")["AccessKey"]
        assert key["AccessKeyId"].startswith("AKIA") and key["Status"] == "Active"
        cast.alice = type(root)(world, "alice", Key(key["AccessKeyId"], key["SecretAccessKey"]))
        assert cast.alice.who() == ALICE

    def test_2_bruno_gets_a_password_that_he_must_reset(self, world):
        root = world.root
        world.hunt.remember("bruno's password", BRUNO_PASSWORD)
        root.aws("iam", "create-user", "--user-name", "bruno")
        password = ["--password", BRUNO_PASSWORD, "--password-reset-required"]
        made = root.aws("iam", "create-login-profile", "--user-name", "bruno", *password)["LoginProfile"]
        assert made["PasswordResetRequired"] is True
        assert root.aws("iam", "get-login-profile", "--user-name", "bruno")["LoginProfile"]["PasswordResetRequired"] is True

    def test_2_alice_gets_a_virtual_mfa_device_enabled_by_two_codes(self, world, cast):
        root, seed = world.root, world.home("root") / "seed"
        how = ["--bootstrap-method", "Base32StringSeed", "--outfile", str(seed)]
        device = root.aws("iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", "alice-phone", *how)
        assert device["VirtualMFADevice"]["SerialNumber"] == PHONE
        cast.phone = self.scan(world, seed.read_text())
        self.enable(world, PHONE, cast.phone)
        devices = root.aws("iam", "list-mfa-devices", "--user-name", "alice")["MFADevices"]
        assert [device["SerialNumber"] for device in devices] == [PHONE]

    def test_2_a_second_device_comes_with_a_qr_code_to_scan(self, world, cast):
        device = world.root.boto("iam").create_virtual_mfa_device(VirtualMFADeviceName="alice-laptop")["VirtualMFADevice"]
        assert device["SerialNumber"] == LAPTOP
        assert device["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
        cast.laptop = self.scan(world, device["Base32StringSeed"].decode())
        self.enable(world, LAPTOP, cast.laptop)

    @staticmethod
    def scan(world, seed: str) -> Authenticator:
        world.hunt.remember("a seed of an authenticator", seed.strip())
        return Authenticator(seed.strip())

    @staticmethod
    def enable(world, serial: str, device: Authenticator) -> None:
        """Enables with the codes of the step before and of now; again if a step of 30 s went by between the two clocks."""
        for attempt in ("in time", "a step went by"):
            first, second = device.first_two()
            codes = ["--authentication-code1", first, "--authentication-code2", second]
            done = world.root.run_aws("iam", "enable-mfa-device", "--user-name", "alice", "--serial-number", serial, *codes)
            if done.returncode == 0:
                return
            assert attempt == "in time" and device.last_step < int(time.time()) // 30, done.stderr

    # 3. Alice proves who she is

    def test_3_alice_exchanges_her_key_and_a_code_for_a_session(self, world, cast):
        cast.code = cast.phone.next_code()
        given = cast.alice.aws("sts", "get-session-token", "--serial-number", PHONE, "--token-code", cast.code)["Credentials"]
        assert given["AccessKeyId"].startswith("ASIA")
        cast.session = cast.alice.with_session(given)
        assert cast.session.who() == ALICE
        claims = claims_of(given["SessionToken"])
        assert given["SecretAccessKey"] not in json.dumps(claims)
        assert "cnf" in claims and claims["exp"] > claims["iat"]

    def test_3_a_code_is_good_once_whatever_broker_sees_it(self, world, cast):
        again = ["sts", "get-session-token", "--serial-number", PHONE, "--token-code", cast.code]
        refusals = [cast.alice.refused(*again)]
        refusals.append(cast.alice.at(world.another_broker()).refused(*again))
        world.restart()
        refusals.append(cast.alice.refused(*again))
        for refusal in refusals:
            assert refusal.code == "AccessDenied" and "MultiFactorAuthentication failed" in refusal.message

    def test_3_another_broker_and_a_restarted_one_know_the_session(self, world, cast):
        assert cast.session.who() == ALICE
        assert cast.session.at(world.others[0]).who() == ALICE

    def test_3_the_token_alone_proves_nothing(self, world, cast):
        stolen = Key(cast.alice.key.id, cast.alice.key.secret, cast.session.key.token)
        thief = type(cast.alice)(world, "thief", stolen)
        assert thief.refused("sts", "get-caller-identity").code in {"InvalidClientTokenId", "SignatureDoesNotMatch"}

    def test_3_a_session_cannot_make_a_session_of_itself(self, cast):
        assert cast.session.refused("sts", "get-session-token").code == "AccessDenied"

    # 4. Alice borrows a role from a partner

    def test_4_a_second_account_holds_a_role_for_those_with_mfa_and_the_external_id(self, world, cast):
        cast.partner = world.account("partner", PARTNER_ACCOUNT)
        assert cast.partner.who() == f"arn:aws:iam::{PARTNER_ACCOUNT}:root"
        document = trust(
            {"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:root"},
            StringEquals={"sts:ExternalId": EXTERNAL_ID},
            Bool={"aws:MultiFactorAuthPresent": "true"},
        )
        role = cast.partner.aws("iam", "create-role", "--role-name", "partner-read", "--assume-role-policy-document", document)
        assert role["Role"]["Arn"] == PARTNER_READ
        permissions = policy(allow(["reports:Read", "reports:Write"], "arn:aws:reports:::*"))
        put = ["--role-name", "partner-read", "--policy-name", "reports", "--policy-document", permissions]
        cast.partner.aws("iam", "put-role-policy", *put)

    def assume(self, *more: str) -> list[str]:
        return ["sts", "assume-role", "--role-arn", PARTNER_READ, "--role-session-name", "alice-at-work", *more]

    def test_4_alice_assumes_it_with_a_session_policy(self, cast):
        narrower = policy(allow("reports:Read"))
        answer = cast.session.aws(*self.assume("--external-id", EXTERNAL_ID, "--policy", narrower))
        assert 0 < answer["PackedPolicySize"] <= 100
        assert answer["AssumedRoleUser"]["AssumedRoleId"].startswith("AROA")
        cast.guest = cast.session.with_session(answer["Credentials"], "guest")
        identity = cast.guest.aws("sts", "get-caller-identity")
        assert identity["Account"] == PARTNER_ACCOUNT
        assert identity["Arn"] == f"arn:aws:sts::{PARTNER_ACCOUNT}:assumed-role/partner-read/alice-at-work"
        assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]

    def test_4_the_session_policy_narrows_what_the_role_may(self, cast):
        guest = session_subject(cast.guest)
        assert cast.partner.may(guest, "reports:Read", PARTNER_Q3)["decision"] is True
        assert cast.partner.may(guest, "reports:Write", PARTNER_Q3)["decision"] is False

    def test_4_without_the_external_id_she_is_refused(self, cast):
        assert is_not_authorized(cast.session.refused(*self.assume()), ALICE)
        assert is_not_authorized(cast.session.refused(*self.assume("--external-id", "guessed")), ALICE)

    def test_4_without_mfa_she_is_refused(self, cast):
        assert is_not_authorized(cast.alice.refused(*self.assume("--external-id", EXTERNAL_ID)), ALICE)

    def test_4_without_her_own_groups_permission_she_is_refused(self, world, cast):
        named = ["--group-name", GROUP, "--policy-name", "with-mfa"]
        world.root.aws("iam", "delete-group-policy", *named)
        assert is_not_authorized(cast.session.refused(*self.assume("--external-id", EXTERNAL_ID)), ALICE)
        world.root.aws("iam", "put-group-policy", *named, "--policy-document", WITH_MFA)
        cast.session.aws(*self.assume("--external-id", EXTERNAL_ID))

    # 5. A downstream service asks

    def test_5_a_service_with_its_own_key_may_ask_about_the_users(self, world, cast):
        root = world.root
        root.aws("iam", "create-user", "--user-name", "report-server")
        question = policy(allow("brevet:Evaluate", f"arn:aws:iam::{HOME_ACCOUNT}:user/*"))
        put = ["--user-name", "report-server", "--policy-name", "ask", "--policy-document", question]
        root.aws("iam", "put-user-policy", *put)
        direct = policy(allow("reports:List", "arn:aws:reports:::*"))
        put = ["--user-name", "alice", "--policy-name", "list-reports", "--policy-document", direct]
        root.aws("iam", "put-user-policy", *put)
        key = root.aws("iam", "create-access-key", "--user-name", "report-server")["AccessKey"]
        cast.service = type(root)(world, "report-server", Key(key["AccessKeyId"], key["SecretAccessKey"]))

    def test_5_the_same_question_has_the_same_answer(self, cast):
        subject = session_subject(cast.session)
        answers = [cast.service.evaluate(subject, "reports:Read", Q3) for _ in range(2)]
        assert answers[0].body == answers[1].body
        first, second = [json.loads(answer.body) for answer in answers]
        assert first["decision"] is True and first["context"]["reason"]
        assert isinstance(first["context"]["revision"], int)
        assert first["context"]["max_age"] >= 0
        assert (second["decision"], second["context"]["revision"]) == (True, first["context"]["revision"])

    def test_5_users_and_roles_can_be_asked_about_by_name(self, cast):
        assert cast.service.may({"type": "user", "id": ALICE}, "reports:Read", Q3)["decision"] is True
        assert cast.service.may({"type": "user", "id": ALICE}, "reports:Burn", Q3)["decision"] is False
        role = {"type": "role", "id": PARTNER_READ}
        assert cast.partner.may(role, "reports:Write", PARTNER_Q3)["decision"] is True

    def test_5_when_alice_leaves_the_group_the_next_answer_is_no(self, world, cast):
        subject = session_subject(cast.session)
        before = cast.service.may(subject, "reports:Read", Q3)
        world.root.aws("iam", "remove-user-from-group", "--group-name", GROUP, "--user-name", "alice")
        after = cast.service.may(subject, "reports:Read", Q3)
        assert before["decision"] is True and after["decision"] is False
        assert after["context"]["revision"] > before["context"]["revision"]
        assert cast.service.may(subject, "reports:List", Q3)["decision"] is True, "what is attached to alice herself stays"

    def test_5_a_service_may_not_ask_about_those_it_has_no_permission_for(self, cast):
        answer = cast.service.evaluate({"type": "role", "id": PARTNER_READ}, "reports:Read", PARTNER_Q3)
        assert answer.status == 403, answer.body
        answer = cast.alice.evaluate({"type": "user", "id": ALICE}, "reports:Read", Q3)
        assert answer.status == 403, answer.body

    def test_5_a_token_that_was_tampered_with_gets_no_decision(self, cast):
        subject = session_subject(cast.session)
        head, _, signature = cast.session.key.token.split(".")
        claims = claims_of(cast.session.key.token) | {"exp": int(time.time()) + 10**6}
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        subject["properties"] = {"session_token": f"{head}.{body}.{signature}"}
        answer = cast.service.evaluate(subject, "reports:List", Q3)
        assert answer.status in {400, 401, 403} or json.loads(answer.body)["decision"] is False

    # 6. Anybody verifies a token without asking

    def verify(self, world, token: str) -> dict:
        """What an independent library says, from what the broker publishes."""
        discovered = world.broker.json("/.well-known/openid-configuration")
        assert discovered["jwks_uri"].endswith("/.well-known/jwks.json")
        key = jwt.PyJWKClient(f"{world.endpoint}/.well-known/jwks.json").get_signing_key_from_jwt(token)
        required = ["iss", "sub", "iat", "exp", "jti"]
        issuer = discovered["issuer"]
        options = {"require": required, "verify_aud": False}
        return jwt.decode(token, key, algorithms=["ES256"], issuer=issuer, options=options)

    def test_6_an_independent_library_verifies_the_tokens(self, world, cast):
        claims = self.verify(world, cast.session.key.token)
        assert "mfa" in claims["amr"] or "otp" in claims["amr"]
        assert claims["auth_time"] <= time.time() + 1
        guest = self.verify(world, cast.guest.key.token)
        assert guest["sub"] == f"arn:aws:sts::{PARTNER_ACCOUNT}:assumed-role/partner-read/alice-at-work"
        assert guest["act"], "a session that came of another one says of which"
        with pytest.raises(jwt.InvalidSignatureError):
            self.verify(world, cast.session.key.token[:-8] + "AAAAAAAA")

    def test_6_keys_rotate_with_overlap_while_the_broker_runs(self, world, cast):
        published = world.broker.json("/.well-known/jwks.json")["keys"]
        signing = jwt.get_unverified_header(cast.session.key.token)["kid"]
        assert all("d" not in key for key in published)
        assert {"EC", "ES256"} <= {published[0]["kty"], published[0]["alg"]}
        world.broker.run("keys", "rotate", *world.broker.on_store)

        def signed_by_another_key():
            token = cast.alice.boto("sts").get_session_token()["Credentials"]
            world.hunt.remember_all_in(token, "a session of alice")
            return token if jwt.get_unverified_header(token["SessionToken"])["kid"] != signing else None

        fresh = until("the next key to sign", signed_by_another_key)
        assert jwt.get_unverified_header(fresh["SessionToken"])["kid"] in {key["kid"] for key in published}, "it was shown before"
        self.verify(world, fresh["SessionToken"])
        self.verify(world, cast.session.key.token)
        assert cast.session.who() == ALICE
        assert cast.session.at(world.others[0]).who() == ALICE

    # 7. Workloads and the command line

    def test_7_boto3_gets_and_renews_role_credentials_from_the_sidecar(self, world, cast):
        root = world.root
        root.aws("iam", "create-user", "--user-name", "reporter")
        document = trust({"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:user/reporter"})
        root.aws("iam", "create-role", "--role-name", "report-reader", "--assume-role-policy-document", document)
        key = root.aws("iam", "create-access-key", "--user-name", "reporter")["AccessKey"]
        with Sidecar(world, Key(key["AccessKeyId"], key["SecretAccessKey"]), REPORT_READER) as sidecar:
            answer = ask_as_workload(world, sidecar)
            assert answer["first_arn"].startswith(f"arn:aws:sts::{HOME_ACCOUNT}:assumed-role/report-reader/")
            assert answer["arn_after_renewal"] == answer["first_arn"]
            assert answer["first_key"].startswith("ASIA") and answer["key_after_renewal"].startswith("ASIA")
            assert sidecar.without_token().status in {401, 403}
            assert sidecar.with_token("guessed").status in {401, 403}

    def test_7_the_command_line_prompts_for_the_code_once_and_remembers_the_session(self, world, cast):
        world.root.aws("iam", "add-user-to-group", "--group-name", GROUP, "--user-name", "alice")
        home = world.home("alice-at-a-terminal")
        settings = ["--role-arn", PARTNER_READ, "--mfa-serial", LAPTOP, "--external-id", EXTERNAL_ID]
        who = ["sts", "get-caller-identity"]
        first = aws_at_a_terminal(world, cast.alice, home, settings, who, code=cast.laptop.next_code())
        assert first.identity["Account"] == PARTNER_ACCOUNT and first.prompted
        second = aws_at_a_terminal(world, cast.alice, home, settings, who, code=None)
        assert second.identity == first.identity and not second.prompted
        kept = [path for path in home.rglob("*") if path.is_file() and path.name != "config"]
        assert kept, "nothing was remembered"
        assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
        for path in kept:
            self.remember_secrets_of(world, path)

    @staticmethod
    def remember_secrets_of(world, path: Path) -> None:
        try:
            world.hunt.remember_all_in(json.loads(path.read_text()), path.name)
        except (UnicodeDecodeError, ValueError):
            pass  # a lock file, say: it holds no document

    # 8. The auditor

    def test_8_the_audit_shows_who_did_what_from_where_with_what_result(self, world, cast):
        trail = world.audit()
        shape = {"eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress"}
        shape |= {"userAgent", "requestParameters", "responseElements", "requestID", "eventID", "readOnly", "recipientAccountId"}
        for record in trail:
            assert shape <= set(record), shape - set(record)
        assert len({record["eventID"] for record in trail}) == len(trail)

        def records(event: str, **members) -> list[dict]:
            named = [record for record in trail if record["eventName"] == event]
            return [record for record in named if all(record.get(name) == value for name, value in members.items())]

        made = records("CreateUser", eventSource="iam.amazonaws.com", recipientAccountId=HOME_ACCOUNT)
        alice = next(record for record in made if record["requestParameters"]["userName"] == "alice")
        assert alice["userIdentity"]["type"] == "Root" and alice["userIdentity"]["accessKeyId"] == world.root.key.id
        assert alice["sourceIPAddress"] == "127.0.0.1" and "aws-cli" in alice["userAgent"]
        assert alice["responseElements"]["user"]["arn"] == ALICE and alice["readOnly"] is False

        sessions = records("GetSessionToken", eventSource="sts.amazonaws.com")
        assert any(record["userIdentity"].get("userName") == "alice" for record in sessions)
        assumed = [record for record in records("AssumeRole") if "errorCode" not in record]
        assert any(record["requestParameters"]["roleArn"] == PARTNER_READ for record in assumed)
        refused = records("AssumeRole", errorCode="AccessDenied")
        assert any("is not authorized to perform: sts:AssumeRole" in record["errorMessage"] for record in refused)

        partners = world.audit("--account", PARTNER_ACCOUNT)
        assert {record["recipientAccountId"] for record in partners} == {PARTNER_ACCOUNT}
        assert "CreateRole" in {record["eventName"] for record in partners}

    def test_8_no_secret_of_the_story_is_in_log_audit_metrics_or_store(self, world, cast):
        hunt = world.hunt
        for code in cast.phone.shown + cast.laptop.shown:
            hunt.remember_code(code)
        for path in world.broker.data_dir.glob("*.key"):
            hunt.remember("the master key", path.read_text().strip())
        trail = "\n".join(json.dumps(record) for record in world.audit())
        findings = hunt.found_in(trail.encode(), "the audit trail")
        for path in sorted(world.folder.glob("*.err")):
            findings += hunt.found_in(path.read_bytes(), path.name)
        for path in sorted(world.folder.glob("*.out")):
            # The one place that shows a secret: the first start prints the root's key for its owner to paste.
            lines = [line for line in path.read_bytes().splitlines() if b"export AWS_SECRET_ACCESS_KEY=" not in line]
            findings += hunt.found_in(b"\n".join(lines), path.name)
        findings += hunt.found_in(world.broker.get("/metrics").body, "the metrics")
        for place, content in world.store.everything_in_it(world.broker.data_dir).items():
            findings += hunt.found_in(content, place)
        assert len(hunt.secrets) > 20, "the hunt knows too few secrets to prove anything"
        assert not findings, "\n".join(sorted(set(findings)))

    def test_8_the_operator_sees_how_it_went(self, world):
        metrics = world.broker.get("/metrics")
        assert metrics.status == 200 and b"# TYPE" in metrics.body
