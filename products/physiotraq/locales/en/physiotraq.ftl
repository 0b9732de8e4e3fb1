# PhysioTraq. Temperatures arrive already formatted, with their unit.

## Roles and navigation
role-admin = Licence owner
role-operator = Operator
nav-home = Home
nav-monitor = Live monitoring
nav-treatments = My treatments
nav-devices = Devices
nav-all-treatments = All treatments

## States
status-online = Online
status-offline = Offline
status-unknown = Never connected
treatment-status-in-progress = In progress
treatment-status-completed = Completed
treatment-status-aborted = Aborted
never-seen = never
seen-seconds = { $n } s ago
seen-minutes = { $n } min ago
seen-hours = { $n } h ago
seen-days = { $n ->
    [one] one day ago
   *[other] { $n } days ago
}
last-seen = Last contact
no-value = –
band-normal = Normal temperature
band-watch = Watch
band-critical = Critical
quality-low = low reliability
quality-implausible = Implausible value
refresh-lost = Automatic refresh has stopped: these values are no longer current.

## Patient
anonymous-session = Anonymous #{ $session }
anonymous = Anonymous
name-unavailable = Name unavailable
identity = Patient
sex-male = Male
sex-female = Female
sex-other = Other
sex-short-male = M
sex-short-female = F
sex-short-other = O
not-specified = Not specified
patient-first-name = Patient’s first name
patient-last-name = Patient’s last name
patient-age = Age
patient-age-hint = In completed years
patient-sex = Sex
patient-weight = Weight
patient-weight-hint = In kilograms, for example 72.5
notes = Notes
notes-hint = Context of the session, instructions, observations
anonymize = Anonymous treatment
anonymize-hint = No name is recorded; a session identifier takes its place.

## Home and choice of device
home-title = Dashboard
start-new-treatment = Start a treatment
home-running = Treatments in progress
home-devices = My devices
home-recent = Latest treatments
home-all-treatments = See all my treatments
choose-title = Live monitoring
choose-lead = Choose the device to follow. A treatment only starts on a device that is online and free.
choose-other-device = Choose another device
resume-treatment = Resume monitoring
new-treatment = New treatment
open-live-screen = Live screen
device-in-use = In use by someone else
device-in-use-by = In use by { $name }
devices-none = No device
devices-none-operator = No device is assigned to you. Ask the licence owner for one.
devices-none-admin = Add your first thermometer with its serial number and the code on its label.
devices-no-match = No device in this state
devices-no-match-text = Choose “All” to see every device again.

## New treatment
step-device = Device
step-patient = Patient
step-unit = Temperature unit
unit-celsius = Degrees Celsius (°C)
unit-fahrenheit = Degrees Fahrenheit (°F)
start = Start

## Live screen
live-no-treatment = No treatment in progress on this device
live-no-value = No measurement received
live-elapsed = Elapsed time
live-age = { $age } ago
live-now = Live
live-stale = Old measurement: { $age } ago
live-offline = Device offline: last contact { $age } ago
live-offline-never = Device offline: it has never connected
live-cut = Connection lost, reconnecting…
live-view-title = Trend
view-label = View
view-chart = Chart
view-numbers = Numbers
reliability = Reliability
battery = Battery
wifi = WiFi
firmware = Firmware
last-update = Last update
screen = Screen
screen-awake = Stays on
screen-may-sleep = May go to sleep
stop = STOP
stop-confirm-title = Stop the treatment?
stop-confirm-text = The session is recorded as completed. Later measurements will not be part of it.
stop-confirm-yes = Stop now
abort = Abort the session
abort-confirm-title = Abort the session?
abort-confirm-text = The session is recorded as aborted, with the measurements received so far.
abort-confirm-yes = Abort
numbers-maximum = Maximum
numbers-minimum = Minimum
numbers-change = Change over 5 min
numbers-recent = Latest measurements

## Alerts
banner-watch = Monitor closely
banner-critical = CRITICAL TEMPERATURE
banner-stop = STOP NOW
alert-crossed = Limit of { $limit } crossed: { $value }
alert-acknowledged-by = Acknowledged by { $name }
alert-not-acknowledged = Not acknowledged
alert-no-data = No readings any more: check the thermometer and the network
alert-low-reliability = Unreliable readings: check the probe
alert-escalated = signalled again
acknowledge-technical = Acknowledge
banner-technical = Technical alert
alert-silent = Sound paused for { $time }
acknowledge-level = Acknowledge the { $level } °C alert
acknowledge-failed = The acknowledgement was not recorded. Try again.
sound-enable = Turn sound on
alert-flag-39 = 39 °C alert
alert-flag-40 = 40 °C alert
alerts-title = Alerts
alerts-none = No alert during this treatment.

## Curve
curve-title = Temperature curve
curve-loading = Loading the curve…
curve-failed = The curve could not be loaded. Reload the page.
curve-empty = No measurement to show yet.
curve-needs-script = The curve needs JavaScript. The values stay on this page.
curve-summary = Temperature curve: { $count } measurements, maximum { $max }. The table of measurements follows.
legend-temperature = Temperature
legend-watch = 39 °C limit
legend-critical = 40 °C limit
legend-low-quality = Low-reliability measurement
legend-alert = Alert
zoom-out = Whole curve
replay-play = Replay the session
replay-pause = Pause
replay-speed = Speed
replay-position = Position in the session
replay-gap = No measurement at this moment

## Treatments
treatments-lead = Your sessions, newest first.
treatments-lead-admin = Every session of the licence, by all operators.
treatments-caption = Treatments, newest first
treatments-count = { $count ->
    [0] No treatment
    [one] One treatment
   *[other] { $count } treatments
}
treatments-none = No treatment yet
treatments-none-text = Your sessions will appear here from the first measurement on.
treatments-no-match = No treatment matches
treatments-no-match-text = Widen the period or clear the filters.
filters-label = Filter treatments
filter-search = Search
filter-search-example = Session or last name
filter-all = All
filter-all-devices = All devices
filter-all-operators = All operators
filter-all-statuses = All statuses
filter-from = From
filter-to = To
filter-submit = Filter
filter-clear = Clear filters
export-list = Export the list (CSV)
export-measurements = Export the measurements (CSV)
column-session = Session
column-patient = Patient
column-device = Device
column-operator = Operator
column-duration = Duration
column-maximum = Maximum temperature
column-status = Status
column-time = Time
column-temperature = Temperature
column-mark = Remark
column-assigned = Assigned to

## One treatment
back-to-treatments = Back to treatments
treatment-heading = Treatment
summary = Summary
started-at = Start
ended-at = End
still-running = In progress
events-title = Log
events-none = No event recorded.
measurements-title = Measurements
measurements-count = Number of measurements
measurements-interval = Mean interval
measurements-low = Low-reliability measurements
measurements-late = Measurements received late
measurements-sample = { $count ->
    [one] The first measurement; the export holds them all.
   *[other] The first { $count } measurements; the export holds them all.
}
measurements-none = No measurement
measurements-none-text = No measurement was received during this treatment.
mark-low = Low reliability
mark-implausible = Implausible
mark-late = Received late

## Log
event-device-connected = Device connected
event-device-disconnected = Device disconnected
event-treatment-started = Treatment started
event-treatment-completed = Treatment completed
event-treatment-aborted = Treatment aborted
event-alert-temperature-39 = Alert: 39 °C reached
event-alert-temperature-40 = Alert: 40 °C reached
event-alert-acknowledged = Alert acknowledged
event-alert-no-data = No readings any more
event-alert-low-reliability = Unreliable readings
event-alert-escalated = Alert signalled again
event-license-renewed = Licence renewed
event-license-expired = Licence expired

## Devices
devices-filter = Filter devices by status
device-add = Add a device
device-add-lead = The serial number and the secret code are on the device’s label; the QR code holds both.
device-add-submit = Add the device
back-to-devices = Back to devices
serial-number = Serial number
serial-number-hint = For example PT-2025-00123
claim-secret = Secret code on the label
claim-secret-hint = It proves that the device is in your hands.
device-name = Device name
device-name-hint = The one your team will see, for example CoreTraQer005
device-rename = Save the name
device-identity = Identity and calibration
mac-address = MAC address
device-claimed = Added on
calibration-slope = Calibration slope
calibration-intercept = Calibration offset
device-counters = Measurements received
counter-received = Received
counter-stored = Stored
counter-duplicate = Duplicate
counter-rejected = Rejected
counters-hint = Received = stored + duplicate + rejected.
device-credential = Device access key
device-not-registered = No key yet
device-registered-at = The device received its key on { $date }.
device-not-registered-text = The device has not asked for its key yet. Switch it on within reach of the WiFi.
device-window-open = A new key can be requested until { $date }.
device-window-open-submit = Allow a new key
device-window-hint = Useful after a device reset. The permission lasts 15 minutes.
device-window-confirm-title = Allow a new key?
device-window-confirm-text = For 15 minutes the device may request a new key. The old one then stops working.
device-team = Assigned people
device-team-hint = Only the people ticked here see this device and can start a treatment on it.
device-team-submit = Save the assignments
assigned-nobody = Nobody

## Input errors
error-age = Age is a whole number from 0 to 130.
error-sex = Choose a sex from the list, or “Not specified”.
error-weight = Weight is a number of kilograms from 1 to 500, for example 72.5.
error-name-too-long = This name is too long: 100 characters at most.
error-notes-too-long = The notes are too long: 4,000 characters at most.
error-unit = Choose degrees Celsius or degrees Fahrenheit.
error-device-offline = This device is offline. Bring it closer to the WiFi or choose another one.
error-device-busy = A treatment is already in progress on this device. Choose another one.
error-serial = Enter the serial number printed on the label.
error-claim-unknown = This serial number and code do not belong together. Check the label.
error-claim-taken = This device already belongs to a licence. It must be released first.
error-unit-quota = Your licence does not cover another device. Add a unit or release a device.
error-device-name = Give the device a name of 1 to 60 characters.

## Confirmations
notice-started = The treatment has started.
notice-stopped = The treatment is completed and recorded.
notice-aborted = The treatment is aborted. The measurements received are kept.
notice-acknowledged = The alert is acknowledged.
notice-claimed = The device has been added to your licence.
notice-saved = The changes are saved.
notice-window-open = The device can request a new key for 15 minutes.
in-use-by = In use by { $name }
years = { $n ->
    [one] { $n } year
   *[other] { $n } years
}

# Team.
nav-team = Team
team-title = Team
team-lead = The people of the licence and those who are invited.
team-people = { $count ->
    [one] One person
   *[other] { $count } people
}
team-remove = Remove
team-remove-title = Remove { $name } from the team?
team-remove-text = Access ends at once. Treatments keep the person’s name.
team-invited = { $count ->
    [one] One pending invitation
   *[other] { $count } pending invitations
}
team-invitation-until = Link valid until { $time }
team-invitation-over = Link expired on { $time }
team-resend = Send again
team-cancel = Cancel the invitation
team-invite-title = Invite a field user
team-invite-lead = A mail leaves with a personal link, valid for seven days.
team-invite = Send the invitation
team-email-error = Write an e-mail address, such as marie.durand@clinique.fr.
team-member-already = This person is in the team already.
notice-invited = The invitation was sent.
notice-invitation-cancelled = The invitation was cancelled.
notice-member-removed = The person has no access to the licence any more.

# Personal rights.
rights-profile = Profile
rights-first-name = First name
rights-last-name = Last name
rights-unit = Unit
rights-since = Since
rights-treatments = Sessions run
rights-session = Session
rights-device = Device
rights-status = Status
rights-started = Start
rights-ended = End
rights-events = Events
rights-at = At
rights-type = Event
rights-ip = IP address
rights-browser = Browser
rights-owner-with-members = you own this licence and others work in it: hand it over first.
rights-running-subscription = its subscription runs: hand it over or cancel it first.
rights-fate-name = Name in the licence
rights-fate-devices = Assigned devices
rights-fate-events = Addresses and browsers in events
rights-fate-treatments = Sessions run, under “Deleted user”
rights-reason-treatments = Patients’ health records (Code de la santé publique, R.1112-7).
