# Gives OpenSearch the pipeline and the template that the documents are written with; waits until it answers.
# usage: setup.sh URL
set -eu
here=$(dirname "$0")
put() { # file, path
    curl --fail-with-body --silent --show-error --retry 60 --retry-delay 5 --retry-all-errors \
        --header 'Content-Type: application/json' --request PUT --data-binary "@$here/$1" "$url/$2"
    echo
}
url=$1
put pipeline.json _ingest/pipeline/pods
put template.json _index_template/logs
