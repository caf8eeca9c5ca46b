# What is there already and is taken over: read by its id alone, it must be found as it is described.

import {
  to = aws_iam_user.bruno
  id = "bruno-renamed"
}
import {
  to = aws_iam_group.crew
  id = "crew-renamed"
}
import {
  to = aws_iam_role.worker
  id = "worker"
}
import {
  to = aws_iam_role_policy.worker
  id = "worker:inline"
}
import {
  to = aws_iam_policy.read
  id = "arn:aws:iam::111111111111:policy/team/read"
}
import {
  to = aws_iam_user_policy_attachment.alice
  id = "alice/arn:aws:iam::111111111111:policy/team/read"
}
import {
  to = aws_iam_instance_profile.worker
  id = "worker"
}
import {
  to = aws_iam_openid_connect_provider.example
  id = "arn:aws:iam::111111111111:oidc-provider/oidc.example.com/app"
}
import {
  to = aws_iam_saml_provider.example
  id = "arn:aws:iam::111111111111:saml-provider/example"
}
import {
  to = aws_iam_service_linked_role.scaling
  id = "arn:aws:iam::111111111111:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_mine"
}
import {
  to = aws_iam_account_alias.alias
  id = "brevet-second"
}
import {
  to = aws_iam_account_password_policy.strict
  id = "iam-account-password-policy"
}
