//! An OpenID Connect issuer of the test's own: an HTTPS server on a free port of this machine, which the broker's settings know under
//! the name of [`Issuer::HOST`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use brevet::clock::{Clock, SystemClock, Timestamp};
use brevet::config::Config;
use brevet::crypto::x509::development;
use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the server answers, by path.
type Pages = Arc<Mutex<HashMap<String, String>>>;

pub struct Issuer {
    /// The certificate that vouches for its server.
    pub authority: CertificateDer<'static>,
    /// The key that it signs with.
    pub key: IssuerKey,
    address: SocketAddr,
    folder: tempfile::TempDir,
    pages: Pages,
    asked: Arc<AtomicUsize>,
}

/// A key that signs tokens.
pub struct IssuerKey {
    pub kid: String,
    pub alg: &'static str,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Issuer {
    pub const HOST: &'static str = "login.example.test";
    pub const CLIENT: &'static str = "app-1";

    /// An issuer that has one key and publishes it.
    pub async fn begin() -> Self {
        let made = development(&[Self::HOST.to_owned()], SystemClock.now()).expect("certificates");
        let chain = [&made.server_certificate, &made.ca_certificate]
            .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate"));
        let key = PrivateKeyDer::from_pem_slice(made.server_key.expose().as_bytes()).expect("a key");
        Self::with(chain.to_vec(), key, &made.ca_certificate).await
    }

    /// An issuer whose server vouches for itself.
    pub async fn self_signed() -> Self {
        let made = rcgen::generate_simple_self_signed([Self::HOST.to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).expect("a key");
        Self::with(vec![made.cert.der().clone()], key, &made.cert.pem()).await
    }

    async fn with(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>, authority: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), authority).expect("written");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (pages, asked) = (Pages::default(), Arc::<AtomicUsize>::default());
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), Arc::clone(&pages), Arc::clone(&asked)));
        let authority = CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate");
        let issuer = Self { authority, key: IssuerKey::es256("first"), address, folder, pages, asked };
        issuer.describes("");
        issuer.publishes(&[&issuer.key]);
        issuer
    }

    /// The thumbprint of the certificate that vouches for it.
    pub fn thumbprint(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &self.authority);
        data_encoding::HEXUPPER.encode(digest.as_ref())
    }

    pub fn url() -> String {
        format!("https://{}", Self::HOST)
    }

    /// Tells a broker where it is and who vouches for it.
    pub fn tell(&self, config: &mut Config) {
        self.tell_address(config);
        let authority = (Self::HOST.to_owned(), self.folder.path().join("ca.pem"));
        config.web_identity.authorities.push(authority);
    }

    /// Tells a broker where it is, and not who vouches for it.
    pub fn tell_address(&self, config: &mut Config) {
        config.web_identity.addresses.push((Self::HOST.to_owned(), self.address));
    }

    /// Its discovery document, for the issuer at `path` of its host.
    pub fn describes(&self, path: &str) {
        let url = format!("{}{path}", Self::url());
        let about = format!("{}/.well-known/openid-configuration", path.trim_end_matches('/'));
        self.page(&about, &json!({ "issuer": url, "jwks_uri": format!("{}/keys", Self::url()) }).to_string());
    }

    pub fn publishes(&self, keys: &[&IssuerKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        self.page("/keys", &json!({ "keys": keys }).to_string());
    }

    pub fn page(&self, path: &str, body: &str) {
        self.pages.lock().expect("pages").insert(path.to_owned(), body.to_owned());
    }

    /// How often it was asked for its keys.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The claims of an ordinary token.
    pub fn claims(now: Timestamp, subject: &str) -> Value {
        let now = now.seconds();
        json!({ "iss": Self::url(), "sub": subject, "aud": Self::CLIENT, "iat": now, "exp": now + 600 })
    }

    /// A token with these claims, signed with its key.
    pub fn token(&self, claims: &Value) -> String {
        self.key.token(claims)
    }
}

impl IssuerKey {
    pub fn es256(kid: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Self { kid: kid.to_owned(), alg: "ES256", pair: Pair::Ecdsa(pair.expect("a key")) }
    }

    pub fn es384(kid: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, document.as_ref(), &random);
        Self { kid: kid.to_owned(), alg: "ES384", pair: Pair::Ecdsa(pair.expect("a key")) }
    }

    pub fn ed25519(kid: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
        Self { kid: kid.to_owned(), alg: "EdDSA", pair: Pair::Ed(pair) }
    }

    pub fn token(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": self.alg, "kid": self.kid, "typ": "JWT" }), claims.to_string().as_bytes())
    }

    /// Signs whatever header and payload these are.
    pub fn sign(&self, header: &Value, payload: &[u8]) -> String {
        let header = BASE64URL_NOPAD.encode(header.to_string().as_bytes());
        let message = format!("{header}.{}", BASE64URL_NOPAD.encode(payload));
        let signature = match &self.pair {
            Pair::Ecdsa(pair) => {
                pair.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature").as_ref().to_vec()
            }
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    pub fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let mut key = match &self.pair {
            Pair::Ecdsa(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) }),
        };
        key["kid"] = json!(self.kid);
        key["use"] = json!("sig");
        key
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, pages: Pages, asked: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, pages, asked) = (acceptor.clone(), Arc::clone(&pages), Arc::clone(&asked));
        tokio::spawn(async move {
            let mut stream = acceptor.accept(stream).await?;
            let mut head = Vec::new();
            loop {
                head.push(stream.read_u8().await?);
                if !head.ends_with(b"\r\n\r\n") {
                    continue;
                }
                let text = String::from_utf8_lossy(&head).into_owned();
                head.clear();
                let path = text.split(' ').nth(1).unwrap_or_default();
                if path == "/keys" {
                    asked.fetch_add(1, Ordering::SeqCst);
                }
                let page = pages.lock().expect("pages").get(path).cloned();
                let (status, body) = page.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await?;
                stream.flush().await?;
            }
            #[allow(unreachable_code, reason = "says what the loop's errors are")]
            std::io::Result::Ok(())
        });
    }
}
