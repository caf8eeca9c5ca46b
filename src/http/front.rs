//! What stands before the router: the doors that most requests come for are found without it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use tower::ServiceExt;

use super::router::{Doors, router};
use super::{authzen, aws};

/// All doors on one listener.
#[derive(Clone, Debug)]
pub struct Front(Arc<Behind>);

#[derive(Debug)]
struct Behind {
    doors: Doors,
    router: Router,
}

impl Front {
    /// The doors, and the router that leads to each of them.
    pub fn new(doors: Doors) -> Self {
        Self(Arc::new(Behind { router: router(doors.clone()), doors }))
    }

    /// Answers a request as the router does.
    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let Behind { doors, router } = &*self.0;
        match (request.method(), request.uri().path()) {
            (&Method::POST | &Method::GET, "/") => aws::query_at(doors, request).await,
            (&Method::POST, "/access/v1/evaluation") => authzen::evaluation_at(doors, request).await,
            (&Method::POST, "/access/v1/evaluations") => authzen::evaluations_at(doors, request).await,
            _ => router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}),
        }
    }
}
