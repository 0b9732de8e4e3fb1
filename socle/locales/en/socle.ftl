# Kernel: page frame, sign-in, errors, shared pieces.
skip-to-content = Skip to content
nav-label = Main navigation
nav-more = More
account-menu = Account, language and appearance
language-label = Language
theme-label = Appearance
theme-light = Light
theme-dark = Dark
theme-system = System
sign-out = Sign out
confirm-cancel = Cancel

sign-in-title = Sign in
sign-in-lead = Sign in to follow your treatments.
sign-in-email = Email address
sign-in-password = Password
sign-in-submit = Sign in
sign-in-privacy = Data encrypted on the server, keys kept apart.
sign-in-failed = The address or the password does not match. Check both and try again.
sign-in-busy = Many people are signing in right now. Try again in a few seconds.

field-optional = (optional)
form-errors-title = { $count ->
    [one] One thing needs correcting
   *[other] { $count } things need correcting
}

pager-label = Pages of the list
pager-of = of { $total }
pager-previous = Previous page
pager-next = Next page

toasts-label = Messages
toasts-close = Close the message
toasts-failed = The request did not get through. Check the connection, then try again.
filters-submit = Filter

error-code = Error { $code }
error-home = Back to the home page
error-request = Reference to give to support:
error-400-title = Incomplete request
error-400 = Something in the request is missing or not valid. Go back, check what you entered and send it again.
error-401-title = Sign-in needed
error-401 = Your session has ended. Sign in again to continue.
error-403-title = Not allowed
error-403 = Your role does not allow this. Ask the licence owner.
error-404-title = Page not found
error-404 = This page does not exist, or your account cannot see it.
error-409-title = Not possible right now
error-409 = Things have changed in the meantime. Reload the page, then try again if it is still needed.
error-413-title = Too large
error-413 = What you sent exceeds the allowed size. Make it smaller or send it in several parts.
error-422-title = Value not accepted
error-422 = One of the values cannot be accepted. Correct it and send the request again.
error-429-title = Too many requests
error-429 = Many requests arrived in a short time. Wait a moment, then try again.
error-500-title = The service met an error
error-500 = The error has been recorded. Try again in a moment; if it persists, give the reference below.
error-503-title = Service temporarily unavailable
error-503 = The service is very busy or restarting. Try again in a few seconds.

front-title = Platforms
front-lead = Choose the one you work on.
front-open = Open { $product }
front-physiotraq = Live core temperature during hyperthermia sessions.

notice-signed-out = You are signed out.

memberships-title = Change organisation
memberships-lead = You belong to these organisations. Choose the one you are working for now.
memberships-present = Current
memberships-choose = Work there

invitation-title = Invitation
invitation-heading = { $tenant } invites you
invitation-lead = Invitation sent to { $email }, role: { $role }.
invitation-first-name = First name
invitation-last-name = Last name
invitation-new-password = Choose a password
invitation-known = This address has an account already: give its password.
invitation-accept = Accept the invitation
invitation-name-error = Write a name of 1 to 80 characters.
invitation-password-wrong = This is not the password of that account. Check it, then try again.

# Mails: subject, text (one paragraph per empty line), button.
mail-greeting = Hello { $first_name },
mail-greeting-nobody = Hello,
mail-closing = See you soon,
mail-footer = This message was sent to you by { $product }. If you did not expect it, do not follow the link and ignore it.
mail-link = If the button does not work, copy this address into your browser:
mail-invitation-subject = { $tenant } invites you to { $product }
mail-invitation-body =
    { $inviter } invites you to join { $tenant } on { $product }.

    The link is personal, works once and stays valid for seven days.
mail-invitation-action = Accept the invitation

# The page of all components, in development only.
dev-title = Components
dev-lead = Every element of the interface, in each theme and in both languages. This page exists in development only.
dev-theme = Theme
dev-actions = Actions
dev-primary = Add
dev-secondary = Compare
dev-outline = Export
dev-ghost = Ignore
dev-link = Edit
dev-destructive = Delete
dev-disabled = Not available
dev-hero = Start a session
dev-stop = STOP
dev-menu = More actions
dev-confirm-title = Detach device 12?
dev-confirm-text = It will no longer send readings to this licence. Its history is kept.
dev-confirm-yes = Detach the device
dev-person = Camille Moreau
dev-role = Practitioner
dev-messages = Messages
dev-toast = Show:
dev-success = Success
dev-info = Information
dev-warning = To watch
dev-error = Error
dev-success-text = The changes are saved.
dev-info-text = An update is planned for tonight at 22:00 (Europe/Paris).
dev-warning-text = The battery of device 12 is low: plan to charge it.
dev-error-text = Saving did not succeed. Nothing was changed; try again.
dev-forms = Forms
dev-name = Name
dev-hint = A hint, read out with the field.
dev-field-error = Give a name of 1 to 100 characters.
dev-choice-error = Choose a status from the list.
dev-day = Date
dev-state = Status
dev-remarks = Remarks
dev-tick = Tell me about every alert
dev-unit = Unit
dev-submit = Save
dev-lists = List of devices
dev-all = All
dev-count = { $count ->
    [one] { $count } device
   *[other] { $count } devices
}
dev-none = No device matches
dev-none-text = Widen the filters or clear the search.
dev-row = Device { $n }
dev-measured = Measured on
dev-states = States
dev-plain = Offline
dev-tile = Device 12
dev-timeline = Course of events
dev-progress = Importing the files
dev-loading = Preparing the report…
dev-age = { $n } min ago
dev-live = Live
dev-alarms = Alarms
dev-alarm-watch = Watch closely
dev-alarm-critical = CRITICAL TEMPERATURE
dev-alarm-order = Stop heating.
dev-acknowledge = Take note

api-title = API
api-lead = Every address for programs, with what it takes and what it answers.
api-document = OpenAPI document
api-callers = Who may call
api-operations = Operations
api-schemas = Schemas
api-name = Name
api-kind = Type
api-meaning = Meaning
api-required = required
api-anybody = No sign-in needed
api-parameters = Parameters
api-body = Request body
api-example = Example
api-answers = Answers
api-no-content = No content
api-curl = On the command line

# The platform's own pages.
platform-operator = Platform operator
platform-jobs = Background jobs
platform-jobs-lead = What waits, what was given up and why.
platform-queues = Queues
platform-queues-empty = Nothing waits
platform-queues-empty-text = All jobs are done.
platform-queue = Queue
platform-state = State
platform-state-waiting = Waiting
platform-state-running = Running
platform-state-dead = Given up
platform-count = Jobs
platform-oldest = Oldest
platform-kind = Job
platform-attempts = Attempts
platform-said = Last error
platform-given-up = Given up at
platform-decide = Decision
platform-dead = { $count ->
    [0] No job was given up
    [one] One job was given up
   *[other] { $count } jobs were given up
}
platform-dead-none = No job was given up
platform-dead-none-text = A job that fails too often appears here.
platform-retry = Try again
platform-drop = Drop
platform-drop-question = Drop this job? It will never be run.
notice-job-retried = The job waits again.
notice-job-dropped = The job was dropped.
mailbox-title = Development mailbox
mailbox-lead = The mails and text messages that this server would have sent: this mailbox stands in for them, nothing has left. This page does not exist in production.
mailbox-to = To { $to }
mailbox-html = See the HTML part
mailbox-empty = No mail
mailbox-empty-text = Mails appear here as soon as they leave.
