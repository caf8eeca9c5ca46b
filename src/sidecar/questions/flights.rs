//! Equal questions at one moment are asked once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Failure;
use super::answer::Answer;
use super::kept::Key;

/// What is asked, and what is demanded of the answer.
pub(super) type Flight = (Key, Option<u64>);
type Landed = Result<Arc<Answer>, Failure>;

/// The questions that are being asked.
#[derive(Debug, Default, Clone)]
pub(super) struct Flights(Arc<Mutex<HashMap<Flight, watch::Receiver<Option<Landed>>>>>);

/// Ends a flight whatever becomes of it.
struct Ending {
    flights: Flights,
    flight: Flight,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.flight);
    }
}

impl Flights {
    /// What comes of asking; whoever is first asks. The question goes on when whoever began it goes away.
    pub(super) async fn join<F>(&self, flight: Flight, ask: impl FnOnce() -> F) -> Landed
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        let mut landed = {
            let mut flights = self.lock();
            match flights.get(&flight) {
                Some(landed) => landed.clone(),
                None => {
                    let (teller, landed) = watch::channel(None);
                    flights.insert(flight, landed.clone());
                    let (ending, asking) = (Ending { flights: self.clone(), flight }, ask());
                    tokio::spawn(async move {
                        let answer = asking.await;
                        // Whoever comes from here on finds what is kept, or asks again.
                        drop(ending);
                        teller.send_replace(Some(answer));
                    });
                    landed
                }
            }
        };
        match landed.wait_for(Option::is_some).await.map(|answer| answer.clone()) {
            Ok(Some(answer)) => answer,
            // Whoever asked is gone without a word.
            Ok(None) | Err(_) => Err(Failure::Unreachable),
        }
    }

    /// A panic while the lock was held leaves a flight that nobody ends at the worst.
    fn lock(&self) -> MutexGuard<'_, HashMap<Flight, watch::Receiver<Option<Landed>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
