# One page: the pipelines, the functions, the dead-letter queues.

locals {
  # Three to a row.
  graphs = concat(
    [
      for kind, name in var.pipeline_names : {
        title  = "Executions of ${kind}"
        stat   = "Sum"
        period = 3600
        metrics = [
          for metric in ["ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed"] :
          ["AWS/Sagemaker/ModelBuildingPipeline", metric, "PipelineName", name]
        ]
      }
    ],
    [
      {
        title   = "Errors of functions"
        stat    = "Sum"
        period  = 300
        metrics = [for function in var.functions : ["AWS/Lambda", "Errors", "FunctionName", function.name]]
      },
      {
        title   = "Duration of functions (ms, longest)"
        stat    = "Maximum"
        period  = 300
        metrics = [for function in var.functions : ["AWS/Lambda", "Duration", "FunctionName", function.name]]
      },
      {
        title   = "Messages in dead-letter queues"
        stat    = "Maximum"
        period  = 300
        metrics = [for queue in var.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.name]]
      },
    ],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.context.name_prefix

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type   = "alarm"
        x      = 0
        y      = 0
        width  = 24
        height = 4
        properties = {
          title  = "Alarms"
          alarms = sort([for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn])
        }
      }],
      [
        for index, graph in local.graphs : {
          type   = "metric"
          x      = index % 3 * 8
          y      = 4 + floor(index / 3) * 6
          width  = 8
          height = 6
          properties = {
            title   = graph.title
            region  = var.context.region
            stat    = graph.stat
            period  = graph.period
            metrics = graph.metrics
          }
        }
      ],
    )
  })
}
