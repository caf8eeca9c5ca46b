// Every entity of IAM from its making to its end, by the AWS SDK for JavaScript.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { after, test } from "node:test";
import * as sdk from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { allow, arn, code, given, iamClient, pages, policy, stsClient, succeeded, trust } from "./broker.mjs";

const client = iamClient();
const iam = (operation, input = {}) => client.send(new sdk[`${operation}Command`](input));
const refused = (error, promise) =>
  assert.rejects(promise, (thrown) => thrown instanceof sdk[error] && thrown instanceof sdk.IAMServiceException && thrown.name === error);
const DOCUMENT = policy(allow("reports:Read"));
const TRUST = trust({ Service: "ec2.amazonaws.com" });
const tags = (...keys) => keys.map((Key) => ({ Key, Value: `of ${Key}` }));
const sorted = (list) => [...list].sort();

// Whatever has tags is tagged, listed over pages, and untagged in one way.
async function tagged(kind, owner, paginate) {
  await iam(`Tag${kind}`, { ...owner, Tags: tags("one", "two", "three") });
  if (paginate) {
    const { count, listed } = await pages(paginate, client, owner, (page) => page.Tags);
    assert.ok(count >= 3);
    assert.deepEqual(sorted(listed.map((tag) => tag.Key)), ["one", "three", "two"]);
  }
  const first = await iam(`List${kind}Tags`, { ...owner, MaxItems: 1 });
  assert.ok(first.IsTruncated && first.Marker && first.Tags.length === 1);
  await iam(`Untag${kind}`, { ...owner, TagKeys: ["one", "two", "three"] });
  assert.deepEqual((await iam(`List${kind}Tags`, owner)).Tags, []);
}

const later = async (client, params, wait) => {
  const outcome = await wait({ client, maxWaitTime: 5, minDelay: 1, maxDelay: 1 }, params);
  assert.equal(outcome.state, "SUCCESS");
};

test("users and groups", async () => {
  const names = ["ann", "Ben", "cleo"];
  for (const UserName of names) {
    const { User } = await iam("CreateUser", { UserName, Path: "/crew/" });
    assert.ok(User.CreateDate instanceof Date && User.UserId.startsWith("AIDA"));
    await later(client, { UserName }, sdk.waitUntilUserExists);
    await iam("CreateGroup", { GroupName: `group-${UserName}`, Path: "/crew/" });
    await iam("AddUserToGroup", { GroupName: "group-ann", UserName });
  }
  for (const name of ["Ben", "cleo"]) await iam("AddUserToGroup", { GroupName: `group-${name}`, UserName: "cleo" });
  await refused("EntityAlreadyExistsException", iam("CreateUser", { UserName: "ANN" }));
  const crew = { PathPrefix: "/crew/" };
  const users = await pages(sdk.paginateListUsers, client, crew, (page) => page.Users);
  assert.ok(users.count >= 3);
  assert.deepEqual(users.listed.map((user) => user.UserName), names);
  const groups = await pages(sdk.paginateListGroups, client, crew, (page) => page.Groups);
  assert.deepEqual(groups.listed.map((group) => group.GroupName), names.map((name) => `group-${name}`));
  const members = await pages(sdk.paginateGetGroup, client, { GroupName: "group-ann" }, (page) => page.Users);
  assert.deepEqual(members.listed.map((user) => user.UserName), names);
  const memberships = await pages(sdk.paginateListGroupsForUser, client, { UserName: "cleo" }, (page) => page.Groups);
  assert.equal(memberships.listed.length, 3);
  await tagged("User", { UserName: "ann" }, sdk.paginateListUserTags);

  await iam("UpdateUser", { UserName: "ann", NewUserName: "anna", NewPath: "/" });
  assert.equal((await iam("GetUser", { UserName: "anna" })).User.Arn, arn("user", "anna"));
  await iam("UpdateGroup", { GroupName: "group-ann", NewGroupName: "group-anna" });
  await refused("NoSuchEntityException", iam("GetUser", { UserName: "ann" }));
  await refused("DeleteConflictException", iam("DeleteGroup", { GroupName: "group-anna" }));
  for (const UserName of ["anna", "Ben", "cleo"]) {
    for (const { GroupName } of (await iam("ListGroupsForUser", { UserName })).Groups) {
      await iam("RemoveUserFromGroup", { UserName, GroupName });
    }
    await iam("DeleteUser", { UserName });
  }
  for (const name of ["anna", "Ben", "cleo"]) await iam("DeleteGroup", { GroupName: `group-${name}` });
});

test("what a user holds", async () => {
  const UserName = "holder";
  await iam("CreateUser", { UserName });
  const { AccessKey } = await iam("CreateAccessKey", { UserName });
  await iam("CreateAccessKey", { UserName });
  await refused("LimitExceededException", iam("CreateAccessKey", { UserName }));
  const keys = await pages(sdk.paginateListAccessKeys, client, { UserName }, (page) => page.AccessKeyMetadata);
  assert.equal(keys.listed.length, 2);
  await iam("PutUserPolicy", { UserName, PolicyName: "self", PolicyDocument: policy(allow("iam:ChangePassword"), allow("iam:GetUser")) });
  const credentials = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
  const own = iamClient({ credentials });
  assert.equal((await own.send(new sdk.GetUserCommand({}))).User.UserName, UserName, "no name is one's own");
  const used = await iam("GetAccessKeyLastUsed", { AccessKeyId: AccessKey.AccessKeyId });
  assert.equal(used.UserName, UserName);

  await iam("CreateLoginProfile", { UserName, Password: given.passwords[0], PasswordResetRequired: true });
  await own.send(new sdk.ChangePasswordCommand({ OldPassword: given.passwords[0], NewPassword: given.passwords[1] }));
  assert.equal((await iam("GetLoginProfile", { UserName })).LoginProfile.PasswordResetRequired, false);
  await iam("UpdateLoginProfile", { UserName, PasswordResetRequired: true });
  await iam("DeleteLoginProfile", { UserName });
  await refused("NoSuchEntityException", iam("GetLoginProfile", { UserName }));

  const ssh = (await iam("UploadSSHPublicKey", { UserName, SSHPublicKeyBody: given.ssh_key })).SSHPublicKey;
  const which = { UserName, SSHPublicKeyId: ssh.SSHPublicKeyId };
  await refused("DuplicateSSHPublicKeyException", iam("UploadSSHPublicKey", { UserName, SSHPublicKeyBody: given.ssh_key }));
  assert.match((await iam("GetSSHPublicKey", { ...which, Encoding: "PEM" })).SSHPublicKey.SSHPublicKeyBody, /^-----BEGIN/);
  await iam("UpdateSSHPublicKey", { ...which, Status: "Inactive" });
  const listedKeys = await pages(sdk.paginateListSSHPublicKeys, client, { UserName }, (page) => page.SSHPublicKeys);
  assert.deepEqual(listedKeys.listed.map((key) => key.Status), ["Inactive"]);
  await iam("DeleteSSHPublicKey", which);

  const { Certificate } = await iam("UploadSigningCertificate", { UserName, CertificateBody: given.certificate });
  const certificate = { UserName, CertificateId: Certificate.CertificateId };
  await iam("UpdateSigningCertificate", { ...certificate, Status: "Inactive" });
  const signing = await pages(sdk.paginateListSigningCertificates, client, { UserName }, (page) => page.Certificates);
  assert.deepEqual(signing.listed.map((one) => one.Status), ["Inactive"]);
  await iam("DeleteSigningCertificate", certificate);

  const service = (await iam("CreateServiceSpecificCredential", { UserName, ServiceName: "codecommit.amazonaws.com" })).ServiceSpecificCredential;
  const credential = { UserName, ServiceSpecificCredentialId: service.ServiceSpecificCredentialId };
  const reset = (await iam("ResetServiceSpecificCredential", credential)).ServiceSpecificCredential;
  assert.notEqual(reset.ServicePassword, service.ServicePassword);
  await iam("UpdateServiceSpecificCredential", { ...credential, Status: "Inactive" });
  assert.equal((await iam("ListServiceSpecificCredentials", { UserName })).ServiceSpecificCredentials[0].Status, "Inactive");
  await iam("DeleteServiceSpecificCredential", credential);

  await iam("DeleteUserPolicy", { UserName, PolicyName: "self" });
  for (const { AccessKeyId } of keys.listed) {
    await iam("UpdateAccessKey", { UserName, AccessKeyId, Status: "Inactive" });
    await iam("DeleteAccessKey", { UserName, AccessKeyId });
  }
  await iam("DeleteUser", { UserName });
  own.destroy();
});

test("MFA devices", async () => {
  const UserName = "mobile";
  await iam("CreateUser", { UserName });
  const { VirtualMFADevice: device } = await iam("CreateVirtualMFADevice", { VirtualMFADeviceName: "phone" });
  const other = await iam("CreateVirtualMFADevice", { VirtualMFADeviceName: "tablet" });
  assert.ok(device.QRCodePNG instanceof Uint8Array && Buffer.from(device.QRCodePNG).subarray(1, 4).toString() === "PNG");
  const seed = Buffer.from(device.Base32StringSeed).toString();
  const owned = { UserName, SerialNumber: device.SerialNumber };
  const codes = (first) => ({ AuthenticationCode1: code(seed, first), AuthenticationCode2: code(seed, first + 1) });
  await refused("InvalidAuthenticationCodeException", iam("EnableMFADevice", { ...owned, AuthenticationCode1: "000000", AuthenticationCode2: "000000" }));
  await iam("EnableMFADevice", { ...owned, ...codes(-1) });
  await iam("ResyncMFADevice", { ...owned, ...codes(1) });
  assert.ok((await iam("GetMFADevice", owned)).EnableDate instanceof Date);
  const devices = await pages(sdk.paginateListMFADevices, client, { UserName }, (page) => page.MFADevices);
  assert.deepEqual(devices.listed.map((one) => one.SerialNumber), [device.SerialNumber]);
  const virtual = await pages(sdk.paginateListVirtualMFADevices, client, {}, (page) => page.VirtualMFADevices);
  assert.deepEqual(virtual.listed.map((one) => one.SerialNumber), [device.SerialNumber, other.VirtualMFADevice.SerialNumber]);
  await tagged("MFADevice", { SerialNumber: device.SerialNumber }, sdk.paginateListMFADeviceTags);
  await iam("DeactivateMFADevice", owned);
  for (const { SerialNumber } of virtual.listed) await iam("DeleteVirtualMFADevice", { SerialNumber });
  await iam("DeleteUser", { UserName });
});

test("policies and all that they hang on", async () => {
  const made = [];
  for (const PolicyName of ["alpha", "Beta", "gamma"]) {
    const { Policy } = await iam("CreatePolicy", { PolicyName, Path: "/team/", PolicyDocument: DOCUMENT, Description: "Reads" });
    await later(client, { PolicyArn: Policy.Arn }, sdk.waitUntilPolicyExists);
    made.push(Policy.Arn);
  }
  const PolicyArn = made[0];
  await refused("MalformedPolicyDocumentException", iam("CreatePolicy", { PolicyName: "broken", PolicyDocument: "{}" }));
  const second = await iam("CreatePolicyVersion", { PolicyArn, PolicyDocument: policy(allow("reports:*")), SetAsDefault: false });
  assert.equal(second.PolicyVersion.VersionId, "v2");
  await iam("SetDefaultPolicyVersion", { PolicyArn, VersionId: "v2" });
  const versions = await pages(sdk.paginateListPolicyVersions, client, { PolicyArn }, (page) => page.Versions);
  assert.deepEqual(sorted(versions.listed.map((version) => version.VersionId)), ["v1", "v2"]);
  const { PolicyVersion } = await iam("GetPolicyVersion", { PolicyArn, VersionId: "v2" });
  assert.equal(decodeURIComponent(PolicyVersion.Document), policy(allow("reports:*")), "documents come percent-encoded");
  await iam("DeletePolicyVersion", { PolicyArn, VersionId: "v1" });
  await tagged("Policy", { PolicyArn }, sdk.paginateListPolicyTags);
  const local = await pages(sdk.paginateListPolicies, client, { Scope: "Local", PathPrefix: "/team/" }, (page) => page.Policies);
  assert.deepEqual(local.listed.map((one) => one.PolicyName), ["alpha", "Beta", "gamma"]);

  const holders = { User: {}, Group: {}, Role: { AssumeRolePolicyDocument: TRUST } };
  const attached = { User: sdk.paginateListAttachedUserPolicies, Group: sdk.paginateListAttachedGroupPolicies, Role: sdk.paginateListAttachedRolePolicies };
  const inline = { User: sdk.paginateListUserPolicies, Group: sdk.paginateListGroupPolicies, Role: sdk.paginateListRolePolicies };
  for (const [kind, more] of Object.entries(holders)) {
    const holder = { [`${kind}Name`]: `holder-of-${kind.toLowerCase()}` };
    await iam(`Create${kind}`, { ...holder, ...more });
    for (const PolicyArn of made) await iam(`Attach${kind}Policy`, { ...holder, PolicyArn });
    for (const PolicyName of ["a", "b", "c"]) await iam(`Put${kind}Policy`, { ...holder, PolicyName, PolicyDocument: DOCUMENT });
    const own = await pages(attached[kind], client, holder, (page) => page.AttachedPolicies);
    assert.deepEqual(own.listed.map((one) => one.PolicyArn), made);
    const names = await pages(inline[kind], client, holder, (page) => page.PolicyNames);
    assert.ok(names.count >= 3);
    assert.deepEqual(names.listed, ["a", "b", "c"]);
    const got = await iam(`Get${kind}Policy`, { ...holder, PolicyName: "a" });
    assert.equal(decodeURIComponent(got.PolicyDocument), DOCUMENT);
    if (kind !== "Group") {
      await iam(`Put${kind}PermissionsBoundary`, { ...holder, PermissionsBoundary: PolicyArn });
      const bounded = (await iam(`Get${kind}`, holder))[kind];
      assert.equal(bounded.PermissionsBoundary.PermissionsBoundaryArn, PolicyArn);
      await iam(`Delete${kind}PermissionsBoundary`, holder);
    }
  }
  const entities = await pages(sdk.paginateListEntitiesForPolicy, client, { PolicyArn }, (page) => [
    ...page.PolicyUsers.map((one) => one.UserName),
    ...page.PolicyGroups.map((one) => one.GroupName),
    ...page.PolicyRoles.map((one) => one.RoleName),
  ]);
  assert.deepEqual(sorted(entities.listed), ["holder-of-group", "holder-of-role", "holder-of-user"]);
  const details = await pages(sdk.paginateGetAccountAuthorizationDetails, client, {}, (page) => [
    ...page.UserDetailList.map((one) => one.UserName),
    ...page.GroupDetailList.map((one) => one.GroupName),
    ...page.RoleDetailList.map((one) => one.RoleName),
  ]);
  for (const name of entities.listed) assert.equal(details.listed.filter((one) => one === name).length, 1);
  const holder = arn("user", "holder-of-user");
  const granting = await iam("ListPoliciesGrantingServiceAccess", { Arn: holder, ServiceNamespaces: ["reports"] });
  assert.equal(granting.PoliciesGrantingServiceAccess[0].Policies.length, 6);

  await refused("DeleteConflictException", iam("DeletePolicy", { PolicyArn }));
  for (const kind of Object.keys(holders)) {
    const holder = { [`${kind}Name`]: `holder-of-${kind.toLowerCase()}` };
    for (const PolicyArn of made) await iam(`Detach${kind}Policy`, { ...holder, PolicyArn });
    for (const PolicyName of ["a", "b", "c"]) await iam(`Delete${kind}Policy`, { ...holder, PolicyName });
    await iam(`Delete${kind}`, holder);
  }
  for (const PolicyArn of made) await iam("DeletePolicy", { PolicyArn });
  await refused("NoSuchEntityException", iam("GetPolicy", { PolicyArn }));
});

test("roles and instance profiles", async () => {
  const RoleName = "worker";
  const { Role } = await iam("CreateRole", { RoleName, AssumeRolePolicyDocument: TRUST, MaxSessionDuration: 7200 });
  assert.equal(decodeURIComponent(Role.AssumeRolePolicyDocument), TRUST);
  await later(client, { RoleName }, sdk.waitUntilRoleExists);
  await iam("UpdateRole", { RoleName, Description: "Works", MaxSessionDuration: 3600 });
  assert.equal((await iam("UpdateRoleDescription", { RoleName, Description: "Works more" })).Role.Description, "Works more");
  await iam("UpdateAssumeRolePolicy", { RoleName, PolicyDocument: trust({ AWS: given.account }) });
  await tagged("Role", { RoleName }, sdk.paginateListRoleTags);
  const roles = await pages(sdk.paginateListRoles, client, {}, (page) => page.Roles);
  assert.ok(roles.listed.some((role) => role.RoleName === RoleName && role.MaxSessionDuration === 3600));

  const names = ["ant", "Bee", "crow"];
  for (const InstanceProfileName of names) {
    await iam("CreateInstanceProfile", { InstanceProfileName, Path: "/farm/" });
    await later(client, { InstanceProfileName }, sdk.waitUntilInstanceProfileExists);
    await iam("AddRoleToInstanceProfile", { InstanceProfileName, RoleName });
  }
  await tagged("InstanceProfile", { InstanceProfileName: "ant" }, sdk.paginateListInstanceProfileTags);
  const all = await pages(sdk.paginateListInstanceProfiles, client, { PathPrefix: "/farm/" }, (page) => page.InstanceProfiles);
  const ofRole = await pages(sdk.paginateListInstanceProfilesForRole, client, { RoleName }, (page) => page.InstanceProfiles);
  for (const { listed } of [all, ofRole]) assert.deepEqual(listed.map((one) => one.InstanceProfileName), names);
  const { InstanceProfile } = await iam("GetInstanceProfile", { InstanceProfileName: "ant" });
  assert.equal(InstanceProfile.Roles[0].RoleName, RoleName);
  await refused("DeleteConflictException", iam("DeleteRole", { RoleName }));
  for (const InstanceProfileName of names) {
    await iam("RemoveRoleFromInstanceProfile", { InstanceProfileName, RoleName });
    await iam("DeleteInstanceProfile", { InstanceProfileName });
  }
  await iam("DeleteRole", { RoleName });

  const linked = (await iam("CreateServiceLinkedRole", { AWSServiceName: "autoscaling.amazonaws.com", CustomSuffix: "js" })).Role;
  await refused("UnmodifiableEntityException", iam("DeleteRole", { RoleName: linked.RoleName }));
  const { DeletionTaskId } = await iam("DeleteServiceLinkedRole", { RoleName: linked.RoleName });
  assert.equal((await iam("GetServiceLinkedRoleDeletionStatus", { DeletionTaskId })).Status, "SUCCEEDED");
});

test("providers and server certificates", async () => {
  const { OpenIDConnectProviderArn } = await iam("CreateOpenIDConnectProvider", {
    Url: "https://oidc.example.com/js",
    ClientIDList: ["one"],
    ThumbprintList: ["cf23df2207d99a74fbe169e3eba035e633b65d94"],
  });
  const provider = { OpenIDConnectProviderArn };
  await iam("AddClientIDToOpenIDConnectProvider", { ...provider, ClientID: "two" });
  await iam("RemoveClientIDFromOpenIDConnectProvider", { ...provider, ClientID: "one" });
  await iam("UpdateOpenIDConnectProviderThumbprint", { ...provider, ThumbprintList: ["0123456789abcdef0123456789abcdef01234567"] });
  const known = await iam("GetOpenIDConnectProvider", provider);
  assert.deepEqual([known.Url, known.ClientIDList], ["oidc.example.com/js", ["two"]]);
  await tagged("OpenIDConnectProvider", provider, sdk.paginateListOpenIDConnectProviderTags);
  assert.deepEqual((await iam("ListOpenIDConnectProviders")).OpenIDConnectProviderList, [{ Arn: OpenIDConnectProviderArn }]);
  await iam("DeleteOpenIDConnectProvider", provider);

  const { SAMLProviderArn } = await iam("CreateSAMLProvider", { Name: "js", SAMLMetadataDocument: given.saml_metadata });
  await iam("UpdateSAMLProvider", { SAMLProviderArn, SAMLMetadataDocument: given.saml_metadata });
  assert.equal((await iam("GetSAMLProvider", { SAMLProviderArn })).SAMLMetadataDocument, given.saml_metadata);
  await tagged("SAMLProvider", { SAMLProviderArn }, sdk.paginateListSAMLProviderTags);
  assert.equal((await iam("ListSAMLProviders")).SAMLProviderList[0].Arn, SAMLProviderArn);
  await iam("DeleteSAMLProvider", { SAMLProviderArn });

  const names = ["mail", "Shop", "www"];
  for (const ServerCertificateName of names) {
    await iam("UploadServerCertificate", { ServerCertificateName, CertificateBody: given.certificate, PrivateKey: given.key });
  }
  await refused("KeyPairMismatchException", iam("UploadServerCertificate", { ServerCertificateName: "no", CertificateBody: given.certificate, PrivateKey: given.other_key }));
  await tagged("ServerCertificate", { ServerCertificateName: "www" }, sdk.paginateListServerCertificateTags);
  const listed = await pages(sdk.paginateListServerCertificates, client, {}, (page) => page.ServerCertificateMetadataList);
  assert.deepEqual(listed.listed.map((one) => one.ServerCertificateName), names);
  await iam("UpdateServerCertificate", { ServerCertificateName: "www", NewServerCertificateName: "web" });
  const { ServerCertificate } = await iam("GetServerCertificate", { ServerCertificateName: "web" });
  assert.equal(ServerCertificate.CertificateBody, given.certificate.trim());
  for (const ServerCertificateName of ["mail", "Shop", "web"]) await iam("DeleteServerCertificate", { ServerCertificateName });
});

test("the account", async () => {
  await iam("CreateAccountAlias", { AccountAlias: "brevet-js" });
  const aliases = await pages(sdk.paginateListAccountAliases, client, {}, (page) => page.AccountAliases);
  assert.deepEqual(aliases.listed, ["brevet-js"]);
  await iam("DeleteAccountAlias", { AccountAlias: "brevet-js" });
  await iam("UpdateAccountPasswordPolicy", { MinimumPasswordLength: 12 });
  assert.equal((await iam("GetAccountPasswordPolicy")).PasswordPolicy.MinimumPasswordLength, 12);
  await iam("DeleteAccountPasswordPolicy");
  await refused("NoSuchEntityException", iam("GetAccountPasswordPolicy"));
  assert.equal((await iam("GetAccountSummary")).SummaryMap.UsersQuota, 5000);
  await iam("SetSecurityTokenServicePreferences", { GlobalEndpointTokenVersion: "v2Token" });

  await iam("EnableOutboundWebIdentityFederation");
  assert.equal((await iam("GetOutboundWebIdentityFederationInfo")).JwtVendingEnabled, true);
  await refused("FeatureEnabledException", iam("EnableOutboundWebIdentityFederation"));
  await iam("DisableOutboundWebIdentityFederation");

  await iam("EnableOrganizationsRootSessions");
  await iam("EnableOrganizationsRootCredentialsManagement");
  const { OrganizationId, EnabledFeatures } = await iam("ListOrganizationsFeatures");
  assert.deepEqual(sorted(EnabledFeatures), ["RootCredentialsManagement", "RootSessions"]);
  const { JobId } = await iam("GenerateOrganizationsAccessReport", { EntityPath: `${OrganizationId}/r-${OrganizationId.slice(2)}` });
  const report = await until(() => iam("GetOrganizationsAccessReport", { JobId }), (answer) => answer.JobStatus === "COMPLETED");
  assert.ok(report.AccessDetails.length <= report.NumberOfServicesAccessible);
  await iam("DisableOrganizationsRootSessions");
  await iam("DisableOrganizationsRootCredentialsManagement");
});

// Asked again until the answer is there: reports are made in the background.
async function until(ask, done) {
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await ask();
    if (done(answer)) return answer;
    await pause(50);
  }
  throw new Error("the report was not made in time");
}

test("reports", async () => {
  await until(() => iam("GenerateCredentialReport"), (answer) => answer.State === "COMPLETE");
  const report = await iam("GetCredentialReport");
  assert.match(Buffer.from(report.Content).toString(), /^user,arn,/);

  await iam("CreateUser", { UserName: "reported" });
  await iam("PutUserPolicy", { UserName: "reported", PolicyName: "p", PolicyDocument: policy(allow("s3:GetObject")) });
  const { JobId } = await iam("GenerateServiceLastAccessedDetails", { Arn: arn("user", "reported") });
  const details = await until(() => iam("GetServiceLastAccessedDetails", { JobId }), (answer) => answer.JobStatus === "COMPLETED");
  assert.deepEqual(details.ServicesLastAccessed.map((service) => service.ServiceNamespace), ["s3"]);
  await iam("GetServiceLastAccessedDetailsWithEntities", { JobId, ServiceNamespace: "s3" });
  await iam("DeleteUserPolicy", { UserName: "reported", PolicyName: "p" });
  await iam("DeleteUser", { UserName: "reported" });
});

test("the simulator", async () => {
  await iam("CreateUser", { UserName: "simulated" });
  await iam("PutUserPolicy", { UserName: "simulated", PolicyName: "p", PolicyDocument: DOCUMENT });
  const ActionNames = ["reports:Read", "reports:Write", "reports:List"];
  const PolicySourceArn = arn("user", "simulated");
  const expected = ["allowed", "implicitDeny", "implicitDeny"];
  const decisions = (page) => page.EvaluationResults.map((result) => result.EvalDecision);
  const principal = await pages(sdk.paginateSimulatePrincipalPolicy, client, { PolicySourceArn, ActionNames }, decisions);
  const { SummaryContent } = await iam("GetHumanReadableSummary", { EntityArn: PolicySourceArn });
  assert.match(SummaryContent, /- allows reports:Read on /);
  const custom = await pages(sdk.paginateSimulateCustomPolicy, client, { PolicyInputList: [DOCUMENT], ActionNames }, decisions);
  for (const { count, listed } of [principal, custom]) {
    assert.ok(count >= 3);
    assert.deepEqual(listed, expected);
  }
  const document = policy({ ...allow("a:B"), Condition: { StringEquals: { "aws:RequestedRegion": "x" } } });
  const keys = await iam("GetContextKeysForCustomPolicy", { PolicyInputList: [document] });
  assert.deepEqual(keys.ContextKeyNames, ["aws:RequestedRegion"]);
  await iam("GetContextKeysForPrincipalPolicy", { PolicySourceArn });
  await iam("DeleteUserPolicy", { UserName: "simulated", PolicyName: "p" });
  await iam("DeleteUser", { UserName: "simulated" });
});

test("every paginator and every waiter of the SDK was used, and every operation has succeeded", async () => {
  const sts = stsClient();
  assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Account, given.account);
  const never = given.operations.filter((operation) => !succeeded.has(operation));
  assert.deepEqual(never, [], "never done with success");
  const paginators = Object.keys(sdk).filter((name) => name.startsWith("paginate"));
  const operations = paginators.map((name) => name.replace("paginate", ""));
  assert.deepEqual(operations.filter((operation) => !succeeded.has(operation)), []);
});

after(() => client.destroy());
