# The owner's dashboard, and events.
nav-dashboard = Dashboard
nav-events = Events
dashboard-licence = Licence
dashboard-licence-active = Active
dashboard-licence-expired = Expired
dashboard-licence-cancelled = Cancelled
dashboard-licence-payment-failed = Payment failed
dashboard-licence-until = Until { $date }
dashboard-online = online
dashboard-offline = offline
dashboard-units = { $used } of the licence’s { $of }
dashboard-today = Treatments today
dashboard-finished = { $count ->
    [one] finished
   *[other] finished
}
dashboard-running = running
dashboard-operators = { $count ->
    [one] field user
   *[other] field users
}
dashboard-owners = owner
dashboard-invited = { $count ->
    [0] no pending invitation
    [one] one pending invitation
   *[other] { $count } pending invitations
}
dashboard-activity = Recent activity
dashboard-all-events = All events
dashboard-no-activity = Nothing has happened yet.
dashboard-member-joined = New member
dashboard-shortcuts = Shortcuts

## Events
events-lead = What happened to devices, treatments, alerts and the licence: what, when, by whom and from where.
events-filters = Filter the events
events-type = Event
events-person = By
events-about = About
events-about-licence = The licence
events-origin = Address and browser
events-all-types = All events
events-all-people = Everybody
events-count = { $count ->
    [0] No event
    [one] One event
   *[other] { $count } events
}
events-count-more = More than { $count } events
events-no-match = No event fits
events-no-match-text = Widen the period or clear the filters.
events-filter-invalid = This value cannot be read. Choose from the list, or a date like 2026-11-21.
