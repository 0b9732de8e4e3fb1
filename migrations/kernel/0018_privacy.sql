-- Personal rights: consents, exports of everything about somebody, erasures, legal holds, and how long rows are kept.

-- specs/axtech.md: Consent. Never deleted: withdrawing closes a consent, a later version closes an earlier one, and what was
-- agreed to stays provable (GDPR art. 7(1)). Of an erased person address and browser go, the rest stays.
CREATE TABLE socle.consents (
  id           uuid PRIMARY KEY,
  realm        text NOT NULL,
  account_id   uuid NOT NULL REFERENCES socle.accounts (id),
  consent_type text NOT NULL CHECK (length(consent_type) BETWEEN 1 AND 50),
  version      text NOT NULL CHECK (version ~ '^[0-9]+[.][0-9]+[.][0-9]+$'),
  text_hash    text NOT NULL CHECK (text_hash ~ '^[0-9a-f]{64}$'),     -- SHA-256 of the text that was shown
  language     text NOT NULL CHECK (language IN ('fr', 'en')),         -- …in this language
  channel      text NOT NULL CHECK (channel IN ('page', 'api')),
  acted_by     uuid NOT NULL REFERENCES socle.accounts (id),           -- who gave it: the person, or who acts for them
  ip_address   text,
  user_agent   text,
  consented_at timestamptz NOT NULL,
  withdrawn_at timestamptz,
  withdrawn_by uuid REFERENCES socle.accounts (id),
  closed_at    timestamptz,                      -- a later version took its place
  CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
CREATE UNIQUE INDEX consents_open ON socle.consents (account_id, consent_type)
  WHERE withdrawn_at IS NULL AND closed_at IS NULL;
CREATE INDEX consents_history ON socle.consents (account_id, consent_type, version);
ALTER TABLE socle.consents ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.consents FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.consents TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.consents TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (withdrawn_at, withdrawn_by, closed_at) ON socle.consents TO socle_app;
GRANT SELECT, UPDATE (ip_address, user_agent) ON socle.consents TO socle_lookup;

-- A copy of everything about somebody, as a sealed file beside the database; a day later both are gone.
CREATE TABLE socle.personal_exports (
  id         uuid PRIMARY KEY,
  realm      text NOT NULL,
  account_id uuid NOT NULL REFERENCES socle.accounts (id),
  tenant_id  uuid NOT NULL,                      -- of the session that asked: where the mail is written
  language   text NOT NULL CHECK (language IN ('fr', 'en')),
  status     text NOT NULL DEFAULT 'asked' CHECK (status IN ('asked', 'ready', 'failed')),
  sealed_key bytea,                              -- the file's own random key, sealed under the person's
  bytes      bigint CHECK (bytes > 0),           -- of the archive, before sealing
  asked_at   timestamptz NOT NULL,
  ready_at   timestamptz,
  expires_at timestamptz NOT NULL,               -- 24 h after it was asked for
  link_hash  bytea UNIQUE,                       -- SHA-256 of the download link's secret
  link_until timestamptz,                        -- 15 minutes
  link_uses  integer NOT NULL DEFAULT 0,         -- a broken download may be taken up again, a few times
  CHECK ((status = 'ready') = (sealed_key IS NOT NULL)),
  CHECK ((link_hash IS NULL) = (link_until IS NULL))
);
CREATE UNIQUE INDEX personal_exports_one ON socle.personal_exports (account_id) WHERE status IN ('asked', 'ready');
CREATE INDEX personal_exports_expired ON socle.personal_exports (expires_at);
ALTER TABLE socle.personal_exports ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.personal_exports FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.personal_exports TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.personal_exports TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON socle.personal_exports TO socle_app;
GRANT SELECT, DELETE ON socle.personal_exports TO socle_lookup;

-- Somebody wants to be erased. For 30 days signing in undoes it; then it is done, and the receipt says what became of each
-- kind of data. The receipt holds no name, and is kept for five years after it.
CREATE TABLE socle.erasures (
  id           uuid PRIMARY KEY,
  realm        text NOT NULL,
  account_id   uuid NOT NULL REFERENCES socle.accounts (id),
  tenant_id    uuid NOT NULL,                    -- of the session that asked: where mails are written
  language     text NOT NULL CHECK (language IN ('fr', 'en')),
  asked_at     timestamptz NOT NULL,
  due_at       timestamptz NOT NULL,
  reminded_at  timestamptz,                      -- a week before it is due
  waits_for    text CHECK (waits_for IN ('hold', 'uses')),   -- why it was not done on its day
  undone_at    timestamptz,
  executed_at  timestamptz,
  journaled_at timestamptz,                      -- written to the journal outside the database
  outcomes     jsonb,
  CHECK (undone_at IS NULL OR executed_at IS NULL),
  CHECK ((executed_at IS NULL) = (outcomes IS NULL)),
  CHECK (journaled_at IS NULL OR executed_at IS NOT NULL)
);
CREATE UNIQUE INDEX erasures_open ON socle.erasures (account_id) WHERE undone_at IS NULL AND executed_at IS NULL;
CREATE INDEX erasures_due ON socle.erasures (due_at, id) WHERE undone_at IS NULL AND executed_at IS NULL;
CREATE INDEX erasures_unjournaled ON socle.erasures (executed_at)
  WHERE executed_at IS NOT NULL AND journaled_at IS NULL;
ALTER TABLE socle.erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.erasures FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.erasures TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.erasures TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON socle.erasures TO socle_app;
GRANT SELECT, DELETE ON socle.erasures TO socle_lookup;

-- What must not be deleted for now: everything of an account, or of a tenant. Placed and lifted by the platform's operators.
CREATE TABLE socle.legal_holds (
  id           uuid PRIMARY KEY,
  tenant_id    uuid NOT NULL CHECK (tenant_id = '00000000-0000-0000-0000-000000000000'),   -- the operators' own
  subject_kind text NOT NULL CHECK (subject_kind IN ('account', 'tenant')),
  subject_id   uuid NOT NULL,
  reason       text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),        -- for operators
  legal_basis  text NOT NULL CHECK (length(legal_basis) BETWEEN 3 AND 200),    -- what the person is told, when they may be
  may_be_told  boolean NOT NULL,                 -- false: saying so would defeat it (an inquiry)
  placed_by    uuid NOT NULL,
  placed_at    timestamptz NOT NULL,
  until        timestamptz,                      -- NULL: until it is lifted
  lifted_by    uuid,
  lifted_at    timestamptz,
  CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
  CHECK (until > placed_at),
  FOREIGN KEY (tenant_id, placed_by) REFERENCES socle.memberships (tenant_id, account_id),
  FOREIGN KEY (tenant_id, lifted_by) REFERENCES socle.memberships (tenant_id, account_id)
);
CREATE INDEX legal_holds_subject ON socle.legal_holds (subject_id) WHERE lifted_at IS NULL;
ALTER TABLE socle.legal_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.legal_holds FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON socle.legal_holds TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON socle.legal_holds TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (lifted_by, lifted_at) ON socle.legal_holds TO socle_app;
GRANT SELECT, DELETE ON socle.legal_holds TO socle_lookup;
