-- Answers to creations that came with an Idempotency-Key, so that a repeat gets the answer and not a second thing.
-- No foreign key: an answer outlives nothing, it is gone after a day.

CREATE TABLE socle.idempotency_keys (
  tenant_id    uuid NOT NULL,
  account_id   uuid NOT NULL,
  route        text NOT NULL,                    -- as declared: POST /api/v1/treatments
  key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  claim        uuid NOT NULL,                    -- of the request that runs, or ran; a later one has another
  request_hash bytea NOT NULL,                   -- keyed by the tenant: a body may hold a patient's name
  status       smallint,                         -- NULL while the first request runs
  content_type text,
  body         bytea,                            -- sealed, for the same reason
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,             -- two minutes while it runs, then 24 h
  PRIMARY KEY (tenant_id, account_id, route, key)
);
CREATE INDEX idempotency_keys_expiry ON socle.idempotency_keys (expires_at);
ALTER TABLE socle.idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.idempotency_keys TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id()) AND account_id = (SELECT socle.account_id()))
  WITH CHECK (tenant_id = (SELECT socle.tenant_id()) AND account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.idempotency_keys FOR SELECT TO socle_lookup USING (true);
CREATE POLICY purge ON socle.idempotency_keys FOR DELETE TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON socle.idempotency_keys TO socle_app;
GRANT SELECT, DELETE ON socle.idempotency_keys TO socle_lookup;

-- Retention: keys of every tenant that have expired, at most so many at once.
CREATE FUNCTION socle.purge_idempotency_keys(expired_by timestamptz, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM socle.idempotency_keys k
  WHERE k.ctid = ANY (ARRAY(SELECT o.ctid FROM socle.idempotency_keys o
                            WHERE o.expires_at <= purge_idempotency_keys.expired_by
                            LIMIT purge_idempotency_keys.most));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END;
$$;
GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.purge_idempotency_keys(timestamptz, integer) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.purge_idempotency_keys(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.purge_idempotency_keys(timestamptz, integer) TO socle_app;
SET LOCAL ROLE socle_owner;
