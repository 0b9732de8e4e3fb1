-- One row per change, sensitive read, refusal and export, written in the transaction it speaks of.
-- Four specifications read it, each in its own words: socle/src/audit/shapes.rs says which column is what there.

-- Orders the rows of one transaction; specs/trackingbms.md §2.5 calls it id.
CREATE SEQUENCE socle.audit_number;

CREATE TABLE socle.audit_log (
  id            uuid NOT NULL,
  occurred_at   timestamptz NOT NULL,
  realm         text NOT NULL,
  tenant_id     uuid,                            -- NULL: no tenant was known (a failed sign-in)
  -- Which hash chain the row belongs to: its tenant's; all ones for what belongs to no tenant.
  chain         uuid NOT NULL GENERATED ALWAYS AS (coalesce(tenant_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')) STORED,
  -- Set by the database alone: the app role has no right to write these two.
  number        bigint NOT NULL DEFAULT nextval('socle.audit_number'),
  xact          xid8 NOT NULL DEFAULT pg_current_xact_id(),
  actor_kind    text NOT NULL CHECK (actor_kind IN ('person', 'device', 'system', 'nobody')),
  actor_id      uuid,
  actor_role    text,
  event_type    text NOT NULL CHECK (event_type IN ('auth', 'data', 'config', 'system', 'security')),
  action        text NOT NULL CHECK (length(action) <= 100),     -- e.g. treatment.started, session.refused
  resource_type text,
  resource_id   uuid,
  outcome       text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  error_code    text,                            -- the stable code of a refusal or failure, e.g. BIZ_NOT_FOUND
  details       jsonb NOT NULL DEFAULT '{}',     -- an allow-list of keys; never medical content, names or secrets
  changes       jsonb,                           -- {"key": {"before": …, "after": …}}, of chosen keys
  request_data  jsonb,                           -- chosen keys, masked where they name somebody
  response_data jsonb,
  processing_us bigint CHECK (processing_us >= 0),               -- from the request's arrival to this row
  ip_address    text,
  user_agent    text,
  request_id    text,
  PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX audit_log_chain ON socle.audit_log (chain, occurred_at DESC, id DESC);
CREATE INDEX audit_log_resource ON socle.audit_log (chain, resource_id, occurred_at DESC) WHERE resource_id IS NOT NULL;
CREATE INDEX audit_log_sealing ON socle.audit_log (xact, number);
ALTER TABLE socle.audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.audit_log FORCE ROW LEVEL SECURITY;
-- What belongs to no tenant is the platform's to see, whose tenant is the nil UUID.
CREATE POLICY tenant ON socle.audit_log TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())
         OR tenant_id IS NULL AND (SELECT socle.tenant_id()) = '00000000-0000-0000-0000-000000000000')
  WITH CHECK (tenant_id IS NOT DISTINCT FROM (SELECT socle.tenant_id()));
-- Append only: no UPDATE, no DELETE.
GRANT SELECT ON socle.audit_log TO socle_app;
GRANT INSERT (id, occurred_at, realm, tenant_id, actor_kind, actor_id, actor_role, event_type, action, resource_type,
              resource_id, outcome, error_code, details, changes, request_data, response_data, processing_us, ip_address,
              user_agent, request_id) ON socle.audit_log TO socle_app;
GRANT USAGE ON SEQUENCE socle.audit_number TO socle_app;
INSERT INTO socle.partition_plans (parent, leaf_prefix) VALUES ('socle.audit_log', 'socle.audit_log');
