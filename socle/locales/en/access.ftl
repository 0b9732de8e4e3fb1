# Break-glass: asking, reviewing.
break-glass-title = Emergency access to a record
break-glass-lead = One record opens, for 30 minutes, in this session. Each look at it is recorded and reviewed afterwards.
break-glass-kind = Kind of record
break-glass-kind-error = Records of this kind are never opened in an emergency. Turn to the person who is responsible for it.
break-glass-record = Identifier of the record
break-glass-record-hint = The whole identifier, as it stands in the record’s address.
break-glass-record-error = No record has this identifier. Check it, then try again.
break-glass-open-error = You have a record open this way already. Close it first.
break-glass-reason = Reason
break-glass-reason-hint = 10 to 1000 characters: why this record is needed now.
break-glass-reason-error = Write the reason, in 10 to 1000 characters.
break-glass-notice = The people in charge of compliance are told at once, and the record keeps a trace of it.
break-glass-submit = Open this record
break-glass-open-title = Record opened in an emergency
break-glass-until = Open until { $time }; nothing prolongs this access.
break-glass-elsewhere = It is open in another of your sessions: this one does not show it.
break-glass-end = Close it now

break-glass-reviews = Emergency access to review
break-glass-reviews-lead = Who opened which record, and why. Say whether it was justified.
break-glass-waiting = { $count ->
    [one] One access to review
   *[other] { $count } accesses to review
}
break-glass-waiting-none = Nothing to review
break-glass-waiting-none-text = No emergency access waits for your word.
break-glass-when = From { $from } to { $until }
break-glass-uses = { $count ->
    [one] one look
   *[other] { $count } looks
}
break-glass-reason-given = Reason:
break-glass-still-open = Still open: it is reviewed once it is closed.
break-glass-own = This was your own access: somebody else reviews it.
break-glass-note = Note
break-glass-note-hint = At least 10 characters if the access was not justified.
break-glass-note-error = Say in 10 to 1000 characters why the access was not justified.
break-glass-justified = Justified
break-glass-not-justified = Not justified
break-glass-reviewed = { $count ->
    [one] One access reviewed
   *[other] { $count } accesses reviewed
}
break-glass-reviewed-none = No access reviewed
break-glass-reviewed-none-text = What has been reviewed will appear here.
break-glass-person = Person
break-glass-verdict = Verdict
break-glass-reviewer = Reviewed by
notice-glass-broken = The record is open for 30 minutes.
notice-glass-whole = The record is closed.
notice-glass-reviewed = Your verdict is recorded.

mail-break-glass-opened-subject = A record was opened in an emergency
mail-break-glass-opened-body = { $person } has just opened a record in an emergency ({ $tenant }).

    The access lasts 30 minutes at most. Reason and record can be read after signing in; say then whether it was justified.
mail-break-glass-opened-action = Review this access
mail-break-glass-reminder-subject = An emergency access waits for your word
mail-break-glass-reminder-body = A record was opened in an emergency more than 48 hours ago, and nobody has said whether it was justified.
mail-break-glass-reminder-action = Review this access
