# One of each resource and data source of IAM that Terraform's AWS provider has, as people write them.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

# The endpoint, the region and the key come from the environment, as for every client.
provider "aws" {
  skip_metadata_api_check = true
  skip_region_validation  = true
  default_tags { tags = { managed = "terraform" } }
}

variable "stage" { default = "first" }
variable "server_certificate" {}
variable "server_key" { sensitive = true }
variable "ssh_key" {}
variable "saml_metadata" {}

locals {
  first = var.stage == "first"
  path  = local.first ? "/team/" : "/moved/"
}

data "aws_caller_identity" "me" {}
data "aws_partition" "here" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
  # A user's ARN in a trust policy comes back as it was given, not as the unique id that is kept.
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.alice.arn, data.aws_caller_identity.me.account_id]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["f00-%/é"]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Read"
    actions   = local.first ? ["reports:Read"] : ["reports:Read", "reports:List"]
    resources = ["arn:aws:reports:::q3/*", "arn:aws:reports:::&{aws:username}/*"]
  }
}

# Users and what they hold

resource "aws_iam_user" "alice" {
  name                 = "alice"
  path                 = "/people/"
  force_destroy        = true
  permissions_boundary = local.first ? aws_iam_policy.read.arn : null
  tags                 = local.first ? { team = "crew", empty = "" } : { team = "other" }
}

resource "aws_iam_user" "bruno" {
  name = local.first ? "bruno" : "bruno-renamed"
  path = local.path
}

resource "aws_iam_access_key" "alice" {
  user   = aws_iam_user.alice.name
  status = local.first ? "Active" : "Inactive"
}

resource "aws_iam_user_login_profile" "alice" {
  user                    = aws_iam_user.alice.name
  password_length         = 24
  password_reset_required = true
}

resource "aws_iam_user_policy" "alice" {
  name   = "inline"
  user   = aws_iam_user.alice.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_user_policy_attachment" "alice" {
  user       = aws_iam_user.alice.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_user_policies_exclusive" "alice" {
  user_name    = aws_iam_user.alice.name
  policy_names = [aws_iam_user_policy.alice.name]
}

resource "aws_iam_user_policy_attachments_exclusive" "alice" {
  user_name   = aws_iam_user.alice.name
  policy_arns = [aws_iam_user_policy_attachment.alice.policy_arn]
}

resource "aws_iam_user_ssh_key" "alice" {
  username   = aws_iam_user.alice.name
  encoding   = "SSH"
  public_key = var.ssh_key
  status     = local.first ? "Active" : "Inactive"
}

resource "aws_iam_signing_certificate" "alice" {
  user_name        = aws_iam_user.alice.name
  certificate_body = var.server_certificate
  status           = local.first ? "Active" : "Inactive"
}

resource "aws_iam_service_specific_credential" "alice" {
  service_name = "codecommit.amazonaws.com"
  user_name    = aws_iam_user.alice.name
  status       = local.first ? "Active" : "Inactive"
}

resource "aws_iam_virtual_mfa_device" "phone" {
  virtual_mfa_device_name = "phone"
  path                    = "/devices/"
  tags                    = { of = "alice" }
}

# Groups

resource "aws_iam_group" "crew" {
  name = local.first ? "crew" : "crew-renamed"
  path = local.path
}

resource "aws_iam_group_membership" "crew" {
  name  = "crew"
  group = aws_iam_group.crew.name
  users = local.first ? [aws_iam_user.alice.name, aws_iam_user.bruno.name] : [aws_iam_user.bruno.name]
}

resource "aws_iam_user_group_membership" "alice" {
  user   = aws_iam_user.alice.name
  groups = [aws_iam_group.second.name]
}

resource "aws_iam_group" "second" {
  name = "second"
}

resource "aws_iam_group_policy" "crew" {
  name   = "inline"
  group  = aws_iam_group.crew.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_group_policies_exclusive" "crew" {
  group_name   = aws_iam_group.crew.name
  policy_names = [aws_iam_group_policy.crew.name]
}

resource "aws_iam_group_policy_attachment" "crew" {
  group      = aws_iam_group.crew.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_group_policy_attachment" "second" {
  group      = aws_iam_group.second.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_group_policy_attachments_exclusive" "second" {
  group_name  = aws_iam_group.second.name
  policy_arns = [aws_iam_group_policy_attachment.second.policy_arn]
}

# Policies

resource "aws_iam_policy" "read" {
  name        = "read"
  path        = "/team/"
  description = "Reads reports"
  policy      = data.aws_iam_policy_document.read.json
  tags        = local.first ? { kind = "read" } : {}
}

resource "aws_iam_policy_attachment" "everywhere" {
  name       = "everywhere"
  policy_arn = aws_iam_policy.shared.arn
  users      = [aws_iam_user.bruno.name]
  groups     = [aws_iam_group.crew.name]
  roles      = [aws_iam_role.worker.name]
}

resource "aws_iam_policy" "shared" {
  name   = "shared"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "reports:*", Resource = "*" }] })
}

# Roles

resource "aws_iam_role" "worker" {
  name                  = "worker"
  path                  = "/team/"
  description           = local.first ? "Works" : "Works harder"
  assume_role_policy    = data.aws_iam_policy_document.trust.json
  max_session_duration  = local.first ? 3600 : 7200
  permissions_boundary  = local.first ? null : aws_iam_policy.read.arn
  force_detach_policies = true
  tags                  = { team = "crew" }
}

resource "aws_iam_role" "plain" {
  name_prefix        = "plain-"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" } })
}

resource "aws_iam_role" "federated" {
  name = "federated"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect    = "Allow", Action = "sts:AssumeRoleWithWebIdentity",
    Principal = { Federated = aws_iam_openid_connect_provider.example.arn },
    Condition = { StringEquals = { "oidc.example.com/app:aud" = "client-one" } }
  }] })
}

resource "aws_iam_role_policy" "worker" {
  name   = "inline"
  role   = aws_iam_role.worker.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policies_exclusive" "worker" {
  role_name    = aws_iam_role.worker.name
  policy_names = [aws_iam_role_policy.worker.name]
}

resource "aws_iam_role_policy_attachment" "plain" {
  role       = aws_iam_role.plain.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_role_policy_attachments_exclusive" "plain" {
  role_name   = aws_iam_role.plain.name
  policy_arns = [aws_iam_role_policy_attachment.plain.policy_arn]
}

resource "aws_iam_instance_profile" "worker" {
  name = "worker"
  path = "/team/"
  role = local.first ? aws_iam_role.worker.name : aws_iam_role.plain.name
  tags = { team = "crew" }
}

resource "aws_iam_service_linked_role" "scaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "mine"
  description      = local.first ? "For scaling" : "For scaling, still"
}

# Providers and certificates

resource "aws_iam_openid_connect_provider" "example" {
  url             = "https://oidc.example.com/app"
  client_id_list  = local.first ? ["client-one"] : ["client-one", "client-two"]
  thumbprint_list = [local.first ? "cf23df2207d99a74fbe169e3eba035e633b65d94" : "0123456789abcdef0123456789abcdef01234567"]
  tags            = { team = "crew" }
}

resource "aws_iam_saml_provider" "example" {
  name                   = "example"
  saml_metadata_document = var.saml_metadata
  tags                   = { team = "crew" }
}

resource "aws_iam_server_certificate" "www" {
  name             = local.first ? "www" : "www-renamed"
  path             = local.first ? "/" : "/moved/"
  certificate_body = var.server_certificate
  private_key      = var.server_key
}

# The account

resource "aws_iam_account_alias" "alias" {
  account_alias = local.first ? "brevet-first" : "brevet-second"
}

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = local.first ? 14 : 20
  require_lowercase_characters   = true
  require_numbers                = true
  require_uppercase_characters   = true
  require_symbols                = true
  allow_users_to_change_password = true
  max_password_age               = local.first ? 0 : 90
}

resource "aws_iam_security_token_service_preferences" "tokens" {
  global_endpoint_token_version = "v2Token"
}

resource "aws_iam_organizations_features" "root" {
  enabled_features = local.first ? ["RootCredentialsManagement"] : ["RootSessions"]
}

# What can be looked up

data "aws_iam_account_alias" "alias" { depends_on = [aws_iam_account_alias.alias] }
data "aws_iam_group" "crew" {
  group_name = aws_iam_group.crew.name
  depends_on = [aws_iam_group_membership.crew]
}
data "aws_iam_instance_profile" "worker" { name = aws_iam_instance_profile.worker.name }
data "aws_iam_instance_profiles" "worker" {
  role_name  = local.first ? aws_iam_role.worker.name : aws_iam_role.plain.name
  depends_on = [aws_iam_instance_profile.worker]
}
data "aws_iam_openid_connect_provider" "by_url" {
  url        = "https://${aws_iam_openid_connect_provider.example.url}"
  depends_on = [aws_iam_openid_connect_provider.example]
}
data "aws_iam_openid_connect_provider" "by_arn" { arn = aws_iam_openid_connect_provider.example.arn }
data "aws_iam_policy" "by_name" {
  name       = aws_iam_policy.read.name
  depends_on = [aws_iam_policy.read]
}
data "aws_iam_policy" "aws_managed" { arn = "arn:aws:iam::aws:policy/AdministratorAccess" }
data "aws_iam_role" "worker" { name = aws_iam_role.worker.name }
data "aws_iam_roles" "team" {
  path_prefix = "/team/"
  name_regex  = "work.*"
  depends_on  = [aws_iam_role.worker]
}
data "aws_iam_saml_provider" "example" { arn = aws_iam_saml_provider.example.arn }
data "aws_iam_server_certificate" "www" {
  name   = aws_iam_server_certificate.www.name
  latest = true
}
data "aws_iam_session_context" "me" { arn = data.aws_caller_identity.me.arn }
data "aws_iam_user" "alice" { user_name = aws_iam_user.alice.name }
data "aws_iam_user_ssh_key" "alice" {
  username          = aws_iam_user.alice.name
  ssh_public_key_id = aws_iam_user_ssh_key.alice.ssh_public_key_id
  encoding          = "SSH"
}
data "aws_iam_users" "people" {
  path_prefix = "/people/"
  depends_on  = [aws_iam_user.alice]
}
data "aws_iam_access_keys" "alice" {
  user       = aws_iam_user.alice.name
  depends_on = [aws_iam_access_key.alice]
}
data "aws_iam_principal_policy_simulation" "alice" {
  action_names      = ["reports:Read"]
  policy_source_arn = aws_iam_user.alice.arn
  resource_arns     = ["arn:aws:reports:::q3/a"]
  depends_on        = [aws_iam_user_policy.alice, aws_iam_user_policy_attachment.alice, aws_iam_policy.read]
}

output "found" {
  value = {
    alias     = data.aws_iam_account_alias.alias.account_alias
    allowed   = data.aws_iam_principal_policy_simulation.alice.all_allowed
    members   = sort(data.aws_iam_group.crew.users[*].user_name)
    roles     = data.aws_iam_roles.team.names
    users     = data.aws_iam_users.people.names
    profiles  = data.aws_iam_instance_profiles.worker.names
    key       = join(" ", data.aws_iam_access_keys.alice.access_keys[*].status)
    by_url    = data.aws_iam_openid_connect_provider.by_url.arn
    by_name   = data.aws_iam_policy.by_name.arn
    same_role = data.aws_iam_role.worker.unique_id == aws_iam_role.worker.unique_id
    issuer    = data.aws_iam_session_context.me.issuer_arn
    plain     = aws_iam_role.plain.name
  }
}
