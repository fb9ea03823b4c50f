//! What the campaign that won says.

use super::{CustomerState, Engine, IN_FRONT_MAX};
use crate::message::{Rendered, Scene, Speechless};
use crate::model::{Assessment, Customer, DecisionId, DeviceId, PolicyStep, Reason, ServerTime, Trigger, Verdict};
use crate::qualify::{Ledger, Occasion, Qualified};

impl Engine<'_> {
    /// Whether a device's app is in front, and can be spoken to there.
    pub(super) fn is_in_front(&self, state: &CustomerState, device: &DeviceId, now: ServerTime) -> bool {
        let front = state.devices.get(device).and_then(|own| own.front);
        self.open.contains(device) && front.is_some_and(|front| now - front <= IN_FRONT_MAX)
    }

    /// The trigger of the win, with its message in the customer's language; none where the customer is held out. Where
    /// there is nothing to say, the win is none, also of one who is held out: its budget is given back, and its verdict
    /// says why.
    pub(super) fn speak(
        &self,
        answer: &mut Qualified,
        occasions: &[Occasion<'_>],
        (customer, ledger): (&Customer, &mut Ledger),
        device: &DeviceId,
        decision: &DecisionId,
        now: ServerTime,
    ) -> Option<Trigger> {
        let win = answer.winner.as_ref()?;
        let occasion = occasions.get(win.occasion)?;
        let own = occasion.person.devices.iter().find(|own| own.id == *device);
        let scene = Scene {
            campaign: &win.campaign,
            variant: win.arm.variant.as_ref(),
            customer,
            locale: own.map(|own| own.locale.as_str()).unwrap_or_default(),
            events: occasion.person.events,
            place: occasion.place,
            region: occasion.region,
            on: occasion.transition.kind,
            happened: ServerTime(occasion.transition.happened.0),
            zone: occasion.zone,
        };
        match self.catalogue.messages.render(&scene) {
            Ok(Rendered { message, fell_back }) => (!win.arm.held_out).then(|| Trigger {
                id: win.trigger.clone(),
                customer: customer.id.clone(),
                device: device.clone(),
                campaign: win.campaign.id.clone(),
                place: occasion.place.id.clone(),
                decision: decision.clone(),
                transition: occasion.transition.clone(),
                message,
                variant: win.arm.variant.clone(),
                fell_back,
                channels: win.channels.clone(),
                created: now,
                expires: now + win.campaign.time_to_live - occasion.age,
            }),
            Err(Speechless { why }) => {
                ledger.refund(&win.trigger);
                let won = if win.arm.held_out {
                    Verdict::Suppressed(Reason::Holdout)
                } else {
                    Verdict::Qualified(win.trigger.clone())
                };
                let (campaign, region) = (&win.campaign.id, &occasion.region.id);
                let is_won =
                    |own: &&mut Assessment| own.verdict == won && own.campaign == *campaign && own.region == *region;
                for assessment in answer.assessments.iter_mut().filter(is_won) {
                    let refusal = Some(Reason::MessageFailed);
                    let step = PolicyStep { policy: "message", refusal, detail: why.clone().into() };
                    assessment.policies =
                        assessment.policies.iter().cloned().chain([step]).collect::<Vec<_>>().into();
                    assessment.verdict = Verdict::Suppressed(Reason::MessageFailed);
                }
                answer.winner = None;
                None
            }
        }
    }
}
