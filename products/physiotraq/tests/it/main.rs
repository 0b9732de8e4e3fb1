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
mod credentials;
#[cfg(test)]
mod crew;
#[cfg(test)]
mod history;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod icu;
#[cfg(test)]
mod ingest;
#[cfg(test)]
mod live;
#[cfg(test)]
mod naughty;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod pressure;
#[cfg(test)]
mod session;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod tenancy;
#[cfg(test)]
mod trail;
#[cfg(test)]
mod treatments;
