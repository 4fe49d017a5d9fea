# The roles of GitLab CI. A job presents a token signed by GitLab and gets credentials for an hour; none are stored.

locals {
  with_ci = var.gitlab_project != null

  gitlab = trimprefix(var.gitlab_url, "https://")

  provider_arn = (
    var.oidc_provider_arn == null ? one(aws_iam_openid_connect_provider.gitlab[*].arn) : var.oidc_provider_arn
  )

  # A merge request's job runs on its branch. Since GitLab 18.2.2 the token of a fork's job names the fork, even if a
  # member runs it in this project; docs/infrastructure.md describes what to do with an older GitLab.
  audience = { "${local.gitlab}:aud" = var.gitlab_url }
  subject  = local.with_ci ? "project_path:${var.gitlab_project}:ref_type:branch:ref" : ""

  ci = {
    plan = {
      description = "CI on any branch: reads, and changes nothing."
      policies    = ["read"]
      condition = {
        StringEquals = local.audience
        StringLike   = { "${local.gitlab}:sub" = "${local.subject}:*" }
      }
    }
    deploy = {
      description = "CI on the default branch: creates and changes infra/live and the pipelines."
      policies    = ["read", "change-storage", "change-services", "change-network", "change-roles"]
      condition = {
        StringEquals = merge(local.audience, { "${local.gitlab}:sub" = "${local.subject}:${var.default_branch}" })
      }
    }
  }

  # A change of a description would replace the policy.
  permissions = {
    read            = { description = "What CI looks at.", statements = local.read }
    change-storage  = { description = "What CI makes that keeps something.", statements = local.change_storage }
    change-services = { description = "What CI makes that does something.", statements = local.change_services }
    change-network  = { description = "The network that CI makes.", statements = local.change_network }
    change-roles    = { description = "The roles that CI makes, within the boundary.", statements = local.change_roles }
  }

  attachments = merge([
    for role, ci in local.ci :
    { for policy in ci.policies : "${role} may ${policy}" => { role = role, policy = policy } if local.with_ci }
  ]...)
}

resource "aws_iam_openid_connect_provider" "gitlab" {
  count = local.with_ci && var.oidc_provider_arn == null ? 1 : 0

  url            = var.gitlab_url
  client_id_list = [var.gitlab_url]
}

resource "aws_iam_role" "ci" {
  for_each = { for role, ci in local.ci : role => ci if local.with_ci }

  name                 = "${local.name_prefix}-ci-${each.key}"
  description          = each.value.description
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Federated = local.provider_arn }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = each.value.condition
      },
    ]
  })
}

# A policy may have 6144 characters, so there are several.
resource "aws_iam_policy" "ci" {
  for_each = { for name, permission in local.permissions : name => permission if local.with_ci }

  name        = "${local.name_prefix}-ci-${each.key}"
  description = each.value.description

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for sid, statement in each.value.statements : merge({ Sid = sid, Effect = "Allow" }, statement)]
  })
}

resource "aws_iam_role_policy_attachment" "ci" {
  for_each = local.attachments

  role       = aws_iam_role.ci[each.value.role].name
  policy_arn = aws_iam_policy.ci[each.value.policy].arn
}
