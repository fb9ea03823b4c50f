//! What lies around every service: a message that is too large is refused by name, and streams that know nothing
//! of the drain end with it.

use super::errors::Failure;
use http_body::Frame;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::watch;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Bytes, Service, http};
use tonic::server::NamedService;
use tonic::{Code, Status};

/// A service with its edge.
#[derive(Clone)]
pub(super) struct Edge<S> {
    service: S,
    limit: usize,
    cut: Option<watch::Receiver<bool>>,
}

impl<S> Edge<S> {
    /// Around a service that takes messages of up to `limit` bytes, and ends its streams by itself.
    pub(super) fn new(service: S, limit: usize) -> Self {
        Self { service, limit, cut: None }
    }

    /// Around a service whose streams would never end: they are cut when `draining` turns true, after what was
    /// ready by then.
    pub(super) fn cutting(service: S, limit: usize, draining: watch::Receiver<bool>) -> Self {
        Self { service, limit, cut: Some(draining) }
    }
}

impl<S: NamedService> NamedService for Edge<S> {
    const NAME: &'static str = S::NAME;
}

type Answer = http::Response<Body>;

impl<S> Service<http::Request<Body>> for Edge<S>
where
    S: Service<http::Request<Body>, Response = Answer, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = BoxFuture<Answer, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (limit, cut) = (self.limit, self.cut.clone());
        // Whoever waits for requests must see their end, too, or the call stays open.
        let request = match cut.clone() {
            Some(draining) => request.map(|body| Body::new(Cut::new(body, draining, None))),
            None => request,
        };
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            let refusal = Status::from_header_map(answer.headers());
            if let Some(status) = refusal.filter(is_oversized) {
                return Ok(oversized(&status, limit).into_http());
            }
            Ok(match cut {
                Some(draining) => answer.map(|body| Body::new(Cut::new(body, draining, Some(Failure::Draining)))),
                None => answer,
            })
        })
    }
}

/// Whether a status is tonic's own for a message beyond the limit. Ours carry details.
pub(super) fn is_oversized(status: &Status) -> bool {
    status.code() == Code::OutOfRange && status.details().is_empty()
}

/// The status in place of tonic's own.
pub(super) fn oversized(status: &Status, limit: usize) -> Status {
    tracing::debug!(%status, "a message is too large");
    Failure::Oversized { limit }.into()
}

/// A body that ends with the drain.
struct Cut {
    body: Body,
    drained: Pin<Box<dyn Future<Output = ()> + Send>>,
    over: bool,
    /// What an answer ends with; nothing in a request.
    failure: Option<Failure>,
}

impl Cut {
    fn new(body: Body, mut draining: watch::Receiver<bool>, failure: Option<Failure>) -> Self {
        let drained = Box::pin(async move {
            let _ = draining.wait_for(|draining| *draining).await;
        });
        Self { body, drained, over: false, failure }
    }
}

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        ready!(self.drained.as_mut().poll(cx));
        self.over = true;
        let Some(failure) = self.failure.take() else { return Poll::Ready(None) };
        let mut trailers = http::HeaderMap::new();
        Status::from(failure).add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}
