//! `ResourceHandlingOption`: groups of resources that an action of EC2 needs together.
//!
//! A scenario changes no decision. It makes sure that no resource is forgotten on which the real request would be decided too.
//!
//! Source: IAM API Reference, `SimulateCustomPolicy`, parameter `ResourceHandlingOption`.

use super::scene::Unfit;

/// Each scenario with the types of resources that it wants.
const SCENARIOS: [(&str, &[&str]); 4] = [
    ("EC2-VPC-InstanceStore", &["instance", "image", "security-group", "network-interface"]),
    ("EC2-VPC-InstanceStore-Subnet", &["instance", "image", "security-group", "network-interface", "subnet"]),
    ("EC2-VPC-EBS", &["instance", "image", "security-group", "network-interface", "volume"]),
    ("EC2-VPC-EBS-Subnet", &["instance", "image", "security-group", "network-interface", "subnet", "volume"]),
];

/// Holds the resources against a scenario.
pub(super) fn check(option: &str, resources: &[String]) -> Result<(), Unfit> {
    let Some((_, wanted)) = SCENARIOS.iter().find(|(name, _)| *name == option) else {
        let known = SCENARIOS.map(|(name, _)| name).join(", ");
        return Err(Unfit::UnknownScenario { option: option.to_owned(), known });
    };
    let given = |kind: &&&str| resources.iter().any(|resource| kind_of(resource) == Some(**kind));
    let missing: Vec<&str> = wanted.iter().filter(|kind| !given(kind)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Unfit::Scenario { option: option.to_owned(), missing: missing.join(", ") })
}

/// `image` of `arn:aws:ec2:eu-west-1::image/ami-1`.
fn kind_of(resource: &str) -> Option<&str> {
    let mut parts = resource.splitn(6, ':');
    let (arn, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let name = parts.nth(2)?;
    (arn == "arn" && service == "ec2").then(|| name.split('/').next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_wants_all_its_resources() {
        let arns = |kinds: &[&str]| -> Vec<String> {
            kinds.iter().map(|kind| format!("arn:aws:ec2:eu-west-1:111122223333:{kind}/*")).collect()
        };
        let all = ["instance", "image", "security-group", "network-interface", "subnet", "volume"];
        for (option, wanted) in SCENARIOS {
            assert_eq!(check(option, &arns(wanted)), Ok(()));
            assert_eq!(check(option, &arns(&all)), Ok(()), "more resources do no harm");
            for left_out in wanted {
                let rest: Vec<&str> = wanted.iter().filter(|kind| kind != &left_out).copied().collect();
                let message = check(option, &arns(&rest)).unwrap_err().to_string();
                assert!(message.contains(option) && message.contains(left_out), "{message}");
            }
        }
        assert!(check("EC2-VPC-EBS", &["*".to_owned()]).is_err());
        assert!(check("EC2-Classic-EBS", &arns(&all)).unwrap_err().to_string().contains("EC2-VPC-EBS-Subnet"));
    }
}
