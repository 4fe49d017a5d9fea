# shellcheck shell=sh
#
# Assumes a role in the account of $ENVIRONMENT for the rest of the job: `. infra/ci/role.sh`. $ROLE is plan, which can
# only read, or deploy. No key is stored anywhere: AWS accepts $AWS_ID_TOKEN, in which GitLab certifies the job.
# Also sets $STEM, the prefix of every name in this environment.

fail() {
  echo "$*" >&2
  exit 1
}

# The value of a top-level key in a YAML file.
value() {
  sed -n "s/^$1: *[\"']\{0,1\}\([A-Za-z0-9-]\{1,\}\)[\"']\{0,1\} *\(#.*\)\{0,1\}\$/\1/p" "$2"
}

# A variable of a group or of a pipeline overrides the one in .gitlab-ci.yml.
case :$CI_JOB_NAME: in
  *":$ENVIRONMENT:"*) ;;
  *) fail "the job $CI_JOB_NAME has ENVIRONMENT=$ENVIRONMENT from outside of .gitlab-ci.yml: remove that variable" ;;
esac
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE # stored keys would override the role

file=config/environments/$ENVIRONMENT.yaml
[ -f "$file" ] || fail "$file does not exist: copy config/environments/dev.yaml, and set its account"
account=$(value account_id "$file")
AWS_REGION=$(value region "$file")
STEM=$(value project config/pipelines.yaml)-$ENVIRONMENT
[ -n "$account" ] || fail "$file: account_id is missing: 12 digits in quotes"
[ -n "$AWS_REGION" ] || fail "$file: region is missing, for example eu-west-1"
[ "$STEM" != "-$ENVIRONMENT" ] || fail "config/pipelines.yaml: project is missing"
[ -n "${AWS_ID_TOKEN:-}" ] || fail "AWS_ID_TOKEN is not set: this runs only in jobs of .gitlab-ci.yml with id_tokens"

case $AWS_REGION in # as in infra/modules/names
  cn-*) partition=aws-cn ;;
  eu-isoe-*) partition=aws-iso-e ;;
  eusc-*) partition=aws-eusc ;;
  us-gov-*) partition=aws-us-gov ;;
  us-iso-*) partition=aws-iso ;;
  us-isob-*) partition=aws-iso-b ;;
  us-isof-*) partition=aws-iso-f ;;
  *) partition=aws ;;
esac

AWS_ROLE_ARN=arn:$partition:iam::$account:role/$STEM-ci-$ROLE
AWS_ROLE_SESSION_NAME=gitlab-$CI_JOB_ID
AWS_WEB_IDENTITY_TOKEN_FILE=$(umask 077 && mktemp)
trap 'rm -f "$AWS_WEB_IDENTITY_TOKEN_FILE"' EXIT # some runners keep the machine after a job
printf '%s' "$AWS_ID_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE"
export AWS_REGION AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_WEB_IDENTITY_TOKEN_FILE STEM
echo "As $AWS_ROLE_ARN in $AWS_REGION"
