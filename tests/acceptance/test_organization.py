"""An installation's accounts as an organization, and what is switched per account, by the AWS CLI and boto3."""

import pytest
from world import HOME_ACCOUNT, PARTNER_ACCOUNT


def test_the_management_account_switches_root_features(world):
    root = world.root
    assert root.refused("iam", "list-organizations-features").code == "OrganizationNotFoundException"
    partner = world.account("partner", PARTNER_ACCOUNT)
    listed = root.aws("iam", "list-organizations-features")
    assert listed["OrganizationId"].startswith("o-") and listed.get("EnabledFeatures", []) == []
    assert root.aws("iam", "enable-organizations-root-sessions")["EnabledFeatures"] == ["RootSessions"]
    both = root.aws("iam", "enable-organizations-root-credentials-management")
    assert both == {"OrganizationId": listed["OrganizationId"], "EnabledFeatures": ["RootCredentialsManagement", "RootSessions"]}

    iam = partner.boto("iam")
    with pytest.raises(iam.exceptions.AccountNotManagementOrDelegatedAdministratorException):
        iam.list_organizations_features()
    with pytest.raises(iam.exceptions.CallerIsNotManagementAccountException):
        iam.enable_organizations_root_sessions()
    with pytest.raises(iam.exceptions.AccountNotManagementOrDelegatedAdministratorException):
        iam.disable_organizations_root_credentials_management()
    assert root.aws("iam", "disable-organizations-root-sessions")["EnabledFeatures"] == ["RootCredentialsManagement"]
    root.boto("iam").disable_organizations_root_credentials_management()

    world.restart()
    assert root.aws("iam", "list-organizations-features")["OrganizationId"] == listed["OrganizationId"]


def test_outbound_federation_names_the_issuer_whose_keys_are_published(world):
    root = world.root
    iam = root.boto("iam")
    assert root.refused("iam", "get-outbound-web-identity-federation-info").code == "FeatureDisabled"
    issuer = root.aws("iam", "enable-outbound-web-identity-federation")["IssuerIdentifier"]
    path = issuer.removeprefix(world.endpoint)
    assert path == f"/outbound/{HOME_ACCOUNT}"
    assert issuer == world.broker.json(f"{path}/.well-known/openid-configuration")["issuer"]
    info = root.aws("iam", "get-outbound-web-identity-federation-info")
    assert info == {"IssuerIdentifier": issuer, "JwtVendingEnabled": True}
    with pytest.raises(iam.exceptions.FeatureEnabledException):
        iam.enable_outbound_web_identity_federation()
    iam.disable_outbound_web_identity_federation()
    with pytest.raises(iam.exceptions.FeatureDisabledException):
        iam.disable_outbound_web_identity_federation()


def test_preferences_for_tokens_are_set(world):
    world.root.aws("iam", "set-security-token-service-preferences", "--global-endpoint-token-version", "v2Token")
    refused = world.root.refused("iam", "set-security-token-service-preferences", "--global-endpoint-token-version", "v3Token")
    assert refused.code == "ValidationError"
