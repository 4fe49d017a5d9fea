# A network without internet access: jobs reach one bucket and one another, and nothing else.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"] # SageMaker does not support local zones
  }
}

locals {
  name_prefix = var.context.name_prefix
  ec2         = "arn:${var.context.partition}:ec2:${var.context.region}:${var.context.account_id}"

  zones = slice(sort(data.aws_availability_zones.available.names), 0, 2)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = local.name_prefix }
}

# AWS creates every network with a group that allows its members everything; without rules it allows nothing.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${local.name_prefix}-closed" }
}

resource "aws_subnet" "private" {
  count = 2

  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.cidr, 1, count.index)

  tags = { Name = "${local.name_prefix}-private-${count.index + 1}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${local.name_prefix}-private" }
}

resource "aws_route_table_association" "private" {
  count = 2

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.context.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # A gateway endpoint supports only the principal *; the condition restricts it to the account.
        Sid       = "OwnBucketOnly"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action = [
          "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket",
          "s3:ListMultipartUploadParts", "s3:PutObject",
        ]
        Resource  = [var.bucket_arn, "${var.bucket_arn}/*"]
        Condition = { StringEquals = { "aws:PrincipalAccount" = var.context.account_id } }
      },
    ]
  })

  tags = { Name = "${local.name_prefix}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.context.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.jobs.id]
  private_dns_enabled = true

  tags = { Name = "${local.name_prefix}-${each.value}" }
}

resource "aws_security_group" "jobs" {
  name        = "${local.name_prefix}-jobs"
  description = "The jobs of ${local.name_prefix}: one another and S3."
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name_prefix}-jobs" }
}

resource "aws_vpc_security_group_ingress_rule" "members" {
  security_group_id            = aws_security_group.jobs.id
  description                  = "The instances of a job exchange their progress."
  referenced_security_group_id = aws_security_group.jobs.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "members" {
  security_group_id            = aws_security_group.jobs.id
  description                  = "The instances of a job exchange their progress."
  referenced_security_group_id = aws_security_group.jobs.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.jobs.id
  description       = "Data, code and results, through the S3 endpoint."
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

output "subnets" {
  description = "The ids of the private subnets, in two availability zones."
  value       = aws_subnet.private[*].id
}

output "security_groups" {
  description = "The id of the jobs' security group."
  value       = [aws_security_group.jobs.id]
}
