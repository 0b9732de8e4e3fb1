//! The cluster's life, on real PostgreSQL: every test has a cluster of its own and removes it.

#[cfg(test)]
mod life;
#[cfg(test)]
mod mishaps;
#[cfg(test)]
mod sandbox;
