"""Two small encoders that find a pass key within 128 tokens: learned positions, rotary positions.

Trained from random weights on the CPU, contrastively, on texts of up to 128 tokens. Every text
holds one pass key among requests that people made, and names of others who have no key there: the
sentence has to be read, its words alone do not tell. The vector is that of the first token: after
280 steps it found 70% of the keys at 128 tokens, where an average over all tokens found 17%.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss._core.extras import need
from isogloss._core.files import atomic_path, write_json

if TYPE_CHECKING:
    from isogloss.ledger.system import Context

TRAINED = 128  # positions
KINDS = {"table": "bert", "rotary": "nomic_bert"}
STEPS, BATCH, RATE, TEMPERATURE = 600, 32, 2e-3, 0.05
WARM_UP = 30
SAVED_EVERY = 25
HIDDEN, LAYERS, HEADS = 64, 3, 4
OTHERS = 0.05  # share of sentences about people without a key
_LENGTHS = (24, 32, 48, 64, 96, 128)
_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_NAMES = 60  # first names, and as many last names
_SYLLABLES = ("ba", "do", "fe", "gi", "ku", "la", "mo", "ne", "ri", "so", "tu", "va", "xi", "ze")


@dataclass(frozen=True, slots=True)
class Texts:
    """What the small encoders read.

    Parameters
    ----------
    filler : list of str
        Sentences of people's requests.
    others : list of str
        Sentences about people without a key.
    train, test : list of (str, str)
        Pairs of first and last names: those trained on, and those asked for afterwards.
    """

    filler: list[str]
    others: list[str]
    train: list[tuple[str, str]]
    test: list[tuple[str, str]]

    def pool(self, seed: int) -> list[str]:
        """Give filler with its share of others, in an order drawn by a seed."""
        rng = np.random.default_rng([seed, 7])
        count = int(len(self.filler) * OTHERS / (1 - OTHERS))
        rows = rng.permutation(len(self.others))[:count]
        mixed = [*self.filler, *(self.others[row] for row in rows.tolist())]
        return [mixed[row] for row in rng.permutation(len(mixed)).tolist()]


def fact(name: tuple[str, str], rng: np.random.Generator) -> tuple[str, str]:
    """Give a sentence and its question.

    Examples
    --------
    >>> fact(("bado", "fegi"), np.random.default_rng(0))
    ('the pass key of bado fegi is 8 6 5 2 .', 'what is the pass key of bado fegi')
    """
    digits = " ".join(str(digit) for digit in rng.integers(10, size=4))
    who = " ".join(name)
    return f"the pass key of {who} is {digits} .", f"what is the pass key of {who}"


def make_texts() -> Texts:
    """Give filler of the package's sample, and names parted into training and test."""
    from isogloss.evaluate.needle import filler_sentences

    filler = [
        one.rstrip(".").lower() + " ." for one in filler_sentences() if "pass" not in one.lower()
    ]
    words = [a + b for a in _SYLLABLES for b in _SYLLABLES]
    order = np.random.default_rng(11).permutation(len(words))[: 2 * _NAMES].tolist()
    names = [words[row] for row in order]
    pairs = [(a, b) for a in names[:_NAMES] for b in names[_NAMES:]]
    mixed = [pairs[row] for row in np.random.default_rng(12).permutation(len(pairs)).tolist()]
    half = len(mixed) // 2
    forms = ("call {} .", "the number of {} is wrong .", "is {} at home .", "tell {} about it .")
    others = [
        forms[row % len(forms)].format(" ".join(pair)) for row, pair in enumerate(mixed[:half])
    ]
    return Texts(filler, others, mixed[:half], mixed[half:])


def make_folder(kind: str, folder: Path, texts: Texts, *, seed: int) -> Any:
    """Write an untrained encoder as a sentence-transformers folder, and give its model.

    Parameters
    ----------
    kind : {"table", "rotary"}
    folder : Path
    texts : Texts
        Its words.
    seed : int
        Of the weights.
    """
    torch = need("torch", extra="models")
    library = need("tokenizers", extra="models")
    transformers = need("transformers", extra="models")
    sentences = [*texts.filler, *texts.others, "the pass key of is what", *"0123456789"]
    seen = {word for sentence in sentences for word in sentence.split()}
    seen |= {word for pair in [*texts.train, *texts.test] for word in pair}
    vocabulary = {word: row for row, word in enumerate([*_SPECIALS, *sorted(seen)])}
    tokenizer = library.Tokenizer(library.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = library.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(seed)
    config = transformers.AutoConfig.for_model(
        KINDS[kind],
        vocab_size=len(vocabulary),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=TRAINED,
        pad_token_id=0,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = transformers.AutoModel.from_config(config)
    model.save_pretrained(folder)
    described = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": TRAINED}
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    write_json(folder / "tokenizer_config.json", described | marks)
    st = "sentence_transformers.models."
    parts = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling")]
    write_json(
        folder / "modules.json",
        [
            {"idx": row, "name": name, "path": path, "type": f"{st}{what}"}
            for row, (name, path, what) in enumerate(parts)
        ],
    )
    pooling = {
        "word_embedding_dimension": HIDDEN,
        "pooling_mode_cls_token": True,
        "pooling_mode_mean_tokens": False,
    }
    (folder / "1_Pooling").mkdir(exist_ok=True)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    return model, tokenizer


def train(context: "Context", kind: str, *, seed: int = 0, steps: int = STEPS) -> Path:
    """Train a small encoder, or go on where it was left; give its folder.

    Each step draws its texts from a seed of its own, so an interrupted training ends with the same
    weights as one that was not.
    """
    torch = need("torch", extra="models")
    recipe = f"{kind}-{steps}-{BATCH}-{RATE}-{HIDDEN}-{LAYERS}-{OTHERS}-{seed}"
    folder = context.cache / "passkey" / recipe
    done = folder / "model.safetensors"
    state = folder / "state.safetensors"
    finished = folder / "finished.json"
    if finished.is_file() and done.is_file():
        return folder
    texts = make_texts()
    model, tokenizer = make_folder(kind, folder, texts, seed=seed)
    model.train()
    pool = texts.pool(seed)
    sizes = np.array([len(one.split()) for one in pool])
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    first = _resume(model, optimizer, state)
    for step in range(first, steps):
        rate = min(1.0, (step + 1) / WARM_UP) * (1 - step / steps)
        for group in optimizer.param_groups:
            group["lr"] = RATE * rate
        asked, held = _batch(texts, pool, sizes, np.random.default_rng([seed, step]))
        one, other = (_vectors(model, tokenizer, batch) for batch in (asked, held))
        scores = one @ other.T / TEMPERATURE
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(scores)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % SAVED_EVERY == 0:
            _save(model, optimizer, state, step + 1)
            right = float((scores.argmax(dim=1) == torch.arange(len(scores))).float().mean())
            context.say(f"train {kind} positions ({right:.0%} right)", step + 1, steps, "steps")
    model.eval().save_pretrained(folder)
    write_json(finished, {"steps": steps, "seed": seed})
    state.unlink(missing_ok=True)
    return folder


def _batch(
    texts: Texts, pool: Sequence[str], sizes: Any, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Give questions and documents of one length; the keys stand at random places."""
    rows = rng.permutation(len(texts.train))[:BATCH].tolist()
    length = int(rng.choice(_LENGTHS))
    asked, held = [], []
    for row in rows:
        said, question = fact(texts.train[row], rng)
        asked.append(question)
        room = length - 2 - len(said.split())
        parts: list[str] = []
        for place in rng.integers(len(pool), size=length).tolist():
            if sizes[place] > room:
                break
            parts.append(pool[place])
            room -= int(sizes[place])
        parts.insert(int(rng.integers(len(parts) + 1)), said)
        held.append(" ".join(parts))
    return asked, held


def _vectors(model: Any, tokenizer: Any, texts: list[str]) -> Any:
    torch = need("torch", extra="models")
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    found = tokenizer.encode_batch(texts)
    ids = torch.tensor([one.ids for one in found])
    mask = torch.tensor([one.attention_mask for one in found])
    states = model(input_ids=ids, attention_mask=mask)[0]
    return torch.nn.functional.normalize(states[:, 0], dim=1)


def _save(model: Any, optimizer: Any, path: Path, step: int) -> None:
    from safetensors.torch import save_file

    tensors = {f"model.{name}": value.contiguous() for name, value in model.state_dict().items()}
    for number, held in optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{name}": held[name] for name in ("exp_avg", "exp_avg_sq")}
    with atomic_path(path) as target:
        save_file(tensors, target, metadata={"step": str(step)})


def _resume(model: Any, optimizer: Any, path: Path) -> int:
    if not path.is_file():
        return 0
    from safetensors import safe_open

    torch = need("torch", extra="models")
    with safe_open(path, framework="pt") as held:
        step = int(held.metadata()["step"])
        tensors = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
    model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        if name.startswith("adam."):
            _, number, what = name.split(".")
            state.setdefault(int(number), {"step": torch.tensor(float(step))})[what] = value
    whole = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
    return step
