output "state_bucket" {
  description = "The bucket for states: `bucket` in infra/envs/<environment>.s3.tfbackend."
  value       = local.state_bucket
}

output "plan_role_arn" {
  description = "The role that CI plans with, on any branch; null without CI."
  value       = local.with_ci ? aws_iam_role.ci["plan"].arn : null
}

output "deploy_role_arn" {
  description = "The role that CI applies and deploys with, on the default branch; null without CI."
  value       = local.with_ci ? aws_iam_role.ci["deploy"].arn : null
}

output "permissions_boundary_arn" {
  description = "What every role of the environment stands under."
  value       = aws_iam_policy.boundary.arn
}

output "oidc_provider_arn" {
  description = "GitLab as the account knows it: for the bootstrap of further environments of this account."
  value       = local.provider_arn
}

output "oidc_audience" {
  description = "Whom the tokens of CI must be made out for: `aud` in .gitlab-ci.yml."
  value       = var.gitlab_url
}
