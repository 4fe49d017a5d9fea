output "model_package_group" {
  description = "The model package group: name, arn."
  value       = { name = aws_sagemaker_model_package_group.this.model_package_group_name, arn = local.arn }
}
