//! Sessions as the rules tell them, without any database: who holds what, and what it opens now.

use chrono::{DateTime, TimeDelta, Utc};

/// The place of the administrators' role among the roles.
const ADMINISTRATOR: usize = 2;

/// Sessions at the same time.
pub const MOST: usize = 3;

/// Somebody with an account, a member of both organisations.
#[derive(Clone, Debug)]
pub struct Person {
    pub active: bool,
    pub factor: bool,
    /// In each organisation.
    pub roles: [usize; 2],
}

/// A session that was opened once.
#[derive(Clone, Debug)]
pub struct Session {
    pub person: usize,
    pub tenant: usize,
    pub browser: bool,
    /// It was opened with a second factor.
    pub factor: bool,
    /// When the password was proved.
    pub proved: DateTime<Utc>,
    pub seen: DateTime<Utc>,
    pub expires: DateTime<Utc>,
    pub ended: bool,
    /// How many of its refresh tokens have been used.
    pub used: usize,
}

/// What must come of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The token in this place.
    Next(usize),
    /// It was used up, and still no access token is given.
    Refused,
    Unknown,
    Reused,
}

/// What must come of ending a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    NobodyAsks,
    ProveAgain,
    NotThere,
}

#[derive(Clone, Debug)]
pub struct World {
    pub now: DateTime<Utc>,
    pub people: Vec<Person>,
    pub suspended: [bool; 2],
    pub sessions: Vec<Session>,
}

impl World {
    /// Neither ended nor over: it takes one of the places.
    pub fn takes_a_place(&self, session: &Session) -> bool {
        let idle = session.browser && self.now - session.seen >= TimeDelta::hours(12);
        !session.ended && self.now < session.expires && !idle
    }

    /// It opens its doors.
    pub fn opens(&self, at: usize) -> bool {
        let session = &self.sessions[at];
        let person = &self.people[session.person];
        let stopped = !person.active || self.suspended[session.tenant] || person.factor && !session.factor;
        self.takes_a_place(session) && !stopped
    }

    /// A use is noted after five minutes.
    pub fn used(&mut self, at: usize) {
        let (now, session) = (self.now, &mut self.sessions[at]);
        if now - session.seen > TimeDelta::minutes(5) {
            session.seen = now;
        }
    }

    /// Where a further session of a person would have to take the place of another.
    pub fn full(&self, person: usize) -> Option<usize> {
        let of = |session: &Session| session.person == person && self.takes_a_place(session);
        let taken: Vec<usize> = (0..self.sessions.len()).filter(|at| of(&self.sessions[*at])).collect();
        if taken.len() < MOST { None } else { taken.first().copied() }
    }

    pub fn open(&mut self, person: usize, tenant: usize, browser: bool) {
        let (now, factor) = (self.now, self.people[person].factor);
        let expires = now + TimeDelta::days(7);
        let session =
            Session { person, tenant, browser, factor, proved: now, seen: now, expires, ended: false, used: 0 };
        self.sessions.push(session);
    }

    /// The role insists on a second factor that the person has not: nothing but the account is open.
    pub fn owes_a_factor(&self, at: usize) -> bool {
        let session = &self.sessions[at];
        let person = &self.people[session.person];
        person.roles[session.tenant] != 0 && !person.factor
    }

    /// Whether the browser goes on in the other organisation.
    pub fn change_tenant(&mut self, at: usize) -> bool {
        if !self.opens(at) || self.owes_a_factor(at) {
            return false;
        }
        let now = self.now;
        let follows = Session { tenant: 1 - self.sessions[at].tenant, seen: now, ..self.sessions[at].clone() };
        self.sessions[at].ended = true;
        self.sessions.push(follows);
        true
    }

    pub fn refresh(&mut self, at: usize, place: usize) -> Refreshed {
        let now = self.now;
        let lives = self.takes_a_place(&self.sessions[at]);
        let session = &mut self.sessions[at];
        match session.used.checked_sub(place) {
            Some(0) if lives => {
                session.used += 1;
                session.seen = now;
                session.expires = now + TimeDelta::days(7);
            }
            Some(1) if lives => {}
            Some(0 | 1) | None => return Refreshed::Unknown,
            Some(_) => {
                session.ended = true;
                return Refreshed::Reused;
            }
        }
        if self.opens(at) { Refreshed::Next(place + 1) } else { Refreshed::Refused }
    }

    /// One session asks for the end of another, or of itself.
    pub fn end(&mut self, by: usize, target: usize) -> End {
        if !self.opens(by) {
            return End::NobodyAsks;
        }
        if by != target && self.now - self.sessions[by].proved > TimeDelta::minutes(10) {
            return End::ProveAgain;
        }
        if self.sessions[by].person != self.sessions[target].person || self.sessions[target].ended {
            return End::NotThere;
        }
        self.sessions[target].ended = true;
        End::Done
    }

    pub fn end_others(&mut self, by: usize) -> End {
        if !self.opens(by) {
            return End::NobodyAsks;
        }
        if self.now - self.sessions[by].proved > TimeDelta::minutes(10) {
            return End::ProveAgain;
        }
        let person = self.sessions[by].person;
        for (at, session) in self.sessions.iter_mut().enumerate() {
            session.ended |= session.person == person && at != by;
        }
        End::Done
    }

    /// Whether the role may be taken; the last administrator of an organisation keeps it.
    pub fn change_role(&mut self, person: usize, tenant: usize, role: usize) -> bool {
        let holds = |person: &Person| person.roles[tenant] == ADMINISTRATOR;
        let others = self.people.iter().enumerate().any(|(at, other)| at != person && holds(other));
        if role != ADMINISTRATOR && holds(&self.people[person]) && !others {
            return false;
        }
        if self.people[person].roles[tenant] == role {
            return true;
        }
        self.people[person].roles[tenant] = role;
        for session in &mut self.sessions {
            session.ended |= session.person == person && session.tenant == tenant;
        }
        true
    }
}
