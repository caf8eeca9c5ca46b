//! A virtual MFA device in somebody's pocket.

use brevet::clock::{Clock, ShiftedClock};
use brevet::crypto::totp::{Seed, step_of};
use brevet::types::SecretText;

/// It shows codes in the world's time, wrong by `ahead` half minutes.
pub struct Device {
    pub serial: String,
    /// The Base32 text, for tests that look for it where it must not be.
    pub base32: String,
    pub ahead: i64,
    seed: Seed,
    clock: ShiftedClock,
}

impl Device {
    pub fn new(serial: &str, base32: &str, clock: &ShiftedClock) -> Self {
        let seed = Seed::from_base32(&SecretText::new(base32)).expect("the broker gives a seed");
        Self { serial: serial.to_owned(), base32: base32.to_owned(), ahead: 0, seed, clock: clock.clone() }
    }

    /// The code that it shows now.
    pub fn code(&self) -> String {
        self.code_in(0)
    }

    /// The code that it shows `steps` half minutes from now.
    pub fn code_in(&self, steps: i64) -> String {
        let step = step_of(self.clock.now()).saturating_add_signed(self.ahead + steps);
        self.seed.code_at(step).expose().to_owned()
    }

    /// Waits for the next code: half a minute passes.
    pub fn next_code(&self) -> String {
        self.clock.advance(30);
        self.code()
    }

    /// Six digits that it shows neither now nor soon.
    pub fn wrong_code(&self) -> String {
        let near: Vec<String> = (-3..=3).map(|steps| self.code_in(steps)).collect();
        let mut guesses = (0..1_000_000).map(|number| format!("{number:06}"));
        guesses.find(|guess| !near.contains(guess)).expect("most codes are wrong")
    }
}
