-- Accounts and browser sessions. One account belongs to one realm (one per product).

CREATE TABLE socle.accounts (
  id            uuid PRIMARY KEY,
  realm         text NOT NULL,
  email         text NOT NULL CHECK (email = lower(email) AND length(email) <= 254),
  password_hash text,                            -- Argon2id PHC string; NULL until an invitation is accepted
  status        text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  language      text NOT NULL DEFAULT 'fr' CHECK (language IN ('fr', 'en')),
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  UNIQUE (realm, email)
);
ALTER TABLE socle.accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.accounts TO socle_app
  USING (id = (SELECT socle.account_id())) WITH CHECK (id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.accounts FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON socle.accounts TO socle_app;
GRANT SELECT ON socle.accounts TO socle_lookup;

CREATE TABLE socle.sessions (
  id           uuid PRIMARY KEY,
  account_id   uuid NOT NULL REFERENCES socle.accounts (id),
  token_hash   bytea NOT NULL UNIQUE,            -- SHA-256 of the cookie's value
  created_at   timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,             -- idle limit: 12 h
  expires_at   timestamptz NOT NULL,             -- absolute limit: 7 days
  ended_at     timestamptz,
  ip_address   text,
  user_agent   text
);
CREATE INDEX sessions_account ON socle.sessions (account_id) WHERE ended_at IS NULL;
ALTER TABLE socle.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.sessions TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.sessions FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON socle.sessions TO socle_app;
GRANT SELECT ON socle.sessions TO socle_lookup;

-- Before a person is known: the account behind an e-mail address.
CREATE FUNCTION socle.account_by_email(wanted_realm text, wanted_email text)
RETURNS TABLE (account_id uuid, password_hash text, status text, language text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.id, a.password_hash, a.status, a.language FROM socle.accounts a
  WHERE a.realm = wanted_realm AND a.email = lower(wanted_email);
$$;

-- Before a person is known: the live session behind a cookie. Idle limit 12 h, absolute limit in the row.
CREATE FUNCTION socle.live_session(wanted_realm text, token_hash bytea, at timestamptz)
RETURNS TABLE (session_id uuid, account_id uuid, email text, language text, last_seen_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT s.id, a.id, a.email, a.language, s.last_seen_at
  FROM socle.sessions s JOIN socle.accounts a ON a.id = s.account_id
  WHERE s.token_hash = live_session.token_hash
    AND s.ended_at IS NULL AND s.expires_at > live_session.at
    AND s.last_seen_at > live_session.at - interval '12 hours'
    AND a.status = 'active' AND a.realm = wanted_realm;
END;
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.account_by_email(text, text) OWNER TO socle_lookup;
ALTER FUNCTION socle.live_session(text, bytea, timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.account_by_email(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.live_session(text, bytea, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.account_by_email(text, text) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.live_session(text, bytea, timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
