#!/bin/sh
# The broker of the containers, with an account for the trusted side and one for cloud workers,
# whose rights stand in cloud.acl. Their passwords come by the environment; the server is given
# hashes, in a file. What follows this script's name are the server's own options.
set -eu
umask 077

hash() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }

{
    printf 'user default reset on ~* &* +@all #%s\n' "$(hash "$REDIS_PASSWORD")"
    printf 'user cloud reset %s #%s\n' \
        "$(cat "$(dirname "$0")/cloud.acl")" "$(hash "$CLOUD_REDIS_PASSWORD")"
} > accounts.acl

# The image's own way to start: in /data, which it gives to the user that the server runs as.
exec docker-entrypoint.sh valkey-server --aclfile "$PWD/accounts.acl" "$@"
