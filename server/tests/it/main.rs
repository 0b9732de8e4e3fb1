//! What holds over everything: the real catalogue, the real binary, a real browser, and what the repository says of
//! itself.

#[cfg(test)]
mod access_page;
#[cfg(test)]
mod addresses;
#[cfg(test)]
mod alarm_over_kill;
#[cfg(test)]
mod attack_cases;
mod audit;
#[cfg(test)]
mod begin;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod break_glass;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod checklist;
#[cfg(test)]
mod contrast;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod device_place;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod factors;
#[cfg(test)]
mod files;
#[cfg(test)]
mod firmware;
#[cfg(test)]
mod geo_file;
#[cfg(test)]
mod interference;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod outbound;
#[cfg(test)]
mod owner_journey;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod platform;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod privileges;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod row_rules;
#[cfg(test)]
mod schemathesis;
#[cfg(test)]
mod sealed;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod simulate;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod staff;
#[cfg(test)]
mod startup;
#[cfg(test)]
mod surface;
#[cfg(test)]
mod translations;
#[cfg(test)]
mod two_servers;
#[cfg(test)]
mod unauthorised;
