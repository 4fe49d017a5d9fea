# The network that infra/live creates. New resources must be requested with the project's tags, existing ones must have
# them.

locals {
  # What each action creates, by its type in ARNs.
  new_in_network = {
    AuthorizeSecurityGroupEgress  = "security-group-rule"
    AuthorizeSecurityGroupIngress = "security-group-rule"
    CreateFlowLogs                = "vpc-flow-log"
    CreateRouteTable              = "route-table"
    CreateSecurityGroup           = "security-group"
    CreateSubnet                  = "subnet"
    CreateVpc                     = "vpc"
    CreateVpcEndpoint             = "vpc-endpoint"
  }

  change_network = merge(
    {
      for action, type in local.new_in_network : "New${action}" => {
        Action    = ["ec2:${action}"]
        Resource  = ["${local.arn.ec2}:${type}/*"]
        Condition = { StringEquals = local.own_request }
      }
    },
    {
      TagNewResources = {
        Action    = ["ec2:CreateTags"]
        Resource  = ["${local.arn.ec2}:*/*"]
        Condition = { StringEquals = merge(local.own_request, { "ec2:CreateAction" = keys(local.new_in_network) }) }
      }
      # A network's default group is created without tags. IAM has no condition for it, so this matches any group
      # without these tags.
      TagDefaultGroup = {
        Action   = ["ec2:CreateTags"]
        Resource = ["${local.arn.ec2}:security-group/*"]
        Condition = {
          StringEquals = local.own_request
          Null         = { for tag in keys(local.own_resource) : tag => "true" }
        }
      }
      Network = {
        Action = concat(
          [for action in keys(local.new_in_network) : "ec2:${action}" if action != "CreateVpc"],
          [
            "ec2:AssociateRouteTable", "ec2:CreateTags", "ec2:DeleteFlowLogs", "ec2:DeleteRouteTable",
            "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints",
            "ec2:DisassociateRouteTable", "ec2:ModifySecurityGroupRules", "ec2:ModifySubnetAttribute",
            "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint", "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
          ],
        )
        Resource  = ["${local.arn.ec2}:*/*"]
        Condition = { StringEquals = local.own_resource }
      }
    },
  )
}
