//! PhysioTraq over HTTP, as browsers and thermometers speak it: a server, a database and a settable clock per test.

#[cfg(test)]
mod access_matrix;
#[cfg(test)]
mod acknowledging;
#[cfg(test)]
mod alerts;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod behind;
#[cfg(test)]
mod calibrations;
#[cfg(test)]
mod cookies;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod crew;
#[cfg(test)]
mod dashboard;
#[cfg(test)]
mod firmware;
#[cfg(test)]
mod happened;
#[cfg(test)]
mod history;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod icu;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod ingest;
#[cfg(test)]
mod invitations;
#[cfg(test)]
mod listener;
#[cfg(test)]
mod live;
#[cfg(test)]
mod managing;
#[cfg(test)]
mod memberships;
#[cfg(test)]
mod naughty;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod paging;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod pressure;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod releasing;
#[cfg(test)]
mod session;
#[cfg(test)]
mod shuffled;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod team;
#[cfg(test)]
mod technical;
#[cfg(test)]
mod tenancy;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod trail;
#[cfg(test)]
mod treatments;
#[cfg(test)]
mod two_processes;
#[cfg(test)]
mod wifi;
