#!/bin/sh
# Run once by the database container, on an empty volume. One role owns the tables and migrates
# them; the app's own owns nothing. Neither is a superuser, whom row-level security does not bind.
set -eu

psql --set ON_ERROR_STOP=1 --set owner="$HYBRIDAPP_OWNER_PASSWORD" --set app="$HYBRIDAPP_PASSWORD" \
    --username "$POSTGRES_USER" --dbname postgres <<'SQL'
create role hybridapp login nosuperuser nobypassrls password :'owner';
create role hybridapp_app login nosuperuser nobypassrls password :'app';
create database hybridapp owner hybridapp;
\connect hybridapp
create extension vector;
create extension pg_trgm;
create extension unaccent;
-- Else row-level security keeps the word index from being used (docs/adr/0008).
alter function ts_match_vq(tsvector, tsquery) leakproof;
SQL
