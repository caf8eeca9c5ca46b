//! Which operations are built.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;

use super::federated::{self, FederatedOperation, Unsigned};
use super::pipeline::{self, Answered, Incoming};
use super::{Broker, Error, Operation};
use crate::wire::model::{self, Model, Service};

/// The built operations by service and name.
pub struct Registry {
    built: BTreeMap<(&'static str, &'static str), Arc<dyn Run>>,
    /// Those that need no signature. They are of another type, so that none of the others can get here.
    unsigned: BTreeMap<(&'static str, &'static str), Arc<dyn RunUnsigned>>,
}

#[async_trait]
trait Run: Send + Sync {
    async fn run(&self, broker: &Broker, operation: &'static model::Operation, incoming: Incoming<'_>) -> Answered;
}

struct Of<O>(PhantomData<fn() -> O>);

#[async_trait]
impl<O: Operation> Run for Of<O> {
    async fn run(&self, broker: &Broker, operation: &'static model::Operation, incoming: Incoming<'_>) -> Answered {
        pipeline::run::<O>(broker, operation, incoming).await
    }
}

#[async_trait]
trait RunUnsigned: Send + Sync {
    async fn run(&self, broker: &Broker, operation: &'static model::Operation, request: Unsigned<'_>) -> Answered;
}

#[async_trait]
impl<O: FederatedOperation> RunUnsigned for Of<O> {
    async fn run(&self, broker: &Broker, operation: &'static model::Operation, request: Unsigned<'_>) -> Answered {
        federated::run::<O>(broker, operation, request).await
    }
}

impl Registry {
    /// All operations of this broker.
    pub fn new() -> Self {
        let mut registry = Self { built: BTreeMap::new(), unsigned: BTreeMap::new() };
        super::iam::register(&mut registry);
        super::sts::register(&mut registry);
        registry
    }

    /// Adds an operation.
    pub fn add<O: Operation>(&mut self) -> &mut Self {
        self.built.insert((O::SERVICE.name(), O::NAME), Arc::new(Of::<O>(PhantomData)));
        self
    }

    /// Adds an operation that needs no signature.
    pub fn add_unsigned<O: FederatedOperation>(&mut self) -> &mut Self {
        self.unsigned.insert((O::SERVICE.name(), O::NAME), Arc::new(Of::<O>(PhantomData)));
        self
    }

    /// The built operations of a service, in the order of their names.
    pub fn names(&self, service: Service) -> Vec<&'static str> {
        let built = self.built.keys().chain(self.unsigned.keys());
        let mut names: Vec<_> = built.filter(|(of, _)| *of == service.name()).map(|(_, name)| *name).collect();
        names.sort_unstable();
        names
    }

    /// The operations that AWS declares for a service and this broker has not built.
    pub fn missing(&self, service: Service) -> Vec<&'static str> {
        model::missing(service, &self.names(service))
    }

    /// Runs an operation that needs no signature.
    ///
    /// # Errors
    /// It is not built, or needs a signature.
    pub async fn run_unsigned(
        &self,
        broker: &Broker,
        service: Service,
        declared: Option<&'static model::Operation>,
        request: Unsigned<'_>,
    ) -> Answered {
        let declared = declared.filter(|operation| operation.unsigned);
        match (declared, self.unsigned.get(&(service.name(), request.action))) {
            (Some(operation), Some(built)) => built.run(broker, operation, request).await,
            _ => Answered::refused(Error::NotBuilt(format!("{}:{}", service.name(), request.action))),
        }
    }

    /// Runs an operation by name; `declared` is what AWS declares of it.
    pub async fn run(
        &self,
        broker: &Broker,
        service: Service,
        declared: Option<&'static model::Operation>,
        incoming: Incoming<'_>,
    ) -> Answered {
        let built = self.built.get(&(service.name(), incoming.action));
        match (declared, built) {
            (Some(operation), Some(built)) => built.run(broker, operation, incoming).await,
            (Some(_), None) => {
                let error = Error::NotBuilt(format!("{}:{}", service.name(), incoming.action));
                pipeline::refuse_unknown(broker, service.name(), &incoming, error).await
            }
            (None, _) => {
                let error = Error::UnknownOperation {
                    operation: incoming.action.to_owned(),
                    version: Model::of(service).api_version().to_owned(),
                };
                pipeline::refuse_unknown(broker, service.name(), &incoming, error).await
            }
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.built.keys().chain(self.unsigned.keys())).finish()
    }
}
