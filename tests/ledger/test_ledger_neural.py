"""The rules of `bat` and `ctx-docnade`, their measures by hand, and both runs in small."""

import numpy as np
import pytest

from isogloss.ledger import Context, Figure
from isogloss.ledger.systems import bat, ctx_docnade


def figure(value, low=None, high=None):
    return Figure(value, value if low is None else low, value if high is None else high, "", 5)


def adversarial(**changed):
    values = {
        "npmi_gain.bat.lda": figure(0.02, 0.01, 0.03),
        "accuracy_gain.gaussian_bat.bat": figure(0.04, 0.01, 0.05),
        "accuracy_gain.gaussian_bat.lda": figure(0.03, 0.02, 0.05),
        "diversity.bat": figure(0.8),
        "diversity.gaussian_bat": figure(0.6, 0.6, 0.7),
    }
    for name in bat.MODELS:
        values[f"npmi.{name}"] = values[f"accuracy.{name}"] = figure(0.3)
    return values | changed


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "holds"),
        ({"npmi_gain.bat.lda": figure(0.009, 0.001, 0.03)}, "holds in part"),
        ({"npmi_gain.bat.lda": figure(0.02, -0.001, 0.03)}, "holds in part"),
        ({"accuracy_gain.gaussian_bat.lda": figure(0.029, 0.01, 0.03)}, "holds in part"),
        ({"diversity.gaussian_bat": figure(0.7, 0.59, 0.8)}, "holds in part"),
        (
            {"diversity.bat": figure(0.5), "accuracy_gain.gaussian_bat.bat": figure(0.04, -0.1)},
            "does not hold",
        ),
    ],
)
def test_verdict_of_bat(changed, verdict):
    found, reasons = bat.judge(adversarial(**changed))
    assert found == verdict
    assert [reason.split(":")[0] for reason in reasons] == ["coherent", "clustered", "diverse"]


def readers(ratio, gain, *, unigram=400.0):
    values = {}
    for name in ("a", "b"):
        values[f"perplexity.{name}.docnade"] = figure(350.0, 340.0, 360.0)
        values[f"perplexity.{name}.unigram"] = figure(unigram)
        for form in ctx_docnade.READERS:
            values[f"perplexity_ratio.{name}.{form}.again"] = ratio
            values[f"precision_gain.{name}.{form}.again"] = gain
    return values


BETTER, MORE = figure(0.95, 0.92, 0.99), figure(0.02, 0.01, 0.03)


def test_verdict_of_ctx_docnade():
    assert ctx_docnade.judge(readers(BETTER, MORE))[0] == "holds"
    assert ctx_docnade.judge(readers(BETTER, figure(0.009, 0.001)))[0] == "holds in part"
    assert ctx_docnade.judge(readers(figure(0.99, 0.9, 1.001), MORE))[0] == "holds in part"
    assert ctx_docnade.judge(readers(figure(1.0), figure(0.02, -0.01)))[0] == "does not hold"
    assert ctx_docnade.judge(readers(BETTER, MORE, unigram=355.0))[0] == "does not hold"
    one = readers(figure(1.0), figure(0.0)) | {"perplexity_ratio.a.ctx.again": BETTER}
    assert ctx_docnade.judge(one)[0] == "does not hold"
    one["perplexity_ratio.b.ctx.again"] = BETTER
    verdict, reasons = ctx_docnade.judge(one)
    assert verdict == "holds in part"
    assert [reason.split(".")[0] for reason in reasons] == [
        "sound: yes",
        "ctx, likelihood: yes",
        "ctx, retrieval: no",
        "ctx_e, likelihood: no",
        "ctx_e, retrieval: no",
    ]


def test_accuracy_matches_each_class_with_one_topic():
    classes = np.array([0, 0, 0, 1, 1, 2])
    assert bat.matched_accuracy(np.array([2, 2, 2, 0, 0, 1]), classes) == 1.0
    assert bat.matched_accuracy(np.zeros(6, dtype=int), classes) == 0.5
    # two topics for class 0: only the larger counts
    assert bat.matched_accuracy(np.array([0, 0, 3, 1, 1, 2]), classes) == pytest.approx(5 / 6)


def test_precision_counts_labels_among_the_nearest():
    kept = np.array([[1, 0], [1, 0.1], [1, 0.5], [0, 1]], dtype=np.float32)
    found = ctx_docnade.precision_near(
        np.array([[2, 0], [0, 3]], dtype=np.float32),
        kept,
        np.array([0, 1]),
        np.array([0, 1, 0, 1]),
        share=0.5,
    )
    assert found.tolist() == [0.5, 0.5]


@pytest.mark.models
def test_the_autoencoder_finds_planted_topics():
    pytest.importorskip("torch")
    from scipy.sparse import csr_matrix

    from isogloss.ledger.prodlda import ProdLDA
    from isogloss.topics.models.torch_guard import one_thread

    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=300)
    shares = np.kron(np.eye(3), np.full(6, 0.9 / 6)) + 0.1 / 18
    counts = csr_matrix([rng.multinomial(15, shares[topic]) for topic in truth])
    with one_thread():
        models = [
            ProdLDA(18, 3, hidden=20, seed=0).learn(
                counts, epochs=40, batch_size=50, learning_rate=1e-2
            )
            for _ in range(2)
        ]
    assert bat.matched_accuracy(models[0].shares(counts).argmax(axis=1), truth) > 0.9
    best = np.argsort(-models[0].topics(), axis=1)[:, :6] // 6
    assert sorted(row[0] for row in best.tolist() if len(set(row)) == 1) == [0, 1, 2]
    assert np.array_equal(models[0].topics(), models[1].topics())


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.data
def test_both_run_in_small(data_dir, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("tomotopy")
    monkeypatch.setattr(bat, "STEPS", 3)
    monkeypatch.setattr(bat, "LDA_PASSES", 2)
    monkeypatch.setattr(bat, "VAE_PASSES", 1)
    monkeypatch.setattr(ctx_docnade, "PATIENCE", 1)
    monkeypatch.setattr(ctx_docnade, "RATE", 0.1)
    monkeypatch.setattr(ctx_docnade, "UNITS", 4)
    for system in (bat, ctx_docnade):
        context = Context(data_dir, tmp_path, seeds=(0, 1), limit=60)
        first = system.run(context)
        assert {one.n for name, one in first.measured.items() if "npmi" in name} <= {2}
        trained = []
        again = system.run(
            Context(data_dir, tmp_path, seeds=(0, 1), limit=60, on_event=trained.append)
        )
        assert not trained  # all from the cache
        assert {k: v.to_json() for k, v in again.measured.items()} == {
            k: v.to_json() for k, v in first.measured.items()
        }
