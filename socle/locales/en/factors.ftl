# Second factors: authenticator app, passkeys, recovery codes, proving once more who one is.
factors-title = Second factor
factors-lead = Besides the password, a proof that only you hold. It is asked for at every sign-in and before sensitive changes.
factors-due = Your role requires a second factor. Add an app or a passkey to continue.
factors-since = Since { $day }
factors-used = used on { $day }
factors-remove = Remove
factors-remove-text = You can no longer sign in with it. A message tells your account's address.

factors-app = Authenticator app
factors-app-none = An app on your telephone shows a code of six digits that changes every thirty seconds.
factors-app-set-up = Set up an app
factors-app-replace = Change the app
factors-app-remove = Remove the app
factors-app-remove-title = Remove the authenticator app?
factors-app-lead = Nothing changes before you have typed a first code. Your other sessions will then be closed.
factors-app-scan = 1. Save the key in the app
factors-app-qr = QR code to scan with the authenticator app. The same key is written below.
factors-app-type = If you cannot scan the code, type this key:
factors-app-open = Open in an app on this device
factors-app-confirm = 2. Type the code it shows
factors-app-confirm-submit = Activate

factors-code = Six-digit code
factors-code-hint = The one the app shows now.
factors-code-submit = Continue
factors-code-not-of-app = This code is not this app's. Check the telephone's clock and type the code it shows now.
factors-code-wrong = This code does not fit, or was used already. Wait for the next one, or use a recovery code.
factors-codes-paused = Too many wrong codes: the app's codes are paused for fifteen minutes. Use a recovery code or a passkey.
factors-answer-missing = Type a code.

factors-passkeys = Passkeys
factors-passkeys-lead = A passkey is kept by your telephone, your computer or a hardware key, which verifies that it is you. It also replaces the password.
factors-passkey-name = Name of the new passkey
factors-passkey-name-hint = To tell it from others, for instance “Telephone”.
factors-passkey-name-error = Give a name of 1 to 80 characters.
factors-passkey-add = Add a passkey
factors-passkey-remove = Remove { $name }
factors-passkey-remove-title = Remove the passkey “{ $name }”?
factors-passkey-heading = Passkey
factors-passkey-use = Use a passkey
factors-passkey-sign-in = Sign in with a passkey
factors-passkey-script = Passkeys need JavaScript to be enabled. Without it, use a code.
factors-passkey-unable = This browser does not know passkeys. Use a code.
factors-passkey-unavailable = Passkeys cannot be used at this address. Set up an app.
factors-passkey-failed = The passkey did not answer. Try again, or use a code.
factors-passkey-wrong = This passkey does not fit. Try again, or use a code.
factors-passkey-unknown = This passkey is not known here. Sign in with address and password.
factors-passkey-known = This passkey is registered already. Use another one.

factors-recovery-heading = Recovery codes
factors-recovery-code = Recovery code
factors-recovery-hint = Twelve characters, in three groups. Each code works once.
factors-recovery-submit = Use this code
factors-recovery-wrong = This recovery code does not fit, or was used already.
factors-codes-added = The second factor is active, and your other sessions are closed.
factors-codes-lead = Keep these ten codes in a safe place, on paper for instance: each allows one sign-in when your second factor is not at hand. They will not be shown again.
factors-codes-kept = I have kept them, continue
factors-codes-left = { $count ->
    [0] No code is left.
    [one] One code of ten is left.
   *[other] { $count } codes of ten are left.
}
factors-few-codes = { $count ->
    [0] You have no recovery code left. Make new ones.
    [one] You have only one recovery code left. Make new ones.
   *[other] You have only { $count } recovery codes left. Make new ones.
}
factors-codes-renew = Make ten new codes
factors-codes-renew-title = Make ten new recovery codes?
factors-codes-renew-text = The former codes no longer work.

factors-second-title = Second factor
factors-second-lead = The password fits. Now give your second factor.
factors-second-other = Sign in with another account
factors-over = This sign-in is over: too much time or too many tries. Begin again with address and password.

factors-again-title = Confirm that it is you
factors-again-lead = What you ask for is sensitive. After confirming, you come back to where you were.
factors-again-submit = Confirm
factors-password-wrong = The password does not fit.
factors-session-ended = Too many tries: the session is closed. Sign in again.

notice-factor-added = The second factor is added. Your other sessions are closed.
notice-factor-removed = The second factor is removed.

mail-footer-notice = This security message was sent by { $product } because it concerns your account.
mail-app-added-subject = An authenticator app protects your { $product } account
mail-app-added-body =
    An authenticator app was just added to your account. Its code will be asked for at every sign-in, and your other sessions were closed.

    If it was not you, change your password and tell the administrator at once.
mail-app-removed-subject = The authenticator app of your { $product } account is removed
mail-app-removed-body =
    The authenticator app of your account was just removed. Its codes are no longer accepted.

    If it was not you, change your password and tell the administrator at once.
mail-passkey-added-subject = A passkey is added to your { $product } account
mail-passkey-added-body =
    A passkey was just added to your account. It allows signing in, and your other sessions were closed.

    If it was not you, change your password and tell the administrator at once.
mail-passkey-removed-subject = A passkey of your { $product } account is removed
mail-passkey-removed-body =
    A passkey of your account was just removed. It is no longer accepted.

    If it was not you, change your password and tell the administrator at once.
mail-recovery-codes-renewed-subject = New recovery codes for your { $product } account
mail-recovery-codes-renewed-body =
    Ten new recovery codes were just made for your account. The former ones are no longer accepted.

    If it was not you, change your password and tell the administrator at once.
factors-trust = Trust this device: do not ask for a code here for 30 days
