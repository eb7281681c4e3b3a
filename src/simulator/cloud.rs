use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, header};

use super::{
    clock::Clock,
    iam::header,
    identity::Identity,
    remote::RemoteIam,
    requests::Requests,
    rules::Rule,
    settings::{Metadata, Offsets, Settings},
    world::World,
};

/// The whole simulated cloud.
#[derive(Debug)]
pub(super) struct Cloud {
    pub(super) clock: Clock,
    world: Mutex<World>,
    identity: Mutex<Identity>,
    pub(super) metadata: Metadata,
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Requests>,
    offsets: Mutex<Offsets>,
    pub(super) remote: Option<RemoteIam>,
    address: String,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cloud {
    /// The cloud as the settings begin it, to be reached at an address.
    pub(super) fn new(settings: &Settings, address: String) -> Self {
        let epoch = settings.epoch.unwrap_or_else(jiff::Timestamp::now);
        let clock = Clock::new(epoch, settings.speed);
        let rules = settings.faults.iter().map(|spec| Rule::new(*spec, None, None, 0)).collect();
        Self {
            world: Mutex::new(World::new(settings, epoch.as_millisecond())),
            identity: Mutex::new(Identity::new(settings)),
            metadata: settings.metadata,
            rules: Mutex::new(rules),
            requests: Mutex::new(Requests::new()),
            offsets: Mutex::new(settings.offsets),
            remote: settings.iam.as_ref().map(RemoteIam::new),
            clock,
            address,
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    pub(super) fn identity(&self) -> MutexGuard<'_, Identity> {
        locked(&self.identity)
    }

    pub(super) fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        locked(&self.rules)
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, Requests> {
        locked(&self.requests)
    }

    /// What the offset of a v2 list counts.
    pub(super) fn offsets(&self) -> Offsets {
        *locked(&self.offsets)
    }

    /// From now on the offset of a v2 list counts this.
    pub(super) fn set_offsets(&self, offsets: Offsets) {
        *locked(&self.offsets) = offsets;
    }

    /// What clients call us: links in answers must lead back the way they came.
    pub(super) fn base(&self, headers: &HeaderMap) -> String {
        let host = header(headers, &header::HOST).unwrap_or(&self.address);
        format!("http://{host}")
    }
}
