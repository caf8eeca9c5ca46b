//! What is made of JSON while it is read, without a tree of it, and as strictly.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Json, Strict, twice};

/// What is made of an object or a list while it is read, without a tree of it.
pub trait Shape<'de>: Sized {
    /// What that is.
    type Made;

    /// Of an object. `inner` reads the values of its members.
    ///
    /// # Errors
    /// Those of the reader; a member stands twice.
    fn object<A: MapAccess<'de>>(self, inner: Strict, members: A) -> Result<Self::Made, A::Error>;

    /// Of a list. `inner` reads its values.
    ///
    /// # Errors
    /// Those of the reader.
    fn list<A: SeqAccess<'de>>(self, inner: Strict, items: A) -> Result<Self::Made, A::Error> {
        skip(inner, items)?;
        Ok(self.other())
    }

    /// Of anything else.
    fn other(self) -> Self::Made;
}

/// Passes over a list's values, as strictly as if they were wanted.
fn skip<'de, A: SeqAccess<'de>>(inner: Strict, mut items: A) -> Result<(), A::Error> {
    while items.next_element_seed(inner)?.is_some() {}
    Ok(())
}

/// The members of an object whose names are known, by their places among these; what others it has is passed over.
#[derive(Clone)]
pub struct Fields<'a, const N: usize> {
    names: &'static [&'static str; N],
    values: [Option<Json<'a>>; N],
}

impl<'a, const N: usize> Fields<'a, N> {
    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        let at = self.names.iter().position(|known| *known == name)?;
        self.values.get(at)?.as_ref()
    }

    /// Reads an object's members. Each stands once, those that are passed over too.
    ///
    /// # Errors
    /// Those of the reader; a member stands twice.
    pub fn read<A: MapAccess<'a>>(
        names: &'static [&'static str; N],
        inner: Strict,
        mut members: A,
    ) -> Result<Self, A::Error> {
        let mut values = [const { None }; N];
        let mut others = Others::default();
        while let Some(name) = members.next_key_seed(OneOf(names))? {
            match name {
                Ok(at) => match values.get_mut(at) {
                    Some(value @ None) => *value = Some(members.next_value_seed(inner)?),
                    _ => return Err(twice(names.get(at).copied().unwrap_or_default())),
                },
                Err(other) => {
                    members.next_value_seed(inner)?;
                    others.add(other);
                }
            }
        }
        others.finish()?;
        Ok(Self { names, values })
    }
}

/// The seed that reads a name: one of these, by its place, or another.
pub struct OneOf<const N: usize>(pub &'static [&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for OneOf<N> {
    type Value = Result<usize, Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for OneOf<N> {
    type Value = Result<usize, Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name).ok_or(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name).ok_or_else(|| Cow::Owned(name.to_owned())))
    }
}

/// The names of members that are passed over.
#[derive(Default)]
pub struct Others<'a>(Vec<Cow<'a, str>>);

impl<'a> Others<'a> {
    /// One more.
    pub fn add(&mut self, name: Cow<'a, str>) {
        self.0.push(name);
    }

    /// Each of them stands once.
    ///
    /// # Errors
    /// One stands twice.
    pub fn finish<E: Error>(mut self) -> Result<(), E> {
        self.0.sort_unstable();
        match self.0.array_windows().find(|[one, other]| one == other) {
            Some([name, _]) => Err(twice(name)),
            None => Ok(()),
        }
    }
}

/// The seed that reads a value as its shape has it.
pub struct Shaped<S>(Strict, S);

impl<S> Shaped<S> {
    pub(super) fn new(strict: Strict, shape: S) -> Self {
        Self(strict, shape)
    }
}

impl<'de, S: Shape<'de>> DeserializeSeed<'de> for Shaped<S> {
    type Value = S::Made;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Made, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Shape<'de>> Visitor<'de> for Shaped<S> {
    type Value = S::Made;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<S::Made, E> {
        Ok(self.1.other())
    }

    fn visit_bool<E>(self, _: bool) -> Result<S::Made, E> {
        Ok(self.1.other())
    }

    fn visit_i64<E>(self, _: i64) -> Result<S::Made, E> {
        Ok(self.1.other())
    }

    fn visit_u64<E>(self, _: u64) -> Result<S::Made, E> {
        Ok(self.1.other())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<S::Made, E> {
        self.0.visit_f64::<E>(value)?;
        Ok(self.1.other())
    }

    fn visit_str<E>(self, _: &str) -> Result<S::Made, E> {
        Ok(self.1.other())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<S::Made, A::Error> {
        self.1.list(self.0.inner()?, items)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<S::Made, A::Error> {
        self.1.object(self.0.inner()?, members)
    }
}
