//! How many may follow the changes at once, and that they are let go when the broker stops.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::types::AccountId;

/// Those who follow at this moment.
pub struct Followers {
    most: usize,
    present: Mutex<HashMap<AccountId, usize>>,
    closing: watch::Sender<bool>,
}

/// A follower's place; given back when it is dropped.
pub(super) struct Place {
    followers: Arc<Followers>,
    account: AccountId,
    closing: watch::Receiver<bool>,
}

impl Followers {
    /// Room for a quarter of the connections that may be open: each follower holds one for as long as it listens.
    pub fn among(connections: usize) -> Self {
        Self { most: (connections / 4).max(1), present: Mutex::default(), closing: watch::Sender::new(false) }
    }

    /// A place for a follower of this account; one account takes half of them at the most.
    pub(super) fn place(self: &Arc<Self>, account: AccountId) -> Option<Place> {
        let mut present = self.lock();
        let all: usize = present.values().sum();
        if all >= self.most || present.get(&account).is_some_and(|own| *own >= self.most.div_ceil(2)) {
            return None;
        }
        *present.entry(account).or_default() += 1;
        Some(Place { followers: Arc::clone(self), account, closing: self.closing.subscribe() })
    }

    /// Lets all of them go, and whoever comes later.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// A panic while the lock was held leaves a number that is one too high or too low.
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, usize>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Done when the broker stops.
    pub(super) async fn closing(&mut self) {
        // The sender lives as long as this does.
        let _ = self.closing.wait_for(|closing| *closing).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = self.followers.lock();
        if let Some(own) = present.get_mut(&self.account) {
            *own -= 1;
            if *own == 0 {
                present.remove(&self.account);
            }
        }
    }
}

impl fmt::Debug for Followers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followers").field("most", &self.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_leaves_room_for_others() {
        let followers = Arc::new(Followers::among(16));
        let (one, other): (AccountId, AccountId) = ("111122223333".parse().unwrap(), "444455556666".parse().unwrap());
        let mut own = vec![followers.place(one).unwrap(), followers.place(one).unwrap()];
        assert!(followers.place(one).is_none());
        let theirs = [followers.place(other).unwrap(), followers.place(other).unwrap()];
        assert!(followers.place("777788889999".parse().unwrap()).is_none(), "there are four places");
        own.pop();
        own.push(followers.place(one).unwrap());
        drop((own, theirs));
        assert!(followers.lock().is_empty());
    }

    #[tokio::test]
    async fn who_comes_while_it_closes_is_let_go_too() {
        let followers = Arc::new(Followers::among(4));
        let account = "111122223333".parse().unwrap();
        followers.close();
        followers.place(account).unwrap().closing().await;
    }
}
