# The roles that the deploy role creates. Each has the permissions boundary, and the deploy role can change neither the
# boundary nor itself: no job on the default branch can gain more permissions than an administrator granted.

locals {
  boundary_arn = "${local.policies}-boundary"

  # Actions that change a role's permissions. For these, IAM supports a condition on the boundary.
  role_write_actions = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]

  role_other_actions = [
    "iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    "iam:UpdateRoleDescription",
  ]

  change_roles = {
    RolesWithinTheBoundary = {
      Action    = local.role_write_actions
      Resource  = ["${local.roles}-*"]
      Condition = { StringEquals = { "iam:PermissionsBoundary" = local.boundary_arn } }
    }
    Roles = {
      Action   = local.role_other_actions
      Resource = ["${local.roles}-*"]
    }
    PassRolesToServices = {
      Action   = ["iam:PassRole"]
      Resource = ["${local.roles}-*"]
      Condition = {
        StringEquals = {
          "iam:PassedToService" = [
            "lambda.amazonaws.com", "sagemaker.amazonaws.com", "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com",
          ]
        }
      }
    }
    ProtectCiRoles = {
      Effect = "Deny"
      Action = concat(
        local.role_write_actions, local.role_other_actions,
        ["iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PassRole"],
      )
      Resource = ["${local.roles}-ci-*"]
    }
    KeepBoundaryOnRoles = {
      Effect   = "Deny"
      Action   = ["iam:DeleteRolePermissionsBoundary"]
      Resource = ["${local.roles}-*"]
    }
    # The name prefix also matches a project named <project>-<environment>-..., so its tag decides.
    ProtectOtherProjects = {
      Effect   = "Deny"
      Action   = ["*"]
      Resource = ["*"]
      Condition = {
        StringNotEquals = { "aws:ResourceTag/project" = local.project }
        Null            = { "aws:ResourceTag/project" = "false" }
      }
    }
    ProtectBoundary = {
      Effect = "Deny"
      Action = [
        "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion",
      ]
      Resource = [local.boundary_arn, "${local.policies}-ci-*"]
    }
  }
}
