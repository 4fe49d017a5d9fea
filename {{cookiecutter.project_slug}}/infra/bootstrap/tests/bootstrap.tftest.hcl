# What the policies say. No account and no network are needed: a policy is a matter of names, and names are by rule.

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
    error_message = "The deploy role can be taken by others than jobs on the default branch."
  }
}

run "jobs_on_all_branches_of_this_project_plan" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.ci["plan"].assume_role_policy).Statement[0].Condition == {
      StringEquals = { "gitlab.com:aud" = "https://gitlab.com" }
      StringLike   = { "gitlab.com:sub" = "project_path:ml/abalone-rings:ref_type:branch:ref:*" }
    }
    error_message = "The plan role can be taken by others than jobs on branches of the project."
  }
}

run "another_gitlab_has_its_own_claims" {
  command = plan

  variables {
    gitlab_url        = "https://git.example.com:8443/gitlab"
    default_branch    = "release/1.x"
    oidc_provider_arn = null
  }

  assert {
    condition     = toset(aws_iam_openid_connect_provider.gitlab[0].client_id_list) == toset(["https://git.example.com:8443/gitlab"])
    error_message = "The identity provider takes tokens that were made out for somebody else."
  }

  assert {
    condition = local.ci.deploy.condition.StringEquals == {
      "git.example.com:8443/gitlab:aud" = "https://git.example.com:8443/gitlab"
      "git.example.com:8443/gitlab:sub" = "project_path:ml/abalone-rings:ref_type:branch:ref:release/1.x"
    }
    error_message = "The claims are not those of the GitLab at gitlab_url."
  }
}

run "an_identity_provider_that_is_there_is_used" {
  command = plan

  assert {
    condition     = length(aws_iam_openid_connect_provider.gitlab) == 0
    error_message = "An account takes only one identity provider for an address, and a second one is made."
  }

  assert {
    condition     = jsondecode(aws_iam_role.ci["plan"].assume_role_policy).Statement[0].Principal.Federated == var.oidc_provider_arn
    error_message = "The roles trust another identity provider than the one that was given."
  }
}

run "the_plan_role_only_looks" {
  command = plan

  assert {
    condition     = [for attachment in local.attachments : attachment.policy if attachment.role == "plan"] == ["read"]
    error_message = "The plan role has more policies than the one for reading."
  }

  assert {
    condition = alltrue([
      for action in flatten(jsondecode(aws_iam_policy.ci["read"].policy).Statement[*].Action) :
      action == "kms:Decrypt" || can(regex("^[a-z0-9]+:(Describe|Get|List|View)", action))
    ])
    error_message = "The policy for reading holds an action that changes something."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.ci["read"].policy).Statement :
      try(statement.Condition.StringEquals["kms:ViaService"], []) == [
        "lambda.${local.region}.amazonaws.com", "scheduler.${local.region}.amazonaws.com",
      ] if contains(statement.Action, "kms:Decrypt")
    ])
    error_message = "The plan role decrypts more than the settings of functions and schedules."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.ci["read"].policy).Statement :
      statement.Resource == ["${local.state_arn}/dev/*"] if contains(statement.Action, "s3:GetObject")
    ])
    error_message = "The plan role reads objects beside the state of its environment."
  }
}

run "no_role_is_made_without_the_boundary" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == local.boundary_arn
      if statement.Effect == "Allow" && length(setintersection(statement.Action, local.role_might)) > 0
    ])
    error_message = "The deploy role can make a role that is mightier than the boundary."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      alltrue([for resource in statement.Resource : startswith(resource, "${local.roles}-")]) if statement.Effect == "Allow"
    ])
    error_message = "The deploy role can change roles that are not the environment's."
  }

  assert {
    condition     = endswith(local.boundary_arn, ":policy/${aws_iam_policy.boundary.name}")
    error_message = "The boundary that roles must stand under is not the one that is made."
  }
}

run "the_deploy_role_changes_neither_itself_nor_the_boundary" {
  command = plan

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      statement.Effect == "Deny" && statement.Resource == ["${local.roles}-ci-*"] && length(setsubtract([
        "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
        "iam:PassRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy",
      ], statement.Action)) == 0
    ])
    error_message = "The deploy role can change the roles of CI."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      statement.Effect == "Deny" && contains(statement.Resource, local.boundary_arn) && length(setsubtract([
        "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:SetDefaultPolicyVersion",
      ], statement.Action)) == 0
    ])
    error_message = "The deploy role can change the boundary."
  }

  assert {
    condition = length(setintersection(
      flatten([for policy in aws_iam_policy.ci : [
        for statement in jsondecode(policy.policy).Statement : statement.Action if statement.Effect == "Allow"
      ]]),
      ["iam:AttachRolePolicy", "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:CreateUser", "iam:DeleteRolePermissionsBoundary"],
    )) == 0
    error_message = "CI may do what could take the boundary away."
  }
}

run "the_deploy_role_changes_nothing_of_a_project_whose_name_begins_like_ours" {
  command = plan

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.ci["change-roles"].policy).Statement :
      statement.Effect == "Deny" && statement.Action == ["*"] && statement.Resource == ["*"] && try(statement.Condition == {
        StringNotEquals = { "aws:ResourceTag/project" = local.project }
        Null            = { "aws:ResourceTag/project" = "false" }
      }, false)
    ])
    error_message = "Roles of <project>-<environment>-..., another project, are roles that the deploy role can change."
  }
}

run "nothing_is_allowed_by_wildcard" {
  command = plan

  assert {
    condition = alltrue([
      for statement in flatten([
        for policy in concat(values(aws_iam_policy.ci), [aws_iam_policy.boundary]) : jsondecode(policy.policy).Statement
      ]) :
      alltrue([for action in statement.Action : can(regex("^[a-z0-9]+:[A-Za-z0-9]+$", action))])
      if statement.Effect == "Allow"
    ])
    error_message = "A policy holds an action with a wildcard."
  }
}

run "every_policy_fits_with_the_longest_names" {
  command = plan

  # IAM takes 6144 characters. A name stands for its 41 here: each time it occurs it may grow by so many.
  assert {
    condition = alltrue([
      for policy in concat(values(aws_iam_policy.ci), [aws_iam_policy.boundary]) :
      length(policy.policy) + (41 - length(local.stem)) * (length(split(local.stem, policy.policy)) - 1) <= 6144
    ])
    error_message = "A policy is too long for IAM where project and environment have long names; make two of it."
  }
}

run "further_environments_share_the_bucket_of_states" {
  command = plan

  variables {
    create_state_bucket = false
  }

  assert {
    condition     = length(aws_s3_bucket.state) == 0 && output.state_bucket == local.state_bucket
    error_message = "The bucket of states is made twice."
  }
}

run "the_bucket_of_states_is_closed" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.state[0].versioning_configuration[0].status == "Enabled"
    error_message = "A state that was overwritten is lost."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state[0].block_public_acls,
      aws_s3_bucket_public_access_block.state[0].block_public_policy,
      aws_s3_bucket_public_access_block.state[0].ignore_public_acls,
      aws_s3_bucket_public_access_block.state[0].restrict_public_buckets,
    ])
    error_message = "The bucket of states could be opened to the public."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.state[0].policy).Statement :
      statement.Effect == "Deny" && statement.Condition == { Bool = { "aws:SecureTransport" = "false" } }
    ])
    error_message = "States can be read without TLS."
  }
}

run "an_environment_named_like_the_bucket_of_states_is_refused" {
  command = plan

  variables {
    environment = "tfstate"
  }

  expect_failures = [var.environment]
}

run "an_environment_that_would_make_a_function_of_a_role_is_refused" {
  command = plan

  variables {
    environment = "start"
  }

  expect_failures = [var.environment]
}

run "without_ci_there_are_the_bucket_of_states_and_the_boundary" {
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
    error_message = "Nobody asked for CI, and it may do something."
  }

  assert {
    condition     = length(aws_s3_bucket.state) == 1 && aws_iam_policy.boundary.name == "${local.stem}-boundary"
    error_message = "States need their bucket, and roles their boundary, with CI and without."
  }
}

run "a_project_with_a_wildcard_is_refused" {
  command = plan

  variables {
    gitlab_project = "ml/*"
  }

  expect_failures = [var.gitlab_project]
}

run "a_group_without_a_project_is_refused" {
  command = plan

  variables {
    gitlab_project = "ml"
  }

  expect_failures = [var.gitlab_project]
}

run "a_branch_with_a_wildcard_is_refused" {
  command = plan

  variables {
    default_branch = "release-*"
  }

  expect_failures = [var.default_branch]
}

run "gitlab_without_tls_is_refused" {
  command = plan

  variables {
    gitlab_url = "http://gitlab.example.com"
  }

  expect_failures = [var.gitlab_url]
}
