//! Who calls: each kind of caller is a type, and all of them use AWS's own SDK.

use brevet::sigv4::Credentials;
use brevet::types::{AccountId, SecretText};

use super::{Running, sdk};

/// What somebody signs with.
#[derive(Clone)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl Keys {
    pub fn long_lived(id: &str, secret: &str) -> Self {
        Self { id: id.to_owned(), secret: secret.to_owned(), token: None }
    }

    /// In the terms of brevet's own signer.
    pub fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: self.id.clone(),
            secret_access_key: SecretText::new(self.secret.as_str()),
            session_token: self.token.as_deref().map(SecretText::new),
        }
    }
}

/// Somebody who has keys.
pub trait Actor {
    fn keys(&self) -> &Keys;

    /// AWS's IAM client, talking to this broker.
    fn iam(&self, at: &Running) -> aws_sdk_iam::Client {
        sdk::iam(self.keys(), at)
    }

    /// AWS's STS client, talking to this broker.
    fn sts(&self, at: &Running) -> aws_sdk_sts::Client {
        sdk::sts(self.keys(), at)
    }
}

/// The root user of an account.
#[derive(Clone)]
pub struct Root {
    pub account: AccountId,
    pub keys: Keys,
}

/// A user with an access key.
#[derive(Clone)]
pub struct User {
    pub account: AccountId,
    pub name: String,
    pub arn: String,
    pub keys: Keys,
}

/// The holder of temporary credentials.
#[derive(Clone)]
pub struct Session {
    pub keys: Keys,
    pub expires: i64,
}

impl Session {
    /// From the answer of STS.
    pub fn of(credentials: Option<&aws_sdk_sts::types::Credentials>) -> Self {
        let given = credentials.expect("STS answers with credentials");
        let keys = Keys {
            id: given.access_key_id().to_owned(),
            secret: given.secret_access_key().to_owned(),
            token: Some(given.session_token().to_owned()),
        };
        Self { keys, expires: given.expiration().secs() }
    }

    pub fn token(&self) -> &str {
        self.keys.token.as_deref().unwrap_or_default()
    }
}

impl Actor for Keys {
    fn keys(&self) -> &Keys {
        self
    }
}

impl Actor for Root {
    fn keys(&self) -> &Keys {
        &self.keys
    }
}

impl Actor for User {
    fn keys(&self) -> &Keys {
        &self.keys
    }
}

impl Actor for Session {
    fn keys(&self) -> &Keys {
        &self.keys
    }
}
