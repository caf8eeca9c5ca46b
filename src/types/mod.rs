//! The words of the house: each is parsed once, and cannot be wrong afterwards.

mod account;
mod arn;
mod ids;
mod issuer;
mod name;
mod page;
mod resource;
pub mod secret;
mod tag;

pub use account::{AccountId, Digits};
pub use arn::{Arn, Realm};
pub use ids::{AccessKeyId, UniqueId, UniqueIdKind, random_token, random_uuid, time_ordered_uuid};
pub use issuer::{InvalidIssuer, OidcIssuer};
pub use name::{
    AccountAlias, EntityPath, GroupName, InstanceProfileName, InvalidName, PolicyName, RoleName, RoleSessionName,
    SamlProviderName, ServerCertificateName, SourceIdentity, UserName, VirtualMfaName,
};
pub use page::{Marker, PageRequest};
pub use resource::{ActionName, InvalidResource, ResourceArn, ResourceTypeName};
pub use secret::{SecretBytes, SecretText};
pub use tag::{Tag, Tags, folded_tag_key};
