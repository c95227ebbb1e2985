# Keeps the newest logs and traces: begins another index of logs when one is large, and deletes all but the newest indices.
# Jaeger makes one of traces a day, where it keeps them here.
# usage: keep.sh URL [BYTES [INDICES [DAYS]]]
set -eu
url=$1
most=${2:-256mb}
indices=${3:-4}
days=${4:-3}
stream=logs-shop-default
ask() {
    curl --fail-with-body --silent --show-error --header 'Content-Type: application/json' "$@"
}
keep() { # pattern of indices, how many of them
    ask "$url/_cat/indices/$1?h=index&s=creation.date:desc,index:desc" | tail -n "+$(($2 + 1))" \
        | while read -r old; do
            ask --output /dev/null --request DELETE "$url/$old"
            echo "deleted $old"
        done
}
keep '*jaeger-span-*' "$days"
keep '*jaeger-service-*' "$days"
ask --output /dev/null --data "{\"conditions\": {\"max_size\": \"$most\"}}" "$url/$stream/_rollover"
keep ".ds-$stream-*" "$indices"
