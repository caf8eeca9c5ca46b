//! What stands before the router: the doors that most requests come for are found without it.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use tower::ServiceExt;

use super::request::Arrival;
use super::router::{Doors, router};
use super::visitor::Visitor;
use super::{authzen, aws};

/// All doors on one listener.
#[derive(Clone, Debug)]
pub struct Front(Arc<Behind>);

#[derive(Debug)]
struct Behind {
    doors: Doors,
    router: Router,
}

/// A door that most requests come for.
#[derive(Clone, Copy)]
enum Busy {
    Aws,
    Evaluation,
    Evaluations,
}

impl Front {
    /// The doors, and the router that leads to each of them.
    pub fn new(doors: Doors) -> Self {
        Self(Arc::new(Behind { router: router(doors.clone()), doors }))
    }

    /// Answers a visitor's request as the router does.
    pub(super) async fn answer(&self, visitor: Visitor, mut request: Request<hyper::body::Incoming>) -> Response<Body> {
        let Behind { doors, router } = &*self.0;
        let Some(busy) = Busy::of(&request) else {
            request.extensions_mut().insert(visitor);
            return router.clone().oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {});
        };
        let arrival = Arrival::of(Some(visitor), request, doors.request_limit).await;
        match busy {
            Busy::Aws => apart(|| aws::query_at(doors, arrival)).await,
            Busy::Evaluation => apart(|| authzen::evaluation_at(doors, arrival)).await,
            Busy::Evaluations => apart(|| authzen::evaluations_at(doors, arrival)).await,
        }
    }
}

/// What answers is large, and hyper moves what it is given from one place to another, used or not. Room is made first, so that what has
/// not begun yet is written where it stays.
#[inline(always)]
fn apart<A: Future>(answer: impl FnOnce() -> A) -> Pin<Box<A>> {
    Box::into_pin(Box::write(Box::new_uninit(), answer()))
}

impl Busy {
    fn of<B>(request: &Request<B>) -> Option<Self> {
        match (request.method(), request.uri().path()) {
            (&Method::POST | &Method::GET, "/") => Some(Self::Aws),
            (&Method::POST, "/access/v1/evaluation") => Some(Self::Evaluation),
            (&Method::POST, "/access/v1/evaluations") => Some(Self::Evaluations),
            _ => None,
        }
    }
}
