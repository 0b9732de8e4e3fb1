# Firmware: the vendor's releases, rollouts, devices.

## Role and navigation
role-vendor = Vendor
nav-firmware = Firmware

## Releases
firmware-total = { $n ->
    [0] No release.
    [one] One release.
   *[other] { $n } releases.
}
firmware-new = New release
firmware-new-lead = The release is signed offline with “socle firmware sign”; devices are offered nothing before a rollout.
firmware-none = No release
firmware-none-text = Upload the first signed release.
firmware-back = All releases
firmware-version = Version
firmware-version-hint = As it was signed, for example 03.1.0
firmware-hardware = Hardware
firmware-hardware-hint = The hardware burnt into the device, for example CT1
firmware-min = Minimum compatible version
firmware-min-hint = Older devices wait for a version in between; empty: all can take it
firmware-channel = Channel
firmware-stable = Stable
firmware-stable-hint = Without this tick only devices that accept beta versions get it.
firmware-beta = Beta
firmware-withdrawn = Withdrawn
firmware-notes = Release notes
firmware-signature = Signature
firmware-signature-hint = 128 hexadecimal digits, given by “socle firmware sign” on the offline machine
firmware-signed-by = Public key of the signer
firmware-file = Binary file
firmware-file-hint = 64 MiB at most
firmware-upload = Upload and verify
firmware-facts = Release
firmware-size = Size
firmware-kib = { $n } KiB
firmware-percent = { $n }%
firmware-running = Devices that run it
firmware-uploaded-at = Uploaded on
firmware-released-at = Published on
firmware-checksum = SHA-256 checksum
firmware-delete = Delete
firmware-delete-title = Delete release { $version }?
firmware-delete-text = The release, its rollouts and its file go. No device runs it.
firmware-published-lead = The releases that the vendor has published; automatic updates are set on the page of each device.
firmware-none-published = No published release
firmware-none-published-text = The vendor has not published anything yet.

## Form errors
firmware-error-version = Write a version of one to four numbers, for example 03.1.0.
firmware-error-hardware = Write the hardware: letters, digits, dots and dashes, at most 40 characters.
firmware-error-notes = Write what changes, in at most 10,000 characters.
firmware-error-min = Write a version that is not newer than this one, or nothing.
firmware-error-signature-form = Paste the 128 hexadecimal digits of the signature.
firmware-error-signature = The signature does not fit this file, version and hardware, or its key is not known. Sign exactly this file again.
firmware-error-no-keys = This server knows no public key of the vendor. Ask its operator to set files.trusted_keys.
firmware-error-taken = There is this version for this hardware already. Choose a higher number.
firmware-error-file = Choose the binary file; it must not be empty.
firmware-error-large = The file is larger than 64 MiB. Choose the device’s binary file.
firmware-error-content = This file is not a device’s binary (it is a document, an archive, a program or text).

## Rollouts
rollout = Rollout
rollback-of = Rollback from { $version }
rollout-state-none = Not rolled out yet
rollout-state-running = Running
rollout-state-paused = Paused
rollout-state-aborted = Aborted
rollout-reason-errors = The rollout has paused itself: too many devices failed.
rollout-reason-success = The rollout has paused itself: too few devices of this stage succeeded.
rollout-reason-person = Paused by the vendor.
rollout-rate = Success rate
rollout-started = Started on
rollout-thresholds = Thresholds
rollout-thresholds-text = success ≥ { $success }, failures ≤ { $errors }
rollout-sample = Sample
rollout-sample-text = at least { $n } devices, { $minutes } min to install
rollout-stages = Stages
rollout-stages-hint = Rising percentages of devices, the last is 100
rollout-stage = Stage
rollout-stage-text = { $number }: { $percent }
rollout-stage-current = current
rollout-waiting = Waiting
rollout-installed = Installed
rollout-failed = Failed
rollout-resume = Resume
rollout-pause = Pause
rollout-next = Next stage
rollout-next-title = Go on to the next stage?
rollout-next-text = More devices get the release, whatever the figures of this stage are.
rollout-abort = Abort
rollout-abort-title = Abort the rollout of { $version }?
rollout-abort-text = No further device gets this release, and it is withdrawn. Devices that have installed it keep it.
rollout-new = New rollout
rollback-new = Roll back to this release
rollout-start-title = Start the rollout of { $version }?
rollout-start-text = The devices of the first stage get this release when they next ask.
rollout-kind = Kind
rollout-kind-update = Update
rollout-kind-hint = A rollback gives this version back to devices that run a newer one, which is withdrawn.
rollout-min-sample = Minimum sample
rollout-min-sample-hint = Devices whose outcome is known before anything is concluded
rollout-minutes = Time to install (minutes)
rollout-minutes-hint = After it, a device that reports the old version, or nothing, has failed
rollout-success = Minimum success (%)
rollout-success-hint = Of a stage, before the next
rollout-errors = Tolerated failures (%)
rollout-errors-hint = Beyond it the rollout pauses
rollout-start = Start
rollout-error-stages = Write rising percentages from 1 to 100, the last is 100: 5, 25, 100.
rollout-error-sample = Write a number from 1 to 10,000.
rollout-error-success = Write a percentage from 1 to 100.
rollout-error-errors = Write a percentage from 0 to 99.
rollout-error-minutes = Write a number of minutes from 5 to 10,080.
rollout-error-open = This release is being rolled out already. Abort that rollout first.
rollout-error-replaces = Choose a newer version of the same hardware.

## The device’s page
device-firmware-title = Firmware
device-firmware-running = Running version
device-firmware-hardware = Hardware
device-firmware-available = Version { $version } is available.
device-firmware-current = Up to date
device-firmware-auto = Automatic updates
device-firmware-auto-hint = The device installs what the vendor publishes, never during a treatment.
device-firmware-beta = Beta versions
device-firmware-beta-hint = The device also gets versions that are not stable yet.
device-firmware-submit = Save

## Notices
notice-firmware-uploaded = Release uploaded: its signature is verified.
notice-firmware-deleted = Release deleted.
notice-firmware-in-use = Nothing was deleted: devices run this release, are being given it, or it is being rolled out.
notice-rollout-started = The rollout has started.
mail-firmware-paused-subject = Rollout of firmware { $version } paused
mail-firmware-paused-body =
    The rollout of firmware { $version } has paused itself: { $failed } devices did not report the new version.

    No further device gets it until you resume it. You can also abort it, or give an older version back.
mail-firmware-paused-action = See the rollout
