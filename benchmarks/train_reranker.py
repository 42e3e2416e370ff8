"""Train the small cross-encoder that benchmarks/retrieval.py reranks with.

    python benchmarks/train_reranker.py --data ../shared/data --model FOLDER --out FOLDER \
        [--steps 900] [--minutes 4.5]

No cross-encoder lies in a package, so one is made from the weights of all-MiniLM-L6-v2. Queries and
passages come from two sources that no benchmark scores: the title and the story of reuters21578,
and passages of broad_english with one of their sentences, some words of it dropped, for a query.
Each query meets its passage and three that BM25 ranks high for it (softmax over the four). A run
stops after `--minutes` and goes on where it stopped when it is started again; figures on 200 held
back queries are printed as it goes. Needs bm25s.
"""

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

FAMILIES = ("openstax", "wiki", "nltk", "python", "foldoc", "jargon", "linux", "pg", "anarchism")
NEGATIVES, QUERIES, LENGTH, WORDS = 3, 8, 96, 80
FROZEN = ("embeddings", "layer.0.", "layer.1.")  # half the time, and what words mean is known
HELD = 200
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def titles(data):
    """Give title and story of the news."""
    table = pq.read_table(data / "reuters21578" / "data.parquet", columns=["title", "text"])
    rows = [(row["title"] or "", row["text"] or "") for row in table.to_pylist()]
    return [(q.lower(), " ".join(p.split()[:WORDS])) for q, p in rows
            if len(q.split()) >= 3 and len(p.split()) >= 20]  # fmt: skip


def sentences(data, rng):
    """Give a thinned sentence and the rest of its passage."""
    pairs = []
    for family in FAMILIES:
        path = data / "broad_english" / f"passages_{family}.parquet"
        texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
        for text in texts[: 3 * 2500 : 3]:
            parts = _SENTENCE.split(text)
            fit = [i for i, part in enumerate(parts) if 6 <= len(part.split()) <= 30]
            if len(parts) < 3 or not fit:
                continue
            chosen = fit[int(rng.integers(len(fit)))]
            words = parts[chosen].split()
            kept = [word for word, draw in zip(words, rng.random(len(words)), strict=True)
                    if draw > 0.35]  # fmt: skip
            rest = " ".join(parts[:chosen] + parts[chosen + 1 :]).split()
            if len(kept) >= 3 and len(rest) >= 25:
                begin = int(rng.integers(max(1, len(rest) - WORDS)))
                pairs.append((" ".join(kept), " ".join(rest[begin : begin + WORDS])))
    return pairs


def mine(pairs, rng, count):
    """Give lists of (query, passage, negatives): passages that BM25 ranks high."""
    import bm25s

    passages = [passage for _, passage in pairs]
    index = bm25s.BM25()
    index.index(bm25s.tokenize(passages, show_progress=False), show_progress=False)
    chosen = rng.permutation(len(pairs))[:count].tolist()
    queries = bm25s.tokenize([pairs[i][0] for i in chosen], show_progress=False)
    found, _ = index.retrieve(queries, k=25, show_progress=False)
    lists = []
    for i, row in zip(chosen, found.tolist(), strict=True):
        others = [j for j in row if passages[j] != passages[i]]
        picked = rng.permutation(others)[:NEGATIVES].tolist()
        lists.append((pairs[i][0], passages[i], [passages[j] for j in picked]))
    return [one for one in lists if len(one[2]) == NEGATIVES]


def main():
    """Train for some minutes, and say how far it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--minutes", type=float, default=4.5)
    parser.add_argument("--rate", type=float, default=8e-5)
    options = parser.parse_args()
    import torch
    from safetensors.torch import load_file, save_file
    from sentence_transformers import CrossEncoder

    began = time.monotonic()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    lists_file = options.out / "lists.json"
    if not lists_file.exists():
        rng = np.random.default_rng(0)
        needed = options.steps * QUERIES // 2 + HELD // 2
        lists = mine(titles(options.data), rng, needed) + mine(
            sentences(options.data, rng), rng, needed)  # fmt: skip
        order = rng.permutation(len(lists)).tolist()
        lists_file.write_text(json.dumps([lists[i] for i in order]))
        print(f"{len(lists)} lists after {time.monotonic() - began:.0f} s", flush=True)
    lists = json.loads(lists_file.read_text())
    held, lists = lists[:HELD], lists[HELD:]
    state = options.out / "state.json"
    done = json.loads(state.read_text())["done"] if state.exists() else 0
    source = options.out / "model" if done else options.model
    model = CrossEncoder(str(source), num_labels=1, max_length=LENGTH, device="cpu")
    network, tokenizer = model.model, model.tokenizer
    for name, one in network.named_parameters():
        one.requires_grad_(not any(part in name for part in FROZEN))
    parameters = [one for one in network.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=options.rate, weight_decay=0.01)
    if done:
        saved = load_file(options.out / "moments.safetensors")
        for i, one in enumerate(parameters):
            optimizer.state[one] = {"step": torch.tensor(float(done)),
                                    "exp_avg": saved[f"{i}.first"],
                                    "exp_avg_sq": saved[f"{i}.second"]}  # fmt: skip

    def scores(batch):
        left = [query for query, _, negatives in batch for _ in range(1 + len(negatives))]
        right = [text for _, passage, negatives in batch for text in (passage, *negatives)]
        rows = tokenizer(left, right, truncation=True, max_length=LENGTH, padding=True,
                         return_tensors="pt")  # fmt: skip
        return network(**rows).logits.view(len(batch), -1)

    warm = 60
    recent = []
    while done < options.steps and time.monotonic() - began < 60 * options.minutes:
        start = done * QUERIES % max(1, len(lists) - QUERIES)
        share = min((done + 1) / warm, (options.steps - done) / (options.steps - warm))
        for group in optimizer.param_groups:
            group["lr"] = options.rate * share
        network.train()
        found = scores(lists[start : start + QUERIES])
        loss = torch.nn.functional.cross_entropy(found, torch.zeros(len(found), dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        done += 1
        recent.append(float(loss.detach()))
        if done % 50 == 0:
            print(f"{done} steps, loss {np.mean(recent[-50:]):.3f}, "
                  f"{time.process_time():.0f} CPU s", flush=True)  # fmt: skip
    network.eval()
    with torch.inference_mode():
        right = [scores(held[i : i + 10]).argmax(1).eq(0) for i in range(0, HELD, 10)]
    print(f"{done} steps: {torch.cat(right).float().mean():.3f} of the held back lists are right, "
          "0.25 by chance")  # fmt: skip
    model.save_pretrained(str(options.out / "model"))
    moments = {}
    for i, one in enumerate(parameters):
        moments[f"{i}.first"] = optimizer.state[one]["exp_avg"]
        moments[f"{i}.second"] = optimizer.state[one]["exp_avg_sq"]
    save_file(moments, options.out / "moments.safetensors")
    state.write_text(json.dumps({"done": done}))


if __name__ == "__main__":
    main()
