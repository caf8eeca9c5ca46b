//! What a denial calls the thing that it is about: as the request did, not as it was found.
//!
//! Whoever may not look learns neither that there is such a user, nor how it is spelled, nor its path. AWS's sentences have
//! it so too: "… is not authorized to perform: iam:GetUser on resource: user ann because …".

use crate::decision::Denial;
use crate::wire::tree::Node;

/// The members by which operations name what they look up, and what AWS's sentences call it.
const NAMES: [(&str, &str, &str); 5] = [
    ("UserName", "user/", "user"),
    ("GroupName", "group/", "group"),
    ("RoleName", "role/", "role"),
    ("InstanceProfileName", "instance-profile/", "instance profile"),
    ("ServerCertificateName", "server-certificate/", "server certificate"),
];

/// Those that make what they name: the ARN is put together from the request, and AWS shows it.
const MAKING: [&str; 5] =
    ["CreateUser", "CreateGroup", "CreateRole", "CreateInstanceProfile", "UploadServerCertificate"];

/// Takes out of a denial what its caller did not say.
pub(super) fn as_asked(denial: &mut Denial, operation: &str, parameters: &Node<'_>) {
    // What else is asked for, such as passing a role, AWS names by the ARN.
    let own = denial.action.split_once(':').is_some_and(|(_, action)| action == operation);
    if !own || MAKING.contains(&operation) {
        return;
    }
    let Ok(Some(given)) = parameters.fields() else { return };
    let text = |member: &str| given.get(member).and_then(|node| node.text().ok());
    if let (Some(key), "GetAccessKeyLastUsed") = (text("AccessKeyId"), operation) {
        denial.named = Some(format!("access key {key}"));
        return;
    }
    let entity = denial.resource.splitn(6, ':').nth(5).unwrap_or_default();
    let named = NAMES.iter().find_map(|(member, kind, noun)| {
        let found = entity.strip_prefix(kind)?.rsplit('/').next()?;
        let asked = text(member).filter(|asked| asked.eq_ignore_ascii_case(found))?;
        Some(format!("{noun} {asked}"))
    });
    if let Some(named) = named {
        denial.named = Some(named);
    }
}
