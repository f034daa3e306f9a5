"""signature: what goes into a model and what comes out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One named input or output."""

    name: str
    type: str
    """Open Inference Protocol v2 datatype: BOOL, INT64, FP64, BYTES (text), …"""
    shape: tuple[int, ...] = (-1,)
    """-1: any length."""
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    """Range seen in training."""
    values: tuple[str, ...] = ()
    """Categories seen in training, where they are at most 100."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs in order."""

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
