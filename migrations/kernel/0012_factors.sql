-- Second factors of accounts: an authenticator app (TOTP, RFC 6238), recovery codes, passkeys (WebAuthn). They are the
-- account's own; an operator sees none of them. They go with the account.

CREATE TABLE socle.authenticator_apps (
  id           uuid PRIMARY KEY,
  account_id   uuid NOT NULL REFERENCES socle.accounts (id),
  secret       bytea NOT NULL,                   -- sealed under the person's key: base32 of 20 random bytes
  created_at   timestamptz NOT NULL,
  confirmed_at timestamptz,                      -- NULL while it is being set up
  last_step    bigint NOT NULL DEFAULT 0,        -- the 30-second step of the last code taken: it and earlier ones are over
  failures     integer NOT NULL DEFAULT 0,       -- wrong codes in a row
  paused_until timestamptz                       -- after too many of them
);
-- One that works, and at most one being set up to replace it.
CREATE UNIQUE INDEX authenticator_apps_account ON socle.authenticator_apps (account_id, (confirmed_at IS NULL));
ALTER TABLE socle.authenticator_apps ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.authenticator_apps FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.authenticator_apps TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
GRANT SELECT, INSERT, UPDATE, DELETE ON socle.authenticator_apps TO socle_app;

CREATE TABLE socle.recovery_codes (
  id         uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES socle.accounts (id),
  code_hash  bytea NOT NULL,                     -- HMAC with a key that is not in the database
  created_at timestamptz NOT NULL,
  used_at    timestamptz,
  UNIQUE (account_id, code_hash)
);
ALTER TABLE socle.recovery_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.recovery_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.recovery_codes TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON socle.recovery_codes TO socle_app;

CREATE TABLE socle.passkeys (
  id            uuid PRIMARY KEY,
  realm         text NOT NULL,
  account_id    uuid NOT NULL REFERENCES socle.accounts (id),
  credential_id bytea NOT NULL CHECK (length(credential_id) BETWEEN 1 AND 1023),
  credential    jsonb NOT NULL,                  -- public key and flags; nothing in it is secret
  name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  sign_count    bigint NOT NULL DEFAULT 0,       -- the authenticator's own count; one that falls behind was copied
  created_at    timestamptz NOT NULL,
  last_used_at  timestamptz,
  UNIQUE (realm, credential_id)
);
CREATE INDEX passkeys_account ON socle.passkeys (account_id);
ALTER TABLE socle.passkeys ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.passkeys FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.passkeys TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.passkeys FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE (credential, sign_count, last_used_at), DELETE ON socle.passkeys TO socle_app;
GRANT SELECT ON socle.passkeys TO socle_lookup;

-- A sign-in by passkey alone, before it is known whose: no challenge of an account can hold it.
CREATE TABLE socle.passkey_ceremonies (
  id          uuid PRIMARY KEY,
  realm       text NOT NULL,
  secret_hash bytea NOT NULL UNIQUE,             -- SHA-256 of what the client sends back
  state       jsonb NOT NULL,                    -- what the signature must answer
  expires_at  timestamptz NOT NULL
);
CREATE INDEX passkey_ceremonies_expired ON socle.passkey_ceremonies (expires_at);
ALTER TABLE socle.passkey_ceremonies ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.passkey_ceremonies FORCE ROW LEVEL SECURITY;
CREATE POLICY lookup ON socle.passkey_ceremonies TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON socle.passkey_ceremonies TO socle_lookup;

-- Wrong answers to "prove once more who you are"; too many end the session.
ALTER TABLE socle.sessions ADD COLUMN failed_proofs integer NOT NULL DEFAULT 0;

-- Before a person is known: whose a passkey is.
CREATE FUNCTION socle.account_of_passkey(wanted_realm text, wanted_credential bytea) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT p.account_id FROM socle.passkeys p WHERE p.realm = wanted_realm AND p.credential_id = wanted_credential;
$$;

-- Before a person is known: what a signature will have to answer.
CREATE FUNCTION socle.keep_passkey_ceremony(id uuid, realm text, secret_hash bytea, state jsonb, until timestamptz)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO socle.passkey_ceremonies (id, realm, secret_hash, state, expires_at)
  VALUES (id, realm, secret_hash, state, until);
$$;

-- It is answered once: taken away, whatever the answer is worth.
CREATE FUNCTION socle.take_passkey_ceremony(wanted_realm text, wanted_hash bytea, at timestamptz) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  DELETE FROM socle.passkey_ceremonies c
  WHERE c.realm = wanted_realm AND c.secret_hash = wanted_hash AND c.expires_at > at RETURNING c.state;
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.account_of_passkey(text, bytea) OWNER TO socle_lookup;
ALTER FUNCTION socle.keep_passkey_ceremony(uuid, text, bytea, jsonb, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.take_passkey_ceremony(text, bytea, timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.account_of_passkey(text, bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.keep_passkey_ceremony(uuid, text, bytea, jsonb, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.take_passkey_ceremony(text, bytea, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.account_of_passkey(text, bytea) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.keep_passkey_ceremony(uuid, text, bytea, jsonb, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.take_passkey_ceremony(text, bytea, timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
