# Keeps the newest logs: begins another index when one is large, and deletes all but the newest of them.
# usage: keep.sh URL [BYTES [INDICES]]
set -eu
url=$1
most=${2:-256mb}
indices=${3:-4}
stream=logs-shop-default
ask() {
    curl --fail-with-body --silent --show-error --header 'Content-Type: application/json' "$@"
}
ask --output /dev/null --data "{\"conditions\": {\"max_size\": \"$most\"}}" "$url/$stream/_rollover"
ask "$url/_cat/indices/.ds-$stream-*?h=index&s=creation.date:desc,index:desc" | tail -n "+$((indices + 1))" \
    | while read -r old; do
        ask --output /dev/null --request DELETE "$url/$old"
        echo "deleted $old"
    done
