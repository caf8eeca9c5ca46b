//! The serde serializer: [`Element`] writes one value, [`Fields`], [`Members`] and [`Keyed`] what is inside it.

use std::fmt::{self, Display, Write as _};

use data_encoding::BASE64;
use serde::ser::{
    Error as _, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple,
    SerializeTupleStruct, Serializer,
};

use super::{EncodeError, close, element, open};

impl serde::ser::Error for EncodeError {
    fn custom<M: Display>(message: M) -> Self {
        Self::Refused(message.to_string())
    }
}

/// Writes one value as an element of this name; without a name, the fields of the outermost struct.
pub(super) struct Element<'o, 'n> {
    pub(super) out: &'o mut String,
    pub(super) name: Option<&'n str>,
}

/// The fields of a struct; `name` is the element to close at the end.
pub(super) struct Fields<'o, 'n> {
    out: &'o mut String,
    name: Option<&'n str>,
    key: String,
}

/// The elements of a list.
pub(super) struct Members<'o, 'n> {
    out: &'o mut String,
    name: &'n str,
    empty: bool,
}

/// The entries of a map, or the fields of a flattened struct, which serde presents as a map of unknown length.
pub(super) enum Keyed<'o, 'n> {
    Entries(Members<'o, 'n>),
    Fields(Fields<'o, 'n>),
}

impl<'o, 'n> Fields<'o, 'n> {
    fn new(Element { out, name }: Element<'o, 'n>) -> Self {
        if let Some(name) = name {
            open(out, name);
        }
        Self { out, name, key: String::new() }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), EncodeError> {
        check_name(name)?;
        value.serialize(Element { out: self.out, name: Some(name) })
    }

    fn finish(self) -> Result<(), EncodeError> {
        if let Some(name) = self.name {
            close(self.out, name);
        }
        Ok(())
    }
}

impl<'o, 'n> Members<'o, 'n> {
    fn new(element: Element<'o, 'n>) -> Result<Self, EncodeError> {
        let name = element.name("a list")?;
        Ok(Self { out: element.out, name, empty: true })
    }

    fn start(&mut self) {
        if std::mem::take(&mut self.empty) {
            open(self.out, self.name);
        }
    }

    fn member<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.start();
        value.serialize(Element { out: self.out, name: Some("member") })
    }

    fn finish(self) -> Result<(), EncodeError> {
        if self.empty {
            for part in ["<", self.name, "/>"] {
                self.out.push_str(part);
            }
        } else {
            close(self.out, self.name);
        }
        Ok(())
    }
}

macro_rules! displayed {
    ($($method:ident $type:ty)*) => {
        $(fn $method(self, value: $type) -> Result<(), EncodeError> {
            self.display(value)
        })*
    };
}

impl<'n> Element<'_, 'n> {
    fn name(&self, what: &'static str) -> Result<&'n str, EncodeError> {
        self.name.ok_or(EncodeError::NotAStruct(what))
    }

    // For values whose text needs no escape.
    fn display(self, value: impl Display) -> Result<(), EncodeError> {
        let name = self.name("a single value")?;
        open(self.out, name);
        write!(self.out, "{value}").map_err(EncodeError::custom::<fmt::Error>)?;
        close(self.out, name);
        Ok(())
    }
}

impl<'o, 'n> Serializer for Element<'o, 'n> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Members<'o, 'n>;
    type SerializeTuple = Members<'o, 'n>;
    type SerializeTupleStruct = Members<'o, 'n>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Keyed<'o, 'n>;
    type SerializeStruct = Fields<'o, 'n>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    displayed! {
        serialize_bool bool
        serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64 serialize_i128 i128
        serialize_u8 u8 serialize_u16 u16 serialize_u32 u32 serialize_u64 u64 serialize_u128 u128
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        self.serialize_f64(value.into())
    }

    // The protocol's spellings of what is no number.
    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        match value {
            v if v.is_nan() => self.display("NaN"),
            f64::INFINITY => self.display("Infinity"),
            f64::NEG_INFINITY => self.display("-Infinity"),
            v => self.display(v),
        }
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        element(self.out, self.name("text")?, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.display(BASE64.encode_display(value))
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), EncodeError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        Err(EncodeError::Unsupported("an enum variant with data"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'o, 'n>, EncodeError> {
        Members::new(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Members<'o, 'n>, EncodeError> {
        Members::new(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Members<'o, 'n>, EncodeError> {
        Members::new(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        Err(EncodeError::Unsupported("an enum variant with data"))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Keyed<'o, 'n>, EncodeError> {
        Ok(match (length, self.name) {
            (Some(_), Some(_)) => Keyed::Entries(Members::new(self)?),
            _ => Keyed::Fields(Fields::new(self)),
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'o, 'n>, EncodeError> {
        Ok(Fields::new(self))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        Err(EncodeError::Unsupported("an enum variant with data"))
    }
}

impl SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), EncodeError> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}

impl SerializeMap for Keyed<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        match self {
            Self::Fields(fields) => {
                fields.key.clear();
                write!(fields.key, "{}", Key(key)).map_err(|_| EncodeError::Unsupported("a key that is not text"))
            }
            Self::Entries(entries) => {
                entries.start();
                open(entries.out, "entry");
                key.serialize(Element { out: entries.out, name: Some("key") })
            }
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        match self {
            Self::Fields(fields) => {
                let key = std::mem::take(&mut fields.key);
                fields.field(&key, value)
            }
            Self::Entries(entries) => {
                value.serialize(Element { out: entries.out, name: Some("value") })?;
                close(entries.out, "entry");
                Ok(())
            }
        }
    }

    fn end(self) -> Result<(), EncodeError> {
        match self {
            Self::Fields(fields) => fields.finish(),
            Self::Entries(entries) => entries.finish(),
        }
    }
}

macro_rules! members {
    ($($trait:ident $method:ident)*) => {
        $(impl $trait for Members<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.member(value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        })*
    };
}

members! { SerializeSeq serialize_element SerializeTuple serialize_element SerializeTupleStruct serialize_field }

/// The text of a map's key, through serde's own serializer into a formatter.
struct Key<'k, T: ?Sized>(&'k T);

impl<T: Serialize + ?Sized> Display for Key<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

fn check_name(name: &str) -> Result<(), EncodeError> {
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if starts && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
        Ok(())
    } else {
        Err(EncodeError::BadName(name.into()))
    }
}
