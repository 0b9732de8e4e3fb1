//! Computes every chain anew and compares it with the anchors: what was changed, added, swapped or taken away since it
//! was sealed, by whatever role, is named by chain and first bad position. Reads only; rows pass through in pages.
//!
//! What it cannot see: rows that a superuser adds as if they had just happened (they are sealed like others, at the
//! time of adding), and changes to rows that are not sealed yet (a second's worth; they are counted).

mod sql;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::anchors::{Anchor, floor_message};
use super::chain::{BEGINNING, Hash, NO_TENANT, unhex};
use super::{Anchors, PublicKey};
use crate::ids::TenantId;

/// Links read at once.
const PAGE: i64 = 2_000;

/// What to verify, and with what.
pub struct Wanted {
    /// Only this tenant's chain.
    pub tenant: Option<TenantId>,
    /// The keys whose anchors and floors count.
    pub keys: Vec<PublicKey>,
    /// Where the anchors are.
    pub anchors: Option<Anchors>,
    /// Rows of the access log that occurred before then may be gone: retention takes them after a year.
    pub access_before: DateTime<Utc>,
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// Chains, and links of them, that were computed anew.
    pub chains: u64,
    /// See there.
    pub links: u64,
    /// Rows of the access log that retention has taken.
    pub forgotten: u64,
    /// Anchors that were compared, and when the newest of them was made.
    pub anchors: u64,
    /// See there.
    pub anchored_at: Option<DateTime<Utc>>,
    /// What is wrong: of each chain the first.
    pub faults: Vec<Fault>,
    /// Rows that wait to be sealed, and since when.
    pub unsealed: (i64, Option<DateTime<Utc>>),
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The chain: a tenant's id, all ones for what belongs to no tenant; `None` when it is not one chain's.
    pub chain: Option<Uuid>,
    /// The first bad position.
    pub position: Option<i64>,
    /// What is wrong.
    pub kind: FaultKind,
}

/// The kinds of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The link is not there, and later ones are.
    LinkMissing,
    /// The row is not there.
    RowMissing,
    /// The row does not say what was sealed.
    RowChanged,
    /// The link does not follow from the one before.
    LinkChanged,
    /// Everything from this position on is missing, up to the last position that an anchor names.
    TailMissing(i64),
    /// An anchor of this number names another hash: the chain was computed anew.
    AnotherChain(u64),
    /// So many rows lie behind what was sealed and are in no chain: they were put there.
    Unchained(i64),
    /// The floor is not signed by a key that counts.
    FloorForged,
    /// The anchor of this number is missing, is none, or does not follow from the one before.
    AnchorBroken(u64),
    /// The anchor of this number is not signed by a key that counts.
    AnchorForged(u64),
    /// Rows are sealed, and there is no anchor at all.
    NoAnchors,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.chain {
            Some(NO_TENANT) => write!(f, "chain of no tenant: ")?,
            Some(chain) => write!(f, "chain {chain}: ")?,
            None => {}
        }
        if let Some(position) = self.position {
            write!(f, "position {position}: ")?;
        }
        match &self.kind {
            FaultKind::LinkMissing => write!(f, "the link is missing"),
            FaultKind::RowMissing => write!(f, "the row is missing"),
            FaultKind::RowChanged => write!(f, "the row does not say what was sealed"),
            FaultKind::LinkChanged => write!(f, "the link does not follow from the one before"),
            FaultKind::TailMissing(last) => write!(f, "everything from here to position {last} is missing"),
            FaultKind::AnotherChain(anchor) => write!(f, "anchor {anchor} names another hash: the chain was remade"),
            FaultKind::Unchained(rows) => write!(f, "{rows} rows are in no chain although later ones are sealed"),
            FaultKind::FloorForged => write!(f, "the floor is not signed by a known key"),
            FaultKind::AnchorBroken(number) => write!(f, "anchor {number} is missing or does not follow"),
            FaultKind::AnchorForged(number) => write!(f, "anchor {number} is not signed by a known key"),
            FaultKind::NoAnchors => write!(f, "rows are sealed, but there is no anchor"),
        }
    }
}

/// Where a chain begins, lawfully.
struct Floor {
    position: i64,
    hash: Hash,
    /// Rows that occurred before this day may be gone.
    before: Option<NaiveDate>,
}

const GROUND: Floor = Floor { position: 0, hash: BEGINNING, before: None };

/// Verifies the audit trail of a database, as a role that may become `socle_lookup` (the one that migrates).
///
/// # Errors
/// A sentence when the database or the anchors cannot be read at all. Faults of the trail are in the report.
pub async fn verify(url: &str, wanted: &Wanted) -> Result<Report, String> {
    // The anchors first: the database, read later, must hold at least what they name.
    let range = match &wanted.anchors {
        Some(anchors) => anchors.range().await?,
        None => None,
    };
    let mut line =
        PgConnection::connect(url).await.map_err(|error| format!("the database cannot be reached: {error}"))?;
    let unreadable = |error: sqlx::Error| format!("the audit trail cannot be read: {error}");
    sql::begin(&mut line).await.map_err(unreadable)?;
    let mut verifier = Verifier { line, wanted, report: Report::empty(), bad: BTreeSet::new(), ends: BTreeMap::new() };
    verifier.chains().await.map_err(unreadable)?;
    verifier.anchors(range).await?;
    verifier.rest().await.map_err(unreadable)?;
    Ok(verifier.report)
}

impl Report {
    fn empty() -> Self {
        Self {
            chains: 0,
            links: 0,
            forgotten: 0,
            anchors: 0,
            anchored_at: None,
            faults: Vec::new(),
            unsealed: (0, None),
        }
    }
}

struct Verifier<'a> {
    line: PgConnection,
    wanted: &'a Wanted,
    report: Report,
    /// Chains with a fault: the first is enough.
    bad: BTreeSet<Uuid>,
    /// Of each chain the floor's position and the last position.
    ends: BTreeMap<Uuid, (i64, i64)>,
}

impl Verifier<'_> {
    fn fault(&mut self, chain: Option<Uuid>, position: Option<i64>, kind: FaultKind) {
        if chain.is_none_or(|chain| self.bad.insert(chain)) {
            self.report.faults.push(Fault { chain, position, kind });
        }
    }

    /// A chain ends too early. Anchors are read from the oldest on, and each may name more of it.
    fn tail(&mut self, chain: Uuid, from: i64, last: i64) {
        for fault in self.report.faults.iter_mut().filter(|fault| fault.chain == Some(chain)) {
            if let FaultKind::TailMissing(known) = &mut fault.kind {
                *known = last.max(*known);
            }
        }
        self.fault(Some(chain), Some(from), FaultKind::TailMissing(last));
    }

    fn asked_for(&self, chain: Uuid) -> bool {
        self.wanted.tenant.is_none_or(|tenant| tenant.0 == chain)
    }

    /// Every chain from its floor to its end.
    async fn chains(&mut self) -> sqlx::Result<()> {
        let mut floors = BTreeMap::new();
        for stored in sql::floors(&mut self.line).await? {
            let floor = Hash::try_from(stored.hash.as_slice()).ok().filter(|hash| {
                let message = floor_message(stored.chain, stored.position, hash, stored.before);
                self.wanted.keys.iter().any(|key| key.signed(&message, &stored.signature))
            });
            match floor {
                Some(hash) => {
                    let floor = Floor { position: stored.position, hash, before: Some(stored.before) };
                    floors.insert(stored.chain, floor);
                }
                None if self.asked_for(stored.chain) => {
                    self.fault(Some(stored.chain), Some(stored.position), FaultKind::FloorForged);
                }
                None => {}
            }
        }
        let mut chains: BTreeSet<Uuid> = floors.keys().copied().collect();
        chains.extend(sql::chains(&mut self.line).await?);
        for chain in chains.into_iter().filter(|chain| self.wanted.tenant.is_none_or(|tenant| tenant.0 == *chain)) {
            let floor = floors.get(&chain).unwrap_or(&GROUND);
            self.report.chains += 1;
            let last = self.walk(chain, floor).await?;
            self.ends.insert(chain, (floor.position, last));
        }
        Ok(())
    }

    /// Follows one chain; its last position.
    async fn walk(&mut self, chain: Uuid, floor: &Floor) -> sqlx::Result<i64> {
        let (mut position, mut previous) = (floor.position, floor.hash);
        loop {
            let page = sql::links(&mut self.line, chain, position, PAGE).await?;
            if page.is_empty() {
                return Ok(position);
            }
            for stored in page {
                let link = &stored.link;
                let forgotten = link.access && link.occurred_at < self.wanted.access_before;
                let gone = || forgotten || floor.before.is_some_and(|before| link.occurred_at.date_naive() < before);
                let kind = if link.position != position + 1 {
                    Some(FaultKind::LinkMissing)
                } else {
                    match &stored.entry {
                        None if !gone() => Some(FaultKind::RowMissing),
                        Some(entry) if entry.hash().as_slice() != link.row_hash => Some(FaultKind::RowChanged),
                        _ if link.hash(&previous).as_slice() != stored.hash => Some(FaultKind::LinkChanged),
                        _ => None,
                    }
                };
                if let Some(kind) = kind {
                    self.fault(Some(chain), Some(position + 1), kind);
                    return sql::last(&mut self.line, chain).await;
                }
                previous = link.hash(&previous);
                position = link.position;
                self.report.links += 1;
                self.report.forgotten += u64::from(stored.entry.is_none() && forgotten);
            }
        }
    }

    /// Every anchor, the oldest first.
    async fn anchors(&mut self, range: Option<(u64, u64)>) -> Result<(), String> {
        let Some(anchors) = &self.wanted.anchors else { return Ok(()) };
        let Some((first, last)) = range else {
            if self.report.links > 0 {
                self.fault(None, None, FaultKind::NoAnchors);
            }
            return Ok(());
        };
        let mut before: Option<Anchor> = None;
        for number in first..=last {
            let Some(anchor) = anchors.read(number).await? else {
                self.fault(None, None, FaultKind::AnchorBroken(number));
                before = None;
                continue;
            };
            if !anchor.signed_by(&self.wanted.keys) {
                self.fault(None, None, FaultKind::AnchorForged(number));
                before = None;
                continue;
            }
            if before.as_ref().is_some_and(|before| before.digest != anchor.statement.previous) {
                self.fault(None, None, FaultKind::AnchorBroken(number));
            }
            self.compare(&anchor, before.as_ref()).await.map_err(|error| error.to_string())?;
            self.report.anchors += 1;
            self.report.anchored_at = Some(anchor.statement.at);
            before = Some(anchor);
        }
        Ok(())
    }

    /// What an anchor names is there. What the one before named too was compared already.
    async fn compare(&mut self, anchor: &Anchor, before: Option<&Anchor>) -> sqlx::Result<()> {
        let known: BTreeSet<&(Uuid, i64, String)> = before.iter().flat_map(|b| &b.statement.chains).collect();
        let mut named = (Vec::new(), Vec::new());
        let mut hashes = BTreeMap::new();
        for entry in anchor.statement.chains.iter().filter(|entry| !known.contains(entry)) {
            let (chain, position, hash) = entry;
            let (floor, end) = self.ends.get(chain).copied().unwrap_or_default();
            if !self.asked_for(*chain) || *position <= floor {
                continue;
            }
            if *position > end {
                self.tail(*chain, end + 1, *position);
                continue;
            }
            named.0.push(*chain);
            named.1.push(*position);
            hashes.insert((*chain, *position), unhex::<32>(hash));
        }
        for (chain, position, hash) in sql::hashes(&mut self.line, &named.0, &named.1).await? {
            let anchored = hashes.get(&(chain, position)).copied().flatten();
            if anchored.is_none_or(|anchored| anchored.as_slice() != hash) {
                self.fault(Some(chain), Some(position), FaultKind::AnotherChain(anchor.statement.number));
            }
        }
        Ok(())
    }

    /// What is in no chain: it waits, or it was put behind what is sealed.
    async fn rest(&mut self) -> sqlx::Result<()> {
        for rest in sql::unchained(&mut self.line).await? {
            if !self.asked_for(rest.chain) {
                continue;
            }
            if rest.behind > 0 {
                self.fault(Some(rest.chain), None, FaultKind::Unchained(rest.behind));
            }
            let (waiting, oldest) = self.report.unsealed;
            let oldest = oldest.into_iter().chain(rest.oldest).min();
            self.report.unsealed = (waiting + rest.rows - rest.behind, oldest);
        }
        Ok(())
    }
}
