#!/bin/sh
# Pushes an image to the repository of $ENVIRONMENT, and prints the lines that name it in config/environments/:
#
#   . infra/ci/role.sh
#   infra/ci/image.sh build/image.tar
set -eu
cd "$(dirname "$0")/../.."

archive=$1
tag=${CI_COMMIT_SHA:-$(git rev-parse HEAD)}

fail() {
  echo "$*" >&2
  exit 1
}

# Prints the value of an expression of the client `ecr` of boto3.
ask() {
  python -c "import base64, boto3, os; ecr = boto3.client('ecr', region_name=os.environ['AWS_REGION']); print($1)"
}

[ -f "$archive" ] || fail "$archive does not exist: the job image:build builds it"
if ! command -v skopeo > /dev/null; then
  apt-get update -qq
  apt-get install -qq --yes --no-install-recommends skopeo > /dev/null
fi

repository=$(ask "ecr.describe_repositories(repositoryNames=['$STEM'])['repositories'][0]['repositoryUri']") ||
  fail "there is no repository $STEM: apply the infrastructure first"
work=$(umask 077 && mktemp -d)
trap 'rm -rf "$work"' EXIT

# A tag never moves. A job that runs again takes the image that it has pushed before.
pushed="ecr.batch_get_image(repositoryName='$STEM', imageIds=[{'imageTag': '$tag'}])['images']"
digest=$(ask "''.join(image['imageId']['imageDigest'] for image in $pushed)")
if [ -z "$digest" ]; then
  ask "base64.b64decode(ecr.get_authorization_token()['authorizationData'][0]['authorizationToken']).decode()[4:]" |
    skopeo login --authfile "$work/auth.json" --username AWS --password-stdin "${repository%%/*}"
  skopeo copy --authfile "$work/auth.json" --digestfile "$work/digest" --format v2s2 \
    "docker-archive:$archive" "docker://$repository:$tag"
  digest=$(cat "$work/digest")
fi

image=$repository@$digest
cat << LINES

Pushed. To run the jobs in it, write into config/environments/$ENVIRONMENT.yaml (docs/image.md):

images:
  processing: $image
  training: $image
  serving: $image
LINES
