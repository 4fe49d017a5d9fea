# What CI may do with the repository of images.

mock_provider "aws" {}

variables {
  environment       = "dev"
  gitlab_project    = "ml/abalone-rings"
  oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.com"
}

run "jobs_on_any_branch_only_read_the_repository" {
  command = plan

  assert {
    condition = [
      for attachment in local.image_attachments : attachment.policy if attachment.role == "plan"
    ] == ["read-images"]
    error_message = "The plan role must have only the policy for reading."
  }
  assert {
    condition = alltrue([
      for action in flatten(jsondecode(aws_iam_policy.images["read-images"].policy).Statement[*].Action) :
      can(regex("^ecr:(Describe|Get|List)[A-Za-z]+$", action))
    ])
    error_message = "The policy for reading must not contain an action that changes something."
  }
}

run "jobs_on_the_default_branch_change_no_other_repository" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.images["change-images"].policy).Statement :
      statement.Resource == [local.image_repository]
      if statement.Action != ["ecr:GetAuthorizationToken"] && statement.Action != ["kms:RetireGrant"]
    ])
    error_message = "The deploy role must change only the repository of its environment."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.images["change-images"].policy).Statement :
      statement.Condition == { StringEquals = local.own_resource } if contains(statement.Action, "kms:RetireGrant")
    ])
    error_message = "The deploy role must retire only grants of its environment's key."
  }
}

run "without_ci_there_is_no_policy_for_images" {
  command = plan
  variables { gitlab_project = null }

  assert {
    condition     = length(aws_iam_policy.images) + length(aws_iam_role_policy_attachment.images) == 0
    error_message = "Only CI has policies for images."
  }
}
