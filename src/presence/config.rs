//! Every tunable of presence. One configuration is for all devices and regions.

/// Most fences that a device is in, or about to be in, at a time. Further ones are not entered until there is room.
pub const FENCES_MAX: usize = 64;
/// Most beacons that a device is known to hear; the one unheard for longest is forgotten, of several the weakest.
pub const BEACONS_MAX: usize = 128;
/// Most beacon regions that a device is in, or about to be in, at a time.
pub const BEACON_REGIONS_MAX: usize = 64;

/// How presence is decided.
///
/// Names end in the unit. The defaults come from trials on walks, drives, resting phones, background pings and
/// rooms, and on fresh ones drawn from the same noise models, so that they do not hang on one recording.
#[derive(Debug, Clone, PartialEq)]
pub struct PresenceConfig {
    // --- the track
    /// Correlation time of the slowly changing part of a GPS error. 14 s: between the 20 to 40 s of a walk among
    /// houses and the few seconds of a drive.
    pub bias_time_s: f64,
    /// Share of a fix's standard deviation that is new with every fix; the rest is slowly changing. 0.5.
    pub white_share: f64,
    /// The standard deviation of a fix is never taken below this, an axis. 2 m: phones that claim less flatter
    /// themselves.
    pub fix_sigma_floor_m: f64,
    /// Reported accuracies scatter: they are averaged, geometrically, over about this long. 40 s.
    pub accuracy_time_s: f64,
    /// A velocity fades to nothing within about this long. 16 s: people turn and stop.
    pub velocity_time_s: f64,
    /// Standard deviation of the velocity of a track that is at rest, an axis. 0.7 m/s ...
    pub walk_speed_mps: f64,
    /// ... which grows by this for each m/s that the track moves. 0.8: what moves fast changes its speed fast.
    pub speed_gain: f64,
    /// ... and never above this. 20 m/s.
    pub typical_speed_max_mps: f64,
    /// After a gap longer than this the device may have gone anywhere. 40 s ...
    pub wander_after_s: f64,
    /// ... at about this speed, standard deviation an axis. 1 m/s.
    pub wander_speed_mps: f64,
    /// Fixes of a larger accuracy radius decide nothing. 200 m.
    pub accuracy_max_m: f64,
    /// A fix further from its prediction than this is set aside. 5 standard deviations.
    pub gate_sigmas: f64,
    /// So many fixes that were set aside and agree with each other begin the track anew. 3.
    pub reseat_fixes: u32,
    /// Two do when they are this far apart in time. 10 s: background pings are few.
    pub reseat_two_after_s: f64,
    /// Fixes agree when a device can have gone from one to the other at this speed. 70 m/s ...
    pub agree_speed_mps: f64,
    /// ... within at most this time. 30 s.
    pub agree_within_s: f64,
    /// A track is not begun anew where the device could only be by going faster than this. 350 m/s: airliners
    /// reach 300.
    pub travel_speed_max_mps: f64,
    /// ... unless the fixes there went on for this long: it may have been the track that was wrong. 600 s.
    pub travel_hold_s: f64,
    /// Whether fixes of a mock location provider count. `false`; a tester's server may say otherwise.
    pub accept_mock: bool,
    // --- fences
    /// Fences whose edge is nearer than this are considered. 200 m.
    pub reach_m: f64,
    /// An accepted fix supports those after it for about this long. 8 s.
    pub support_time_s: f64,
    /// A track of this much support is dense: one that is alone has 1. 3.
    pub dense_support: f64,
    /// Depth that a dense track needs to enter, in its own standard deviations. 0.82.
    pub dense_sigmas: f64,
    /// Depth that a fix alone needs, in standard deviations. 0.05, ...
    pub alone_sigmas: f64,
    /// ... and for each m² of its variance. 0.025 m.
    pub alone_per_m: f64,
    /// The standard deviation is never taken below this for entering. 5 m.
    pub enter_sigma_floor_m: f64,
    /// How far ahead the crossing of the edge is anticipated by a dense track. 2.5 s.
    pub dense_look_ahead_s: f64,
    /// The same for a fix alone. 5 s.
    pub alone_look_ahead_s: f64,
    /// Never anticipated further ahead than this. 8 m.
    pub look_ahead_max_m: f64,
    /// A fix further from its prediction than this is taken, but enters nothing by itself. 2.8 standard deviations.
    pub surprise_sigmas: f64,
    /// A track from fixes coarser than this that is not dense, standard deviation an axis, ... 30 m.
    pub coarse_sigma_m: f64,
    /// ... enters only after this long inside. 150 s: Wi-Fi and cell fixes repeat their errors.
    pub coarse_hold_s: f64,
    /// A visit ends when the track is so many standard deviations, ... 2.3
    pub exit_sigmas: f64,
    /// ... beyond this buffer around the fence, ... 20 m
    pub exit_buffer_m: f64,
    /// ... for this long, 60 s,
    pub exit_hold_s: f64,
    /// or so many standard deviations, ... 5
    pub exit_clear_sigmas: f64,
    /// ... for this long. 20 s.
    pub exit_clear_hold_s: f64,
    /// A visit lapses this long after the last ping of the device. 2 h.
    pub lapse_s: f64,
    /// A device that fell silent inside has dwelt when it was silent for this long past the dwell time. 60 s: its
    /// next batch may show that it left.
    pub dwell_grace_s: f64,
    /// A silent device dwells only if it was last inside with this probability, 0.95, ...
    pub dwell_probability: f64,
    /// ... and no faster than this. 1.5 m/s: what drives through does not dwell.
    pub dwell_speed_max_mps: f64,
    /// An approach is told this near to a fence, 150 m, ...
    pub approach_m: f64,
    /// ... or this long before it, at the track's speed, as far as fences are considered. 60 s.
    pub approach_s: f64,
    /// A device slower than this approaches nothing. 0.5 m/s.
    pub approach_speed_min_mps: f64,
    // --- beacons
    /// Readings of a beacon are smoothed over about this long. 5 s.
    pub rssi_time_s: f64,
    /// Readings closer together count as this far apart. 0.1 s.
    pub rssi_gap_least_s: f64,
    /// Another beacon of a group must be stronger by this, 4 dB, ...
    pub rssi_margin_db: f64,
    /// ... for this long. 3 s.
    pub rssi_hold_s: f64,
    /// A beacon unheard for this long while others are heard, 5 s, ...
    pub rssi_grace_s: f64,
    /// ... fades by this, 1 dB a second, ...
    pub rssi_fade_db_per_s: f64,
    /// ... and is gone after this. 45 s.
    pub rssi_silence_s: f64,
    /// When no beacon is heard at all the phone is asleep, not gone, for this long. 600 s.
    pub rssi_lost_s: f64,
    /// Immediate is a path loss of at most this against the measured power at 1 m. -6 dB: half a metre by the
    /// log-distance model of free space (20 dB for each tenfold distance).
    pub immediate_loss_db: f64,
    /// Near is a path loss of at most this. 12 dB: 4 metres by the same model.
    pub near_loss_db: f64,
    /// Going back out of a proximity takes this much more. 4 dB.
    pub proximity_margin_db: f64,
    /// A region that asks for a proximity is entered after this long within it. 2 s: one reading may be a freak.
    pub proximity_enter_hold_s: f64,
    /// ... and left after this long beyond it. 10 s: somebody stands in between.
    pub proximity_exit_hold_s: f64,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self {
            bias_time_s: 14.0,
            white_share: 0.5,
            fix_sigma_floor_m: 2.0,
            accuracy_time_s: 40.0,
            velocity_time_s: 16.0,
            walk_speed_mps: 0.7,
            speed_gain: 0.8,
            typical_speed_max_mps: 20.0,
            wander_after_s: 40.0,
            wander_speed_mps: 1.0,
            accuracy_max_m: 200.0,
            gate_sigmas: 5.0,
            reseat_fixes: 3,
            reseat_two_after_s: 10.0,
            agree_speed_mps: 70.0,
            agree_within_s: 30.0,
            travel_speed_max_mps: 350.0,
            travel_hold_s: 600.0,
            accept_mock: false,
            reach_m: 200.0,
            support_time_s: 8.0,
            dense_support: 3.0,
            dense_sigmas: 0.82,
            alone_sigmas: 0.05,
            alone_per_m: 0.025,
            enter_sigma_floor_m: 5.0,
            dense_look_ahead_s: 2.5,
            alone_look_ahead_s: 5.0,
            look_ahead_max_m: 8.0,
            surprise_sigmas: 2.8,
            coarse_sigma_m: 30.0,
            coarse_hold_s: 150.0,
            exit_sigmas: 2.3,
            exit_buffer_m: 20.0,
            exit_hold_s: 60.0,
            exit_clear_sigmas: 5.0,
            exit_clear_hold_s: 20.0,
            lapse_s: 7_200.0,
            dwell_grace_s: 60.0,
            dwell_probability: 0.95,
            dwell_speed_max_mps: 1.5,
            approach_m: 150.0,
            approach_s: 60.0,
            approach_speed_min_mps: 0.5,
            rssi_time_s: 5.0,
            rssi_gap_least_s: 0.1,
            rssi_margin_db: 4.0,
            rssi_hold_s: 3.0,
            rssi_grace_s: 5.0,
            rssi_fade_db_per_s: 1.0,
            rssi_silence_s: 45.0,
            rssi_lost_s: 600.0,
            immediate_loss_db: -6.0,
            near_loss_db: 12.0,
            proximity_margin_db: 4.0,
            proximity_enter_hold_s: 2.0,
            proximity_exit_hold_s: 10.0,
        }
    }
}
