"""A small model inside the model worker's own process, run by transformers on the processor.

SmolLM2-135M-Instruct from its package, or what LOCAL_MODEL names. One generation at a time: two
would share the processor and both take twice as long.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistants import conf
from assistants.compute import weights
from assistants.compute.providers.base import failure
from assistants.exceptions import ProviderError
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    GenerationEvent,
    Prompt,
    PromptMessage,
    Role,
    Started,
    Usage,
)

if TYPE_CHECKING:
    import torch

# Greedy decoding of a small model falls into loops. A mild penalty on what it has just written
# prevents most; the prompt is exempt, so that names and numbers can be repeated from it.
REPETITION_PENALTY = 1.15
PENALTY_TOKENS = 256
TOP_K = 40  # where the temperature is above 0
PREFILL_TOKENS = 256  # read at once; between two such pieces a stop is noticed
SHORTEST_ANSWER = 128  # tokens; the room for an answer shrinks to this before a prompt is too long


class LocalModel:
    """See `Provider`. The model is loaded once per process and shared."""

    def __init__(self, deployment: DeploymentSpec) -> None:
        self._deployment = deployment

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationEvent, None]:
        loop = asyncio.get_running_loop()
        arriving: asyncio.Queue[GenerationEvent | Exception] = asyncio.Queue()
        stop = threading.Event()

        def tell(event: GenerationEvent | Exception) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(arriving.put_nowait, event)

        def work() -> None:
            try:
                load().generate(prompt, self._deployment, tell, stop)
            except Exception as error:  # crosses to the caller's loop
                tell(error)

        thread = threading.Thread(target=work, name="local-model", daemon=True)
        thread.start()
        try:
            while True:
                event = await arriving.get()
                if isinstance(event, ProviderError):
                    raise event
                if isinstance(event, weights.WeightsMissing):
                    raise failure("model_missing", str(event))
                if isinstance(event, Exception):
                    raise failure("bad_response", type(event).__name__) from event
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            stop.set()


_loading = threading.Lock()
_model: _Model | None = None


def load() -> _Model:
    """The process's model. The first call takes seconds. Raises WeightsMissing."""
    global _model
    with _loading:
        if _model is None:
            _model = _Model()
        return _model


class _Model:
    def __init__(self) -> None:
        folder, self.name, self.version = _find()
        # Before the first import of torch: idle threads sleep instead of spinning, since the
        # database and the web server need the processor too.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import torch
        import transformers

        transformers.utils.logging.disable_progress_bar()
        torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
        # The weights are bfloat16. A processor that cannot multiply those is two to six times
        # faster on the same numbers widened to float32, for twice the memory.
        native = torch.cpu.get_capabilities().get("avx512_bf16", False)
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            self._model = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.bfloat16 if native else torch.float32
            ).eval()
        except (OSError, ValueError) as error:
            raise weights.WeightsMissing(f"{folder} cannot be loaded: {error}") from None
        if not self._tokenizer.chat_template:
            raise weights.WeightsMissing(f"{folder} has no chat template: take an instruct model")
        ends = self._model.generation_config.eos_token_id
        self._ends = {self._tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        added = self._tokenizer.added_tokens_decoder.values()
        self._control_words = [token.content for token in added if token.special]
        self._longest = int(self._model.config.max_position_embeddings)
        self._busy = threading.Lock()
        self._forward(torch.tensor([[1, 2]]), None)  # the first pass allocates and is slow

    # -- one generation -------------------------------------------------------------------------

    def generate(
        self,
        prompt: Prompt,
        deployment: DeploymentSpec,
        tell: Callable[[GenerationEvent], None],
        stop: threading.Event,
    ) -> None:
        """Tell each event, Finished last, unless `stop` is set. Blocks. Raises ProviderError."""
        from tokenizers.decoders import DecodeStream

        ids, room = self._fit(prompt, deployment)
        with self._busy:
            if stop.is_set():
                return
            tell(Started(self.name, self.version))
            text = DecodeStream(skip_special_tokens=True)
            written, reason = 0, FinishReason.LENGTH
            for token in self._tokens(ids, room, prompt.temperature, stop):
                if token in self._ends:
                    reason = FinishReason.STOP
                    break
                written += 1
                # Nothing comes of a token that is only a part of a character.
                if piece := text.step(self._tokenizer.backend_tokenizer, token):
                    tell(Delta(piece))
            if not stop.is_set():
                tell(Finished(reason, Usage(len(ids), written)))

    def _tokens(
        self, ids: list[int], room: int, temperature: float, stop: threading.Event
    ) -> Iterator[int]:
        import torch

        choose = _Choice(ids, temperature)
        cache = logits = None
        for start in range(0, len(ids), PREFILL_TOKENS):
            if stop.is_set():
                return
            piece = torch.tensor([ids[start : start + PREFILL_TOKENS]])
            logits, cache = self._forward(piece, cache)
        for _ in range(room):
            if stop.is_set():
                return
            token = choose(logits)
            yield token
            logits, cache = self._forward(torch.tensor([[token]]), cache)

    def _forward(self, ids: torch.Tensor, cache: Any) -> tuple[torch.Tensor, Any]:
        """The logits after the last of these tokens, and the cache that includes them."""
        import torch

        with torch.inference_mode():
            output = self._model(
                input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1
            )
        logits = output.logits[0, -1].float()
        return logits.clone(), output.past_key_values  # an inference tensor cannot be changed

    # -- the context budget ---------------------------------------------------------------------

    def _fit(self, prompt: Prompt, deployment: DeploymentSpec) -> tuple[list[int], int]:
        """The prompt's tokens and the room for the answer.

        What is too long loses its oldest turns first, then room for the answer; the system message
        with the passages and the question stay whole. Raises ProviderError (`context_exceeded`).
        """
        context = min(deployment.context_tokens, self._longest)
        room = min(prompt.max_tokens, deployment.max_tokens, context)
        shortest = min(room, SHORTEST_ANSWER)
        first = [m for m in prompt.messages[:-1] if m.role is Role.SYSTEM]
        history = [m for m in prompt.messages[:-1] if m.role is not Role.SYSTEM]
        while True:
            ids = self._encode([*first, *history, *prompt.messages[-1:]])
            if len(ids) + room <= context:
                return ids, room
            if not history:
                break
            history = history[1:]
            while history and history[0].role is not Role.USER:
                history = history[1:]
        room = context - len(ids)
        if room < shortest:
            raise failure("context_exceeded", f"{len(ids)} tokens of {context}")
        return ids, room

    def _encode(self, messages: list[PromptMessage]) -> list[int]:
        turns = [{"role": m.role.value, "content": self._plain(m.text)} for m in messages]
        text = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _plain(self, text: str) -> str:
        """Break the model's own control words, so that no text can end its turn and begin another's
        (`<|im_end|>` in a document becomes `< |im_end|>`).
        """
        for word in self._control_words:
            text = text.replace(word, f"{word[:1]} {word[1:]}")
        return text


class _Choice:
    """Picks the next token: the same for the same prompt, each time."""

    def __init__(self, ids: list[int], temperature: float) -> None:
        import torch

        self._temperature = temperature
        self._recent: list[int] = []
        seed = hashlib.sha256(repr(ids).encode()).digest()[:8]
        self._random = torch.Generator().manual_seed(int.from_bytes(seed) >> 1)

    def __call__(self, logits: torch.Tensor) -> int:
        import torch

        if self._recent:
            seen = torch.tensor(self._recent[-PENALTY_TOKENS:]).unique()
            values = logits[seen]
            logits[seen] = torch.where(
                values > 0, values / REPETITION_PENALTY, values * REPETITION_PENALTY
            )
        if self._temperature <= 0:
            token = int(logits.argmax())
        else:
            best, tokens = logits.topk(TOP_K)
            shares = (best / self._temperature).softmax(-1)
            token = int(tokens[torch.multinomial(shares, 1, generator=self._random)])
        self._recent.append(token)
        return token


def _find() -> tuple[Path | str, str, str]:
    """Folder or id, name and version of the model to load."""
    named = conf.load().local_model
    if named:
        return named, Path(named).name, ""
    folder = weights.prepare()
    return folder, weights.CHAT_NAME, weights.verify(folder)
