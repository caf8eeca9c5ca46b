//! Checking a signature: the whole of it, and with the day's signing key at hand, as the authenticator has it.

mod scenario;
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use brevet::clock::{Clock, SystemClock};
use brevet::sigv4::{Credentials, RequestParts, SignedRequest, SigningKey, sign_headers};
use brevet::types::SecretText;
use criterion::{Criterion, criterion_group, criterion_main};
use support::request;
use support::world::{self, World};

const BODY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: SecretText::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: None,
    }
}

/// The headers that an AWS SDK sends.
fn headers() -> Vec<(String, String)> {
    [
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", "127.0.0.1:8700"),
        ("user-agent", "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux md/arch#x86_64 lang/python#3.13.7"),
        ("amz-sdk-invocation-id", "0b1f9f3f-7c2d-4b5c-9d3e-0f3f5c1d2e4a"),
        ("amz-sdk-request", "attempt=1"),
        ("accept-encoding", "identity"),
        ("content-length", "43"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn verify(criterion: &mut Criterion) {
    let credentials = credentials();
    let mut headers = headers();
    let now = SystemClock.now();
    let added = {
        let borrowed: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &borrowed, body: BODY };
        sign_headers(&parts, &credentials, request::REGION, "sts", now)
    };
    headers.extend(added);
    let borrowed: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
    let parts = RequestParts { method: "POST", path: "/", query: "", headers: &borrowed, body: BODY };
    let parse = || SignedRequest::parse(black_box(&parts)).expect("well-formed").expect("signed");
    let key = SigningKey::derive(&credentials.secret_access_key, parse().scope());

    let mut group = criterion.benchmark_group("sigv4");
    group.bench_function("parse and canonicalise", |bencher| bencher.iter(|| parse().timestamp()));
    group.bench_function("whole, key at hand", |bencher| {
        bencher.iter(|| {
            let signed = parse();
            signed.check_time(now).expect("recent");
            signed.verify(&key).expect("valid");
        });
    });
    group.bench_function("whole, key derived", |bencher| {
        bencher.iter(|| {
            let signed = parse();
            signed.check_time(now).expect("recent");
            let key = SigningKey::derive(&credentials.secret_access_key, signed.scope());
            signed.verify(&key).expect("valid");
        });
    });
    group.bench_function("sign", |bencher| {
        bencher.iter(|| sign_headers(black_box(&parts), &credentials, request::REGION, "sts", now));
    });
    group.finish();
}

/// The authenticator of a running broker: caches, time and the service's name too.
fn authenticate(criterion: &mut Criterion) {
    let runtime = world::runtime();
    let world = runtime.block_on(World::start());
    let host = world.address.to_string();
    let now = SystemClock.now();
    let unsigned: [(&str, &[u8]); 2] =
        [("content-type", b"application/x-www-form-urlencoded; charset=utf-8"), ("host", host.as_bytes())];
    let parts = RequestParts { method: "POST", path: "/", query: "", headers: &unsigned, body: BODY };
    let added = sign_headers(&parts, &world.root, request::REGION, "sts", now);
    let mut headers = unsigned.to_vec();
    headers.extend(added.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let parts = RequestParts { headers: &headers, ..parts };
    criterion.bench_function("sigv4/authenticator, long-lived key", |bencher| {
        bencher.iter_custom(|times| {
            runtime.block_on(async {
                let begun = Instant::now();
                for _ in 0..times {
                    let caller = world.broker.authenticator.authenticate(black_box(&parts), &["sts"], now).await;
                    black_box(caller.expect("authentic"));
                }
                begun.elapsed()
            })
        });
    });
    runtime.block_on(world.stop());
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(40)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500));
    targets = verify, authenticate
}
criterion_main!(benches);
