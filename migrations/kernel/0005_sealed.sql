-- Data keys of sealed fields, wrapped by a key-encryption key that never enters the database.

CREATE TABLE socle.data_keys (
  id          uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL,
  purpose     text NOT NULL CHECK (purpose IN ('seal', 'index')),
  kek_id      text NOT NULL,                     -- which key-encryption key wrapped it
  wrapped     bytea NOT NULL,                    -- AES-256-GCM: nonce, ciphertext, tag
  created_at  timestamptz NOT NULL,
  UNIQUE (tenant_id, purpose)
);
ALTER TABLE socle.data_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.data_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.data_keys TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
GRANT SELECT, INSERT ON socle.data_keys TO socle_app;
