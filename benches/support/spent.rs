//! How much processor time this process's threads have used, by what they do: steadier than rates where others use the same cores.

use std::time::Duration;

/// Processor time used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// By the load: the thread that measures.
    pub load: Duration,
    /// By the runtime that both sides are served by.
    pub server: Duration,
    /// By everything else, which is the store's threads.
    pub store: Duration,
}

impl Spent {
    /// What has been used up to now; nothing where the system does not tell.
    pub fn now() -> Self {
        let mut spent = Self::default();
        let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return spent };
        let own = std::fs::read_link("/proc/thread-self").ok().and_then(|path| path.file_name().map(ToOwned::to_owned));
        for thread in threads.flatten() {
            let read = |file: &str| std::fs::read_to_string(thread.path().join(file)).unwrap_or_default();
            // Nanoseconds on a processor come first.
            let used = read("schedstat").split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default();
            let used = Duration::from_nanos(used);
            if Some(thread.file_name()) == own {
                spent.load += used;
            } else if read("comm").starts_with("tokio") {
                spent.server += used;
            } else {
                spent.store += used;
            }
        }
        spent
    }

    /// What has been used since `before`, for each of so many requests, in microseconds: load, server, store.
    pub fn each_since(self, before: Self, requests: f64) -> [f64; 3] {
        let each =
            |now: Duration, before: Duration| (now.saturating_sub(before)).as_secs_f64() * 1e6 / requests.max(1.0);
        [each(self.load, before.load), each(self.server, before.server), each(self.store, before.store)]
    }
}
