-- What a security officer looks at: specs/huntzen-care.md, table security_events (user_id is account_id with us).

CREATE TABLE socle.security_events (
  id         uuid PRIMARY KEY,
  realm      text NOT NULL,
  tenant_id  uuid,
  type       text NOT NULL CHECK (length(type) <= 50),      -- LOGIN_FAILED, TOKEN_REUSED, …
  severity   text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
  user_id    uuid REFERENCES socle.accounts (id),
  ip         text CHECK (length(ip) <= 45),
  meta_json  jsonb NOT NULL DEFAULT '{}',                   -- chosen keys; never an address, a secret, a health word
  created_at timestamptz NOT NULL
);
CREATE INDEX idx_security_events_type ON socle.security_events (type);
CREATE INDEX idx_security_events_severity ON socle.security_events (severity);
CREATE INDEX idx_security_events_user_id ON socle.security_events (user_id);
CREATE INDEX idx_security_events_created_at ON socle.security_events (created_at);
CREATE INDEX security_events_watched ON socle.security_events (type, created_at);
ALTER TABLE socle.security_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.security_events FORCE ROW LEVEL SECURITY;
-- Anybody's failure may be written, in the tenant it happens in; only operators read, through functions.
CREATE POLICY written ON socle.security_events FOR INSERT TO socle_app
  WITH CHECK (tenant_id IS NOT DISTINCT FROM (SELECT socle.tenant_id()));
CREATE POLICY lookup ON socle.security_events TO socle_lookup USING (true) WITH CHECK (true);
GRANT INSERT ON socle.security_events TO socle_app;
GRANT SELECT, DELETE ON socle.security_events TO socle_lookup;
