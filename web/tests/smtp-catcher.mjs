// A mail server for tests. Prints `ready PORT` once it listens, then a line of JSON for every mail that it takes.
//
// PORT: where it listens, 0 or none takes a free one. FAIL_FIRST: so many mails are put off with 451 before one is taken.
// REJECT: so many are refused for good with 550.

import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

let toPutOff = Number(process.env.FAIL_FIRST ?? 0);
let toRefuse = Number(process.env.REJECT ?? 0);

const refusal = (code, text) => Object.assign(new Error(text), { responseCode: code });

/** What the tests look at. Header lines are given as they came, so that one too many is seen. */
async function described(stream, envelope) {
  const mail = await simpleParser(stream, { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true });
  return {
    from: envelope.mailFrom.address,
    to: envelope.rcptTo.map(({ address }) => address),
    sender: mail.from?.value[0] ?? null,
    subject: mail.subject ?? null,
    date: mail.date?.toISOString() ?? null,
    type: mail.headers.get("content-type")?.value ?? null,
    text: mail.text ?? null,
    html: mail.html || null,
    headers: mail.headerLines.map(({ line }) => line),
  };
}

const server = new SMTPServer({
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  // The server's own word repeats the address: what is kept of it must not.
  onRcptTo({ address }, session, done) {
    if (toRefuse > 0) {
      toRefuse -= 1;
      return done(refusal(550, `There is no mailbox ${address} here`));
    }
    return done();
  },
  onData(stream, session, done) {
    described(stream, session.envelope).then((mail) => {
      if (toPutOff > 0) {
        toPutOff -= 1;
        return done(refusal(451, "Busy, come again"));
      }
      console.log(JSON.stringify(mail));
      return done();
    }, done);
  },
});

// A client that goes away is no reason to end.
server.on("error", (error) => console.error(`smtp-catcher: ${error.message}`));
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.log(`ready ${server.server.address().port}`);
});
