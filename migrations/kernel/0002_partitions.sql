-- Monthly partitions: created ahead by the server, through one function that runs as the owner.

CREATE TABLE socle.partition_plans (
  parent      text PRIMARY KEY,                  -- schema-qualified parent, partitioned by RANGE on a timestamptz
  leaf_prefix text NOT NULL,                     -- schema-qualified; leaves are <prefix>_YYYY_MM
  ingest      boolean NOT NULL DEFAULT false     -- true: socle_ingest may COPY into and read the leaves
);

-- Creates every missing month between the two days (inclusive) for every plan; returns how many it made.
-- The app role gets no right on a leaf: it reads and writes through the parent, under row-level security.
CREATE FUNCTION socle.ensure_months(first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  plan record;
  month_start date;
  leaf text;
  made integer := 0;
BEGIN
  FOR plan IN SELECT parent, leaf_prefix, ingest FROM socle.partition_plans LOOP
    month_start := date_trunc('month', first_day)::date;
    WHILE month_start <= last_day LOOP
      leaf := plan.leaf_prefix || '_' || to_char(month_start, 'YYYY_MM');
      IF to_regclass(leaf) IS NULL THEN
        EXECUTE format(
          'CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
          leaf, plan.parent,
          month_start::timestamp AT TIME ZONE 'UTC',
          (month_start + interval '1 month') AT TIME ZONE 'UTC');
        IF plan.ingest THEN
          EXECUTE format('GRANT SELECT, INSERT ON %s TO socle_ingest', leaf);
        END IF;
        made := made + 1;
      END IF;
      month_start := (month_start + interval '1 month')::date;
    END LOOP;
  END LOOP;
  RETURN made;
END;
$$;
REVOKE ALL ON FUNCTION socle.ensure_months(date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.ensure_months(date, date) TO socle_app;
GRANT SELECT ON socle.partition_plans TO socle_app, socle_ingest;
