//! Service-linked roles: what they are called, and the record of their deletion.
//!
//! Source: "Create a service-linked role", `id_roles_create-service-linked-role.html`, and the services' own pages for the names.
//! brevet has no catalogue of AWS's services, and operators have services of their own: a service that is not in the table below
//! gets a name made of its principal's.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::types::{EntityPath, RoleName};

/// The path of service-linked roles. Nobody but `CreateServiceLinkedRole` puts a role below it.
pub const SERVICE_LINKED: &str = "/aws-service-role/";

/// What all names begin with.
const PREFIX: &str = "AWSServiceRoleFor";

/// Names that cannot be made from the principal: what stands before `.amazonaws.com`, and what follows [`PREFIX`].
const KNOWN: [(&str, &str); 27] = [
    ("autoscaling", "AutoScaling"),
    ("cloudtrail", "CloudTrail"),
    ("dynamodb.application-autoscaling", "ApplicationAutoScaling_DynamoDBTable"),
    ("ec2.application-autoscaling", "ApplicationAutoScaling_EC2SpotFleetRequest"),
    ("ecs", "ECS"),
    ("ecs.application-autoscaling", "ApplicationAutoScaling_ECSService"),
    ("eks", "AmazonEKS"),
    ("eks-fargate", "AmazonEKSForFargate"),
    ("eks-nodegroup", "AmazonEKSNodegroup"),
    ("elasticache", "ElastiCache"),
    ("elasticbeanstalk", "ElasticBeanstalk"),
    ("elasticfilesystem", "AmazonElasticFileSystem"),
    ("elasticloadbalancing", "ElasticLoadBalancing"),
    ("elasticmapreduce", "EMRCleanup"),
    ("es", "AmazonElasticsearchService"),
    ("globalaccelerator", "GlobalAccelerator"),
    ("guardduty", "AmazonGuardDuty"),
    ("lex", "LexBots"),
    ("maintenance.elasticbeanstalk", "ElasticBeanstalkMaintenance"),
    ("managedupdates.elasticbeanstalk", "ElasticBeanstalkManagedUpdates"),
    ("opensearchservice", "AmazonOpenSearchService"),
    ("rds", "RDS"),
    ("spot", "EC2Spot"),
    ("spotfleet", "EC2SpotFleet"),
    ("sso", "SSO"),
    ("transitgateway", "VPCTransitGateway"),
    ("trustedadvisor", "TrustedAdvisor"),
];

/// Path and name of a service's role; `None` when the service's name is no principal's, or the role's would be too long.
pub fn role_of_service(service: &str, suffix: Option<&str>) -> Option<(EntityPath, RoleName)> {
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if !service.contains('.') || !service.split('.').all(label) {
        return None;
    }
    let own = service.strip_suffix(".amazonaws.com").or_else(|| service.strip_suffix(".amazonaws.com.cn"));
    let known = KNOWN.iter().find(|(principal, _)| own == Some(principal));
    let rest = known.map_or_else(|| in_camels(own.unwrap_or(service)), |(_, name)| (*name).to_owned());
    let suffix = suffix.map(|suffix| format!("_{suffix}")).unwrap_or_default();
    let path = format!("{SERVICE_LINKED}{service}/").parse().ok()?;
    Some((path, format!("{PREFIX}{rest}{suffix}").parse().ok()?))
}

/// `custom-resource.example` as `CustomResourceExample`.
fn in_camels(labels: &str) -> String {
    let mut name = String::with_capacity(labels.len());
    for word in labels.split(['.', '-']) {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

/// The deletion of a service-linked role, of which is told for a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoleDeletion {
    /// `task/aws-service-role/SERVICE/ROLE/UUID`
    pub task: String,
    /// When the role was deleted. No service of AWS runs beside brevet that could still use it, so a deletion never waits.
    pub deleted: Timestamp,
}

impl RoleDeletion {
    /// How long is told of it, in seconds.
    const LASTS: i64 = 86_400;

    /// Whether it is told of no more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.seconds() - self.deleted.seconds() >= Self::LASTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(service: &str, suffix: Option<&str>) -> Option<String> {
        let (path, name) = role_of_service(service, suffix)?;
        assert_eq!(path.as_str(), format!("/aws-service-role/{service}/"));
        Some(name.to_string())
    }

    #[test]
    fn names_are_those_of_the_services_or_made_of_theirs() {
        for (service, role) in [
            ("elasticbeanstalk.amazonaws.com", "AWSServiceRoleForElasticBeanstalk"),
            ("batch.amazonaws.com", "AWSServiceRoleForBatch"),
            ("lex.amazonaws.com.cn", "AWSServiceRoleForLexBots"),
            ("custom-thing.batch.amazonaws.com", "AWSServiceRoleForCustomThingBatch"),
            ("notes.example.com", "AWSServiceRoleForNotesExampleCom"),
        ] {
            assert_eq!(name(service, None).as_deref(), Some(role));
        }
        assert_eq!(name("lex.amazonaws.com", Some("test")).as_deref(), Some("AWSServiceRoleForLexBots_test"));
    }

    #[test]
    fn what_is_no_principal_of_a_service_has_no_role() {
        for service in
            ["", "lex", ".amazonaws.com", "lex..com", "Lex.amazonaws.com", "a_b.com", "-a.com", "a-.com", "a.com."]
        {
            assert_eq!(name(service, None), None, "{service}");
        }
        assert_eq!(name(&format!("{}.com", "x".repeat(60)), None), None, "too long");
        assert_eq!(name("lex.amazonaws.com", Some(&"x".repeat(64))), None, "too long");
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(KNOWN.is_sorted());
    }
}
