"""What a diagnosis says of cause and remedy: the prescription's words, and the rule they go by."""

from __future__ import annotations

from lopsided.steer.prescribe import Prescription
from lopsided.steer.prescribe.cause import HEAD, NONE, REWEIGHTED, TRAINED, UNDERTRAINED, Cause
from lopsided.steer.prescribe.sentences import measured, reweighted, unmeasured


def remedy(found: Prescription) -> list[str]:
    """Return the sentences on what is in doubt, cause, remedy, worth and price."""
    worth, before, after, cause = found.worth, found.before, found.after, found.cause
    share, held_out = found.norm_share, found.held_out
    if worth is None or before is None or after is None or cause is None or held_out is None:
        return [*found.doubts, *unmeasured(found.remedy, found.loss, share, held_out)]
    there = held_out[found.present]
    said = measured(worth, before, after, cause, there, share, second=found.second)
    if cause.head and share is not None and share < REWEIGHTED:
        said.append(reweighted(share))
    perhaps = "perhaps " if cause.head and worth.low <= 0 else ""
    return [*found.doubts, f"Cause: {perhaps}{cause}.", *said, _rule(cause)]


def _rule(cause: Cause) -> str:
    """Return the rule that tells the cause, with its numbers."""
    said = f"The rule: the head from an expected gain of {100 * HEAD:g} points on"
    if cause.training_error is None and cause.held_out_error > NONE:
        return f"{said}; what the errors that stay are due to, the training samples tell."
    if cause.training_error is None or cause.held_out_error <= NONE or cause.unlike or cause.few:
        return f"{said}."
    ratio = cause.training_error / cause.held_out_error
    return (
        f"{said}; of the errors that stay, training error over held-out error is {ratio:.2f}, which"
        f" is features from {TRAINED} on and data up to {UNDERTRAINED}."
    )
