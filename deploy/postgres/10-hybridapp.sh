#!/bin/sh
# Run once by the database container, on an empty volume: the app's role is no superuser, since
# row-level security does not bind one.
set -eu

psql --set ON_ERROR_STOP=1 --set password="$HYBRIDAPP_PASSWORD" \
    --username "$POSTGRES_USER" --dbname postgres <<'SQL'
create role hybridapp login nosuperuser nobypassrls password :'password';
create database hybridapp owner hybridapp;
\connect hybridapp
create extension vector;
create extension pg_trgm;
create extension unaccent;
-- Else row-level security keeps the word index from being used (docs/adr/0008).
alter function ts_match_vq(tsvector, tsquery) leakproof;
SQL
