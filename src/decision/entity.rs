//! By what compiled principals are found: an entity of an account, looked up without writing anything down.

use std::hash::{Hash, Hasher};

use super::subject::Identity;
use crate::store::Names;
use crate::types::AccountId;

/// An entity of an account. Names of users and roles do not differ by case alone.
#[derive(Clone, Debug)]
pub(super) struct EntityKey {
    account: AccountId,
    identity: Identity,
}

/// The same, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntityRef<'a> {
    pub(super) account: AccountId,
    pub(super) identity: &'a Identity,
}

impl EntityKey {
    fn borrowed(&self) -> EntityRef<'_> {
        EntityRef { account: self.account, identity: &self.identity }
    }
}

impl From<EntityRef<'_>> for EntityKey {
    fn from(entity: EntityRef<'_>) -> Self {
        Self { account: entity.account, identity: entity.identity.clone() }
    }
}

impl EntityRef<'_> {
    fn parts(&self) -> (u8, &str) {
        match self.identity {
            Identity::Root => (0, ""),
            Identity::User(name) => (1, name.as_str()),
            Identity::Role(name) => (2, name.as_str()),
        }
    }

    fn is(&self, other: &Self) -> bool {
        let ((kind, name), (other_kind, other_name)) = (self.parts(), other.parts());
        self.account == other.account && kind == other_kind && name.eq_ignore_ascii_case(other_name)
    }
}

impl Hash for EntityRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (kind, name) = self.parts();
        // Eight letters at a time; no name is longer than 128.
        state.write_u64(self.account.number() << 2 | u64::from(kind));
        for letters in name.as_bytes().chunks(8) {
            let mut lower = [0; 8];
            lower.iter_mut().zip(letters).for_each(|(lower, letter)| *lower = letter.to_ascii_lowercase());
            state.write_u64(u64::from_le_bytes(lower));
        }
    }
}

impl Hash for EntityKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl PartialEq for EntityKey {
    fn eq(&self, other: &Self) -> bool {
        self.borrowed().is(&other.borrowed())
    }
}

impl Eq for EntityKey {}

impl Names<EntityKey> for EntityRef<'_> {
    fn names(&self, key: &EntityKey) -> bool {
        self.is(&key.borrowed())
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is the same in two ways of writing is found under both; whatever is not, under neither.
        #[test]
        fn an_entity_is_found_in_any_case_and_no_other_is(
            name in "[a-zA-Z0-9+=,.@_-]{1,64}",
            other in "[a-bA-B]{1,3}",
            accounts in (0_u64..3, 0_u64..3),
            kinds in (0_u8..3, 0_u8..3),
            upper in any::<bool>(),
        ) {
            let identity = |kind, name: &str| match kind {
                0 => Identity::Root,
                1 => Identity::User(name.parse().expect("a name")),
                _ => Identity::Role(name.parse().expect("a name")),
            };
            let account = |number| AccountId::from_number(number).expect("an account");
            let spelled = if upper { name.to_ascii_uppercase() } else { name.to_ascii_lowercase() };
            let hasher = RandomState::new();
            let (one, same) = (identity(kinds.0, &name), identity(kinds.0, &spelled));
            let one = EntityKey::from(EntityRef { account: account(accounts.0), identity: &one });
            let same = EntityRef { account: account(accounts.0), identity: &same };
            prop_assert!(same.names(&one));
            prop_assert_eq!(hasher.hash_one(same), hasher.hash_one(&one));
            let another = identity(kinds.1, &other);
            let another = EntityRef { account: account(accounts.1), identity: &another };
            let expected = accounts.0 == accounts.1
                && kinds.0 == kinds.1
                && (kinds.0 == 0 || name.eq_ignore_ascii_case(&other));
            prop_assert_eq!(another.names(&one), expected);
        }
    }
}
