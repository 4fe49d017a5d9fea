output "state_bucket" {
  description = "The bucket for Terraform states: `bucket` in infra/envs/<environment>.s3.tfbackend."
  value       = local.state_bucket
}

output "plan_role_arn" {
  description = "The role of CI on any branch, for planning; null without CI."
  value       = local.with_ci ? aws_iam_role.ci["plan"].arn : null
}

output "deploy_role_arn" {
  description = "The role of CI on the default branch, for applying and deploying; null without CI."
  value       = local.with_ci ? aws_iam_role.ci["deploy"].arn : null
}

output "permissions_boundary_arn" {
  description = "The permissions boundary of all roles of the environment."
  value       = aws_iam_policy.boundary.arn
}

output "oidc_provider_arn" {
  description = "The identity provider for GitLab, for further environments in this account."
  value       = local.provider_arn
}

output "oidc_audience" {
  description = "The audience of CI's tokens: `aud` in .gitlab-ci.yml."
  value       = var.gitlab_url
}
