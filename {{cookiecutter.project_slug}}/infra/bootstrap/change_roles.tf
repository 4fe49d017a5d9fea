# The roles that the deploy role makes. Each stands under the boundary, and the deploy role can change neither that nor
# itself: whatever a job on the default branch does, nothing becomes mightier than an administrator allowed.

locals {
  boundary_arn = "${local.policies}-boundary"

  # What changes a role's might, for which IAM says under which boundary it stands.
  role_might = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]

  role_upkeep = [
    "iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    "iam:UpdateRoleDescription",
  ]

  change_roles = [
    {
      Sid       = "RolesWithinTheBoundary"
      Effect    = "Allow"
      Action    = local.role_might
      Resource  = ["${local.roles}-*"]
      Condition = { StringEquals = { "iam:PermissionsBoundary" = local.boundary_arn } }
    },
    {
      Sid      = "Roles"
      Effect   = "Allow"
      Action   = local.role_upkeep
      Resource = ["${local.roles}-*"]
    },
    {
      Sid      = "HandRolesToServices"
      Effect   = "Allow"
      Action   = ["iam:PassRole"]
      Resource = ["${local.roles}-*"]
      Condition = {
        StringEquals = {
          "iam:PassedToService" = [
            "lambda.amazonaws.com", "sagemaker.amazonaws.com", "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com",
          ]
        }
      }
    },
    {
      Sid    = "NotTheRolesOfCi"
      Effect = "Deny"
      Action = concat(
        local.role_might, local.role_upkeep, ["iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PassRole"],
      )
      Resource = ["${local.roles}-ci-*"]
    },
    {
      Sid      = "NotWithoutTheBoundary"
      Effect   = "Deny"
      Action   = ["iam:DeleteRolePermissionsBoundary"]
      Resource = ["${local.roles}-*"]
    },
    {
      # Names begin with project and environment, and so do those of a project that is called like both of ours.
      Sid      = "NothingOfAnotherProject"
      Effect   = "Deny"
      Action   = ["*"]
      Resource = ["*"]
      Condition = {
        StringNotEquals = { "aws:ResourceTag/project" = local.project }
        Null            = { "aws:ResourceTag/project" = "false" }
      }
    },
    {
      Sid    = "NotTheBoundaryItself"
      Effect = "Deny"
      Action = [
        "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion",
      ]
      Resource = [local.boundary_arn, "${local.policies}-ci-*"]
    },
  ]
}
