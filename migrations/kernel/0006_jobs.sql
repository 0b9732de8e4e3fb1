-- Work to be done later: enqueued in the transaction of its cause, run by a worker as the system caller of one tenant.

CREATE TABLE socle.jobs (
  id           uuid PRIMARY KEY,
  realm        text NOT NULL,
  tenant_id    uuid,                             -- NULL: the platform's own work
  queue        text NOT NULL,
  kind         text NOT NULL,
  payload      jsonb NOT NULL,                   -- ids and dates only: never a name, a secret or medical content
  unique_key   text,                             -- at most one waiting or running job of a kind and tenant has it
  state        text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead')),
  attempt      integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL CHECK (max_attempts >= 1),
  run_at       timestamptz NOT NULL,
  worker       uuid,
  leased_until timestamptz,                      -- a worker that dies loses its jobs then
  last_error   text,
  created_at   timestamptz NOT NULL,
  finished_at  timestamptz,
  CHECK ((state = 'running') = (leased_until IS NOT NULL)),
  CHECK ((state IN ('done', 'dead')) = (finished_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX jobs_waiting ON socle.jobs (queue, run_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_leased ON socle.jobs (leased_until) WHERE state = 'running';
CREATE INDEX jobs_finished ON socle.jobs (state, finished_at) WHERE state IN ('done', 'dead');
CREATE UNIQUE INDEX jobs_unique ON socle.jobs (kind, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'), unique_key)
  WHERE state IN ('waiting', 'running') AND unique_key IS NOT NULL;
ALTER TABLE socle.jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.jobs TO socle_app
  USING (tenant_id IS NOT DISTINCT FROM (SELECT socle.tenant_id()))
  WITH CHECK (tenant_id IS NOT DISTINCT FROM (SELECT socle.tenant_id()));
CREATE POLICY lookup ON socle.jobs TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON socle.jobs TO socle_app;
GRANT SELECT, UPDATE, DELETE ON socle.jobs TO socle_lookup;

-- When a schedule runs next. Whoever finds it due enqueues its job and moves it on, in one transaction.
CREATE TABLE socle.schedules (
  name    text PRIMARY KEY,
  next_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON socle.schedules TO socle_app;

-- A worker takes due jobs: `room` says how many of each queue it has place for. Jobs whose worker died come first:
-- they wait again, or are dead when they have used up their attempts.
CREATE FUNCTION socle.claim_jobs(room jsonb, worker uuid, at timestamptz, lease interval)
RETURNS TABLE (id uuid, realm text, tenant_id uuid, queue text, kind text, payload jsonb, attempt integer,
               max_attempts integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  wanted record;
BEGIN
  UPDATE socle.jobs j SET
    state = CASE WHEN j.attempt < j.max_attempts THEN 'waiting' ELSE 'dead' END,
    finished_at = CASE WHEN j.attempt < j.max_attempts THEN NULL ELSE claim_jobs.at END,
    run_at = claim_jobs.at, worker = NULL, leased_until = NULL, last_error = 'the worker did not finish it'
  WHERE j.id IN (SELECT l.id FROM socle.jobs l WHERE l.state = 'running' AND l.leased_until < claim_jobs.at
                 LIMIT 100 FOR UPDATE SKIP LOCKED);
  FOR wanted IN SELECT r.key AS queue, r.value::integer AS places FROM jsonb_each_text(room) r LOOP
    RETURN QUERY UPDATE socle.jobs j SET
      state = 'running', attempt = j.attempt + 1, worker = claim_jobs.worker,
      leased_until = claim_jobs.at + claim_jobs.lease
    WHERE j.id IN (SELECT w.id FROM socle.jobs w
                   WHERE w.queue = wanted.queue AND w.state = 'waiting' AND w.run_at <= claim_jobs.at
                     -- A suspended tenant's work waits until it is resumed.
                     AND NOT EXISTS (SELECT 1 FROM socle.tenant_rules t
                                     WHERE t.tenant_id = w.tenant_id AND t.suspended_at IS NOT NULL)
                   ORDER BY w.run_at, w.id LIMIT wanted.places FOR UPDATE OF w SKIP LOCKED)
    RETURNING j.id, j.realm, j.tenant_id, j.queue, j.kind, j.payload, j.attempt, j.max_attempts;
  END LOOP;
END;
$$;

-- What became of jobs: `outcomes` is an array of {id, state, run_at, error}. Only their own worker may say it.
CREATE FUNCTION socle.settle_jobs(outcomes jsonb, worker uuid, at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE socle.jobs j SET
    state = o.state, run_at = coalesce(o.run_at, j.run_at), last_error = o.error, worker = NULL, leased_until = NULL,
    finished_at = CASE WHEN o.state IN ('done', 'dead') THEN settle_jobs.at END
  FROM jsonb_to_recordset(outcomes) AS o(id uuid, state text, run_at timestamptz, error text)
  WHERE j.id = o.id AND j.worker = settle_jobs.worker AND j.state = 'running';
$$;

-- A worker still works on these. Not on all it holds: the answer of a claim may have been lost on its way.
CREATE FUNCTION socle.extend_jobs(jobs uuid[], worker uuid, at timestamptz, lease interval) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE socle.jobs j SET leased_until = extend_jobs.at + extend_jobs.lease
  WHERE j.id = ANY (jobs) AND j.worker = extend_jobs.worker AND j.state = 'running';
$$;

-- The operators' page: dead jobs of every tenant, newest first, and how many of each queue wait.
CREATE FUNCTION socle.dead_jobs(most integer)
RETURNS TABLE (id uuid, realm text, tenant_id uuid, queue text, kind text, attempt integer, last_error text,
               created_at timestamptz, finished_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT j.id, j.realm, j.tenant_id, j.queue, j.kind, j.attempt, j.last_error, j.created_at, j.finished_at
  FROM socle.jobs j WHERE j.state = 'dead' ORDER BY j.finished_at DESC, j.id LIMIT most;
$$;
CREATE FUNCTION socle.queue_lengths()
RETURNS TABLE (queue text, state text, jobs bigint, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT j.queue, j.state, count(*), min(j.run_at) FROM socle.jobs j
  WHERE j.state IN ('waiting', 'running', 'dead') GROUP BY j.queue, j.state ORDER BY j.queue, j.state;
$$;

-- An operator's word on a dead job: try again from the start, or drop it.
CREATE FUNCTION socle.revive_job(job uuid, at timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE socle.jobs j SET state = 'waiting', attempt = 0, run_at = revive_job.at, finished_at = NULL
  WHERE j.id = job AND j.state = 'dead' RETURNING true;
$$;
CREATE FUNCTION socle.drop_job(job uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  DELETE FROM socle.jobs j WHERE j.id = job AND j.state = 'dead' RETURNING true;
$$;

-- Nightly: jobs done before then.
CREATE FUNCTION socle.forget_jobs(before timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH gone AS (DELETE FROM socle.jobs j WHERE j.state = 'done' AND j.finished_at < before RETURNING 1)
  SELECT count(*) FROM gone;
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.claim_jobs(jsonb, uuid, timestamptz, interval) OWNER TO socle_lookup;
ALTER FUNCTION socle.settle_jobs(jsonb, uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.extend_jobs(uuid[], uuid, timestamptz, interval) OWNER TO socle_lookup;
ALTER FUNCTION socle.dead_jobs(integer) OWNER TO socle_lookup;
ALTER FUNCTION socle.queue_lengths() OWNER TO socle_lookup;
ALTER FUNCTION socle.revive_job(uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.drop_job(uuid) OWNER TO socle_lookup;
ALTER FUNCTION socle.forget_jobs(timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.claim_jobs(jsonb, uuid, timestamptz, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.settle_jobs(jsonb, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.extend_jobs(uuid[], uuid, timestamptz, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.dead_jobs(integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.queue_lengths() FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.revive_job(uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.drop_job(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.forget_jobs(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.claim_jobs(jsonb, uuid, timestamptz, interval) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.settle_jobs(jsonb, uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.extend_jobs(uuid[], uuid, timestamptz, interval) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.dead_jobs(integer) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.queue_lengths() TO socle_app;
GRANT EXECUTE ON FUNCTION socle.revive_job(uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.drop_job(uuid) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.forget_jobs(timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
