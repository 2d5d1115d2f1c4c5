//! The settings of one venue, as the file says them now.

use super::Settings;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Follows the file. What is looked at once stays as it is: a snapshot never changes.
#[derive(Debug)]
pub(crate) struct Live {
    file: watch::Receiver<Arc<Settings>>,
    venue: Option<String>,
    seen: Mutex<Seen>,
}

/// The newest state of the file and what it says of the venue.
#[derive(Debug)]
struct Seen {
    file: Arc<Settings>,
    here: Arc<Settings>,
}

impl Live {
    /// Of a `[[venue]]`, or of the process if it names none.
    pub(crate) fn new(file: watch::Receiver<Arc<Settings>>, venue: Option<String>) -> Self {
        let now = file.borrow().clone();
        let here = of_venue(&now, venue.as_deref()).unwrap_or_else(|| now.clone());
        Self { file, venue, seen: Mutex::new(Seen { file: now, here }) }
    }

    /// What is in force. A venue that the file has lost keeps what it had: venues are opened and
    /// closed at a start alone.
    pub(crate) fn now(&self) -> Arc<Settings> {
        let now = self.file.borrow().clone();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&seen.file, &now) {
            if let Some(here) = of_venue(&now, self.venue.as_deref()) {
                seen.here = here;
            }
            seen.file = now;
        }
        seen.here.clone()
    }
}

fn of_venue(file: &Arc<Settings>, venue: Option<&str>) -> Option<Arc<Settings>> {
    let Some(name) = venue else { return Some(file.clone()) };
    let venue = file.venues.iter().find(|venue| venue.identity.name == name)?;
    Some(Arc::new(file.at(venue)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Arc<Settings> {
        Arc::new(Settings::parse(text).unwrap().settings)
    }

    #[test]
    fn a_venue_follows_the_file_and_outlives_its_table() {
        let with = |general: u64, own: u64| {
            parsed(&format!(
                "[market]\nmin_deadline = {general}\n\
                 [[venue]]\nname = \"v\"\nnetwork = \"v.json\"\nmarket = {{ min_deadline = {own} }}\n"
            ))
        };
        let (file, seen) = watch::channel(with(1, 2));
        let (process, venue) = (Live::new(seen.clone(), None), Live::new(seen, Some("v".into())));
        let both = || (process.now().market.min_deadline, venue.now().market.min_deadline);
        assert_eq!(both(), (1, 2));
        file.send_replace(with(3, 4));
        assert_eq!(both(), (3, 4));
        file.send_replace(parsed("[market]\nmin_deadline = 5\n"));
        assert_eq!(both(), (5, 4));
    }
}
