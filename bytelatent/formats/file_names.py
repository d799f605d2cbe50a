"""Names of the files that several parts of the program share, each with its one definition here.

The names of the ONNX graphs, which only the exporter and the runtime use, are in
:mod:`bytelatent.runtime.onnx_format`.
"""

CONFIG_FILE = "config.json"
"""Settings of a model in the released layout."""

WEIGHTS_FILE = "model.safetensors"
"""Weights of a model in the released layout."""

PARAMS_FILE = "params.json"
"""Settings of a model in the consolidated layout."""

CONSOLIDATED_FILE = "consolidated.pth"
"""Weights of a model in the consolidated layout."""

INDEX_FILE = "model.safetensors.index.json"
"""Index of weights in shards: in which file each tensor is."""

SHARDS = "model-*.safetensors"
"""Pattern of the names of shards."""

MODEL_FILES = (CONFIG_FILE, WEIGHTS_FILE, INDEX_FILE, SHARDS, PARAMS_FILE, CONSOLIDATED_FILE)
"""Names and patterns of all files of a folder or repository that loading a model may need."""

MODEL_NEEDS = (
    (CONFIG_FILE, WEIGHTS_FILE),
    (CONFIG_FILE, INDEX_FILE),
    (PARAMS_FILE, CONSOLIDATED_FILE),
)
"""Sets of files of which a folder with a model has one."""

TRAIN_ARGS_FILE = "train_args.json"
"""Settings of the run that trained a model, with tokenizer and patcher."""

ENTROPY_FOLDER = "entropy_model"
"""Sub-folder of a BLT's folder that holds its entropy model."""

CARD_FILE = "README.md"
"""Model card."""

CALIBRATION_FILE = "calibration.json"
"""Patch size by threshold, of a released entropy model."""

EVALUATION_FILE = "evaluation.json"
"""Bits per byte and patches of a released model on held-out text."""

METRICS_FILE = "metrics.jsonl"
"""Lines of measurements that a training run writes."""

RUN_CONFIG_FILE = "config.yaml"
"""Configuration of a training run, in the folder of the run."""

MANIFEST_FILE = "manifest.json"
"""Sources, licences and sizes of a corpus."""

ARTIFACTS_FILE = "artifacts.json"
"""Titles, descriptions and producers of the figures and data files in a folder of the gallery."""

SCALING_REPORT_FILE = "scaling_report.json"
"""Report of the scaling study, as data for the page."""
