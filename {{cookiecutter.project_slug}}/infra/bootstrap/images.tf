# What CI may do with the repository of images: read it on any branch; create it, and push to it, on the default branch.

locals {
  image_repository = "arn:${local.partition}:ecr:${local.region}:${local.account_id}:repository/${local.name_prefix}"

  image_permissions = {
    read-images = {
      roles = ["plan", "deploy"]
      statements = [
        {
          Sid    = "ReadRepository"
          Effect = "Allow"
          Action = [
            "ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:GetRepositoryPolicy", "ecr:ListTagsForResource",
          ]
          Resource = [local.image_repository]
        },
      ]
    }
    change-images = {
      roles = ["deploy"]
      statements = [
        {
          Sid    = "Repository"
          Effect = "Allow"
          Action = [
            "ecr:CreateRepository", "ecr:DeleteLifecyclePolicy", "ecr:DeleteRepository", "ecr:DeleteRepositoryPolicy",
            "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy",
            "ecr:SetRepositoryPolicy", "ecr:TagResource", "ecr:UntagResource",
          ]
          Resource = [local.image_repository]
        },
        {
          Sid    = "Push"
          Effect = "Allow"
          Action = [
            "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload",
            "ecr:PutImage", "ecr:UploadLayerPart",
          ]
          Resource = [local.image_repository]
        },
        {
          Sid      = "SignIn"
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = ["*"] # the token is for the registry; ECR has no resource-level permission for it
        },
        {
          Sid       = "RetireGrantOfRepository" # ECR keeps a grant for the key as long as the repository exists
          Effect    = "Allow"
          Action    = ["kms:RetireGrant"]
          Resource  = ["${local.arn.kms}:key/*"]
          Condition = { StringEquals = local.own_resource }
        },
      ]
    }
  }

  image_attachments = merge([
    for name, permission in local.image_permissions :
    { for role in permission.roles : "${role} may ${name}" => { role = role, policy = name } if local.with_ci }
  ]...)
}

resource "aws_iam_policy" "images" {
  for_each = { for name, permission in local.image_permissions : name => permission if local.with_ci }

  name        = "${local.name_prefix}-ci-${each.key}"
  description = "What CI does with the repository of images."

  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}

resource "aws_iam_role_policy_attachment" "images" {
  for_each = local.image_attachments

  role       = aws_iam_role.ci[each.value.role].name
  policy_arn = aws_iam_policy.images[each.value.policy].arn
}
