//! Pages of a listing: AWS's `Marker` and `MaxItems`.

use data_encoding::BASE64URL_NOPAD;

/// Where the next page goes on. Its text says only behind which name; it gives no right to anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker(String);

impl Marker {
    /// The marker of a page that ended with `name`.
    pub fn behind(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name behind which the next page begins.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The opaque text that the caller brings back.
    pub fn encode(&self) -> String {
        BASE64URL_NOPAD.encode(self.0.as_bytes())
    }

    /// Reads what [`Marker::encode`] wrote; `None` for anything else.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        String::from_utf8(bytes).ok().map(Self)
    }
}

/// What part of a listing is asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Where the page begins; at the front when absent.
    pub marker: Option<Marker>,
    /// How many items at the most, 1 to 1,000; AWS's default is 100.
    pub max_items: usize,
}

impl PageRequest {
    /// AWS's page size when `MaxItems` is absent.
    pub const DEFAULT_ITEMS: usize = 100;

    /// Whether a name belongs on this page or a later one.
    pub fn begins_before(&self, name: &str) -> bool {
        self.marker.as_ref().is_none_or(|marker| name > marker.name())
    }
}
