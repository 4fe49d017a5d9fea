# The policies. They need no account and no network, because they contain only names, and names are derived.

mock_provider "aws" {}

variables {
  environment       = "dev"
  gitlab_project    = "ml/abalone-rings"
  oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.com"
}

run "only_jobs_on_the_default_branch_deploy" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.ci["deploy"].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "gitlab.com:aud" = "https://gitlab.com"
        "gitlab.com:sub" = "project_path:ml/abalone-rings:ref_type:branch:ref:main"
      }
    }
    error_message = "Only jobs on the default branch may assume the deploy role."
  }
}

run "jobs_on_all_branches_of_this_project_plan" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.ci["plan"].assume_role_policy).Statement[0].Condition == {
      StringEquals = { "gitlab.com:aud" = "https://gitlab.com" }
      StringLike   = { "gitlab.com:sub" = "project_path:ml/abalone-rings:ref_type:branch:ref:*" }
    }
    error_message = "Only jobs on branches of the project may assume the plan role."
  }
}

run "self_hosted_gitlab_has_its_own_claims" {
  command = plan
  variables {
    gitlab_url        = "https://git.example.com/gitlab"
    default_branch    = "release/1.x"
    oidc_provider_arn = null
  }
  assert {
    condition     = toset(aws_iam_openid_connect_provider.gitlab[0].client_id_list) == toset(["https://git.example.com/gitlab"])
    error_message = "The identity provider must only accept tokens for this audience."
  }
  assert {
    condition = local.ci.deploy.condition.StringEquals == {
      "git.example.com/gitlab:aud" = "https://git.example.com/gitlab"
      "git.example.com/gitlab:sub" = "project_path:ml/abalone-rings:ref_type:branch:ref:release/1.x"
    }
    error_message = "The claims must be those of the GitLab at gitlab_url."
  }
}

run "existing_identity_provider_is_used" {
  command = plan

  assert {
    condition     = length(aws_iam_openid_connect_provider.gitlab) == 0
    error_message = "An account can have only one identity provider for a URL, so none may be created."
  }
  assert {
    condition     = jsondecode(aws_iam_role.ci["plan"].assume_role_policy).Statement[0].Principal.Federated == var.oidc_provider_arn
    error_message = "The roles must trust the existing identity provider."
  }
}

run "plan_role_only_reads" {
  command = plan

  assert {
    condition     = [for attachment in local.attachments : attachment.policy if attachment.role == "plan"] == ["read"]
    error_message = "The plan role must have only the policy for reading."
  }
  assert {
    condition = alltrue([
      for action in flatten(jsondecode(aws_iam_policy.ci["read"].policy).Statement[*].Action) :
      action == "kms:Decrypt" || can(regex("^[a-z0-9]+:(Describe|Get|List|View)", action))
    ])
    error_message = "The policy for reading must not contain an action that changes something."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.ci["read"].policy).Statement :
      try(statement.Condition.StringEquals["kms:ViaService"], []) == [
        "lambda.${local.region}.amazonaws.com", "scheduler.${local.region}.amazonaws.com",
      ] if contains(statement.Action, "kms:Decrypt")
    ])
    error_message = "The plan role must decrypt only the settings of functions and schedules."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.ci["read"].policy).Statement :
      statement.Resource == ["${local.state_arn}/dev/*"] if contains(statement.Action, "s3:GetObject")
    ])
    error_message = "The plan role must read only the objects with its environment's state."
  }
}

run "no_role_is_created_without_the_boundary" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == local.boundary_arn
      if statement.Effect == "Allow" && length(setintersection(statement.Action, local.role_write_actions)) > 0
    ])
    error_message = "The deploy role must not create a role without the boundary."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      alltrue([for resource in statement.Resource : startswith(resource, "${local.roles}-")]) if statement.Effect == "Allow"
    ])
    error_message = "The deploy role must change only roles of the environment."
  }
  assert {
    condition     = endswith(local.boundary_arn, ":policy/${aws_iam_policy.boundary.name}")
    error_message = "The required boundary must be the created one."
  }
}

run "deploy_role_changes_neither_itself_nor_the_boundary" {
  command = plan

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      statement.Effect == "Deny" && statement.Resource == ["${local.roles}-ci-*"] && length(setsubtract([
        "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
        "iam:PassRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy",
      ], statement.Action)) == 0
    ])
    error_message = "The deploy role must not change the roles of CI."
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      statement.Effect == "Deny" && contains(statement.Resource, local.boundary_arn) && length(setsubtract([
        "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:SetDefaultPolicyVersion",
      ], statement.Action)) == 0
    ])
    error_message = "The deploy role must not change the boundary."
  }
  assert {
    condition = length(setintersection(
      flatten([for policy in aws_iam_policy.ci : [
        for statement in jsondecode(policy.policy).Statement : statement.Action if statement.Effect == "Allow"
      ]]),
      ["iam:AttachRolePolicy", "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:CreateUser", "iam:DeleteRolePermissionsBoundary"],
    )) == 0
    error_message = "CI must not have actions that could remove the boundary."
  }
}

run "deploy_role_changes_nothing_of_a_project_whose_name_begins_like_ours" {
  command = plan

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      statement.Effect == "Deny" && statement.Action == ["*"] && statement.Resource == ["*"] && try(statement.Condition == {
        StringNotEquals = { "aws:ResourceTag/project" = local.project }
        Null            = { "aws:ResourceTag/project" = "false" }
      }, false)
    ])
    error_message = "The deploy role must not change the project <project>-<environment>-..., whose tag differs."
  }
}

run "no_allowed_action_is_a_wildcard" {
  command = plan

  assert {
    condition = alltrue([
      for statement in flatten([
        for policy in concat(values(aws_iam_policy.ci), [aws_iam_policy.boundary]) : jsondecode(policy.policy).Statement
      ]) :
      alltrue([for action in statement.Action : can(regex("^[a-z0-9]+:[A-Za-z0-9]+$", action))])
      if statement.Effect == "Allow"
    ])
    error_message = "No allowed action may contain a wildcard."
  }
}

run "every_policy_fits_with_the_longest_names" {
  command = plan

  # IAM's limit is 6144 characters. Each occurrence of the name prefix is counted with its maximum length, 41.
  assert {
    condition = alltrue([
      for policy in concat(values(aws_iam_policy.ci), [aws_iam_policy.boundary]) :
      length(policy.policy) + (41 - length(local.name_prefix)) * (length(split(local.name_prefix, policy.policy)) - 1) <= 6144
    ])
    error_message = "The policy is too long for IAM if project and environment have long names; split it."
  }
}

run "further_environments_share_the_state_bucket" {
  command = plan
  variables { create_state_bucket = false }
  assert {
    condition     = length(aws_s3_bucket.state) == 0 && output.state_bucket == local.state_bucket
    error_message = "The state bucket must not be created twice."
  }
}

run "state_bucket_is_private_and_versioned" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.state[0].versioning_configuration[0].status == "Enabled"
    error_message = "Overwritten states must be kept."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state[0].block_public_acls,
      aws_s3_bucket_public_access_block.state[0].block_public_policy,
      aws_s3_bucket_public_access_block.state[0].ignore_public_acls,
      aws_s3_bucket_public_access_block.state[0].restrict_public_buckets,
    ])
    error_message = "The state bucket must not become public."
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.state[0].policy).Statement :
      statement.Effect == "Deny" && statement.Condition == { Bool = { "aws:SecureTransport" = "false" } }
    ])
    error_message = "The state bucket must reject connections without TLS."
  }
}

run "environment_named_like_the_state_bucket_is_rejected" {
  command = plan
  variables { environment = "tfstate" }
  expect_failures = [var.environment]
}

run "environment_whose_role_would_be_named_like_a_function_s_is_rejected" {
  command = plan
  variables { environment = "start" }
  expect_failures = [var.environment]
}

run "without_ci_only_the_state_bucket_and_the_boundary_are_created" {
  command = plan
  variables {
    gitlab_project    = null
    oidc_provider_arn = null
  }
  assert {
    condition = 0 == sum([
      length(aws_iam_openid_connect_provider.gitlab), length(aws_iam_role.ci), length(aws_iam_policy.ci),
      length(aws_iam_role_policy_attachment.ci),
    ])
    error_message = "Without a GitLab project there must be no role, policy or identity provider for CI."
  }
  assert {
    condition     = length(aws_s3_bucket.state) == 1 && aws_iam_policy.boundary.name == "${local.name_prefix}-boundary"
    error_message = "The state bucket and the boundary are needed without CI, too."
  }
}

run "project_with_a_wildcard_is_rejected" {
  command = plan
  variables { gitlab_project = "ml/*" }
  expect_failures = [var.gitlab_project]
}

run "group_without_a_project_is_rejected" {
  command = plan
  variables { gitlab_project = "ml" }
  expect_failures = [var.gitlab_project]
}

run "branch_with_a_wildcard_is_rejected" {
  command = plan
  variables { default_branch = "release-*" }
  expect_failures = [var.default_branch]
}

run "gitlab_without_tls_is_rejected" {
  command = plan
  variables { gitlab_url = "http://gitlab.example.com" }
  expect_failures = [var.gitlab_url]
}

run "address_of_gitlab_with_a_port_is_rejected" {
  command = plan
  variables { gitlab_url = "https://gitlab.example.com:8443" }
  expect_failures = [var.gitlab_url]
}
