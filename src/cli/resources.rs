//! `brevet resources`: stored resources and resource types, on the store directly; brokers that are running follow by the change
//! feed. Users and programs use the door `/resources/v1/`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Settings, World, print};
use crate::audit::Trail;
use crate::config::Config;
use crate::identity::{self, Account, StoredResource};
use crate::ops::resources::{self, Change};
use crate::policy::Claims;
use crate::server::{Foundation, operator};
use crate::store::{CommitError, Reader, Tx, layout};
use crate::types::{AccountId, ActionName, ResourceArn, ResourceTypeName};

#[derive(Debug, Subcommand)]
pub(super) enum ResourcesCommand {
    /// Store a resource, or change what is stored of it
    Put(Box<PutArgs>),
    /// Show what is stored of a resource
    Get(Box<NamedArgs>),
    /// List an account's stored resources, one JSON object a line
    List(Box<ListArgs>),
    /// Forget a resource
    Delete(Box<NamedArgs>),
    /// Declare which actions there are on resources of a type
    #[command(subcommand)]
    Types(TypesCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum TypesCommand {
    /// Declare a type, in place of the one of that name
    Put(Box<PutTypeArgs>),
    /// List an account's types, one JSON object a line
    List(Box<AccountArgs>),
    /// Forget a type; its resources stay
    Delete(Box<TypeArgs>),
}

#[derive(Debug, Args)]
pub(super) struct PutArgs {
    /// The resource's ARN
    #[arg(value_name = "ARN")]
    arn: ResourceArn,
    /// The account that owns it, where the ARN names none
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountId>,
    /// An attribute; may be repeated. Those given take the place of all that there were
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    /// A file with the resource's policy
    #[arg(long, value_name = "FILE", conflicts_with = "no_policy")]
    policy: Option<PathBuf>,
    /// Take the resource's policy away
    #[arg(long)]
    no_policy: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub(super) struct NamedArgs {
    /// The resource's ARN
    #[arg(value_name = "ARN")]
    arn: ResourceArn,
    /// The account that owns it, where the ARN names none
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountId>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Whose resources
    #[arg(long, value_name = "ACCOUNT")]
    account: AccountId,
    /// What their ARNs begin with
    #[arg(long, default_value = "")]
    prefix: String,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub(super) struct AccountArgs {
    /// Whose types
    #[arg(long, value_name = "ACCOUNT")]
    account: AccountId,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub(super) struct PutTypeArgs {
    #[command(flatten)]
    named: TypeArgs,
    /// An action on resources of the type; may be repeated
    #[arg(long = "action", value_name = "NAME", required = true)]
    actions: Vec<ActionName>,
}

#[derive(Debug, Args)]
pub(super) struct TypeArgs {
    /// The type's name
    #[arg(value_name = "TYPE")]
    name: ResourceTypeName,
    /// Whose type
    #[arg(long, value_name = "ACCOUNT")]
    account: AccountId,
    #[command(flatten)]
    settings: Settings,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("an attribute has the form KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl ResourcesCommand {
    fn settings(&self) -> &Settings {
        match self {
            Self::Put(args) => &args.settings,
            Self::Get(args) | Self::Delete(args) => &args.settings,
            Self::List(args) => &args.settings,
            Self::Types(TypesCommand::Put(args)) => &args.named.settings,
            Self::Types(TypesCommand::List(args)) => &args.settings,
            Self::Types(TypesCommand::Delete(args)) => &args.settings,
        }
    }
}

pub(super) async fn run(command: ResourcesCommand, world: &World) -> Result<ExitCode, String> {
    let config = command.settings().settle(world)?;
    let foundation = Foundation::find(&config.store, world.master_key().as_ref(), &world.random)
        .await
        .map_err(|error| error.to_string())?;
    let desk = Desk { config: &config, foundation: &foundation, world };
    let done = match &command {
        ResourcesCommand::Put(args) => desk.put(args).await,
        ResourcesCommand::Get(args) => desk.get(args).await,
        ResourcesCommand::List(args) => desk.list(args).await,
        ResourcesCommand::Delete(args) => desk.delete(args).await,
        ResourcesCommand::Types(TypesCommand::Put(args)) => desk.put_type(args).await,
        ResourcesCommand::Types(TypesCommand::List(args)) => desk.list_types(args).await,
        ResourcesCommand::Types(TypesCommand::Delete(args)) => desk.delete_type(args).await,
    };
    foundation.store.close().await;
    print(&done?)
}

/// Where the operator works.
struct Desk<'a> {
    config: &'a Config,
    foundation: &'a Foundation,
    world: &'a World,
}

impl Desk<'_> {
    fn tx(&self) -> Tx {
        Tx::new(Arc::clone(&self.foundation.store))
    }

    async fn put(&self, args: &PutArgs) -> Result<String, String> {
        let account = self.owner(&args.arn, args.account).await?;
        let given: Vec<(String, Value)> =
            args.attributes.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
        let is_distinct =
            |at: usize, key: &str| given.iter().take(at).all(|(other, _)| !other.eq_ignore_ascii_case(key));
        if !given.iter().enumerate().all(|(at, (key, _))| is_distinct(at, key)) {
            return Err("an attribute is given twice".to_owned());
        }
        let attributes = if given.is_empty() { None } else { Some(identity::attributes(Claims(given))) };
        let attributes = attributes.transpose().map_err(|error| error.to_string())?;
        let policy = match (&args.policy, args.no_policy) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
                Some(Some(text))
            }
            (None, true) => Some(None),
            (None, false) => None,
        };
        let change = Change { arn: args.arn.clone(), attributes, policy };
        let parameters = json!({ "arn": args.arn });
        self.write("PutResource", account, parameters, async |tx: &mut Tx| {
            let (realm, room, now) = (&self.config.realm, self.config.quotas.resources, self.world.clock.now());
            let stored = resources::put(tx, realm, account, room, &change, now).await?;
            Ok(resources::shown(account, &stored))
        })
        .await
    }

    async fn get(&self, args: &NamedArgs) -> Result<String, String> {
        let account = self.owner(&args.arn, args.account).await?;
        let stored = resources::find(&mut self.tx(), account, &args.arn).await.map_err(|error| error.to_string())?;
        let mut shown = resources::shown(account, &stored);
        shown["policy"] = json!(stored.policy.map(|policy| policy.document));
        Ok(format!("{shown:#}\n"))
    }

    async fn delete(&self, args: &NamedArgs) -> Result<String, String> {
        let account = self.owner(&args.arn, args.account).await?;
        self.write("DeleteResource", account, json!({ "arn": args.arn }), async |tx: &mut Tx| {
            let deleted = resources::delete(tx, account, &args.arn).await?;
            Ok(json!({ "deleted": deleted.arn }))
        })
        .await
    }

    async fn list(&self, args: &ListArgs) -> Result<String, String> {
        /// Records that are read at once.
        const PAGE: usize = 1_000;
        let mut range = layout::resources(args.account).beginning(&args.prefix);
        let mut text = String::new();
        loop {
            let mut reader = Reader::new(Arc::clone(&self.foundation.store));
            let page = reader.scan::<StoredResource>(&range, PAGE).await.map_err(|error| error.to_string())?;
            let Some((last, _)) = page.last() else { return Ok(text) };
            range = range.after(last);
            for (_, stored) in &page {
                text.push_str(&format!("{}\n", resources::shown(args.account, stored)));
            }
        }
    }

    async fn put_type(&self, args: &PutTypeArgs) -> Result<String, String> {
        let TypeArgs { name, account, .. } = &args.named;
        let account = self.existing(*account).await?;
        let parameters = json!({ "type": name, "actions": args.actions });
        self.write("PutResourceType", account, parameters, async |tx: &mut Tx| {
            let made = resources::put_type(tx, account, name, &args.actions, self.world.clock.now()).await?;
            Ok(resources::shown_type(&made))
        })
        .await
    }

    async fn list_types(&self, args: &AccountArgs) -> Result<String, String> {
        let types = resources::types_of(&mut self.tx(), args.account).await.map_err(|error| error.to_string())?;
        Ok(types.iter().map(|found| format!("{}\n", resources::shown_type(found))).collect())
    }

    async fn delete_type(&self, args: &TypeArgs) -> Result<String, String> {
        let account = args.account;
        self.write("DeleteResourceType", account, json!({ "type": args.name }), async |tx: &mut Tx| {
            let deleted = resources::delete_type(tx, account, &args.name).await?;
            Ok(json!({ "deleted": deleted.name }))
        })
        .await
    }

    /// The account that owns what an ARN names: its own, or the one that is said.
    async fn owner(&self, arn: &ResourceArn, said: Option<AccountId>) -> Result<AccountId, String> {
        match (arn.account(), said) {
            (Some(named), Some(said)) if named != said => Err(format!("{arn} is not a resource of {said}")),
            (Some(account), _) | (None, Some(account)) => self.existing(account).await,
            (None, None) => Err(format!("{arn} names no account: say --account")),
        }
    }

    async fn existing(&self, account: AccountId) -> Result<AccountId, String> {
        let found = self.tx().get::<Account>(&layout::account(account)).await.map_err(|error| error.to_string())?;
        found.map(|_| account).ok_or_else(|| format!("there is no account {account}"))
    }

    /// Commits what `stage` writes with its audit record, and shows it.
    async fn write(
        &self,
        name: &str,
        account: AccountId,
        parameters: Value,
        stage: impl AsyncFn(&mut Tx) -> Result<Value, crate::ops::Error>,
    ) -> Result<String, String> {
        /// Others may write the same record at the same moment.
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let mut tx = self.tx();
            let shown = stage(&mut tx).await.map_err(|error| error.to_string())?;
            let (clock, random) = (&*self.world.clock, &*self.world.random);
            let record = operator::event(name, &account.to_string(), parameters.clone(), shown.clone(), clock, random);
            tx.audit(Trail::row(record).map_err(|error| error.to_string())?);
            match tx.commit().await {
                Ok(_) => return Ok(format!("{shown:#}\n")),
                Err(CommitError::Conflict(_)) => continue,
                Err(CommitError::Store(error)) => return Err(error.to_string()),
            }
        }
        Err("it is being changed by others; please try again".to_owned())
    }
}
