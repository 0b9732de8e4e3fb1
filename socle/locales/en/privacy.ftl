# Personal rights: consents, export, erasure, retention.
data-title = My data
data-lead = Get a copy of everything about you, review your consents, have your account erased.
data-prove = For this, first confirm that it is you.
data-prove-link = Confirm my identity
data-yes = yes
data-no = no
data-none = Nothing.
data-file-title = My data
data-file-lead = Everything the platform keeps about you, at the instant the copy was prepared. Times are in universal time (UTC). The folder data holds the same for programs.

export-title = Copy of my data
export-lead = An archive with a readable file and files for programs. It is available for twenty-four hours; the download link is valid for fifteen minutes.
export-ask = Prepare my copy
export-working = Asked for on { $asked }: the copy is being prepared. A message will tell you.
export-ready = Asked for on { $asked }, available until { $until }.
export-download = Download my copy
export-failed = The copy asked for on { $asked } could not be prepared. Ask for it again.
notice-export-asked = Your copy is being prepared. A message will tell you.

consents-title = My consents
consents-lead = What you agreed to, purpose by purpose. Withdrawing is as easy as agreeing, and acts at once.
consents-open = See my consents
consents-none = Nothing is asked of you
consents-none-text = This service does not rest on any consent of yours.
consents-version = Version { $version }
consents-given = Agreed
consents-since = Given on { $time }
consents-withdrawn = withdrawn on { $time }
consents-closed = replaced on { $time }
consents-withdraw = Withdraw: { $purpose }
consents-needed = Needed as long as you use the account.
consents-outdated = The text has changed since you agreed: read it again.
consents-agree = I have read and agree: { $purpose }
consents-give = Agree: { $purpose }
consents-tick = Tick the box to agree.
consents-past = History
notice-consent-given = Your consent is recorded.
notice-consent-withdrawn = Your consent is withdrawn.

erasure-title = Erase my account
erasure-short = See what would be erased or kept, and ask for the erasure.
erasure-open = See what would be erased
erasure-lead = What becomes of each kind of data, and why.
erasure-held = A legal obligation prevents the erasure for now
erasure-fates = What becomes of your data
erasure-what = Data
erasure-becomes = What becomes of it
erasure-why = Reason and duration
erasure-until = Until { $time }.
erasure-deleted = Deleted
erasure-anonymised = Anonymised
erasure-kept = Kept
erasure-pending = The erasure is asked for on { $time }. Signing in again undoes it.
erasure-in-use = Others depend on this account: hand over first
erasure-undo = The erasure takes place in thirty days. Until then, signing in is enough to undo it. All your sessions end now.
erasure-sure = I have understood what will be erased
erasure-tick = Tick the box to ask for the erasure.
erasure-ask = Ask for the erasure
notice-erasure-asked = The erasure is asked for. Signing in within thirty days undoes it.
erasure-what-sign-in = Password, second factors, sessions, known devices
erasure-what-address = Address, user name, phone
erasure-what-name = Name
erasure-what-mails = Messages sent
erasure-what-invitations = Invitations to your address
erasure-what-exports = Copies of your data
erasure-what-security = Security events
erasure-what-memberships = Memberships of organisations
erasure-what-consents = Consents, without address and browser
erasure-reason-consents = Proof that consent had been given (GDPR art. 7(1)).
erasure-what-audit = Audit trail, under a number without a name
erasure-reason-audit = Evidence of access and acts, five years.
erasure-what-receipt = Receipt of this erasure, without a name
erasure-reason-receipt = Proof that the erasure took place (GDPR art. 5(2)).
erasure-last-operator = you are the last person who runs the platform: add another one first.

mail-export-ready-subject = Your copy is ready
mail-export-ready-body =
    The copy of your data that you asked for on { $product } is ready. It is available for twenty-four hours after you asked.

    If you did not ask for it, change your password.
mail-export-ready-action = Go to my data
mail-erasure-asked-subject = Erasure asked for
mail-erasure-asked-body =
    The erasure of your { $product } account is asked for on { $day }.

    To undo it, sign in before that date. If it was not you who asked, sign in and change your password.
mail-erasure-asked-action = Sign in and undo
mail-erasure-soon-subject = Your account will be erased soon
mail-erasure-soon-body =
    As asked for, your { $product } account will be erased on { $day }.

    To undo it, sign in before that date.
mail-erasure-soon-action = Sign in and undo
mail-erasure-undone-subject = Erasure undone
mail-erasure-undone-body =
    You signed in: the erasure of your { $product } account is undone.

    If it was not you, change your password.
mail-erasure-done-subject = Your account is erased
mail-erasure-done-body =
    Your { $product } account is erased. This is what became of your data:

    { $outcomes }

holds-title = Legal holds
holds-lead = What must not be erased for now. Neither erasure nor retention touches it.
holds-back = { $count ->
    [one] One erased account has come back with a restore: run “socle admin privacy replay”.
   *[other] { $count } erased accounts have come back with a restore: run “socle admin privacy replay”.
}
holds-none = No legal hold
holds-none-text = Nothing stands in the way of erasure and retention.
holds-subject = Subject
holds-account = Account
holds-tenant = Organisation
holds-kind = What is held
holds-id = Identifier (UUID)
holds-reason = Reason
holds-reason-hint = For operators, 10 to 500 characters.
holds-basis = Legal basis
holds-until = First day on which it no longer stands
holds-told = The person may be told
holds-told-hint = Leave empty if telling them would harm an inquiry.
holds-untold = the person must not be told
holds-stands = Duration
holds-since = since { $time }
holds-lifted = lifted on { $time }
holds-lift = Lift
holds-place = Place a hold
holds-reason-error = Write a reason of 10 to 500 characters.
holds-basis-error = Write a legal basis of 3 to 200 characters.
holds-until-error = Give a day to come, or none.
holds-subject-error = Give the identifier of an account or organisation that exists.
notice-hold-placed = The hold is placed.
notice-hold-lifted = The hold is lifted.

# The readable file of an export.
data-account = Account
data-memberships = Organisations
data-consents = Consents
data-sessions = Sessions
data-devices = Known devices
data-mails = Messages sent
data-security = Security events
data-audit = Audit trail
data-erasures = Requests for erasure
data-email = Address
data-user-name = User name
data-phone = Phone
data-language = Language
data-status = Status
data-email-verified = Address verified
data-phone-verified = Phone verified
data-second-factor = Second factor since
data-password-changed = Password chosen
data-last-login = Last sign-in
data-created = Created
data-id = Identifier
data-organisation = Organisation
data-role = Role
data-permissions = Permissions
data-ended = Ended
data-kind = Kind
data-version = Version
data-text-hash = Hash of the text
data-channel = Through
data-at = At
data-withdrawn = Withdrawn
data-ip = IP address
data-browser = Browser
data-last-seen = Last seen
data-trusted = Trusted until
data-sent = Sent
data-severity = Severity
data-action = Action
data-outcome = Outcome
data-by = By
data-resource = Resource
data-due = Planned for
