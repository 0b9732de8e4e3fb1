# Sessions, known devices, overview of the account.
overview-title = My account
overview-due = To do
overview-password = Password
overview-password-since = Changed on { $time }.
overview-password-until = Changed on { $time }, valid until { $end }.
overview-password-over = Expired on { $time }: choose a new one.
overview-password-forced = Given by somebody else: choose your own.
overview-contact = E-mail address and phone
overview-email-proved = Address confirmed.
overview-email-unproved = Address to be confirmed.
overview-phone-none = No phone.
overview-phone-unproved = Phone to be confirmed.
overview-phone-proved = Phone confirmed.
overview-factors = Second factor
overview-factors-since = Asked for at sign-in since { $time }.
overview-factors-none = None: the password is enough to sign in.
overview-sessions = Open sessions
overview-sessions-state = { $count ->
    [one] One open session.
   *[other] { $count } open sessions.
}
overview-devices = Known devices
overview-devices-state = { $count ->
    [0] No known device
    [one] One known device
   *[other] { $count } known devices
}, { $trusted ->
    [0] none of them trusted.
    [one] one of them trusted.
   *[other] { $trusted } of them trusted.
}
overview-data = My data
overview-data-state = Get a copy of your data or ask for its erasure.

sessions-title = Open sessions
sessions-lead = Every browser and every program that is signed in to your account. End what you do not recognise, then change your password.
sessions-program = program
sessions-place = address { $place }
sessions-begun = Signed in on { $time }
sessions-seen = Last activity on { $time }
sessions-present = This session
sessions-end = End
sessions-end-label = End the session on { $device }
sessions-end-others = End all others
sessions-end-others-question = End all other sessions?
sessions-end-others-text = The other browsers and programs will have to sign in again. This session stays open.
sessions-choose-title = Too many open sessions
sessions-choose-lead = { $count ->
    [one] One session is open already, which is the most. End it to sign in here.
   *[other] { $count } sessions are open already, which is the most. Choose the one to end to sign in here.
}
sessions-choose-end = End it and sign me in
sessions-choose-label = End the session on { $device }, opened on { $time }, and sign me in here
sessions-choose-none = End none and go back to the sign-in
notice-session-ended = The session has ended.
notice-sessions-ended = All other sessions have ended.

devices-title = Known devices
devices-lead = The browsers you have signed in with. A sign-in from a new device is told to you by e-mail.
devices-empty = No known device
devices-empty-text = Your next sign-in with a browser will appear here.
devices-begun = First sign-in on { $time }
devices-seen = Last sign-in on { $time }
devices-trusted = Trusted: no second factor until { $time }
devices-present = This device
devices-forget = Forget
devices-forget-label = Forget the device { $device }
devices-forget-question = Forget { $device }?
devices-forget-text = Its sessions end, and the second factor will be asked for on it again.
devices-words = { $browser } on { $system }
devices-words-unknown = Unknown device
notice-device-forgotten = The device is forgotten, its sessions have ended.

mail-new-device-subject = New sign-in to your { $product } account
mail-new-device-body =
    Somebody has just signed in to your { $product } account from a device that was not known so far: { $device }, address { $place }, on { $time }.

    If it was you, there is nothing to do.

    If not, sign in, change your password, then forget that device in “My account”, “Known devices”.
