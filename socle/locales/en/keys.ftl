error-keys-title = Protected data unavailable
error-keys = The keys of protected data cannot be reached. Nothing was stored; try again in a few seconds.

notice-destruction-requested = The request is recorded. Another person has to approve it.
notice-destruction-approved = The keys are destroyed. What they protected cannot be read any more.
notice-destruction-refused = The request is refused. The keys stay.

keys-title = Keys
keys-lead = The keys of fields encrypted on the server: how many there are, their rotation, their destruction.
keys-current = Current key-encryption key:
keys-away = The key service does not answer. Protected fields are unavailable; everything else works.
keys-counts = Data keys
keys-count = Number
keys-kek = Wrapped by
keys-whose = Whose
keys-kind-tenant = Organisation
keys-kind-person = Person
keys-state-active = Active
keys-state-retired = Reading only
keys-state-destroyed = Destroyed
keys-state-requested = Requested
keys-state-refused = Refused
keys-state-approved = Approved, being erased
keys-state-executed = Executed
keys-rotations = Rotations
keys-rotations-none = No rotation
keys-rotations-none-text = A rotation is started on the command line: socle admin keys rotate.
keys-started = Started
keys-finished = Finished
keys-not-finished = Not finished
keys-rewrapped = Wrapped anew
keys-remaining = To do
keys-failed = Failed
keys-destructions = { $count ->
    [0] Destructions of keys
    [one] One request for destruction
   *[other] { $count } requests for destruction
}
keys-destructions-lead = One person asks, another approves. A destruction cannot be undone.
keys-destructions-none = No request
keys-destructions-none-text = A request to destroy keys appears here.
keys-requested = Requested on
keys-reason = Reason
keys-reason-hint = 10 to 500 characters. No name, no health information.
keys-reason-wrong = Give a reason of 10 to 500 characters.
keys-approve = Destroy the keys
keys-approve-question = Destroy these keys? Nobody will ever be able to read what they protect.
keys-refuse = Refuse
keys-second-person = Another person has to approve your request.
keys-request = Ask for a destruction
keys-request-lead = The keys of an organisation can be destroyed only while it is suspended.
keys-subject = Identifier
keys-subject-hint = The identifier (UUID) of the organisation or of the account.
keys-subject-wrong = Give an identifier: 32 hexadecimal digits, for example 0192f0c1-2a3b-7c4d-8e5f-60718293a4b5.
keys-none = There are no keys for this identifier.
keys-not-suspended = This organisation is not suspended: suspend it first.
keys-platform = The platform’s own keys are never destroyed.
keys-asked-already = The destruction of these keys was asked for already.
keys-request-send = Ask for the destruction
