# Credentials: registration, verification, forgotten or changed password, address, phone, user name.
sign-in-email-or-name = E-mail address or user name

credentials-back = Back to sign-in
credentials-code = Code you received
credentials-code-hint = Six digits, good for 15 minutes.
credentials-code-unfit = This code or link does not fit, was used already or is over. Ask for a new one.
credentials-email-error = Write an e-mail address, such as marie.durand@clinique.fr.
credentials-messages = Three messages were sent within an hour. Come back in an hour.

password-title = Change your password
password-lead = Your other sessions will end; this one goes on.
password-due = Choose a new password before you go on: the present one is too old, or you were asked to change it.
password-current = Present password
password-new = New password
password-hint = At least { $least } characters, any of them, blanks too; a sentence is easier to remember.
password-submit = Save the password
password-current-wrong = This is not your present password. Check it, then try again.
password-tries = Too many tries with a wrong password. Try again in a quarter of an hour.
password-fault-short = A password has 8 to 128 characters: this one is too short. A sentence is easy to remember.
password-fault-long = A password has 8 to 128 characters: this one is too long.
password-fault-common = This password is soon guessed: it is common, or follows a simple pattern. Take several words that have nothing to do with each other.
password-fault-personal = This password is made of your name, your address or the service’s name. Take other words.
password-fault-same = This is your password already. Choose another one.
notice-password-changed = Your password is changed. Your other sessions have ended.

recovery-title = Forgotten password
recovery-lead = Write your address: we will send a link there to choose a new password.
recovery-submit = Get a link
recovery-sent = If this address has an account, a mail is on its way.
recovery-sent-more = The link is good for an hour. Nothing came? Look into your spam, check the address, then ask again.
recovery-choose-title = Choose a new password
recovery-choose-lead = All your sessions will end, then you are signed in here.
recovery-over = This link was used already or is over. Ask for a new one.

register-title = Create an account
register-lead = A mail will then ask you to confirm your address.
register-terms = I accept the terms of use
register-terms-hint = Without it the account cannot be created.
register-terms-error = Accept the terms of use to create an account.
register-submit = Create my account

verify-title = Confirm your address
verify-lead = Copy the code from the mail, or follow its link.
verify-link-lead = One click, and your address is confirmed.
verify-sent = If this address waits for its confirmation, a mail is on its way.
verify-submit = Confirm
verify-again = Send the mail again
notice-email-verified = Your address is confirmed. Sign in.

contact-title = Address, phone, user name
contact-lead = Where we reach you, and by which name you sign in.
contact-email-new = New e-mail address
contact-email-hint = A code is sent there. The present address stays until then, and is told.
contact-email-same = This is your address already.
contact-email-taken = This address has an account already. Sign in with it.
contact-send-code = Send a code
contact-phone = Phone
contact-phone-new = New number
contact-phone-hint = With the country, such as +33 6 12 34 56 78.
contact-phone-error = Write the number with its country, such as +33 6 12 34 56 78.
contact-phone-none = No number.
contact-phone-verified = Verified
contact-phone-unverified = To be verified
contact-phone-remove = Remove the number
contact-phone-taken = Another account has verified this number. Remove it there first.
contact-no-sms = This server sends no text messages: no number can be verified.
contact-user-name = User name
contact-user-name-none = No user name.
contact-user-name-new = Wanted user name
contact-user-name-hint = 3 to 50 plain letters, digits, points, hyphens; a letter first.
contact-user-name-error = Write 3 to 50 plain letters, digits, points or hyphens, with a letter first.
contact-user-name-ask = Ask for this name
contact-confirm-title = Confirm your new address
contact-confirm-lead = It will take the old one’s place for signing in.
contact-confirm-over = This link was used already or is over. Begin again from your account.
notice-email-asked = A code is on its way to the new address.
notice-email-changed = Your address is changed.
notice-phone-asked = A code is on its way to this number.
notice-phone-verified = Your number is verified.
notice-phone-removed = Your number is removed.
notice-user-name-asked = A mail tells you whether this name was free.

# Mails: subject, text, button.
mail-prove-address-subject = Confirm your address for { $product }
mail-prove-address-body =
    Your code: { $code }. It is good for 15 minutes.

    You can also follow the link, good for 24 hours. If you have not created an account, ignore this message: without confirmation nothing opens.
mail-prove-address-action = Confirm my address
mail-already-registered-subject = You have an account on { $product } already
mail-already-registered-body =
    Somebody, perhaps you, has just asked for an account with this address. It has one already: sign in, or choose a new password.

    If it was not you, there is nothing to do: nothing has changed.
mail-already-registered-action = Forgotten password
mail-forgotten-password-subject = Choose a new password
mail-forgotten-password-body =
    You asked for a new password for { $product }. The link works once and is good for an hour.

    If it was not you, ignore this message: your password stays the same.
mail-forgotten-password-action = Choose a password
mail-changed-password-subject = Your password was changed
mail-changed-password-body =
    The password of your { $product } account has just been changed, and your other sessions have ended.

    If it was not you, choose a new password at once from the sign-in page (“Forgotten password”) and tell your administrator.
mail-email-confirm-subject = Confirm your new address
mail-email-confirm-body =
    Your code: { $code }. It is good for 15 minutes; the link, for 24 hours.

    If you have not asked for anything, ignore this message: nothing changes.
mail-email-confirm-action = Confirm this address
mail-email-change-asked-subject = A change of address was asked for
mail-email-change-asked-body =
    A new address was asked for your { $product } account. This one stays until that is confirmed.

    If it was not you, somebody uses your account: change your password at once, and their sessions end.
mail-email-change-asked-action = Change my password
mail-email-changed-subject = Your address was changed
mail-email-changed-body =
    Your { $product } account has a new address; this one no longer signs in.

    If it was not you, tell your administrator or the support at once.
mail-user-name-set-subject = Your user name
mail-user-name-set-body = Your user name is now { $name }. You can sign in with it or with your address.
mail-user-name-set-action = See my account
mail-user-name-taken-subject = This user name is not free
mail-user-name-taken-body = The name { $name } cannot be given to you. Choose another one.
mail-user-name-taken-action = Choose another name

# Text messages: nothing of what the service is for.
sms-phone-code = Your code: { $code }. Good for 15 minutes. Give it to nobody.
sms-email-changed = The e-mail address of your account was changed. If it was not you, tell your administrator at once.

mailbox-text = Text message

# Accounts, for operators.
accounts-title = Accounts
accounts-lead = Suspending an account ends its sessions at once; nothing is deleted.
accounts-realm = Service
accounts-realm-hint = Its technical name, such as physiotraq.
accounts-suspend = Suspend
accounts-reactivate = Reactivate
accounts-none = No account of this address is in the state for it.
accounts-own = This is your own account: another operator must do it.
notice-suspended-account = The account is suspended, its sessions have ended.
notice-reactivated-account = The account is reactivated.
