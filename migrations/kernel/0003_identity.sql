-- Accounts, memberships, sessions, invitations. One account belongs to one realm (one per product) and may be a member
-- of several tenants of it, with a role in each.

CREATE TABLE socle.accounts (
  id            uuid PRIMARY KEY,
  realm         text NOT NULL,
  email         text NOT NULL CHECK (email = lower(email) AND length(email) <= 254),
  username      text CHECK (username = lower(username) AND length(username) BETWEEN 1 AND 100),
  password_hash text,                            -- Argon2id PHC string; NULL until an invitation is accepted
  status        text NOT NULL DEFAULT 'active'
                CHECK (status IN ('pending_verification', 'active', 'suspended', 'deleted')),
  language      text NOT NULL DEFAULT 'fr' CHECK (language IN ('fr', 'en')),
  email_verified_at     timestamptz,
  phone                 bytea,                   -- sealed under the person's key; E.164
  phone_index           bytea,                   -- blind index
  phone_verified_at     timestamptz,
  second_factor_since   timestamptz,             -- set while the account has an authenticator app or a passkey
  password_changed_at   timestamptz NOT NULL,
  password_expires_at   timestamptz,             -- where passwords expire (specs/trackingbms.md §3.9)
  force_password_change boolean NOT NULL DEFAULT false,
  last_login_at         timestamptz,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  CHECK ((phone IS NULL) = (phone_index IS NULL)),
  CHECK (phone_verified_at IS NULL OR phone IS NOT NULL),
  UNIQUE (realm, email),
  UNIQUE (realm, username),
  UNIQUE (realm, phone_index)
);
ALTER TABLE socle.accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.accounts TO socle_app
  USING (id = (SELECT socle.account_id())) WITH CHECK (id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.accounts FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON socle.accounts TO socle_app;
GRANT SELECT ON socle.accounts TO socle_lookup;

CREATE TABLE socle.memberships (
  tenant_id   uuid NOT NULL,
  account_id  uuid NOT NULL REFERENCES socle.accounts (id),
  realm       text NOT NULL,
  role        text NOT NULL,                     -- as the product's policies spell it
  tenant_name text NOT NULL,                     -- what members choose between; the product keeps it up to date
  permissions text[] NOT NULL DEFAULT '{}',      -- granular permissions on top of the role; the policies say what they do
  networks    cidr[] NOT NULL DEFAULT '{}',      -- when not empty, the person is let in from these addresses only
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  ended_at    timestamptz,                       -- kept: what the person did keeps its name
  PRIMARY KEY (tenant_id, account_id)
);
CREATE INDEX memberships_account ON socle.memberships (account_id) WHERE ended_at IS NULL;
ALTER TABLE socle.memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.memberships TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY own ON socle.memberships FOR SELECT TO socle_app USING (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.memberships FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON socle.memberships TO socle_app;
GRANT SELECT ON socle.memberships TO socle_lookup;

-- What holds for everybody of a tenant, whatever the product.
CREATE TABLE socle.tenant_rules (
  tenant_id    uuid PRIMARY KEY,
  realm        text NOT NULL,
  networks     cidr[] NOT NULL DEFAULT '{}',     -- when not empty, members are let in from these addresses only
  suspended_at timestamptz,                      -- sessions, API, streams, devices and jobs stop; data stays untouched
  suspended_reason text CHECK (length(suspended_reason) BETWEEN 1 AND 500),
  updated_at   timestamptz NOT NULL,
  CHECK ((suspended_at IS NULL) = (suspended_reason IS NULL))
);
ALTER TABLE socle.tenant_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.tenant_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.tenant_rules TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
-- Signing in: a person sees the rules of every tenant they are a member of, before one is chosen.
CREATE POLICY member ON socle.tenant_rules FOR SELECT TO socle_app
  USING (EXISTS (SELECT 1 FROM socle.memberships m WHERE m.tenant_id = tenant_rules.tenant_id AND m.ended_at IS NULL
                 AND m.account_id = (SELECT socle.account_id())));
CREATE POLICY lookup ON socle.tenant_rules TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (networks, updated_at) ON socle.tenant_rules TO socle_app;
GRANT SELECT, INSERT, UPDATE ON socle.tenant_rules TO socle_lookup;

-- Browsers somebody has signed in from. A known one is not slowed down by others' failures; a trusted one is not asked
-- for the second factor where that is optional (specs/axtech.md §2.4).
CREATE TABLE socle.known_devices (
  id            uuid PRIMARY KEY,
  account_id    uuid NOT NULL REFERENCES socle.accounts (id),
  token_hash    bytea NOT NULL UNIQUE,           -- SHA-256 of its cookie
  user_agent    text,
  created_at    timestamptz NOT NULL,
  last_seen_at  timestamptz NOT NULL,
  trusted_at    timestamptz,                     -- the second factor was given and the person said "trust this device"
  trusted_until timestamptz,
  forgotten_at  timestamptz,
  UNIQUE (account_id, id)
);
CREATE INDEX known_devices_account ON socle.known_devices (account_id) WHERE forgotten_at IS NULL;
ALTER TABLE socle.known_devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.known_devices FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.known_devices TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
GRANT SELECT, INSERT, UPDATE ON socle.known_devices TO socle_app;

-- A session acts for one membership. Browsers carry an opaque cookie; API clients a short token that names the session,
-- and a refresh token.
CREATE TABLE socle.sessions (
  id           uuid PRIMARY KEY,
  account_id   uuid NOT NULL REFERENCES socle.accounts (id),
  tenant_id    uuid NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('browser', 'api')),
  token_hash   bytea UNIQUE,                     -- SHA-256 of the cookie's value
  created_at   timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,             -- idle limit of browsers: 12 h
  expires_at   timestamptz NOT NULL,             -- 7 days; of an API client: since its last refresh
  ended_at     timestamptz,
  authenticated_at timestamptz NOT NULL,         -- password or second factor last proved: sensitive changes ask again
  second_factor_at timestamptz,                  -- second factor last proved; of a trusted device: when it was trusted
  device_id    uuid,                             -- of the same account
  ip_address   text,
  user_agent   text,
  CHECK ((kind = 'browser') = (token_hash IS NOT NULL)),
  FOREIGN KEY (tenant_id, account_id) REFERENCES socle.memberships (tenant_id, account_id),
  FOREIGN KEY (account_id, device_id) REFERENCES socle.known_devices (account_id, id)
);
CREATE INDEX sessions_account ON socle.sessions (account_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_expired ON socle.sessions (expires_at);
ALTER TABLE socle.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.sessions TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.sessions TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON socle.sessions TO socle_app;
GRANT SELECT, UPDATE (ended_at), DELETE ON socle.sessions TO socle_lookup;

-- Each refresh token is used once; its successor is derived from it, so that a lost answer can be given again.
CREATE TABLE socle.refresh_tokens (
  token_hash     bytea PRIMARY KEY,
  session_id     uuid NOT NULL REFERENCES socle.sessions (id),
  account_id     uuid NOT NULL REFERENCES socle.accounts (id),
  created_at     timestamptz NOT NULL,
  expires_at     timestamptz NOT NULL,
  used_at        timestamptz
);
CREATE INDEX refresh_tokens_session ON socle.refresh_tokens (session_id);
ALTER TABLE socle.refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.refresh_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.refresh_tokens TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.refresh_tokens TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON socle.refresh_tokens TO socle_app;
GRANT SELECT, DELETE ON socle.refresh_tokens TO socle_lookup;

CREATE TABLE socle.invitations (
  id          uuid PRIMARY KEY,
  realm       text NOT NULL,
  tenant_id   uuid NOT NULL,
  tenant_name text NOT NULL,
  email       text NOT NULL CHECK (email = lower(email) AND length(email) <= 254),
  role        text NOT NULL,
  first_name  text NOT NULL DEFAULT '',
  last_name   text NOT NULL DEFAULT '',
  language    text NOT NULL CHECK (language IN ('fr', 'en')),
  token_hash  bytea NOT NULL UNIQUE,             -- SHA-256 of the link's secret
  invited_by  uuid,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,              -- 7 days
  accepted_at timestamptz,
  revoked_at  timestamptz
);
CREATE UNIQUE INDEX invitations_pending ON socle.invitations (tenant_id, email)
  WHERE accepted_at IS NULL AND revoked_at IS NULL;
ALTER TABLE socle.invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.invitations TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON socle.invitations FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON socle.invitations TO socle_app;
GRANT SELECT ON socle.invitations TO socle_lookup;

-- Before a person is known: the account behind an e-mail address.
CREATE FUNCTION socle.account_by_email(wanted_realm text, wanted_email text)
RETURNS TABLE (account_id uuid, password_hash text, status text, language text, has_second_factor boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.id, a.password_hash, a.status, a.language, a.second_factor_since IS NOT NULL FROM socle.accounts a
  WHERE a.realm = wanted_realm AND (a.email = lower(wanted_email) OR a.username = lower(wanted_email));
$$;

-- A live session, as every product's signed_in function passes it on.
CREATE TYPE socle.live AS (
  session_id uuid, account_id uuid, email text, language text, last_seen_at timestamptz, authenticated_at timestamptz,
  second_factor_at timestamptz, has_second_factor boolean, password_due boolean,
  tenant_id uuid, tenant_name text, role text, permissions text[], networks text[], tenant_networks text[]);

-- Before a person is known: the live session behind a cookie, or the one an access token names, with the membership it
-- acts for. Idle limit of browsers 12 h, absolute limit in the row.
CREATE FUNCTION socle.live_session(wanted_realm text, token_hash bytea, session uuid, at timestamptz)
RETURNS SETOF socle.live
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT s.id, a.id, a.email, a.language, s.last_seen_at, s.authenticated_at, s.second_factor_at,
         a.second_factor_since IS NOT NULL, a.force_password_change OR a.password_expires_at <= live_session.at IS TRUE,
         m.tenant_id, m.tenant_name, m.role, m.permissions, m.networks::text[], coalesce(t.networks, '{}')::text[]
  FROM socle.sessions s
  JOIN socle.accounts a ON a.id = s.account_id
  JOIN socle.memberships m ON m.tenant_id = s.tenant_id AND m.account_id = s.account_id
  LEFT JOIN socle.tenant_rules t ON t.tenant_id = m.tenant_id
  WHERE s.id = coalesce((SELECT t.id FROM socle.sessions t WHERE t.token_hash = live_session.token_hash),
                        live_session.session)
    AND s.ended_at IS NULL AND s.expires_at > live_session.at
    AND (s.kind = 'api' OR s.last_seen_at > live_session.at - interval '12 hours')
    AND (s.kind = 'api') = (live_session.session IS NOT NULL)
    AND m.ended_at IS NULL AND a.status = 'active' AND a.realm = wanted_realm AND t.suspended_at IS NULL
    -- A session opened before the account had a second factor is not worth as much as one that proved it.
    AND (a.second_factor_since IS NULL OR s.second_factor_at IS NOT NULL);
END;
$$;

-- Before a person is known: the session a refresh token belongs to. Its own policies decide the rest.
CREATE FUNCTION socle.session_of_refresh_token(wanted_realm text, token_hash bytea)
RETURNS TABLE (session_id uuid, account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT r.session_id, r.account_id
  FROM socle.refresh_tokens r JOIN socle.accounts a ON a.id = r.account_id
  WHERE r.token_hash = session_of_refresh_token.token_hash AND a.realm = wanted_realm;
$$;

-- Before a person is known: the open invitation behind a link, and whether its address has an account already.
CREATE FUNCTION socle.open_invitation(wanted_realm text, token_hash bytea, at timestamptz)
RETURNS TABLE (invitation_id uuid, tenant_id uuid, tenant_name text, email text, role text, first_name text,
               last_name text, language text, account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT i.id, i.tenant_id, i.tenant_name, i.email, i.role, i.first_name, i.last_name, i.language, a.id
  FROM socle.invitations i LEFT JOIN socle.accounts a ON a.realm = i.realm AND a.email = i.email
  WHERE i.token_hash = open_invitation.token_hash AND i.realm = wanted_realm
    AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > open_invitation.at;
$$;

-- Inviting: whether an address is a member of the asker's own tenant already. Accounts are not to be seen by others.
CREATE FUNCTION socle.is_member(tenant uuid, wanted_email text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (
    SELECT 1 FROM socle.memberships m JOIN socle.accounts a ON a.id = m.account_id AND a.realm = m.realm
    WHERE m.tenant_id = tenant AND m.tenant_id = socle.tenant_id() AND m.ended_at IS NULL
      AND a.email = lower(wanted_email));
$$;

-- Somebody leaves the asker's own tenant: their sessions in it end, which only they themselves could see.
CREATE FUNCTION socle.end_sessions_in_tenant(account uuid, at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE socle.sessions s SET ended_at = at
  WHERE s.account_id = account AND s.tenant_id = socle.tenant_id() AND s.ended_at IS NULL;
$$;

-- Nightly: sessions that ended or expired over 90 days ago, with their refresh tokens.
CREATE FUNCTION socle.forget_sessions(before timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH gone AS (SELECT s.id FROM socle.sessions s WHERE s.expires_at < before OR s.ended_at < before),
  tokens AS (DELETE FROM socle.refresh_tokens r USING gone WHERE r.session_id = gone.id),
  sessions AS (DELETE FROM socle.sessions s USING gone WHERE s.id = gone.id RETURNING 1)
  SELECT count(*) FROM sessions;
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.account_by_email(text, text) OWNER TO socle_lookup;
ALTER FUNCTION socle.live_session(text, bytea, uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.session_of_refresh_token(text, bytea) OWNER TO socle_lookup;
ALTER FUNCTION socle.open_invitation(text, bytea, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.is_member(uuid, text) OWNER TO socle_lookup;
ALTER FUNCTION socle.end_sessions_in_tenant(uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.forget_sessions(timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.account_by_email(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.live_session(text, bytea, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.session_of_refresh_token(text, bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.open_invitation(text, bytea, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.is_member(uuid, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.end_sessions_in_tenant(uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.forget_sessions(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.account_by_email(text, text) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.live_session(text, bytea, uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.session_of_refresh_token(text, bytea) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.open_invitation(text, bytea, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.is_member(uuid, text) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.end_sessions_in_tenant(uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.forget_sessions(timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
