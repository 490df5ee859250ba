"""Loggers: what they write can be read by others, whatever the figures and whatever was there
before."""

import json

import numpy as np
import pytest
import torch

from lopsided import measure
from lopsided.measure.network.loggers import JsonLines, TensorBoard, Tracker

FIGURES = {"nc1": np.float64(0.5), "cdnv": float("inf"), "nc3": float("nan")}


def strict(text):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines() if line]


def test_lines_are_json_whatever_the_figures(tmp_path):
    JsonLines(tmp_path / "log.jsonl").log(FIGURES, np.int64(3).item())
    assert strict((tmp_path / "log.jsonl").read_text()) == [
        {"step": 3, "nc1": 0.5, "cdnv": None, "nc3": None}
    ]


def test_lines_are_appended_in_a_folder_made_for_them_and_after_closing_too(tmp_path):
    path = tmp_path / "runs" / "first" / "log.jsonl"
    for step in (1, 2):
        logger = JsonLines(path)
        logger.log({"nc1": 0.5}, step)
        logger.close()
        logger.close()
        logger.log({"nc1": 0.25}, step)
    assert [line["step"] for line in strict(path.read_text())] == [1, 1, 2, 2]


def test_half_a_line_of_a_killed_process_spoils_no_other(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"st')
    JsonLines(path).log({"nc1": 0.5}, 2)
    assert path.read_text().splitlines() == ['{"step": 1}', '{"st', '{"step": 2, "nc1": 0.5}']


def test_a_path_that_cannot_be_written_is_told_before_the_first_epoch(tmp_path):
    with pytest.raises(OSError, match="directory"):
        JsonLines(tmp_path)


def test_tensorboard_takes_the_scalars_and_goes_on_after_closing(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logger = TensorBoard(tmp_path / "runs" / "first")
    logger.log(FIGURES, 1)
    logger.close()
    logger.close()
    logger.log({"nc1": 0.25}, 2)
    logger.close()
    events = accumulator.EventAccumulator(str(tmp_path / "runs" / "first"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("geometry/nc1")] == [
        (1, 0.5),
        (2, 0.25),
    ]
    assert np.isinf(events.Scalars("geometry/cdnv")[0].value)
    assert np.isnan(events.Scalars("geometry/nc3")[0].value)


def test_an_epoch_is_closed_though_a_tracker_fails():
    steps = []

    def log(_figures, step):
        steps.append(step)
        if step == 1:
            raise ConnectionError("the server is down")

    head = torch.nn.Linear(2, 2)
    with measure.watch(head, head, loggers=[Tracker(log)]) as watching:
        for epoch in (1, 2):
            head(epoch * torch.eye(2))
            watching.labels(torch.tensor([0, 1]))
            if epoch == 1:
                with pytest.raises(ConnectionError):
                    watching.epoch()
        assert watching.epoch().moments.n == 2
    assert (steps, len(watching.history)) == ([1, 2], 2)


def test_a_training_that_goes_on_goes_on_with_its_steps(tmp_path):
    path, history = tmp_path / "log.jsonl", []
    for _ in range(2):
        model = torch.nn.Linear(3, 2)
        with measure.watch(model, head=model, loggers=[JsonLines(path)]) as watching:
            watching.history.extend(history)
            for _ in range(2):
                model(torch.eye(3))
                watching.labels(torch.tensor([0, 1, 1]))
                watching.epoch()
        history = json.loads(json.dumps(watching.history))
    lines = strict(path.read_text())
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert [line["classifier_equinorm"] for line in lines] == [
        scalars["classifier_equinorm"] for scalars in history
    ]
