#!/bin/sh
# Makes the two databases and brings their tables to this version. All of it may be repeated: a database that exists is left
# alone, the first version is set only where there is none, and only newer versions are applied.
set -eu

# The password comes from SQL_PASSWORD: not among the arguments, where every process could read it.
: "${SQL_PLUGIN:?}" "${SQL_HOST:?}" "${SQL_PORT:?}" "${SQL_USER:?}" "${SQL_PASSWORD:?}"
schemas="${SCHEMA_FOLDER:-/etc/temporal/schema}/postgresql/v12"

sql() {
  database="$1"
  shift
  temporal-sql-tool --plugin "$SQL_PLUGIN" --endpoint "$SQL_HOST" --port "$SQL_PORT" --user "$SQL_USER" --database "$database" "$@"
}

prepare() {
  echo "Preparing the database $1"
  sql "$1" create-database
  sql "$1" setup-schema --version 0.0
  sql "$1" update-schema --schema-dir "$schemas/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
