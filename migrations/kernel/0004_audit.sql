-- One row per change, sensitive read, refusal and export, written in the transaction it speaks of.

CREATE TABLE socle.audit_log (
  id            uuid NOT NULL,
  occurred_at   timestamptz NOT NULL,
  realm         text NOT NULL,
  tenant_id     uuid,                            -- NULL: no tenant was known (a failed sign-in)
  actor_kind    text NOT NULL CHECK (actor_kind IN ('person', 'device', 'system', 'nobody')),
  actor_id      uuid,
  action        text NOT NULL,                   -- e.g. treatment.started, session.refused
  resource_type text,
  resource_id   uuid,
  outcome       text NOT NULL CHECK (outcome IN ('done', 'refused')),
  details       jsonb NOT NULL DEFAULT '{}',     -- an allow-list of keys; never medical content, names or secrets
  ip_address    text,
  user_agent    text,
  request_id    text,
  PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX audit_log_tenant ON socle.audit_log (tenant_id, occurred_at DESC);
ALTER TABLE socle.audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.audit_log TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id()))
  WITH CHECK (tenant_id IS NOT DISTINCT FROM (SELECT socle.tenant_id()));
-- Append only: no UPDATE, no DELETE.
GRANT SELECT, INSERT ON socle.audit_log TO socle_app;
INSERT INTO socle.partition_plans (parent, leaf_prefix) VALUES ('socle.audit_log', 'socle.audit_log');
