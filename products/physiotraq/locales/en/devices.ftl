# Devices: list, page, changing, place, WiFi, calibration, reading the QR code.

## List
devices-search = Search for a device
devices-search-label = Search among the devices
devices-not-found = No device fits
devices-not-found-text = Search for a name, a serial number or a person, or clear the search.
status-connecting = Connecting…
column-actions = Actions
assigned-others = { $n ->
    [one] and one other person
   *[other] and { $n } other people
}
assigned-since = since { $date }
device-edit = Edit

## Page
device-registered = Key fetched on
device-totals = Use
totals-treatments = Treatments
totals-time = Total time
totals-average = Average duration
totals-success = Success rate
totals-hint = Success rate: completed treatments among the completed and the aborted ones.
device-recent = Recent treatments
device-recent-none = No treatment has been run with this device yet.
device-all-treatments = All its treatments

## Place
place-title = Approximate place
place-lead = Deduced from the device’s network address, to within some tens of kilometres.
place-hint = The place is looked up in a file on this server: nobody else is asked. Address and place are forgotten 30 days after the last contact.
place-unknown = Unknown
place-not-found = The file of places does not know this address. For a private network that is normal.
place-no-file = No file of places is configured on this server: the place stays unknown.
place-city = City
place-region = Region
place-country = Country
place-ip = IP address
place-updated = Last update
place-written = Place noted
place-map = Map: the dot shows the approximate place
place-more = See the place

## WiFi
wifi-title = WiFi networks
wifi-lead = Four networks at most. The device tries them in order. A stored password is never shown again: leave the field empty to keep it.
wifi-slot = Network { $n }
wifi-slot-set = Configured
wifi-slot-empty = Free slot
wifi-ssid = Network name (SSID)
wifi-password = Network password
wifi-password-hint = 8 to 63 characters
wifi-password-kept = This network is stored. Leave empty to keep its password.
wifi-open = Open network, without a password
wifi-save = Save the networks
wifi-edit = Change the networks
wifi-nothing = No network has been stored here yet.
wifi-applied = The device has used version { $version } since { $date }.
wifi-waiting = The device has not yet taken over version { $wanted }, stored on { $date }.
wifi-has = It uses version { $applied }.
wifi-never-said = It has not reported anything yet.
wifi-error-priority = A device keeps four networks at most, each in its place from 1 to 4.
wifi-error-ssid = Give the network a name of 1 to 32 bytes, without control characters.
wifi-error-twice = This network is in the list already.
wifi-error-password = The password has 8 to 63 characters, or 64 hexadecimal digits. Type it again.
wifi-error-password-missing = Type the password of this network, or tick “Open network”.

## Changing
device-edit-title = Edit { $name }

## Calibration
calibration-title = Calibration
calibration-lead = Stored value = raw value × slope + intercept. Every change makes a version; every reading keeps its own.
calibration-slope-hint = From 0.9 to 1.1, six decimals at most
calibration-intercept-hint = From −5 to 5 °C, four decimals at most
calibration-save = Save the calibration
calibration-version = Calibration, version { $version }
calibration-versions = Versions
calibration-column-version = Version
calibration-column-since = Since
calibration-as-it-came = as delivered
calibration-error-slope = The slope is a number from 0.9 to 1.1 with six decimals at most, for example 1.0025.
calibration-error-intercept = The intercept is a number from −5 to 5 °C with four decimals at most, for example −0.125.
calibration-error-running = A treatment runs on this device. Calibrate it once the treatment has ended.

## Release
release-title = Release the device
release-text = The device leaves the licence: its key stops working, its networks and assignments are deleted. Treatments and their readings stay.
release-running = A treatment is running: end it first.
release-submit = Release the device
release-confirm-title = Release { $name }?
release-confirm-text = To come back it has to be added again with the code on its label.

## QR code
scan-title = Scan the QR code
scan-lead = Hold the device’s label in front of the camera. The picture does not leave your browser.
scan-start = Open the camera
scan-stop = Close the camera
scan-torch = Torch
scan-view = Camera picture
scan-asking = Allow the camera in your browser.
scan-looking = Looking for a QR code…
scan-found = QR code read. Name the device, then add it.
scan-other = This QR code is not a device’s. Try the label on the back of the thermometer.
scan-refused = The camera is refused. Allow it in the browser’s settings, or type number and code below.
scan-none = No camera was found. Type number and code below.
scan-busy = Another application uses the camera. Close it and try again, or type the number below.
scan-unable = The camera cannot be read here. Type number and code below.

## Confirmations
notice-wifi-saved = The networks are stored. The device takes them over at its next contact.
notice-calibrated = The calibration is stored.
notice-released = The device is released.
notice-release-refused = A treatment runs on this device: it was not released.
