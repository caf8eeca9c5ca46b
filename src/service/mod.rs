//! For services that speak an AWS protocol: who signed the request that came in, and may they do what it asks for.
//!
//! A [`Verifier`] stands between the service and a broker. It either hands every request over ([`Mode::Ask`]), or fetches derived
//! keys and checks signatures itself ([`Mode::DerivedKeys`]); either way it keeps decisions for as long as the broker says that they
//! are good. Nothing that it keeps is believed for longer than the broker's staleness bound after the broker was last asked, so what
//! is revoked there ends here too. The store it never sees.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use brevet::client::{Broker, BrokerSettings, Environment, source};
//! use brevet::clock::{SystemClock, SystemRandom};
//! use brevet::service::{Mode, Question, Received, Refused, Settings, Verifier};
//! use brevet::sigv4::{Content, RequestParts};
//!
//! # async fn serve(parts: &RequestParts<'_>) -> Result<(), Refused> {
//! let broker = BrokerSettings::at("https://broker.example", "us-east-1");
//! let broker = Broker::new(&broker, Arc::new(SystemClock), Arc::new(SystemRandom))?;
//! // The service's own credentials, read anew whenever they are needed.
//! let own = Box::new(|| source::load(&Environment::of_this_process(), None));
//! let settings = Settings { mode: Mode::DerivedKeys, hosts: vec!["files.example".to_owned()], ..Settings::of("s3") };
//! let verifier = Verifier::new(broker, own, settings);
//!
//! // For each request that comes in:
//! let caller = verifier.verify(&Received { parts: *parts, content: Content::Whole(parts.body) }).await?;
//! let question = Question::new("s3:GetObject", "arn:aws:s3:::bucket/key").of_account("111122223333");
//! if verifier.allowed(&caller, &question).await?.allowed {
//!     println!("{} may", caller.arn);
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod caller;
mod keys;
mod question;
mod refused;
mod verifier;

pub use caller::Caller;
pub use question::{Decision, Question};
pub use refused::Refused;
pub use verifier::{Mode, Own, Received, Settings, Verifier};
