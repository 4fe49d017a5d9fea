# shellcheck shell=sh
#
# Take on a role in the account of $ENVIRONMENT, for the rest of the job: `. infra/ci/role.sh`. $ROLE is plan, which may
# only read, or deploy. No key is stored anywhere: AWS lends the role for $AWS_ID_TOKEN, GitLab's word on whose job this is.
# It leaves $STEM, too: the start of every name in this environment.

fail() {
  echo "$*" >&2
  exit 1
}

# The value of a key that stands at the start of a line.
value() {
  sed -n "s/^$1: *[\"']\{0,1\}\([A-Za-z0-9-]\{1,\}\)[\"']\{0,1\} *\(#.*\)\{0,1\}\$/\1/p" "$2"
}

# A variable of a group or of a pipeline counts for more than one of the same name in .gitlab-ci.yml.
case :$CI_JOB_NAME: in
  *":$ENVIRONMENT:"*) ;;
  *) fail "the job $CI_JOB_NAME is given ENVIRONMENT=$ENVIRONMENT from outside of .gitlab-ci.yml: take that variable away" ;;
esac
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE # and a stored key for more than a role

file=config/environments/$ENVIRONMENT.yaml
[ -f "$file" ] || fail "there is no $file: copy config/environments/dev.yaml, and say which account it is"
account=$(value account_id "$file")
AWS_REGION=$(value region "$file")
STEM=$(value project config/pipelines.yaml)-$ENVIRONMENT
[ -n "$account" ] || fail "$file: account_id must stand there, its 12 digits in quotes"
[ -n "$AWS_REGION" ] || fail "$file: region must stand there, for example eu-west-1"
[ "$STEM" != "-$ENVIRONMENT" ] || fail "config/pipelines.yaml: project must stand there"
[ -n "${AWS_ID_TOKEN:-}" ] || fail "there is no AWS_ID_TOKEN: this runs in a job of .gitlab-ci.yml that has id_tokens"

case $AWS_REGION in
  cn-*) partition=aws-cn ;;
  us-gov-*) partition=aws-us-gov ;;
  *) partition=aws ;;
esac

AWS_ROLE_ARN=arn:$partition:iam::$account:role/$STEM-ci-$ROLE
AWS_ROLE_SESSION_NAME=gitlab-$CI_JOB_ID
AWS_WEB_IDENTITY_TOKEN_FILE=$(umask 077 && mktemp)
trap 'rm -f "$AWS_WEB_IDENTITY_TOKEN_FILE"' EXIT # not every runner throws a job's machine away
printf '%s' "$AWS_ID_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE"
export AWS_REGION AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_WEB_IDENTITY_TOKEN_FILE STEM
echo "As $AWS_ROLE_ARN in $AWS_REGION"
