"""The topic models that topic_peers.py compares: texts and vectors to labels and keywords."""

import hashlib
import json
import time
from pathlib import Path

import numpy as np

OURS = ("isogloss", "isogloss_told")
PEERS = (
    "kmeans", "nmf", "lda", "bertopic", "evoc", "keynmf", "turftopic_clustering", "top2vec",
)  # fmt: skip
# CPU seconds of vectors of words that were read back instead of made.
SAVED: list[float] = []
WORDS = {"stop_words": "english", "min_df": 3, "max_df": 0.5}


def ours(vectors, texts, seed, encoder, classes=None):
    """Give labels and keywords of our leaves."""
    from isogloss.text import Vocabulary
    from isogloss.topics.graph import knows_other_texts
    from isogloss.topics.keywords import topic_keywords
    from isogloss.topics.model import TopicModel

    vocabulary = Vocabulary.fit([texts], stop_words="auto")
    counts = vocabulary.counts(texts)
    even = knows_other_texts(encoder)
    model = TopicModel(even_edges=even, n_topics=classes, random_state=seed).fit(vectors, counts)
    labels, parent = model.labels_, model.tree_.parent
    leaves = [topic.id for topic in model.tree_ if topic.is_leaf]
    held = counts.copy()
    held.data[:] = 1
    documents = np.stack([np.asarray(held[labels == leaf].sum(axis=0))[0] for leaf in leaves])
    sizes = np.array([(labels == leaf).sum() for leaf in leaves])
    found = topic_keywords(documents, vocabulary.words, parent=parent, sizes=sizes, counts=counts)
    return labels, [found[leaf].words for leaf in leaves]


def class_tfidf(labels, texts, top=10):
    """Give keywords by class-based TF-IDF: each topic one document."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

    topics = sorted(set(labels.tolist()) - {-1})
    joined = [" ".join(t for t, x in zip(texts, labels, strict=True) if x == k) for k in topics]
    vectorizer = CountVectorizer(stop_words="english")
    weights = TfidfTransformer().fit_transform(vectorizer.fit_transform(joined))
    names = vectorizer.get_feature_names_out()
    return [names[np.argsort(-row.toarray()[0])[:top]].tolist() for row in weights]


def bertopic(vectors, texts):
    """Give labels and keywords of BERTopic with its defaults and an English stop list."""
    from bertopic import BERTopic
    from sklearn.feature_extraction.text import CountVectorizer

    model = BERTopic(vectorizer_model=CountVectorizer(stop_words="english"))
    labels = np.asarray(model.fit_transform(texts, vectors)[0])
    found = model.get_topics()
    return labels, [[word for word, _ in found[k]] for k in sorted(found) if k != -1]


def lda(texts, classes, seed):
    """Give labels and keywords of tomotopy's LDA."""
    import tomotopy
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(**WORDS).fit(texts)
    analyze, known = vectorizer.build_analyzer(), vectorizer.vocabulary_
    model = tomotopy.LDAModel(k=classes, seed=seed)
    kept = []  # it leaves texts without words out
    for i, text in enumerate(texts):
        words = [word for word in analyze(text) if word in known]
        if words:
            model.add_doc(words)
            kept.append(i)
    model.train(500, workers=1)
    labels = np.full(len(texts), -1)
    for i, document in zip(kept, model.docs, strict=True):
        labels[i] = int(np.argmax(document.get_topic_dist()))
    return labels, [[w for w, _ in model.get_topic_words(k, top_n=10)] for k in range(classes)]


def word_encoder(model, cache):
    """Give the transformer, which reads back what it has encoded before, and notes what it took."""
    from sentence_transformers import SentenceTransformer

    transformer = SentenceTransformer(model, device="cpu")
    make = transformer.encode

    def encode(batch, **options):
        texts = [batch] if isinstance(batch, str) else list(batch)
        key = hashlib.sha256(json.dumps([str(model), texts, sorted(options)]).encode()).hexdigest()
        path = Path(cache) / f"words_{key[:32]}.npz"
        if path.is_file():
            found = np.load(path)
            SAVED.append(float(found["seconds"]))
            return found["vectors"]
        began = time.process_time()
        vectors = make(batch, **options)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, vectors=vectors, seconds=time.process_time() - began)
        return vectors

    transformer.encode = encode
    return transformer


def turftopic(method, vectors, texts, classes, seed, encoder, cache):
    """Give labels and keywords of a Turftopic model."""
    from sklearn.feature_extraction.text import CountVectorizer
    from turftopic import ClusteringTopicModel, KeyNMF

    rest = {
        "encoder": word_encoder(encoder, cache),
        "vectorizer": CountVectorizer(stop_words="english", min_df=3),
        "random_state": seed,
    }
    if method == "keynmf":
        model = KeyNMF(classes, **rest)
        labels = model.fit_transform(texts, embeddings=vectors).argmax(axis=1)
        names = range(classes)
    else:
        model = ClusteringTopicModel(**rest)
        model.fit_transform(texts, embeddings=vectors)
        labels, names = np.asarray(model.labels_), np.asarray(model.classes_).tolist()
    vocabulary = np.asarray(model.get_vocab())
    rows = np.asarray(model.components_)
    return labels, [
        vocabulary[np.argsort(-row)[:10]].tolist()
        for name, row in zip(names, rows, strict=True)
        if name != -1
    ]


def top2vec(vectors, texts, encoder, cache):
    """Give labels and keywords of Top2Vec over the given vectors."""
    from top2vec import Top2Vec

    words = word_encoder(encoder, cache)
    known = dict(zip(texts, vectors, strict=True))

    def embed(batch):
        if all(text in known for text in batch):
            return np.stack([known[text] for text in batch])
        return words.encode(list(batch), normalize_embeddings=True)

    # Its vocabulary keeps words of 50 texts; small corpora would have none.
    model = Top2Vec(
        texts, embedding_model=embed, min_count=min(50, max(3, len(texts) // 300)), verbose=False,
        use_embedding_model_tokenizer=False,
    )  # fmt: skip
    return np.asarray(model.doc_top), [list(row[:10]) for row in model.topic_words]


def cluster(method, vectors, texts, classes, seed, encoder, cache):
    """Give labels and keywords of one method; only some are told the classes."""
    if method == "lda":
        return lda(texts, classes, seed)
    if method in ("keynmf", "turftopic_clustering"):
        return turftopic(method, vectors, texts, classes, seed, encoder, cache)
    if method == "top2vec":
        return top2vec(vectors, texts, encoder, cache)
    if method in OURS:
        return ours(vectors, texts, seed, encoder, classes if method == "isogloss_told" else None)
    if method == "bertopic":
        return bertopic(vectors, texts)
    if method == "kmeans":
        from sklearn.cluster import KMeans

        labels = KMeans(classes, n_init=1, random_state=seed).fit_predict(vectors)
        return labels, class_tfidf(labels, texts)
    if method == "evoc":
        from evoc import EVoC

        labels = np.asarray(EVoC(random_state=seed).fit_predict(vectors))
        return labels, class_tfidf(labels, texts)
    if method == "nmf":
        from sklearn.decomposition import NMF
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(**WORDS)
        model = NMF(classes, init="nndsvd", random_state=seed)
        labels = model.fit_transform(vectorizer.fit_transform(texts)).argmax(axis=1)
        names = vectorizer.get_feature_names_out()
        return labels, [names[np.argsort(-row)[:10]].tolist() for row in model.components_]
    raise SystemExit(f"unknown method {method!r}; known: {', '.join(OURS + PEERS)}")
