# Who in GitLab may do what. A job shows a token, which GitLab signed, and gets keys for an hour; none are stored.

locals {
  with_ci = var.gitlab_project != null

  gitlab = trimprefix(var.gitlab_url, "https://")

  provider_arn = (
    var.oidc_provider_arn == null ? one(aws_iam_openid_connect_provider.gitlab[*].arn) : var.oidc_provider_arn
  )

  # The job of a merge request runs on its branch. That of a fork says that it is the fork's, even where a member has
  # let it run in this project: since GitLab 18.2.2; docs/infrastructure.md says what to do with an older one.
  audience = { "${local.gitlab}:aud" = var.gitlab_url }
  subject  = local.with_ci ? "project_path:${var.gitlab_project}:ref_type:branch:ref" : ""

  ci = {
    plan = {
      description = "CI on any branch: looks, and changes nothing."
      policies    = ["read"]
      condition = {
        StringEquals = local.audience
        StringLike   = { "${local.gitlab}:sub" = "${local.subject}:*" }
      }
    }
    deploy = {
      description = "CI on the default branch: makes what infra/live and the pipelines describe."
      policies    = ["read", "change-storage", "change-services", "change-network", "change-roles"]
      condition = {
        StringEquals = merge(local.audience, { "${local.gitlab}:sub" = "${local.subject}:${var.default_branch}" })
      }
    }
  }

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

  name                 = "${local.stem}-ci-${each.key}"
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

# IAM takes 6144 characters in a policy, hence several.
resource "aws_iam_policy" "ci" {
  for_each = { for name, permission in local.permissions : name => permission if local.with_ci }

  name        = "${local.stem}-ci-${each.key}"
  description = each.value.description
  policy      = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}

resource "aws_iam_role_policy_attachment" "ci" {
  for_each = local.attachments

  role       = aws_iam_role.ci[each.value.role].name
  policy_arn = aws_iam_policy.ci[each.value.policy].arn
}
