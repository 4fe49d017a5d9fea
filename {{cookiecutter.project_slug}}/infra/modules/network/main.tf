# A network without a way to the internet: jobs reach one bucket, one another, and nothing else.

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"] # no local zones, which SageMaker does not use
  }
}

locals {
  zones = slice(sort(data.aws_availability_zones.available.names), 0, 2)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = var.stem }
}

# Every network comes with a group that lets its members do anything: without rules it lets them do nothing.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.stem}-closed" }
}

resource "aws_subnet" "private" {
  count = 2

  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.cidr, 1, count.index)

  tags = { Name = "${var.stem}-private-${count.index + 1}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.stem}-private" }
}

resource "aws_route_table_association" "private" {
  count = 2

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # A gateway endpoint takes no other principal than *; the condition says who is meant.
        Sid       = "OwnBucketOnly"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action = [
          "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket",
          "s3:ListMultipartUploadParts", "s3:PutObject",
        ]
        Resource  = [var.bucket_arn, "${var.bucket_arn}/*"]
        Condition = { StringEquals = { "aws:PrincipalAccount" = var.account_id } }
      },
    ]
  })

  tags = { Name = "${var.stem}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.jobs.id]
  private_dns_enabled = true

  tags = { Name = "${var.stem}-${each.value}" }
}

resource "aws_security_group" "jobs" {
  name        = "${var.stem}-jobs"
  description = "The jobs of ${var.stem}: one another and S3."
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.stem}-jobs" }
}

resource "aws_vpc_security_group_ingress_rule" "members" {
  security_group_id            = aws_security_group.jobs.id
  description                  = "The machines of a job tell one another how far they are."
  referenced_security_group_id = aws_security_group.jobs.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "members" {
  security_group_id            = aws_security_group.jobs.id
  description                  = "The machines of a job tell one another how far they are."
  referenced_security_group_id = aws_security_group.jobs.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.jobs.id
  description       = "Data, code and results, by the S3 endpoint."
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
