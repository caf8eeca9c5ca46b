//! When something was last used: access keys, users and roles, and the services that they reached for.
//!
//! Source: "Refine permissions in AWS using last accessed information", `access_policies_last-accessed.html`, and
//! `API_GetAccessKeyLastUsed.html`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The last use of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// The region that the request was signed for.
    pub region: String,
}

/// The last use of an access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// When and where.
    #[serde(flatten)]
    pub last: LastUse,
    /// The service that the request was signed for, such as `iam`.
    pub service: String,
}

/// What a user or the sessions of a role reached for, whether they were allowed it or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityUse {
    /// By the service's namespace, such as `iam`.
    pub services: BTreeMap<String, ServiceUse>,
}

/// How a service was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUse {
    /// Whatever was asked of it.
    pub last: LastUse,
    /// By the action's name without the namespace, such as `CreateUser`.
    pub actions: BTreeMap<String, LastUse>,
}

impl LastUse {
    /// Keeps the later of two uses, the other one if they are of one second.
    fn absorb(&mut self, other: Self) {
        if other.at >= self.at {
            *self = other;
        }
    }

    fn renew(&mut self, at: Timestamp, region: &str) {
        if at >= self.at {
            self.at = at;
            if self.region != region {
                region.clone_into(&mut self.region);
            }
        }
    }
}

impl KeyUse {
    /// Keeps the later of two uses, the other one if they are of one second.
    pub fn absorb(&mut self, other: Self) {
        if other.last.at >= self.last.at {
            *self = other;
        }
    }
}

impl EntityUse {
    /// Services that are remembered of an entity, at the most. Services that ask for decisions name actions as they like.
    pub const MOST_SERVICES: usize = 64;
    /// Actions that are remembered of one service, at the most.
    pub const MOST_ACTIONS: usize = 128;
    /// Actions that are remembered of all services together: the whole must fit into a record of the store.
    pub const MOST_IN_ALL: usize = 2_048;
    /// Bytes of a name of a service or action that is remembered; AWS's longest action has some 60.
    pub const LONGEST_NAME: usize = 128;

    /// Notes a use of a service, whatever was asked of it.
    pub fn note_service(&mut self, service: &str, at: Timestamp, region: &str) {
        if let Some(known) = self.services.get_mut(service) {
            known.last.renew(at, region);
            return;
        }
        if service.len() > Self::LONGEST_NAME {
            return;
        }
        let last = LastUse { at, region: region.to_owned() };
        self.services.insert(service.to_owned(), ServiceUse { last, actions: BTreeMap::new() });
        trim(&mut self.services, Self::MOST_SERVICES, |known| known.last.at);
    }

    /// Notes one use. Of too many services or actions the one that was used least lately is forgotten.
    pub fn note(&mut self, service: &str, action: &str, at: Timestamp, region: &str) {
        self.note_service(service, at, region);
        if action.len() > Self::LONGEST_NAME {
            return;
        }
        // What is older than all that is remembered was forgotten again at once.
        let Some(known) = self.services.get_mut(service) else { return };
        if let Some(action) = known.actions.get_mut(action) {
            action.renew(at, region);
        } else {
            known.actions.insert(action.to_owned(), LastUse { at, region: region.to_owned() });
            trim(&mut known.actions, Self::MOST_ACTIONS, |action| action.at);
            self.trim_actions();
        }
    }

    /// Forgets the actions that were used least lately, of whatever service, where there are too many in all.
    fn trim_actions(&mut self) {
        let all: usize = self.services.values().map(|service| service.actions.len()).sum();
        for _ in Self::MOST_IN_ALL..all {
            let oldest = |service: &ServiceUse| service.actions.values().map(|action| action.at).min();
            let services = self.services.values_mut().filter(|service| !service.actions.is_empty());
            let Some(service) = services.min_by_key(|service| oldest(service)) else { return };
            let most = service.actions.len().saturating_sub(1);
            trim(&mut service.actions, most, |action| action.at);
        }
    }

    /// Adds what another broker, or this one at another time, has noted of the same entity.
    pub fn absorb(&mut self, other: Self) {
        for (service, of_service) in other.services {
            let Some(known) = self.services.get_mut(&service) else {
                self.services.insert(service, of_service);
                continue;
            };
            known.last.absorb(of_service.last);
            for (action, last) in of_service.actions {
                match known.actions.get_mut(&action) {
                    Some(known) => known.absorb(last),
                    None => drop(known.actions.insert(action, last)),
                }
            }
            trim(&mut known.actions, Self::MOST_ACTIONS, |action| action.at);
        }
        trim(&mut self.services, Self::MOST_SERVICES, |known| known.last.at);
        self.trim_actions();
    }

    /// The last use of any service.
    pub fn last(&self) -> Option<&LastUse> {
        self.services.values().map(|service| &service.last).max_by_key(|last| last.at)
    }
}

fn trim<T>(all: &mut BTreeMap<String, T>, most: usize, at: impl Fn(&T) -> Timestamp) {
    while all.len() > most {
        let Some(oldest) = all.iter().min_by_key(|(_, value)| at(value)).map(|(name, _)| name.clone()) else { return };
        all.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_least_lately_used_is_forgotten() {
        let mut used = EntityUse::default();
        for n in 0..100 {
            used.note(&format!("service-{n}"), "Read", Timestamp(n), "here");
            used.note("notes", &format!("Action{n}"), Timestamp(n), "here");
            used.note("notes", "Again", Timestamp(n), "there");
        }
        assert_eq!(used.services.len(), EntityUse::MOST_SERVICES);
        assert!(used.services.contains_key("notes") && used.services.contains_key("service-99"));
        assert!(!used.services.contains_key("service-0"));
        for n in 100..300 {
            used.note("notes", &format!("Action{n}"), Timestamp(n), "here");
        }
        let notes = &used.services["notes"];
        assert_eq!(notes.actions.len(), EntityUse::MOST_ACTIONS);
        assert!(notes.actions.contains_key("Action299") && !notes.actions.contains_key("Again"));
        assert_eq!(used.last(), Some(&LastUse { at: Timestamp(299), region: "here".to_owned() }));
    }

    #[test]
    fn whatever_is_asked_about_fits_into_a_record() {
        let mut used = EntityUse::default();
        let name = |n: usize| format!("{n:0>width$}", width = EntityUse::LONGEST_NAME);
        let region = "r".repeat(64);
        for service in 0..EntityUse::MOST_SERVICES {
            for action in 0..60 {
                used.note(&name(service), &name(action), Timestamp(1_795_000_000 + action as i64), &region);
                used.note(&name(service), &format!("{}x", name(action)), Timestamp(1_795_000_000), &region);
                used.note(&format!("{}x", name(service)), "Read", Timestamp(1_795_000_000), &region);
            }
        }
        let actions: usize = used.services.values().map(|service| service.actions.len()).sum();
        assert_eq!((used.services.len(), actions), (EntityUse::MOST_SERVICES, EntityUse::MOST_IN_ALL));
        let bytes = serde_json::to_vec(&used).expect("JSON").len();
        assert!(bytes < 700_000, "{bytes}");
        // Of each the latest are left.
        assert!(used.services.values().all(|service| service.actions.contains_key(&name(59))));
        let mut both = used.clone();
        both.absorb(used);
        let actions: usize = both.services.values().map(|service| service.actions.len()).sum();
        assert_eq!(actions, EntityUse::MOST_IN_ALL);
    }

    proptest! {
        /// Two brokers that note parts of a history know together what one would have known.
        #[test]
        fn parts_make_the_whole(history in proptest::collection::vec((0..3_u8, 0..3_u8, 0..50_i64, any::<bool>()), 0..40)) {
            let (mut whole, mut one, mut two) = (EntityUse::default(), EntityUse::default(), EntityUse::default());
            for (service, action, at, first) in history {
                let (service, action) = (format!("s{service}"), format!("A{action}"));
                let half = if first { &mut one } else { &mut two };
                for used in [&mut whole, half] {
                    used.note(&service, &action, Timestamp(at), "here");
                }
            }
            let mut other_way = two.clone();
            other_way.absorb(one.clone());
            one.absorb(two);
            prop_assert_eq!(&one, &whole);
            prop_assert_eq!(&other_way, &whole);
        }
    }
}
