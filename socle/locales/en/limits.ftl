# Limits, allowed networks, suspended organisations, security events.

limits-too-many = Too many attempts, try again in { $minutes } min.
limits-network-refused = Your organisation does not let you sign in from this network. Ask your administrator.
error-network-title = Network not allowed
error-network = Your organisation lets people in from certain networks only. Ask your administrator.

limits-networks = Allowed networks
limits-networks-lead = The people of your licence can sign in and work from these networks only. An empty list allows every network.
limits-networks-own = Your present address: { $address }
limits-networks-everybody = For the whole licence
limits-networks-people = For one person
limits-networks-list = Networks allowed for everybody
limits-networks-of = Networks allowed for { $name }
limits-networks-hint = One network or address to a line, such as 192.0.2.0/24 or 2001:db8::/32.
limits-networks-save = Save the list
limits-no-network = “{ $word }” is not a network. Write one such as 192.0.2.0/24.
limits-too-many-networks = The list has more than { $most } networks. Put some together.
limits-locked-out = Your own address is in none of these networks: you would lock yourself out.
notice-networks-saved = The list of networks has been saved.

limits-tenants = Organisations
limits-tenants-lead = The organisations of every product. Suspending stops sessions, the API, devices and jobs; data stays untouched.
limits-tenants-find = Find an organisation
limits-tenants-search = Name or identifier
limits-tenants-count = { $count ->
    [one] { $count } organisation
   *[other] { $count } organisations
}
limits-tenants-none = No organisation
limits-tenants-none-text = No organisation matches this search.
limits-tenant = Organisation
limits-members = Members
limits-state = State
limits-decide = Decision
limits-suspended = Suspended
limits-active = Active
limits-resume = Resume
limits-suspend = Suspend
limits-suspend-question = Suspend this organisation? Its members and devices are stopped at once.
limits-reason = Why { $name } is suspended
limits-reason-error = Say why, in 1 to 500 characters.
notice-tenant-suspended = The organisation is suspended.
notice-tenant-resumed = The organisation is back at work.

limits-security = Security
limits-security-lead = What happened around sign-ins and access, in every product. Without a chosen period: the last 30 days.
limits-events-find = Filter events
limits-all = All
limits-type = Type
limits-severity = Severity
limits-severity-low = Low
limits-severity-medium = Medium
limits-severity-high = High
limits-severity-critical = Critical
limits-account-search = Account: identifier or e-mail address
limits-from = From
limits-to = To
limits-events-count = { $count ->
    [one] { $count } event
   *[other] { $count } events
}
limits-events-none = No event
limits-events-none-text = Nothing matches these filters.
limits-time = Date and time
limits-account = Account
limits-address = IP address
limits-details = Details
