# The audit trail: search, export.
audit-title = Audit trail
audit-lead = Who did or tried what, when and from where. Looking at this page is recorded too.
audit-filters = Filter the trail
audit-filter-invalid = This value cannot be read. Correct it or clear it.
audit-action = Action
audit-actor = Actor
audit-all-actors = All actors
audit-outcome = Outcome
audit-all-outcomes = All outcomes
audit-outcome-done = Done
audit-outcome-refused = Refused
audit-outcome-failed = Failed
audit-resource = Object
audit-resource-id = Object identifier
audit-from = From
audit-to = To
audit-scope = Scope
audit-scope-own = The platform
audit-scope-system = Without organisation (refused sign-ins, system)
audit-count = { $count ->
    [0] No entry
    [one] { $count } entry
   *[other] { $count } entries
}
audit-count-more = { $count } entries or more
audit-clear = Clear filters
audit-export = Export as CSV
audit-none = No entry
audit-none-text = Nothing is recorded for these filters.
audit-time = Date and time
audit-more = More
audit-show = Show
audit-actor-person = Person
audit-actor-device = Device
audit-actor-system = System
audit-actor-nobody = Not identified
audit-details = Details
audit-changes = Changes
audit-request-data = Request data
audit-response-data = Answer data
audit-ip = IP address
audit-agent = Browser or program
audit-request = Request number
