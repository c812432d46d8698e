"""Made-up texts to train the learned guardrail on: attacks, and what only looks like them."""

from __future__ import annotations

from assistants.control.guardrails.training.generator import Example, make_examples

__all__ = ["Example", "make_examples"]
