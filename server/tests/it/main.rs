//! What holds over everything: the real catalogue, the real binary, a real browser, and what the repository says of
//! itself.

#[cfg(test)]
mod begin;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod privileges;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod startup;
#[cfg(test)]
mod translations;
