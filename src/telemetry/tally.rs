//! What every request counts, counted by each thread in a place of its own. One place for all is a line of memory that the cores hand to
//! each other at every request, which takes longer than anything else about counting. Sums are told when somebody wants to read them.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use metrics::{Counter, Histogram};

/// Places of one meter; threads beyond that share some.
const PLACES: usize = 16;
/// Samples that a thread keeps to itself.
const SAMPLES: usize = 64;

/// What has been counted and not been told yet.
static UNTOLD: Mutex<Vec<Weak<dyn Untold>>> = Mutex::new(Vec::new());

/// Tells all that was counted to the recorder, for whoever is about to read it.
pub(crate) fn tell() {
    lock(&UNTOLD).retain(|meter| {
        let there = meter.upgrade();
        there.iter().for_each(|meter| meter.tell());
        there.is_some()
    });
}

/// Takes note of one more; of those that are gone no more are remembered than there are others.
fn note(meter: Weak<dyn Untold>) {
    let mut all = lock(&UNTOLD);
    if all.len() == all.capacity() {
        all.retain(|meter| meter.strong_count() > 0);
    }
    all.push(meter);
}

trait Untold: Send + Sync {
    fn tell(&self);
}

/// A counter that many threads count with.
pub struct Tally(Arc<Counted>);

struct Counted {
    places: [Place<AtomicU64>; PLACES],
    counter: Counter,
}

/// A histogram that many threads record in.
#[derive(Clone)]
pub struct Spans(Arc<Recorded>);

struct Recorded {
    places: [Place<Mutex<Vec<f64>>>; PLACES],
    histogram: Histogram,
}

/// A line of memory by itself; processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Place<T>(T);

impl Tally {
    /// One that tells `counter`.
    pub fn of(counter: Counter) -> Self {
        let counted = Arc::new(Counted { places: Default::default(), counter });
        note(Arc::downgrade(&counted) as Weak<dyn Untold>);
        Self(counted)
    }

    /// So many more.
    pub fn add(&self, times: u64) {
        if let Some(Place(place)) = self.0.places.get(own_place()) {
            place.fetch_add(times, Ordering::Relaxed);
        }
    }
}

impl Untold for Counted {
    fn tell(&self) {
        let sum: u64 = self.places.iter().map(|Place(place)| place.swap(0, Ordering::Relaxed)).sum();
        if sum > 0 {
            self.counter.increment(sum);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Spans {
    /// One that tells `histogram`.
    pub fn of(histogram: Histogram) -> Self {
        let recorded = Arc::new(Recorded { places: Default::default(), histogram });
        note(Arc::downgrade(&recorded) as Weak<dyn Untold>);
        Self(recorded)
    }

    /// One more.
    pub fn record(&self, value: f64) {
        let Recorded { places, histogram } = &*self.0;
        let Some(Place(place)) = places.get(own_place()) else { return };
        let mut samples = lock(place);
        samples.push(value);
        if samples.len() >= SAMPLES {
            samples.drain(..).for_each(|sample| histogram.record(sample));
        }
    }
}

impl Untold for Recorded {
    fn tell(&self) {
        for Place(place) in &self.places {
            lock(place).drain(..).for_each(|sample| self.histogram.record(sample));
        }
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Which place this thread counts in.
fn own_place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
    }
    // A thread that is ending counts with the first.
    OWN.try_with(|own| *own).unwrap_or_default()
}

/// Numbers are whole between any two statements, so a panic elsewhere leaves nothing half done.
fn lock<T: ?Sized>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").finish_non_exhaustive()
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use metrics::{CounterFn, HistogramFn};

    use super::*;

    #[derive(Default)]
    struct Told {
        sum: AtomicU64,
        samples: Mutex<Vec<f64>>,
    }

    impl CounterFn for Told {
        fn increment(&self, value: u64) {
            self.sum.fetch_add(value, Ordering::Relaxed);
        }

        fn absolute(&self, _: u64) {
            panic!("others may count with it");
        }
    }

    impl HistogramFn for Told {
        fn record(&self, value: f64) {
            lock(&self.samples).push(value);
        }
    }

    #[test]
    fn what_many_threads_count_is_told_once() {
        let told = Arc::new(Told::default());
        let tally = Tally::of(Counter::from_arc(Arc::clone(&told)));
        let spans = Spans::of(Histogram::from_arc(Arc::clone(&told)));
        std::thread::scope(|scope| {
            for _ in 0..2 * PLACES {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        tally.add(3);
                        spans.record(0.5);
                    }
                    tell();
                });
            }
        });
        tell();
        let all = 2 * PLACES * 1_000;
        assert_eq!(told.sum.load(Ordering::Relaxed), 3 * all as u64);
        assert_eq!(*lock(&told.samples), vec![0.5; all]);
    }

    #[test]
    fn what_ends_untold_is_told_at_the_end() {
        let told = Arc::new(Told::default());
        let tally = Tally::of(Counter::from_arc(Arc::clone(&told)));
        let spans = Spans::of(Histogram::from_arc(Arc::clone(&told)));
        tally.add(7);
        spans.record(1.0);
        drop((tally, spans));
        // Somebody who is telling may have had hold of them: they end when that is done.
        drop(lock(&UNTOLD));
        assert_eq!((told.sum.load(Ordering::Relaxed), lock(&told.samples).len()), (7, 1));
    }
}
