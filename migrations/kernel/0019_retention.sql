-- How rows go: what the nightly sweep may delete, what an erasure does to each table, and what a person's copy is made of.

-- What the sweep below may delete: which rows (alias o; $1 is the instant up to which they are doomed), and whose they are,
-- for legal holds. When a table's day comes is said in socle/src/privacy/retention/rules.rs; only a migration writes here.
CREATE TABLE socle.retention_plans (
  table_name text PRIMARY KEY,
  doomed     text NOT NULL,
  subjects   text                                -- columns that a hold may name; NULL: nothing of it is evidence
);
GRANT SELECT ON socle.retention_plans TO socle_lookup;
INSERT INTO socle.retention_plans (table_name, doomed, subjects) VALUES
  ('socle.refresh_tokens', 'EXISTS (SELECT 1 FROM socle.sessions s WHERE s.id = o.session_id
                                    AND (s.expires_at <= $1 OR s.ended_at <= $1))', 'o.account_id'),
  ('socle.sessions', '(o.expires_at <= $1 OR o.ended_at <= $1)
                      AND NOT EXISTS (SELECT 1 FROM socle.refresh_tokens r WHERE r.session_id = o.id)',
   'o.account_id, o.tenant_id'),
  ('socle.known_devices', 'o.last_seen_at <= $1
                           AND NOT EXISTS (SELECT 1 FROM socle.sessions s WHERE s.device_id = o.id)', 'o.account_id'),
  ('socle.challenges', 'o.expires_at <= $1', NULL),
  ('socle.passkey_ceremonies', 'o.expires_at <= $1', NULL),
  ('socle.password_tries', 'o.created_at <= $1', NULL),
  ('socle.break_glass', 'o.opened_at <= $1', 'o.account_id, o.tenant_id, o.record_id'),
  ('socle.invitations', 'o.expires_at <= $1', 'o.tenant_id'),
  ('socle.mails', 'o.created_at <= $1', 'o.account_id, o.tenant_id'),
  ('socle.jobs', $$o.state = 'done' AND o.finished_at <= $1$$, 'o.tenant_id'),
  ('socle.idempotency_keys', 'o.expires_at <= $1', NULL),
  ('socle.security_events', 'o.created_at <= $1', 'o.user_id, o.tenant_id'),
  ('socle.personal_exports', 'o.expires_at <= $1', NULL),
  ('socle.erasures', 'coalesce(o.executed_at, o.undone_at) <= $1', 'o.account_id'),
  ('socle.legal_holds', 'o.lifted_at <= $1', NULL);

-- What becomes of a person's rows at an erasure, in this order: deleted, or these columns set (alias t; $1 is the account).
-- Accounts and memberships are changed by the server under its own row-level security. Only a migration writes here.
CREATE TABLE socle.erasure_plans (
  position   integer PRIMARY KEY,
  table_name text NOT NULL UNIQUE,
  whose      text NOT NULL,
  changes    text                                -- NULL: the rows are deleted
);
GRANT SELECT ON socle.erasure_plans TO socle_lookup;
INSERT INTO socle.erasure_plans (position, table_name, whose, changes) VALUES
  (10, 'socle.refresh_tokens', 't.account_id = $1', NULL),
  (20, 'socle.sessions', 't.account_id = $1', NULL),
  (30, 'socle.known_devices', 't.account_id = $1', NULL),
  (40, 'socle.challenges', 't.account_id = $1', NULL),
  (42, 'socle.authenticator_apps', 't.account_id = $1', NULL),
  (44, 'socle.recovery_codes', 't.account_id = $1', NULL),
  (46, 'socle.passkeys', 't.account_id = $1', NULL),
  (48, 'socle.password_tries', 't.account_id = $1', NULL),
  (50, 'socle.idempotency_keys', 't.account_id = $1', NULL),
  (60, 'socle.mails', 't.account_id = $1', NULL),
  (70, 'socle.personal_exports', 't.account_id = $1', NULL),
  (80, 'socle.invitations', '(t.realm, t.email) = (SELECT a.realm, a.email FROM socle.accounts a WHERE a.id = $1)', NULL),
  (90, 'socle.security_events', 't.user_id = $1', 'user_id = NULL, ip = NULL'),
  (100, 'socle.consents', 't.account_id = $1', 'ip_address = NULL, user_agent = NULL');

-- The rights that the two plans need.
GRANT SELECT, DELETE ON socle.known_devices, socle.invitations, socle.authenticator_apps, socle.recovery_codes,
  socle.passkeys, socle.break_glass TO socle_lookup;
CREATE POLICY retention ON socle.authenticator_apps TO socle_lookup USING (true) WITH CHECK (true);
CREATE POLICY retention ON socle.recovery_codes TO socle_lookup USING (true) WITH CHECK (true);
CREATE POLICY erasure ON socle.passkeys FOR DELETE TO socle_lookup USING (true);
CREATE POLICY retention ON socle.break_glass TO socle_lookup USING (true) WITH CHECK (true);
GRANT UPDATE (user_id, ip) ON socle.security_events TO socle_lookup;
CREATE POLICY retention ON socle.known_devices TO socle_lookup USING (true) WITH CHECK (true);
CREATE POLICY retention ON socle.invitations FOR DELETE TO socle_lookup USING (true);
CREATE INDEX audit_log_actor ON socle.audit_log (actor_id, occurred_at);
CREATE INDEX audit_log_about ON socle.audit_log (resource_id, occurred_at);

DROP FUNCTION socle.forget_sessions(timestamptz);
DROP FUNCTION socle.forget_jobs(timestamptz);
DROP FUNCTION socle.purge_idempotency_keys(timestamptz, integer);

-- Nightly: deletes what one plan dooms, at most so much at once, and nothing that a legal hold names. How many went.
CREATE FUNCTION socle.sweep(plan text, before timestamptz, most integer, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  wanted record;
  free text := 'true';
  gone bigint;
BEGIN
  SELECT p.table_name, p.doomed, p.subjects INTO STRICT wanted FROM socle.retention_plans p WHERE p.table_name = plan;
  IF wanted.subjects IS NOT NULL THEN
    free := format('NOT EXISTS (SELECT 1 FROM socle.legal_holds h WHERE h.lifted_at IS NULL
                    AND (h.until IS NULL OR h.until > $3) AND h.subject_id IN (%s))', wanted.subjects);
  END IF;
  EXECUTE format('DELETE FROM %1$s t WHERE t.ctid = ANY (ARRAY(SELECT o.ctid FROM %1$s o WHERE (%2$s) AND %3$s LIMIT $2))',
                 wanted.table_name, wanted.doomed, free)
  USING before, most, at;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END;
$$;

-- The access log within the audit trail (who signed in and out, and was refused): twelve months. The rest is evidence, kept
-- for five years. Month by month, straight in the partitions.
CREATE FUNCTION socle.forget_accesses(before timestamptz, most integer, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  leaf regclass;
  gone bigint := 0;
  more bigint;
BEGIN
  FOR leaf IN SELECT i.inhrelid::regclass FROM pg_inherits i WHERE i.inhparent = 'socle.audit_log'::regclass
              ORDER BY i.inhrelid::regclass::text LOOP
    EXIT WHEN gone >= most;
    EXECUTE format('DELETE FROM %1$s t WHERE t.ctid = ANY (ARRAY(SELECT o.ctid FROM %1$s o
      WHERE o.occurred_at <= $1 AND socle.audit_is_access(o.action)
        -- What is not sealed yet could not be told from what was taken away.
        AND EXISTS (SELECT 1 FROM socle.audit_chain c WHERE c.occurred_at = o.occurred_at AND c.id = o.id)
        AND NOT EXISTS (SELECT 1 FROM socle.legal_holds h WHERE h.lifted_at IS NULL AND (h.until IS NULL OR h.until > $3)
                        AND h.subject_id IN (o.actor_id, o.tenant_id, o.resource_id)) LIMIT $2))', leaf)
    USING before, (most - gone)::integer, at;
    GET DIAGNOSTICS more = ROW_COUNT;
    gone := gone + more;
  END LOOP;
  RETURN gone;
END;
$$;

CREATE POLICY owner ON socle.legal_holds FOR SELECT TO socle_owner USING (true);

-- Whether any hold stands: whole months of the audit trail hold rows of everybody.
CREATE FUNCTION socle.any_hold(at timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM socle.legal_holds h
                 WHERE h.lifted_at IS NULL AND (h.until IS NULL OR h.until > any_hold.at));
$$;

-- An erasure, in the account's own transaction: what became of each table.
CREATE FUNCTION socle.erase_account(account uuid)
RETURNS TABLE (table_name text, deleted boolean, affected bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  plan record;
BEGIN
  IF account IS DISTINCT FROM socle.account_id() THEN
    RAISE EXCEPTION 'an account is erased in its own transaction' USING ERRCODE = '42501';
  END IF;
  FOR plan IN SELECT p.table_name, p.whose, p.changes FROM socle.erasure_plans p ORDER BY p.position LOOP
    IF plan.changes IS NULL THEN
      EXECUTE format('DELETE FROM %s t WHERE %s', plan.table_name, plan.whose) USING account;
    ELSE
      EXECUTE format('UPDATE %s t SET %s WHERE %s', plan.table_name, plan.changes, plan.whose) USING account;
    END IF;
    GET DIAGNOSTICS affected = ROW_COUNT;
    table_name := plan.table_name;
    deleted := plan.changes IS NULL;
    RETURN NEXT;
  END LOOP;
END;
$$;

-- Nightly: open erasures that are due by then, one after the other.
CREATE FUNCTION socle.open_erasures(due_by timestamptz, after uuid, most integer)
RETURNS TABLE (erasure_id uuid, realm text, account_id uuid, tenant_id uuid, due_at timestamptz, reminded boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT e.id, e.realm, e.account_id, e.tenant_id, e.due_at, e.reminded_at IS NOT NULL FROM socle.erasures e
  WHERE e.undone_at IS NULL AND e.executed_at IS NULL AND e.due_at <= open_erasures.due_by AND e.id > open_erasures.after
  ORDER BY e.id LIMIT most;
$$;

-- Erasures that the journal outside the database does not know yet.
CREATE FUNCTION socle.unjournaled_erasures(most integer)
RETURNS TABLE (erasure_id uuid, realm text, account_id uuid, executed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT e.id, e.realm, e.account_id, e.executed_at FROM socle.erasures e
  WHERE e.executed_at IS NOT NULL AND e.journaled_at IS NULL ORDER BY e.executed_at, e.id LIMIT most;
$$;

-- After a restore: of the accounts in the journal those that are there again.
CREATE FUNCTION socle.not_erased(accounts uuid[])
RETURNS TABLE (account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.id FROM socle.accounts a WHERE a.id = ANY (accounts) AND a.status <> 'deleted' ORDER BY a.id;
$$;

-- The holds on the asker's own account, and on the tenants it belongs or belonged to.
CREATE FUNCTION socle.holds_on(account uuid, at timestamptz)
RETURNS TABLE (legal_basis text, may_be_told boolean, until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT h.legal_basis, h.may_be_told, h.until FROM socle.legal_holds h
  WHERE account = socle.account_id() AND h.lifted_at IS NULL AND (h.until IS NULL OR h.until > holds_on.at)
    AND (h.subject_id = account OR h.subject_id IN (SELECT m.tenant_id FROM socle.memberships m WHERE m.account_id = account))
  ORDER BY h.placed_at, h.id;
$$;

-- Whether what a hold is to name exists: operators see neither accounts nor tenants.
CREATE FUNCTION socle.holdable(kind text, subject uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT CASE kind WHEN 'account' THEN EXISTS (SELECT 1 FROM socle.accounts a WHERE a.id = subject)
                   ELSE EXISTS (SELECT 1 FROM socle.memberships m WHERE m.tenant_id = subject) END;
$$;

-- What the kernel holds about the asker, in every tenant, a page at a time: for their export. Of others who did something to
-- their account only the kind is said; mails come without contents.
CREATE FUNCTION socle.own_records(kind text, after_at timestamptz, after_id uuid, most integer)
RETURNS TABLE (record_at timestamptz, record_id uuid, record jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  me uuid := socle.account_id();
BEGIN
  IF kind = 'audit' THEN
    RETURN QUERY SELECT a.occurred_at, a.id, jsonb_build_object(
      'at', a.occurred_at, 'action', a.action, 'outcome', a.outcome,
      'by', CASE WHEN a.actor_id = me THEN 'me' ELSE a.actor_kind END,
      'resource', a.resource_type, 'resourceId', CASE WHEN a.actor_id = me THEN a.resource_id END,
      'ipAddress', CASE WHEN a.actor_id = me THEN a.ip_address END,
      'userAgent', CASE WHEN a.actor_id = me THEN a.user_agent END)
    FROM (
      (SELECT * FROM socle.audit_log b WHERE b.actor_id = me AND (b.occurred_at, b.id) > (after_at, after_id)
       ORDER BY b.occurred_at, b.id LIMIT most)
      UNION
      (SELECT * FROM socle.audit_log b WHERE b.resource_id = me AND (b.occurred_at, b.id) > (after_at, after_id)
       ORDER BY b.occurred_at, b.id LIMIT most)) a
    ORDER BY a.occurred_at, a.id LIMIT most;
  ELSIF kind = 'account' THEN
    RETURN QUERY SELECT c.created_at, c.id, jsonb_build_object(
      'id', c.id, 'email', c.email, 'userName', c.username, 'language', c.language, 'status', c.status,
      'emailVerifiedAt', c.email_verified_at, 'phoneVerifiedAt', c.phone_verified_at,
      'secondFactorSince', c.second_factor_since, 'passwordChangedAt', c.password_changed_at,
      'lastLoginAt', c.last_login_at, 'createdAt', c.created_at)
    FROM socle.accounts c WHERE c.id = me AND (c.created_at, c.id) > (after_at, after_id);
  ELSIF kind = 'membership' THEN
    RETURN QUERY SELECT m.created_at, m.tenant_id, jsonb_build_object(
      'organisation', m.tenant_name, 'role', m.role, 'permissions', m.permissions, 'createdAt', m.created_at,
      'endedAt', m.ended_at)
    FROM socle.memberships m WHERE m.account_id = me AND (m.created_at, m.tenant_id) > (after_at, after_id)
    ORDER BY m.created_at, m.tenant_id LIMIT most;
  ELSIF kind = 'consent' THEN
    RETURN QUERY SELECT c.consented_at, c.id, jsonb_build_object(
      'type', c.consent_type, 'version', c.version, 'textHash', c.text_hash, 'language', c.language, 'channel', c.channel,
      'ipAddress', c.ip_address, 'userAgent', c.user_agent, 'at', c.consented_at, 'withdrawnAt', c.withdrawn_at,
      'endedAt', c.closed_at)
    FROM socle.consents c WHERE c.account_id = me AND (c.consented_at, c.id) > (after_at, after_id)
    ORDER BY c.consented_at, c.id LIMIT most;
  ELSIF kind = 'session' THEN
    RETURN QUERY SELECT s.created_at, s.id, jsonb_build_object(
      'kind', s.kind, 'createdAt', s.created_at, 'lastSeenAt', s.last_seen_at, 'endedAt', coalesce(s.ended_at, s.expires_at),
      'ipAddress', s.ip_address, 'userAgent', s.user_agent)
    FROM socle.sessions s WHERE s.account_id = me AND (s.created_at, s.id) > (after_at, after_id)
    ORDER BY s.created_at, s.id LIMIT most;
  ELSIF kind = 'device' THEN
    RETURN QUERY SELECT d.created_at, d.id, jsonb_build_object(
      'userAgent', d.user_agent, 'createdAt', d.created_at, 'lastSeenAt', d.last_seen_at, 'trustedUntil', d.trusted_until,
      'endedAt', d.forgotten_at)
    FROM socle.known_devices d WHERE d.account_id = me AND (d.created_at, d.id) > (after_at, after_id)
    ORDER BY d.created_at, d.id LIMIT most;
  ELSIF kind = 'erasure' THEN
    RETURN QUERY SELECT e.asked_at, e.id, jsonb_build_object(
      'at', e.asked_at, 'dueAt', e.due_at, 'withdrawnAt', e.undone_at)
    FROM socle.erasures e WHERE e.account_id = me AND (e.asked_at, e.id) > (after_at, after_id)
    ORDER BY e.asked_at, e.id LIMIT most;
  ELSIF kind = 'security' THEN
    RETURN QUERY SELECT e.created_at, e.id, jsonb_build_object(
      'at', e.created_at, 'type', e.type, 'severity', e.severity, 'ipAddress', e.ip)
    FROM socle.security_events e
    WHERE e.user_id = me AND (e.created_at, e.id) > (after_at, after_id) ORDER BY e.created_at, e.id LIMIT most;
  ELSIF kind = 'mail' THEN
    RETURN QUERY SELECT m.created_at, m.id, jsonb_build_object(
      'at', m.created_at, 'kind', m.template, 'status', m.status, 'sentAt', m.sent_at)
    FROM socle.mails m
    WHERE m.account_id = me AND (m.created_at, m.id) > (after_at, after_id) ORDER BY m.created_at, m.id LIMIT most;
  END IF;
END;
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.sweep(text, timestamptz, integer, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.erase_account(uuid) OWNER TO socle_lookup;
ALTER FUNCTION socle.open_erasures(timestamptz, uuid, integer) OWNER TO socle_lookup;
ALTER FUNCTION socle.unjournaled_erasures(integer) OWNER TO socle_lookup;
ALTER FUNCTION socle.not_erased(uuid[]) OWNER TO socle_lookup;
ALTER FUNCTION socle.any_hold(timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.holds_on(uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.holdable(text, uuid) OWNER TO socle_lookup;
ALTER FUNCTION socle.own_records(text, timestamptz, uuid, integer) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
REVOKE ALL ON FUNCTION socle.forget_accesses(timestamptz, integer, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.forget_accesses(timestamptz, integer, timestamptz) TO socle_app;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.sweep(text, timestamptz, integer, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.erase_account(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.open_erasures(timestamptz, uuid, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.unjournaled_erasures(integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.not_erased(uuid[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.any_hold(timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.holds_on(uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.holdable(text, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.own_records(text, timestamptz, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.sweep(text, timestamptz, integer, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.erase_account(uuid) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.open_erasures(timestamptz, uuid, integer) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.unjournaled_erasures(integer) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.not_erased(uuid[]) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.any_hold(timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.holds_on(uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.holdable(text, uuid) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.own_records(text, timestamptz, uuid, integer) TO socle_app;
SET LOCAL ROLE socle_owner;
