-- The hash chain over the audit trail: one chain per tenant, and one for what belongs to no tenant. The app role has no
-- right on these tables; the functions below are all it has. What is hashed, and how, is said in socle/src/audit/chain.rs.

CREATE TABLE socle.audit_chain (
  chain       uuid NOT NULL,                     -- audit_log.chain
  position    bigint NOT NULL CHECK (position > 0),              -- 1, 2, 3 … without a gap
  occurred_at timestamptz NOT NULL,              -- with id: the key of the row
  id          uuid NOT NULL,
  access      boolean NOT NULL,                  -- the row is of the access log: it may go a year after it occurred
  row_hash    bytea NOT NULL CHECK (octet_length(row_hash) = 32),
  hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
  sealed_at   timestamptz NOT NULL,
  PRIMARY KEY (chain, position),
  UNIQUE (occurred_at, id)
);

-- Where a chain begins after retention: what lies at or before the position was dropped lawfully. Signed by the server's
-- anchor key, so that a floor that somebody else wrote is seen.
CREATE TABLE socle.audit_floors (
  chain     uuid PRIMARY KEY,
  position  bigint NOT NULL CHECK (position >= 0),
  hash      bytea NOT NULL CHECK (octet_length(hash) = 32),
  before    date NOT NULL,                       -- rows that occurred before this day were dropped
  signature bytea NOT NULL CHECK (octet_length(signature) = 64)
);

-- How far sealing has come: one row.
CREATE TABLE socle.audit_sealer (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  xact       xid8 NOT NULL,
  number     bigint NOT NULL,
  rescanning boolean NOT NULL                    -- after a restore into a younger cluster: see seal_audit
);
INSERT INTO socle.audit_sealer (xact, number, rescanning) VALUES ('0', 0, false);

ALTER TABLE socle.audit_chain ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.audit_chain FORCE ROW LEVEL SECURITY;
ALTER TABLE socle.audit_floors ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.audit_floors FORCE ROW LEVEL SECURITY;
ALTER TABLE socle.audit_sealer ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.audit_sealer FORCE ROW LEVEL SECURITY;
CREATE POLICY lookup ON socle.audit_log FOR SELECT TO socle_lookup, socle_owner USING (true);
CREATE POLICY lookup ON socle.audit_chain TO socle_lookup, socle_owner USING (true) WITH CHECK (true);
CREATE POLICY lookup ON socle.audit_floors TO socle_lookup, socle_owner USING (true) WITH CHECK (true);
CREATE POLICY lookup ON socle.audit_sealer TO socle_lookup, socle_owner USING (true) WITH CHECK (true);
GRANT SELECT ON socle.audit_log TO socle_lookup;
GRANT SELECT, INSERT, DELETE ON socle.audit_chain TO socle_lookup;
GRANT SELECT ON socle.audit_floors TO socle_lookup;
GRANT SELECT, UPDATE ON socle.audit_sealer TO socle_lookup;

-- What a row says. record_send is PostgreSQL's binary form of a record: the number of columns, then of each its type, its
-- length and its bytes; NULL has the length -1. No two different rows have the same bytes.
CREATE FUNCTION socle.audit_row_hash(r socle.audit_log) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
  RETURN sha256(record_send(ROW(
    'socle audit row 1'::text, r.id, r.occurred_at, r.realm, r.tenant_id, r.chain, r.number, r.xact, r.actor_kind,
    r.actor_id, r.actor_role, r.event_type, r.action, r.resource_type, r.resource_id, r.outcome, r.error_code, r.details,
    r.changes, r.request_data, r.response_data, r.processing_us, r.ip_address, r.user_agent, r.request_id)));
END;
$$;

-- Who signed in and out, and was refused: the access log within the trail. Its rows go after twelve months
-- (socle/src/privacy/retention/rules.rs); the link stays and says that its row was one of these.
CREATE FUNCTION socle.audit_is_access(action text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT action IN ('session.opened', 'session.ended', 'session.refused');
$$;

-- One link: what it is chained to, its place, its row. As an aggregate over a window it runs down a chain; `head` is
-- what the first of them is chained to.
CREATE FUNCTION socle.audit_link(
  previous bytea, head bytea, chain uuid, place bigint, occurred_at timestamptz, id uuid, access boolean, row_hash bytea
) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
  RETURN sha256(record_send(ROW(
    'socle audit link 1'::text, chain, place, coalesce(previous, head), occurred_at, id, access, row_hash)));
END;
$$;
CREATE AGGREGATE socle.audit_linked(bytea, uuid, bigint, timestamptz, uuid, boolean, bytea) (
  SFUNC = socle.audit_link,
  STYPE = bytea
);

-- Seals at most `batch` rows of all chains. A row is sealed when every transaction that began before its own has ended:
-- a slow one is never overtaken. Rows are taken in the order of (xact, number), so nothing is passed over.
--
-- After a restore into a younger cluster, transactions count from less than what the rows carry. Then all rows are gone
-- through once more, batch by batch, and what has no link yet gets one.
CREATE FUNCTION socle.seal_audit(batch integer, at timestamptz)
RETURNS TABLE (sealed bigint, more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  mark socle.audit_sealer;
  horizon xid8;
  taken bigint;
  last_xact xid8;
  last_number bigint;
  done bigint;
BEGIN
  -- Two at once wait for each other here: a position is given once.
  SELECT * INTO mark FROM socle.audit_sealer FOR UPDATE;
  horizon := pg_snapshot_xmin(pg_current_snapshot());
  IF mark.xact > horizon AND NOT mark.rescanning THEN
    mark.rescanning := true;
    mark.xact := '0';
    mark.number := 0;
  END IF;
  WITH taken_rows AS MATERIALIZED (
    SELECT l AS entry, l.chain, l.occurred_at, l.id, l.xact, l.number FROM socle.audit_log l
    WHERE (l.xact, l.number) > (mark.xact, mark.number) AND (l.xact < horizon OR mark.rescanning)
    ORDER BY l.xact, l.number LIMIT batch
  ), fresh AS MATERIALIZED (
    SELECT t.chain, t.occurred_at, t.id, socle.audit_row_hash(t.entry) AS row_hash,
           socle.audit_is_access((t.entry).action) AS access,
           row_number() OVER (PARTITION BY t.chain ORDER BY t.xact, t.number) AS nth
    FROM taken_rows t
    WHERE NOT EXISTS (SELECT 1 FROM socle.audit_chain c WHERE c.occurred_at = t.occurred_at AND c.id = t.id)
  ), heads AS MATERIALIZED (
    SELECT n.chain, coalesce(c.position, f.position, 0) AS position,
           coalesce(c.hash, f.hash, decode(repeat('00', 32), 'hex')) AS hash
    FROM (SELECT DISTINCT chain FROM fresh) n
    LEFT JOIN LATERAL (SELECT position, hash FROM socle.audit_chain WHERE chain = n.chain
                       ORDER BY position DESC LIMIT 1) c ON true
    LEFT JOIN socle.audit_floors f ON f.chain = n.chain
  ), linked AS (
    INSERT INTO socle.audit_chain (chain, position, occurred_at, id, access, row_hash, hash, sealed_at)
    SELECT n.chain, h.position + n.nth, n.occurred_at, n.id, n.access, n.row_hash,
           socle.audit_linked(h.hash, n.chain, h.position + n.nth, n.occurred_at, n.id, n.access, n.row_hash)
             OVER (PARTITION BY n.chain ORDER BY n.nth),
           seal_audit.at
    FROM fresh n JOIN heads h ON h.chain = n.chain
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM taken_rows), (SELECT count(*) FROM linked), l.xact, l.number
  INTO taken, done, last_xact, last_number
  FROM (VALUES (1)) AS always(one)
  LEFT JOIN LATERAL (SELECT xact, number FROM taken_rows ORDER BY xact DESC, number DESC LIMIT 1) l ON true;
  IF taken >= batch THEN
    UPDATE socle.audit_sealer SET xact = last_xact, number = last_number, rescanning = mark.rescanning;
  ELSIF (mark.xact, mark.number) IS DISTINCT FROM (horizon, 0::bigint) OR mark.rescanning THEN
    UPDATE socle.audit_sealer SET xact = horizon, number = 0, rescanning = false;
  END IF;
  RETURN QUERY SELECT done, taken >= batch;
END;
$$;

-- What waits to be sealed: how many rows (counted up to `most`) and since when. Rows restored from an older cluster,
-- whose transactions lie ahead of this one's, were sealed when they were found.
CREATE FUNCTION socle.audit_unsealed(most integer) RETURNS TABLE (waiting bigint, oldest timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT count(*), min(w.occurred_at)
  FROM (SELECT l.occurred_at FROM socle.audit_sealer s JOIN socle.audit_log l ON (l.xact, l.number) > (s.xact, s.number)
        WHERE l.xact < pg_snapshot_xmax(pg_current_snapshot())
          AND NOT EXISTS (SELECT 1 FROM socle.audit_chain c WHERE c.occurred_at = l.occurred_at AND c.id = l.id)
        LIMIT most) w;
END;
$$;

-- Head and count of every chain, for the anchors. The chains are found by jumping from one to the next.
CREATE FUNCTION socle.audit_heads() RETURNS TABLE (chain uuid, head bigint, hash bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH RECURSIVE chains AS (
    (SELECT c.chain FROM socle.audit_chain c ORDER BY c.chain LIMIT 1)
    UNION ALL
    SELECT (SELECT c.chain FROM socle.audit_chain c WHERE c.chain > k.chain ORDER BY c.chain LIMIT 1)
    FROM chains k WHERE k.chain IS NOT NULL
  ), known AS (
    SELECT k.chain FROM chains k WHERE k.chain IS NOT NULL UNION SELECT f.chain FROM socle.audit_floors f
  )
  SELECT k.chain, coalesce(h.position, f.position), coalesce(h.hash, f.hash)
  FROM known k
  LEFT JOIN LATERAL (SELECT c.position, c.hash FROM socle.audit_chain c WHERE c.chain = k.chain
                     ORDER BY c.position DESC LIMIT 1) h ON true
  LEFT JOIN socle.audit_floors f ON f.chain = k.chain
  ORDER BY k.chain;
END;
$$;

-- Where chains would begin if what occurred before a day were dropped: the server signs it.
CREATE FUNCTION socle.audit_floors_before(day date) RETURNS TABLE (chain uuid, floor bigint, hash bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH touched AS (
    SELECT DISTINCT c.chain FROM socle.audit_chain c
    WHERE c.occurred_at < (audit_floors_before.day::timestamp AT TIME ZONE 'UTC')
  ), lowered AS (
    SELECT t.chain, greatest(coalesce(
             (SELECT c.position FROM socle.audit_chain c WHERE c.chain = t.chain
              AND c.occurred_at >= (audit_floors_before.day::timestamp AT TIME ZONE 'UTC')
              ORDER BY c.position LIMIT 1) - 1,
             (SELECT c.position FROM socle.audit_chain c WHERE c.chain = t.chain ORDER BY c.position DESC LIMIT 1)
           ), f.position, 0) AS position
    FROM touched t LEFT JOIN socle.audit_floors f ON f.chain = t.chain
  )
  SELECT n.chain, n.position, coalesce(c.hash, f.hash, decode(repeat('00', 32), 'hex'))
  FROM lowered n
  LEFT JOIN socle.audit_chain c ON c.chain = n.chain AND c.position = n.position
  LEFT JOIN socle.audit_floors f ON f.chain = n.chain
  ORDER BY n.chain;
END;
$$;

-- Drops the months before a day: every row of them is sealed, the floors are recorded, and six months at least stay
-- (the shortest time the CNIL names for logs), counted from the newest row: nobody can empty the trail in a hurry.
CREATE FUNCTION socle.drop_audit_before(day date, floors jsonb) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  leaf record;
  dropped integer := 0;
  newest timestamptz;
  day_start timestamptz := drop_audit_before.day::timestamp AT TIME ZONE 'UTC';
BEGIN
  PERFORM set_config('lock_timeout', '2s', true);
  IF extract(day FROM drop_audit_before.day) <> 1 THEN
    RAISE EXCEPTION 'months are dropped whole: % is not the first day of one', drop_audit_before.day;
  END IF;
  SELECT c.occurred_at INTO newest FROM socle.audit_chain c ORDER BY c.occurred_at DESC LIMIT 1;
  IF newest IS NULL OR day_start > newest - interval '6 months' THEN
    RAISE EXCEPTION 'the audit trail of the last six months stays';
  END IF;
  IF EXISTS (SELECT 1 FROM socle.audit_log l WHERE l.occurred_at < day_start AND NOT EXISTS (
               SELECT 1 FROM socle.audit_chain c WHERE c.occurred_at = l.occurred_at AND c.id = l.id)) THEN
    RAISE EXCEPTION 'rows before % are not sealed yet', drop_audit_before.day;
  END IF;
  INSERT INTO socle.audit_floors (chain, position, hash, before, signature)
  SELECT (f ->> 'chain')::uuid, (f ->> 'position')::bigint, decode(f ->> 'hash', 'hex'), drop_audit_before.day,
         decode(f ->> 'signature', 'hex')
  FROM jsonb_array_elements(drop_audit_before.floors) f
  ON CONFLICT (chain) DO UPDATE SET position = excluded.position, hash = excluded.hash, before = excluded.before,
                                    signature = excluded.signature;
  FOR leaf IN
    -- The planner may look at the month before the parent, and other tables' names hold none.
    WITH months AS MATERIALIZED (
      SELECT c.oid::regclass AS name, right(c.relname, 7) AS month
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'socle.audit_log'::regclass)
    SELECT m.name FROM months m WHERE to_date(m.month, 'YYYY_MM') + interval '1 month' <= drop_audit_before.day
  LOOP
    EXECUTE format('DROP TABLE %s', leaf.name);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END;
$$;

-- Deletes links at or below the floors, at most `batch` of them.
CREATE FUNCTION socle.trim_audit_chain(batch integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  gone bigint;
BEGIN
  DELETE FROM socle.audit_chain c USING (
    SELECT o.chain, o.position
    FROM socle.audit_floors f JOIN socle.audit_chain o ON o.chain = f.chain AND o.position <= f.position
    LIMIT batch
  ) old WHERE c.chain = old.chain AND c.position = old.position;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END;
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.seal_audit(integer, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.audit_unsealed(integer) OWNER TO socle_lookup;
ALTER FUNCTION socle.audit_heads() OWNER TO socle_lookup;
ALTER FUNCTION socle.audit_floors_before(date) OWNER TO socle_lookup;
ALTER FUNCTION socle.trim_audit_chain(integer) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
REVOKE ALL ON FUNCTION socle.drop_audit_before(date, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.drop_audit_before(date, jsonb) TO socle_app;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.seal_audit(integer, timestamptz), socle.audit_unsealed(integer), socle.audit_heads(),
  socle.audit_floors_before(date), socle.trim_audit_chain(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.seal_audit(integer, timestamptz), socle.audit_unsealed(integer), socle.audit_heads(),
  socle.audit_floors_before(date), socle.trim_audit_chain(integer) TO socle_app;
SET LOCAL ROLE socle_owner;
