#!/bin/bash
# The two databases of compose.cluster.yaml, made when PostgreSQL first starts: the image runs what
# lies in /docker-entrypoint-initdb.d.
set -euo pipefail

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set superuser="$POSTGRES_USER" --set password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE kchat LOGIN PASSWORD :'password';
CREATE DATABASE kchat_archive OWNER kchat ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE kchat_access OWNER kchat ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
-- From now on the superuser is reached inside the container alone.
ALTER ROLE :"superuser" PASSWORD NULL;
SQL
