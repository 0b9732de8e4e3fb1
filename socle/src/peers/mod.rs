//! Several server processes over one database: who is there, what they tell each other, who evaluates which devices.
//!
//! Every process holds one of 16 *slots* (an advisory lock), so that all know how many they are. They tell each other
//! ids, never contents, over LISTEN/NOTIFY ([`Bus`]). Devices fall into 16 *shards*; the process that holds a shard's
//! advisory lock evaluates its devices ([`Shards`]). A process that dies loses its locks with its connections.

mod bus;
mod shards;
mod slot;
mod sql;

pub use bus::{Bus, Told};
pub use shards::{Owner, Shards, shard_of};
pub use slot::Slot;

/// Slots and shards there are.
pub const SHARDS: usize = 16;
