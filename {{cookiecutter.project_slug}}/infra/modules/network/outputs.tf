output "subnets" {
  description = "The ids of the private subnets, in two availability zones."
  value       = aws_subnet.private[*].id
}

output "security_groups" {
  description = "The id of the security group that jobs belong to."
  value       = [aws_security_group.jobs.id]
}
