//! The provider `log`: one line in the server's log, and nothing leaves the house.

use super::{Answer, Answering, Parcel, Provider};

/// Writes each parcel as one structured line, without its push address. It takes everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Provider for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Answering<'a> {
        tracing::info!(
            target: "doorstep::deliver",
            trigger = %parcel.id,
            customer = %parcel.customer,
            device = %parcel.device,
            campaign = %parcel.campaign,
            region = %parcel.region,
            place = %parcel.place,
            title = %parcel.title,
            "delivered to the log"
        );
        Box::pin(async { Answer::Accepted { detail: "written to the log".into() } })
    }
}

#[cfg(test)]
mod tests {
    use super::super::compose::{compose, tests};
    use super::*;
    use crate::model::ServerTime;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_parcel_is_one_line_without_its_push_address() {
        let lines = Lines::default();
        let sink = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || sink.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let parcel = compose(&tests::trigger("ann", ServerTime(5)), &tests::device());
        assert!(matches!(Log.deliver(&parcel).await, Answer::Accepted { .. }));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(parcel.id.as_str()) && text.contains("campaign=latte"), "{text}");
        assert!(!text.contains(&parcel.push_address), "{text}");
    }
}
