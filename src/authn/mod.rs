//! Authentication: one file per scheme; each ends in a [`Caller`].

mod bearer;
mod caller;
mod client_certificate;
mod error;
pub mod mfa;
pub mod own_password;
mod passwords;
mod presented;
mod renamed;
mod sigv4;
mod throttle;
pub mod web_identity;

pub use bearer::{Bearer, Bearers};
pub use caller::Caller;
pub use client_certificate::{CertificateFault, ClientCertificate, ClientCertificates};
pub use error::Error;
pub use passwords::{HashingFailed, Passwords};
pub use presented::{Presented, is_for_others};
pub use sigv4::{Authenticator, Settings};
pub use web_identity::{Issuers, Refusal, RefusalKind, Refused, UnusableFile, Vouched, WebIdentities, WebIdentity};
