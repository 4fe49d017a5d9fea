# What AWS would return, where other values are built from it.

mock_data "aws_availability_zones" { defaults = { names = ["eu-west-1c", "eu-west-1a", "eu-west-1b"] } }
mock_resource "aws_cloudwatch_event_rule" { defaults = { arn = "arn:aws:events:eu-west-1:111122223333:rule/mocked" } }
mock_resource "aws_cloudwatch_log_group" { defaults = { arn = "arn:aws:logs:eu-west-1:111122223333:log-group:mocked" } }
mock_resource "aws_dynamodb_table" { defaults = { arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/mocked" } }
mock_resource "aws_iam_role" { defaults = { arn = "arn:aws:iam::111122223333:role/mocked" } }
mock_resource "aws_kms_key" { defaults = { arn = "arn:aws:kms:eu-west-1:111122223333:key/mocked" } }
mock_resource "aws_lambda_function" { defaults = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:mocked" } }
mock_resource "aws_security_group" { defaults = { id = "sg-00000000" } }
mock_resource "aws_sns_topic" { defaults = { arn = "arn:aws:sns:eu-west-1:111122223333:mocked" } }
mock_resource "aws_sqs_queue" { defaults = { arn = "arn:aws:sqs:eu-west-1:111122223333:mocked" } }
mock_resource "aws_subnet" { defaults = { id = "subnet-00000000" } }
