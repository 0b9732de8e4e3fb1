-- The outbox: what is to be sent, by mail or as a text message, and what became of it. Recipient and contents are sealed:
-- links carry secrets. A message belongs to a tenant, or to an account alone (a forgotten password, a new address).

CREATE TABLE socle.mails (
  id         uuid PRIMARY KEY,
  realm      text NOT NULL,
  tenant_id  uuid,                               -- sealed under the tenant's key; without one, under the person's
  account_id uuid REFERENCES socle.accounts (id), -- whose message it is, when it goes to an account
  channel    text NOT NULL DEFAULT 'email' CHECK (channel IN ('email', 'sms')),
  template   text NOT NULL,                      -- e.g. invitation
  language   text NOT NULL CHECK (language IN ('fr', 'en')),
  content    bytea NOT NULL,                     -- sealed: recipient and the template's values
  status     text NOT NULL CHECK (status IN ('queued', 'sent', 'failed')),
  attempts   integer NOT NULL DEFAULT 0,
  error      text,                               -- the server's last word; never an address or a number
  created_at timestamptz NOT NULL,
  sent_at    timestamptz,
  CHECK (tenant_id IS NOT NULL OR account_id IS NOT NULL)
);
CREATE INDEX mails_recent ON socle.mails (tenant_id, created_at DESC) WHERE tenant_id IS NOT NULL;
CREATE INDEX mails_recent_of_account ON socle.mails (account_id, created_at DESC) WHERE account_id IS NOT NULL;
ALTER TABLE socle.mails ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.mails FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.mails TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY own ON socle.mails TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.mails TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON socle.mails TO socle_app;
GRANT SELECT, DELETE ON socle.mails TO socle_lookup;
