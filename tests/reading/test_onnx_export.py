"""A recogniser in ONNX: what its graphs give is what the exported vectors say."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import experiments
from handwriting.ink.features import InkFeatures
from handwriting.runtime.recogniser import Recogniser
from handwriting.text.vocabulary import Vocabulary
from model.exported_weights import for_export, tensors_of
from model.recognition import Seq2SeqRecognition
from reading.onnx_export import DECODER, ENCODER, NEXT, file_name, write_recogniser
from reading.runtime_export import about_recogniser

onnxruntime = pytest.importorskip("onnxruntime")
VOCABULARY = Vocabulary("abcde ")
SIZES = {
    "channels": (4, 6), "kernel_size": 3, "encoder_size": 5, "encoder_layers": 1,
    "decoder_size": 6, "embedding_size": 3, "attention_size": 4, "location_width": 3,
}  # fmt: skip
MODELS = {
    "plain": {},
    "normalised": {"layer_norm": True, "encoder_layers": 2, "num_halvings": 1},
    "additive": {"attention": "additive", "ctc": False},
}


def session(path: Path) -> "onnxruntime.InferenceSession":
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


def run(model: "onnxruntime.InferenceSession", **inputs: np.ndarray) -> dict[str, np.ndarray]:
    names = [output.name for output in model.get_outputs()]
    return dict(zip(names, model.run(None, inputs), strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_both_graphs_compute_what_the_model_does(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    features = InkFeatures()
    model = Seq2SeqRecognition(VOCABULARY, features.size, **(SIZES | MODELS[name]))
    about = about_recogniser(model, VOCABULARY, features) | {"weights": ""}
    tensors = tensors_of(for_export(model))
    write_recogniser(about, tensors, tmp_path)
    reference = Recogniser(about, tensors)
    rng = np.random.default_rng(2)
    lengths = np.array([11, 20, 1])
    lines = [rng.normal(size=(n, features.size)).astype(np.float32) for n in lengths]
    padded = np.full((3, 20, features.size), 9.0, np.float32)  # padding has no bearing
    for row, line in zip(padded, lines, strict=True):
        row[: len(line)] = line
    expected = reference.encode(lines)
    for precision, most in (("float32", 1e-5), ("int8", 0.2)):
        encoder, decoder = (
            session(tmp_path / file_name(each, precision)) for each in (ENCODER, DECODER)
        )
        found = run(encoder, features=padded, lengths=lengths)
        assert np.array_equal(found["frame_lengths"], expected.lengths)
        assert np.abs(found["start"] - expected.start).max() < most
        for line, length in enumerate(expected.lengths):
            for part, theirs in (("memory", expected.memory), ("keys", expected.keys)):
                assert np.abs(found[part][line, :length] - theirs[line, :length]).max() < most
        if about["ctc"]:
            ctc = reference.ctc_log_probs(expected)
            difference = np.exp(found["ctc_log_probs"]) - np.exp(ctc)
            for line, length in enumerate(expected.lengths):
                assert np.abs(difference[line, :length]).max() < most
        state, previous = reference.initial_state(expected), np.array([1, 1, 1])
        states = dict(state._asdict())
        for character in (4, 5, 6):
            step = run(
                decoder, previous=previous, memory=expected.memory, keys=expected.keys,
                frame_lengths=expected.lengths, **states,
            )  # fmt: skip
            logits, state = reference.step(previous, state, expected)
            probs = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
            assert np.abs(np.exp(step["log_probs"]) - probs).max() < most
            assert np.abs(step[f"{NEXT}attention"] - state.attention).max() < most
            states = {part: step[f"{NEXT}{part}"] for part in states}
            previous = np.full(3, character)


def test_the_command_writes_and_measures_both(recogniser: Path, tmp_path: Path) -> None:
    out = tmp_path / "onnx"
    experiments.main(["-r", str(recogniser), "--export-onnx", "--out", str(out), "--limit", "3"])
    report = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    torch_row, float_row, int8_row = report["graphs"]
    assert float_row["cer"] == torch_row["cer"] and report["lines"] == 3
    assert int8_row["MB"] > 0 and int8_row["cer"] >= 0
    description = json.loads((out / "recogniser.json").read_text(encoding="utf-8"))
    assert description["encoder"]["inputs"]["lengths"] == ["lines"]
