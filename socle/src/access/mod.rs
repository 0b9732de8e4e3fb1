//! May they? Cedar policies, one folder per product, behind typed actions and resources.

pub mod break_glass;

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use uuid::Uuid;

use crate::db::Person;
use crate::{Error, Result};

/// A verb of a product and the kind of thing it acts on, as the policies spell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// E.g. `StartTreatment`.
    pub name: &'static str,
    /// E.g. `Device`: an entity type of the product's schema.
    pub on: &'static str,
}

impl Action {
    /// An action on a kind of resource.
    #[must_use]
    pub const fn new(name: &'static str, on: &'static str) -> Self {
        Self { name, on }
    }
}

/// What the policies may know of the thing acted on.
#[derive(Clone, Debug, Default)]
pub struct Resource {
    /// The tenant it belongs to.
    pub tenant: Option<Uuid>,
    /// The account whose it is (an operator's treatment).
    pub owner: Option<Uuid>,
    /// Accounts it is assigned to.
    pub assigned: Vec<Uuid>,
    /// Its glass is broken for exactly the person who asks, in this very session, now. Policies that let it count say
    /// `resource has opened && resource.opened`; only [`break_glass::require`] sets it.
    opened: bool,
}

impl Resource {
    /// A thing of a tenant.
    #[must_use]
    pub fn of(tenant: impl Into<Uuid>) -> Self {
        Self { tenant: Some(tenant.into()), ..Self::default() }
    }

    /// …that belongs to an account.
    #[must_use]
    pub fn owned_by(self, owner: Uuid) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// …that is assigned to accounts.
    #[must_use]
    pub fn assigned_to(self, assigned: Vec<Uuid>) -> Self {
        Self { assigned, ..self }
    }

    /// …whose glass the person who asks has broken.
    fn opened(self) -> Self {
        Self { opened: true, ..self }
    }
}

/// The person, as far as the policies know one.
struct Principal<'a> {
    id: Uuid,
    tenant: Uuid,
    role: &'a str,
    permissions: &'a [String],
}

impl<'a> From<&'a Person> for Principal<'a> {
    fn from(person: &'a Person) -> Self {
        let Person { account, tenant, role, permissions, .. } = person;
        Self { id: account.0, tenant: tenant.0, role, permissions }
    }
}

/// A product's policies, parsed and strictly validated once.
pub struct Policies {
    authorizer: Authorizer,
    set: PolicySet,
    person: EntityTypeName,
    actions: HashMap<&'static str, (EntityUid, EntityTypeName)>,
    declared: Vec<Action>,
}

impl Policies {
    /// Parses and validates the policies against the schema, in strict mode, and every action against both.
    ///
    /// # Errors
    /// A sentence naming the policy, schema or action that is wrong.
    pub fn load(schema: &str, policies: &str, actions: &[Action]) -> Result<Self, String> {
        let (schema, _) = Schema::from_cedarschema_str(schema).map_err(|e| format!("schema: {e}"))?;
        let set = PolicySet::from_str(policies).map_err(|e| format!("policies: {e}"))?;
        let checked = Validator::new(schema).validate(&set, ValidationMode::Strict);
        if !checked.validation_passed() {
            return Err(checked.validation_errors().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        }
        let mut known = HashMap::new();
        for action in actions {
            let kind = EntityTypeName::from_str(action.on).map_err(|e| format!("{}: {e}", action.on))?;
            known.insert(action.name, (uid("Action", action.name)?, kind));
        }
        let person = EntityTypeName::from_str("Person").map_err(|e| e.to_string())?;
        Ok(Self { authorizer: Authorizer::new(), set, person, actions: known, declared: actions.to_vec() })
    }

    /// Whether the person may do this to this very resource. An erring policy counts as a refusal.
    #[must_use]
    pub fn allows(&self, person: &Person, action: Action, resource: &Resource) -> bool {
        self.decided(&Principal::from(person), action, resource)
    }

    /// Whether a role could do this to some resource, without any permission on top of it.
    #[must_use]
    pub fn role_allows(&self, role: &str, action: Action) -> bool {
        let nobody = Uuid::from_u128(1);
        let principal = Principal { id: nobody, tenant: nobody, role, permissions: &[] };
        self.decided(&principal, action, &Resource::of(nobody).owned_by(nobody).assigned_to(vec![nobody]))
    }

    fn decided(&self, principal: &Principal<'_>, action: Action, resource: &Resource) -> bool {
        self.decide(principal, action, resource).unwrap_or_else(|error| {
            tracing::error!(action = action.name, %error, "access decision failed; refused");
            false
        })
    }

    /// Whether the person could do this to some resource: one of their tenant, theirs, assigned to them.
    #[must_use]
    pub fn allows_at_best(&self, person: &Person, action: Action) -> bool {
        let best = Resource::of(person.tenant.0).owned_by(person.account.0).assigned_to(vec![person.account.0]);
        self.allows(person, action, &best)
    }

    /// The names of the actions the person could take on something of their own, in the order of declaration.
    pub fn at_best<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'static str> + 'a {
        self.declared.iter().filter(|action| self.allows_at_best(person, **action)).map(|action| action.name)
    }

    /// Refuses what the person may not do to this resource.
    ///
    /// # Errors
    /// 404 when they may not even see it (`see` is refused), 403 when they may see it but not do this.
    pub fn require(&self, person: &Person, (see, action): (Action, Action), resource: &Resource) -> Result<()> {
        if self.allows(person, action, resource) {
            return Ok(());
        }
        if self.allows(person, see, resource) { Err(Error::forbidden()) } else { Err(Error::not_found()) }
    }

    fn decide(&self, who: &Principal<'_>, action: Action, resource: &Resource) -> Result<bool, String> {
        let (action_uid, kind) = self.actions.get(action.name).ok_or("an action that is not in the product's list")?;
        let principal = EntityUid::from_type_name_and_id(self.person.clone(), EntityId::new(who.id.to_string()));
        let target = EntityUid::from_type_name_and_id(kind.clone(), EntityId::new("it"));
        let attributes = HashMap::from([
            ("id".to_owned(), text(who.id)),
            ("tenant".to_owned(), text(who.tenant)),
            ("role".to_owned(), RestrictedExpression::new_string(who.role.to_owned())),
            ("permissions".to_owned(), texts(who.permissions)),
        ]);
        let person = Entity::new(principal.clone(), attributes, HashSet::new()).map_err(|e| e.to_string())?;
        let mut attributes = HashMap::from([(
            "assigned".to_owned(),
            RestrictedExpression::new_set(resource.assigned.iter().map(|id| text(*id))),
        )]);
        attributes.insert("tenant".to_owned(), text(resource.tenant.unwrap_or_default()));
        attributes.insert("owner".to_owned(), text(resource.owner.unwrap_or_default()));
        if resource.opened {
            attributes.insert("opened".to_owned(), RestrictedExpression::new_bool(true));
        }
        let it = Entity::new(target.clone(), attributes, HashSet::new()).map_err(|e| e.to_string())?;
        let entities = Entities::from_entities([person, it], None).map_err(|e| e.to_string())?;
        let request =
            Request::new(principal, action_uid.clone(), target, Context::empty(), None).map_err(|e| e.to_string())?;
        let answer = self.authorizer.is_authorized(&request, &self.set, &entities);
        if let Some(error) = answer.diagnostics().errors().next() {
            return Err(error.to_string());
        }
        Ok(answer.decision() == Decision::Allow)
    }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind = EntityTypeName::from_str(kind).map_err(|e| e.to_string())?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn texts(all: &[String]) -> RestrictedExpression {
    RestrictedExpression::new_set(all.iter().cloned().map(RestrictedExpression::new_string))
}

fn text(id: Uuid) -> RestrictedExpression {
    RestrictedExpression::new_string(id.to_string())
}
