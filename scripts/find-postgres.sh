#!/usr/bin/env bash
# Find the PostgreSQL server that tests of statistics start, or install it, or say what is missing and how to get it.
set -euo pipefail

have_postgres() {
    command -v postgres >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null
}

if ! have_postgres && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing the Debian package postgresql, which tests of statistics start a server of"
    export DEBIAN_FRONTEND=noninteractive
    mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf # no server of its own
    apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql >/dev/null || true
fi
if ! have_postgres; then
    echo "Tests of statistics need PostgreSQL. Install it (Debian: apt-get install postgresql) and run this again." >&2
    exit 1
fi
