-- Secrets of one purpose each: the second step of a sign-in, a forgotten password, a new address. A link's secret or a
-- typed code is kept as a hash only; used once; few attempts; short-lived.

CREATE TABLE socle.challenges (
  id          uuid PRIMARY KEY,
  realm       text NOT NULL,
  account_id  uuid NOT NULL REFERENCES socle.accounts (id),
  purpose     text NOT NULL,                     -- of another purpose it is not found
  secret_hash bytea NOT NULL UNIQUE,             -- SHA-256 of the link's or cookie's secret
  code_hash   bytea,                             -- HMAC of a typed code
  payload     jsonb NOT NULL DEFAULT '{}',       -- ids and choices only; never an address or a secret in the clear
  sealed      bytea,                             -- what must not stand in the clear (a new address), under the person's key
  attempts    integer NOT NULL DEFAULT 0,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz
);
CREATE INDEX challenges_account ON socle.challenges (account_id, purpose, created_at DESC) WHERE used_at IS NULL;
CREATE INDEX challenges_expired ON socle.challenges (expires_at);
ALTER TABLE socle.challenges ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.challenges FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.challenges TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.challenges TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON socle.challenges TO socle_app;
GRANT SELECT, DELETE ON socle.challenges TO socle_lookup;

-- Before a person is known: the open challenge of this purpose behind a secret.
CREATE FUNCTION socle.open_challenge(wanted_realm text, wanted_purpose text, secret_hash bytea, at timestamptz)
RETURNS TABLE (challenge_id uuid, account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.id, c.account_id FROM socle.challenges c
  WHERE c.secret_hash = open_challenge.secret_hash AND c.realm = wanted_realm AND c.purpose = wanted_purpose
    AND c.used_at IS NULL AND c.expires_at > open_challenge.at;
$$;
GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.open_challenge(text, text, bytea, timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.open_challenge(text, text, bytea, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.open_challenge(text, text, bytea, timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
