#!/bin/sh
# What the image `postgres` does with the variables that the compose file sets: it makes the database cluster and its first role
# once, with a server that listens on a socket alone, and then becomes the server.
set -eu

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown postgres:postgres "$PGDATA" /var/run/postgresql
  chmod 0700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  password="$(mktemp)"
  printf '%s\n' "$POSTGRES_PASSWORD" >"$password"
  # Several options in one variable, as in the image.
  # shellcheck disable=SC2086
  initdb --username="$POSTGRES_USER" --pwfile="$password" ${POSTGRES_INITDB_ARGS:-}
  rm "$password"
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl --options="-c listen_addresses=''" --wait start
  [ "$POSTGRES_USER" = postgres ] || createdb --username="$POSTGRES_USER" --maintenance-db=postgres "$POSTGRES_USER"
  pg_ctl --mode=fast --wait stop
fi

exec postgres -c listen_addresses='*'
