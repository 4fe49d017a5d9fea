# What is made for the environment dev. Its account, region and network stand in config/environments/dev.yaml; when models
# are retrained and who is told of what, in config/events.yaml. infra/live/variables.tf says what else can be set here.

environment = "dev"

notification_emails = [{% if cookiecutter.notification_email %}"{{ cookiecutter.notification_email }}"{% endif %}] # AWS sends each a link to confirm first

# What starts the pipelines, beside people: new objects in the bucket, and times (in UTC; null for never). A schedule
# takes the files directly in data/inference/: where each batch has a folder of its own, inference_schedule is null.
new_data_starts_pipelines = {{ "true" if cookiecutter.triggers in ("s3", "both") else "false" }}
{%- if cookiecutter.triggers in ("schedule", "both") %}
training_schedule         = "cron(0 3 ? * MON *)"
inference_schedule        = "cron(0 5 * * ? *)"
{%- else %}
training_schedule         = null
inference_schedule        = null
{%- endif %}

# Where config/environments/dev.yaml names no subnets: a network without a way to the internet.
create_network = true

monthly_budget_usd = 100 # mails at 80 % and 100 %; 0 for none
log_retention_days = 365
force_destroy      = false # true: `terraform destroy` deletes the data, too
