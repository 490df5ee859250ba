"""What lopsided steer says of a trained network: the head it should have, and its worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lopsided.cli.output import bar, print_json, require_writable, shown, table_console

if TYPE_CHECKING:
    from lopsided.cli.steer import Steer


def prescribe(options: Steer, features: Path) -> None:
    """Prescribe from stored features, tell, and write the head if that is wanted.

    Raises:
        ValueError: if there is no head, or files do not fit.
        OSError: if a file cannot be read or written.
    """
    from lopsided import measure, steer
    from lopsided.measure.storage.store import files_of
    from lopsided.steer.prescribe import rows_read
    from lopsided.steer.prescribe.prescription import require_head_file
    from lopsided.steer.prescribe.sentences import in_shell

    read = [file for path in (features, options.held_out) if path for file in files_of(path)]
    require_writable(options.out, [*read, options.head, options.classes.file])
    if options.out is not None:
        require_head_file(options.out)
    train = measure.open_store(features, head=options.head, ignore=options.ignore)
    counts = options.classes.of_all(train.k, options.ignore)
    if train.weight is None:
        raise ValueError(
            f"a head is prescribed instead of another: give its weight, with {features} or by"
            " --head"
        )
    if counts is None and (left := [label for label in options.ignore if 0 <= label < train.k]):
        raise ValueError(
            f"--ignore leaves out class {left[0]}, which the head answers: give the training counts"
            " of all its classes, 1 of one that was not trained"
        )
    held_out = None
    if options.held_out is not None:
        held_out = measure.open_store(options.held_out, head=options.head, ignore=options.ignore)
    head = train.weight, train.bias
    rows = rows_read(train.n, 0 if held_out is None else held_out.n)
    with bar("finding a head", rows) as progress:
        found = steer.prescribe(
            head, train, held_out, counts=counts, loss=options.loss, progress=progress
        )
    written = None
    if options.out is not None and found.remedy != "nothing":
        written = found.save(options.out)
    if options.json:
        answer = found.to_dict() | {"written": None if written is None else str(written)}
        print_json("prescription", answer)
        return
    console = table_console()
    for sentence in found.sentences:
        console.print(shown(in_shell(sentence)))
    if options.out is not None:
        told = "no file was written" if written is None else f"written to {shown(str(written))}"
        console.print(told)
    elif found.remedy != "nothing":
        console.print("--out FILE writes the corrected head.")
