#!/bin/sh
# Makes the repository at the first start, then serves it.
set -eu
repository=/srv/git/minishop.git
git init --quiet --bare --initial-branch=main "$repository"
# A push from a shallow clone, as continuous integrations have, brings what it has.
git -C "$repository" config receive.shallowUpdate true
exec lighttpd -D -f /etc/minishop/config/lighttpd.conf
