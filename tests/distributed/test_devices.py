"""Advice about the device that a setting names."""

import logging

import pytest
import torch

from bytelatent.distributed.devices import warn_of_slow_bf16

X86 = {"architecture": "x86_64", "avx2": True}


@pytest.mark.parametrize(
    ("capabilities", "device", "warns"),
    [
        (X86 | {"avx512_bf16": False, "amx_bf16": False}, "cpu", True),
        (X86 | {"avx512_bf16": True}, "cpu", False),
        (X86 | {"amx_bf16": True}, "cpu", False),
        ({"architecture": "aarch64"}, "cpu", False),
        (X86, "meta", False),
    ],
)
def test_a_processor_that_emulates_bf16_is_said(
    capabilities: dict[str, object],
    device: str,
    warns: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    with caplog.at_level(logging.WARNING):
        warn_of_slow_bf16(torch.device(device))
    assert ("dtype=fp32 is faster" in caplog.text) == warns


def test_capabilities_have_the_names_that_are_looked_for() -> None:
    capabilities = torch.cpu.get_capabilities()
    if capabilities["architecture"] == "x86_64":
        assert {"avx512_bf16", "amx_bf16"} <= set(capabilities)
