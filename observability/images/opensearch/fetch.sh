#!/bin/sh
# Lays OpenSearch out in a folder as its distribution does: lib/ and modules/<name>/, each with a descriptor.
# usage: fetch.sh DIRECTORY
set -eu
target=$1
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's|.*<opensearch.version>\(.*\)</opensearch.version>.*|\1|p' "$here/pom.xml")

copy() { # profile, folder
    mvn --quiet --batch-mode --strict-checksums --file "$here/pom.xml" --activate-profiles "$1" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$target/$2"
}

module() { # name, class, the module that it extends
    copy "$1" "modules/$1"
    for jar in "$target/modules/$1"/*.jar; do
        if [ -e "$target/lib/$(basename "$jar")" ]; then rm "$jar"; fi
    done
    cat > "$target/modules/$1/plugin-descriptor.properties" <<END
description=$1
version=$version
name=$1
classname=$2
java.version=11
opensearch.version=$version
extended.plugins=${3:-}
has.native.controller=false
END
    if [ -e "$here/$1.policy" ]; then
        cp "$here/$1.policy" "$target/modules/$1/plugin-security.policy"
    fi
}

copy server lib
module transport-netty4 org.opensearch.transport.Netty4Plugin
module lang-painless org.opensearch.painless.PainlessPlugin
module analysis-common org.opensearch.analysis.common.CommonAnalysisPlugin lang-painless
module ingest-common org.opensearch.ingest.common.IngestCommonPlugin lang-painless
module reindex org.opensearch.index.reindex.ReindexPlugin
module mapper-extras org.opensearch.index.mapper.MapperExtrasPlugin
