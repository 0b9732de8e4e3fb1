# Kernel: page frame, sign-in, errors, shared pieces.
skip-to-content = Skip to content
nav-label = Main navigation
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

notice-signed-out = You are signed out.
