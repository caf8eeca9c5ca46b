//! Stored resources and their types: brevet's own operations behind `/resources/v1/`, and what decisions know of them.

mod known;
mod list;
mod stored;
mod types;
mod write;

pub use known::{KnownResource, Resources};
pub use list::{GetResource, ListResources};
pub use stored::{Change, delete, delete_type, find, put, put_type, shown, shown_type, types as types_of};
pub use types::{DeleteResourceType, ListResourceTypes, PutResourceType};
pub use write::{DeleteResource, PutResource};
