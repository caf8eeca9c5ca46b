//! Buckets and what is in them, in memory, and how S3 lists them.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::body::Bytes;
use brevet::crypto::hash::sha256;

/// All buckets.
#[derive(Default)]
pub struct Buckets(BTreeMap<String, Bucket>);

/// A bucket.
#[derive(Clone)]
pub struct Bucket {
    /// The account that made it.
    pub owner: String,
    pub policy: Option<String>,
    pub objects: BTreeMap<String, Bytes>,
}

impl Buckets {
    pub fn get(&self, name: &str) -> Option<Bucket> {
        self.0.get(name).cloned()
    }

    pub fn of(&self, account: &str) -> Vec<String> {
        self.0.iter().filter(|(_, bucket)| bucket.owner == account).map(|(name, _)| name.clone()).collect()
    }

    /// Whether the name was free.
    pub fn create(&mut self, name: &str, owner: &str) -> bool {
        if self.0.contains_key(name) {
            return false;
        }
        let bucket = Bucket { owner: owner.to_owned(), policy: None, objects: BTreeMap::new() };
        self.0.insert(name.to_owned(), bucket);
        true
    }

    pub fn delete(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub fn set_policy(&mut self, name: &str, policy: Option<String>) {
        if let Some(bucket) = self.0.get_mut(name) {
            bucket.policy = policy;
        }
    }

    pub fn put(&mut self, name: &str, key: &str, object: Bytes) {
        if let Some(bucket) = self.0.get_mut(name) {
            bucket.objects.insert(key.to_owned(), object);
        }
    }

    pub fn remove(&mut self, name: &str, key: &str) {
        if let Some(bucket) = self.0.get_mut(name) {
            bucket.objects.remove(key);
        }
    }
}

pub fn etag(object: &[u8]) -> String {
    format!("\"{}\"", data_encoding::HEXLOWER.encode(&sha256(object)[..16]))
}

pub fn listed(names: &[String]) -> String {
    let mut buckets = String::new();
    for name in names {
        let name = escaped(name);
        let _ =
            write!(buckets, "<Bucket><Name>{name}</Name><CreationDate>2026-01-01T00:00:00Z</CreationDate></Bucket>");
    }
    format!("<ListAllMyBucketsResult><Buckets>{buckets}</Buckets></ListAllMyBucketsResult>")
}

pub fn contents(name: &str, bucket: &Bucket, prefix: &str) -> String {
    let mut entries = String::new();
    let mut count = 0;
    for (key, object) in bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
        count += 1;
        let (key, size, tag) = (escaped(key), object.len(), escaped(&etag(object)));
        let _ = write!(entries, "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{tag}</ETag></Contents>");
    }
    let (name, prefix) = (escaped(name), escaped(prefix));
    format!(
        "<ListBucketResult><Name>{name}</Name><Prefix>{prefix}</Prefix><KeyCount>{count}</KeyCount>\
         <IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
    )
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
