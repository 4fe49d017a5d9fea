output "role_arn" {
  description = "The role that pipelines are made and run with."
  value       = aws_iam_role.this.arn
}
