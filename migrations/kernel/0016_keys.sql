-- How data keys come, are wrapped anew, and go: the functions that write the registry, rotations with their progress,
-- and destructions, which two persons decide.

-- Rotations of the key-encryption key. They are the platform's: the nil UUID is its tenant.
CREATE TABLE socle.key_rotations (
  id          uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL CHECK (tenant_id = '00000000-0000-0000-0000-000000000000'),
  kek_id      text NOT NULL,                     -- what keys are wrapped by from now on
  rewrapped   bigint NOT NULL DEFAULT 0,
  remaining   bigint NOT NULL,                   -- when it was last counted
  failed      bigint NOT NULL DEFAULT 0,         -- keys that could not be unwrapped; they stay as they are
  started_at  timestamptz NOT NULL,
  seen_at     timestamptz NOT NULL,              -- progress was last written
  finished_at timestamptz
);
ALTER TABLE socle.key_rotations ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.key_rotations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.key_rotations TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
GRANT SELECT, INSERT, UPDATE (rewrapped, remaining, failed, seen_at, finished_at) ON socle.key_rotations TO socle_app;

-- Who wanted whose keys destroyed, who decided, when it was done. Kept for as long as the platform exists.
CREATE TABLE socle.key_destructions (
  id           uuid PRIMARY KEY,
  tenant_id    uuid NOT NULL CHECK (tenant_id = '00000000-0000-0000-0000-000000000000'),
  subject_kind text NOT NULL CHECK (subject_kind IN ('tenant', 'person')),
  subject_id   uuid NOT NULL,
  reason       text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
  state        text NOT NULL CHECK (state IN ('requested', 'refused', 'approved', 'executed')),
  requested_by uuid NOT NULL REFERENCES socle.accounts (id),
  requested_at timestamptz NOT NULL,
  decided_by   uuid REFERENCES socle.accounts (id),
  decided_at   timestamptz,
  executed_at  timestamptz,                      -- nothing of the keys is left in the key store
  CHECK ((state = 'requested') = (decided_by IS NULL)),
  CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
  CHECK ((state = 'executed') = (executed_at IS NOT NULL)),
  -- The second person is another one. Who asked may take the request back.
  CHECK (decided_by <> requested_by OR state = 'refused'),
  CHECK (subject_kind <> 'tenant' OR subject_id <> '00000000-0000-0000-0000-000000000000')
);
CREATE UNIQUE INDEX key_destructions_open ON socle.key_destructions (subject_kind, subject_id) WHERE state = 'requested';
CREATE INDEX key_destructions_recent ON socle.key_destructions (requested_at DESC);
ALTER TABLE socle.key_destructions ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.key_destructions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.key_destructions TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON socle.key_destructions FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE (state, decided_by, decided_at, executed_at) ON socle.key_destructions TO socle_app;
GRANT SELECT ON socle.key_destructions TO socle_lookup;

-- The registry rows of a person, in whatever transaction: they hold no key, and what the keys open has policies of its own.
CREATE FUNCTION socle.person_keys(account uuid)
RETURNS TABLE (id uuid, purpose text, state text, kek_id text, wrapped bytea, check_value bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT k.id, k.purpose, k.state, k.kek_id, NULL::bytea, k.check_value FROM socle.data_keys k
  WHERE k.subject_kind = 'person' AND k.subject_id = person_keys.account;
END;
$$;

-- One transaction at a time makes, retires or destroys keys of a subject.
CREATE FUNCTION socle.hold_key_subject(kind text, subject uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7305530, hashtext(kind || subject::text));
END;
$$;

-- A new key. False when there is an active one already, or when the subject's keys were destroyed: then none is made again.
CREATE FUNCTION socle.register_key(kind text, subject uuid, key uuid, purpose text, kek text, wrapped bytea, check_value bytea,
                                   by uuid, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF kind = 'tenant' AND subject IS DISTINCT FROM socle.tenant_id() THEN
    RAISE EXCEPTION 'a tenant''s key is made in a transaction of that tenant' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM socle.hold_key_subject(kind, subject);
  INSERT INTO socle.data_keys (id, subject_kind, subject_id, purpose, state, kek_id, wrapped, check_value, created_at,
                               created_by)
  SELECT key, kind, subject, register_key.purpose, 'active', kek, register_key.wrapped, register_key.check_value, at, by
  WHERE NOT EXISTS (SELECT 1 FROM socle.data_keys k
                    WHERE k.subject_kind = kind AND k.subject_id = subject AND k.state = 'destroyed')
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END;
$$;

-- The active sealing key of a subject is for reading only from now on; false when it has none.
CREATE FUNCTION socle.retire_key(kind text, subject uuid, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF kind = 'tenant' AND subject IS DISTINCT FROM socle.tenant_id() THEN
    RAISE EXCEPTION 'a tenant''s key is retired in a transaction of that tenant' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM socle.hold_key_subject(kind, subject);
  UPDATE socle.data_keys k SET state = 'retired', retired_at = retire_key.at
  WHERE k.subject_kind = kind AND k.subject_id = subject AND k.purpose = 'seal' AND k.state = 'active';
  RETURN FOUND;
END;
$$;

-- Whoever calls it has decided: the two functions below, which alone the server may call.
CREATE FUNCTION socle.destroy_keys(kind text, subject uuid, tombstone uuid, by uuid, at timestamptz) RETURNS SETOF uuid
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM socle.hold_key_subject(kind, subject);
  RETURN QUERY UPDATE socle.data_keys k
  SET state = 'destroyed', destroyed_at = destroy_keys.at, destroyed_by = destroy_keys.by, wrapped = NULL
  WHERE k.subject_kind = kind AND k.subject_id = subject AND k.state <> 'destroyed' RETURNING k.id;
  -- Without any key a row says all the same that none is to be made.
  INSERT INTO socle.data_keys (id, subject_kind, subject_id, purpose, state, kek_id, check_value, created_at, created_by,
                               destroyed_at, destroyed_by)
  SELECT tombstone, kind, subject, 'seal', 'destroyed', '', '', at, by, at, by
  WHERE NOT EXISTS (SELECT 1 FROM socle.data_keys k WHERE k.subject_kind = kind AND k.subject_id = subject);
END;
$$;

-- Erasure: the keys of a person. Which are destroyed now; none the second time.
CREATE FUNCTION socle.destroy_person_keys(account uuid, tombstone uuid, by uuid, at timestamptz) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF account IS DISTINCT FROM socle.account_id() THEN
    RAISE EXCEPTION 'a person''s keys are destroyed in a transaction of that person' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY SELECT socle.destroy_keys('person', account, tombstone, by, at);
END;
$$;

-- What two persons have decided.
CREATE FUNCTION socle.destroy_keys_as_decided(destruction uuid, tombstone uuid, at timestamptz) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  decided socle.key_destructions;
BEGIN
  SELECT * INTO decided FROM socle.key_destructions d
  WHERE d.id = destruction AND d.state = 'approved' AND d.decided_by <> d.requested_by;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'two persons must have decided' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF decided.subject_kind = 'tenant' AND NOT EXISTS (
    SELECT 1 FROM socle.tenant_rules r WHERE r.tenant_id = decided.subject_id AND r.suspended_at IS NOT NULL) THEN
    RAISE EXCEPTION 'the tenant is not suspended' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY SELECT socle.destroy_keys(decided.subject_kind, decided.subject_id, tombstone, decided.decided_by, at);
END;
$$;

-- Before keys are destroyed: how many there are, and whether the tenant is suspended.
CREATE FUNCTION socle.key_subject(kind text, subject uuid) RETURNS TABLE (keys bigint, suspended boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT (SELECT count(*) FROM socle.data_keys k
          WHERE k.subject_kind = kind AND k.subject_id = subject AND k.state <> 'destroyed'),
         EXISTS (SELECT 1 FROM socle.tenant_rules r WHERE r.tenant_id = subject AND r.suspended_at IS NOT NULL);
$$;

-- Rotation: keys that another key-encryption key wrapped, in the order of their ids.
CREATE FUNCTION socle.keys_to_rewrap(kek text, after uuid, most integer)
RETURNS TABLE (id uuid, subject_kind text, subject_id uuid, purpose text, kek_id text, wrapped bytea,
               check_value bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.id, k.subject_kind, k.subject_id, k.purpose, k.kek_id, k.wrapped, k.check_value
  FROM socle.data_keys k
  WHERE k.state <> 'destroyed' AND k.kek_id <> kek AND k.id > after ORDER BY k.id LIMIT most;
$$;
-- Rotation of a person's key: its row is held while the key store is written. False when it was destroyed meanwhile.
CREATE FUNCTION socle.hold_key(key uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT true FROM socle.data_keys k WHERE k.id = key AND k.state <> 'destroyed' FOR UPDATE;
$$;
-- …and what wraps it now. Nothing happens to a key that was destroyed or wrapped anew meanwhile.
CREATE FUNCTION socle.rewrap_key(key uuid, old_kek text, new_kek text, wrapped bytea) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE socle.data_keys k SET kek_id = new_kek, wrapped = rewrap_key.wrapped
  WHERE k.id = key AND k.kek_id = old_kek AND k.state <> 'destroyed' RETURNING true;
$$;
-- How many keys of which state each key-encryption key has wrapped.
CREATE FUNCTION socle.key_counts() RETURNS TABLE (kek_id text, subject_kind text, state text, keys bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.kek_id, k.subject_kind, k.state, count(*) FROM socle.data_keys k
  GROUP BY k.kek_id, k.subject_kind, k.state ORDER BY k.kek_id, k.subject_kind, k.state;
$$;
-- What the registry says of objects of the key store; those it does not know are left out.
CREATE FUNCTION socle.key_states(keys uuid[]) RETURNS TABLE (id uuid, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.id, k.state FROM socle.data_keys k WHERE k.id = ANY (keys);
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.person_keys(uuid) OWNER TO socle_lookup;
ALTER FUNCTION socle.hold_key_subject(text, uuid) OWNER TO socle_lookup;
ALTER FUNCTION socle.register_key(text, uuid, uuid, text, text, bytea, bytea, uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.retire_key(text, uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.destroy_keys(text, uuid, uuid, uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.destroy_person_keys(uuid, uuid, uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.destroy_keys_as_decided(uuid, uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.key_subject(text, uuid) OWNER TO socle_lookup;
ALTER FUNCTION socle.keys_to_rewrap(text, uuid, integer) OWNER TO socle_lookup;
ALTER FUNCTION socle.hold_key(uuid) OWNER TO socle_lookup;
ALTER FUNCTION socle.rewrap_key(uuid, text, text, bytea) OWNER TO socle_lookup;
ALTER FUNCTION socle.key_counts() OWNER TO socle_lookup;
ALTER FUNCTION socle.key_states(uuid[]) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.hold_key_subject(text, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.destroy_keys(text, uuid, uuid, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.person_keys(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.register_key(text, uuid, uuid, text, text, bytea, bytea, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.retire_key(text, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.destroy_person_keys(uuid, uuid, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.destroy_keys_as_decided(uuid, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.key_subject(text, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.keys_to_rewrap(text, uuid, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.hold_key(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.rewrap_key(uuid, text, text, bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.key_counts() FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.key_states(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.person_keys(uuid) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.register_key(text, uuid, uuid, text, text, bytea, bytea, uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.retire_key(text, uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.destroy_person_keys(uuid, uuid, uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.destroy_keys_as_decided(uuid, uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.key_subject(text, uuid) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.keys_to_rewrap(text, uuid, integer) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.hold_key(uuid) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.rewrap_key(uuid, text, text, bytea) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.key_counts() TO socle_app;
GRANT EXECUTE ON FUNCTION socle.key_states(uuid[]) TO socle_app;
SET LOCAL ROLE socle_owner;
