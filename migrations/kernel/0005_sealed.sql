-- The registry of data keys of sealed fields. A tenant's key stands here wrapped by a key-encryption key that never
-- enters the database. A person's key is not here at all, not even wrapped: it lies in the key store, so that what is
-- removed there is gone from every backup of the database too.

CREATE TABLE socle.data_keys (
  id           uuid PRIMARY KEY,
  subject_kind text NOT NULL CHECK (subject_kind IN ('tenant', 'person')),
  subject_id   uuid NOT NULL,                    -- the tenant's id (nil: the platform itself), or the account's
  purpose      text NOT NULL CHECK (purpose IN ('seal', 'index', 'root')),
  state        text NOT NULL CHECK (state IN ('active', 'retired', 'destroyed')),  -- retired: for reading only
  kek_id       text NOT NULL,                    -- which key-encryption key wrapped it; empty when there never was a key
  wrapped      bytea,                            -- a tenant's: the wrapped key
  check_value  bytea NOT NULL,                   -- tells the right key from a wrong one; empty when there never was a key
  created_at   timestamptz NOT NULL,
  created_by   uuid,                             -- NULL: the platform
  retired_at   timestamptz,
  destroyed_at timestamptz,
  destroyed_by uuid,                             -- NULL: the platform
  CHECK ((wrapped IS NOT NULL) = (subject_kind = 'tenant' AND state <> 'destroyed')),
  CHECK ((state = 'destroyed') = (destroyed_at IS NOT NULL)),
  -- What sessions and codes are derived from is the platform's alone, and never destroyed.
  CHECK (purpose <> 'root' OR (subject_kind = 'tenant' AND subject_id = '00000000-0000-0000-0000-000000000000'
                               AND state <> 'destroyed'))
);
CREATE UNIQUE INDEX data_keys_active ON socle.data_keys (subject_kind, subject_id, purpose) WHERE state = 'active';
CREATE INDEX data_keys_subject ON socle.data_keys (subject_kind, subject_id);
CREATE INDEX data_keys_kek ON socle.data_keys (kek_id, id) WHERE state <> 'destroyed';
ALTER TABLE socle.data_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.data_keys FORCE ROW LEVEL SECURITY;
-- Rows are written by the functions of 0016 alone.
CREATE POLICY tenant ON socle.data_keys FOR SELECT TO socle_app
  USING (subject_kind = 'tenant' AND subject_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON socle.data_keys TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT ON socle.data_keys TO socle_app;
GRANT SELECT, INSERT, UPDATE ON socle.data_keys TO socle_lookup;
