-- tidewater: database schema, PostgreSQL 15, as of release 4.3.1.
--
-- Conventions (docs/coding-standards.md): tables in the plural, timestamps with time zone, amounts
-- as bigint in minor units in columns ending in _minor, and no ON DELETE CASCADE anywhere.
-- Migrations only ever expand; a column is dropped one release after its last reader has gone.

BEGIN;

CREATE TABLE accounts (
    account_id      text PRIMARY KEY,
    currency        char(3) NOT NULL CHECK (currency IN ('GBP', 'EUR', 'USD')),
    allow_negative  boolean NOT NULL DEFAULT false,
    opened_at       timestamptz NOT NULL DEFAULT now(),
    closed_at       timestamptz
);

CREATE TABLE transactions (
    transaction_id  text PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN
                    ('payment', 'funding', 'fee', 'return', 'reversal')),
    posted_at       timestamptz NOT NULL DEFAULT now(),
    -- UNIQUE: a transaction can be reversed once only.
    reverses        text UNIQUE REFERENCES transactions (transaction_id),
    CHECK ((kind = 'reversal') = (reverses IS NOT NULL))
);

CREATE TABLE entries (
    transaction_id  text NOT NULL REFERENCES transactions (transaction_id),
    line_no         smallint NOT NULL CHECK (line_no BETWEEN 1 AND 20),
    account_id      text NOT NULL REFERENCES accounts (account_id),
    amount_minor    bigint NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (transaction_id, line_no)
);

CREATE INDEX entries_by_account ON entries (account_id, transaction_id);

-- Posted rows are never changed or deleted, not even by the owner of the table.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are append-only; post a reversal instead', TG_TABLE_NAME;
END;
$$;

CREATE TRIGGER transactions_append_only BEFORE UPDATE OR DELETE ON transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The sum is checked at commit, when all entries of the transaction are there.
CREATE FUNCTION check_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    total  numeric;
BEGIN
    SELECT sum(amount_minor) INTO total FROM entries WHERE transaction_id = NEW.transaction_id;
    IF total <> 0 THEN
        RAISE EXCEPTION 'transaction % sums to %, not zero', NEW.transaction_id, total
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END;
$$;

CREATE CONSTRAINT TRIGGER entries_balanced AFTER INSERT ON entries
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_balanced();

CREATE TABLE payments (
    payment_id      text PRIMARY KEY CHECK (payment_id ~ '^pay_[0-9a-f]{8}$'),
    client_id       text NOT NULL,
    debit_account   text NOT NULL REFERENCES accounts (account_id),
    creditor_name   text NOT NULL CHECK (length(creditor_name) <= 70),
    creditor_iban   text NOT NULL CHECK (length(creditor_iban) BETWEEN 15 AND 34),
    amount_minor    bigint NOT NULL CHECK (amount_minor BETWEEN 1 AND 25000000),
    reference       text NOT NULL CHECK (length(reference) <= 35),
    state           text NOT NULL DEFAULT 'accepted' CHECK (state IN
                    ('accepted', 'submitted', 'settled', 'rejected', 'cancelled', 'returned')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE idempotency_keys (
    client_id        text NOT NULL,
    key              text NOT NULL CHECK (length(key) BETWEEN 16 AND 64),
    fingerprint      char(64) NOT NULL,
    state            text NOT NULL CHECK (state IN ('in_progress', 'completed')),
    locked_until     timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    response_status  smallint,
    response_body    text,
    PRIMARY KEY (client_id, key),
    CHECK ((state = 'completed') = (response_status IS NOT NULL))
);

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

CREATE TABLE lanes (
    name             text PRIMARY KEY CHECK (name IN ('submit', 'notify', 'report')),
    paused           boolean NOT NULL DEFAULT false,
    rate_per_second  integer NOT NULL CHECK (rate_per_second > 0)
);

INSERT INTO lanes (name, rate_per_second) VALUES ('submit', 100), ('notify', 40), ('report', 2);

CREATE TABLE jobs (
    job_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane         text NOT NULL REFERENCES lanes (name),
    payment_id   text REFERENCES payments (payment_id),
    attempts     smallint NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    run_at       timestamptz NOT NULL DEFAULT now(),
    lease_owner  text,
    lease_until  timestamptz
);

-- Workers claim with: WHERE lane = $1 AND run_at <= now() AND lease_until IS NULL
-- ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED: the oldest payment goes first.
CREATE INDEX jobs_claimable ON jobs (lane, created_at) WHERE lease_until IS NULL;

CREATE TABLE dead_letters (
    job_id       bigint PRIMARY KEY,
    lane         text NOT NULL REFERENCES lanes (name),
    payment_id   text REFERENCES payments (payment_id),
    attempts     smallint NOT NULL,
    reason       text NOT NULL,
    died_at      timestamptz NOT NULL DEFAULT now(),
    replayed_at  timestamptz
);

CREATE TABLE outbox (
    event_id      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sequence      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    topic         text NOT NULL,
    subject_id    text NOT NULL,
    payload       jsonb NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz
);

CREATE INDEX outbox_unpublished ON outbox (sequence) WHERE published_at IS NULL;

-- Everything done through tidewaterctl leaves a row here.
CREATE TABLE operator_actions (
    action_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operator   text NOT NULL,
    command    text NOT NULL,
    ticket     text NOT NULL CHECK (ticket ~ '^(INC|CHG)-[0-9]{4}-[0-9]{3}$'),
    done_at    timestamptz NOT NULL DEFAULT now()
);

COMMIT;
