"""The claim prescription: what `steer.prescribe` promises, on networks it was not tuned on."""
