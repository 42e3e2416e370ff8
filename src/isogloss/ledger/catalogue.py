"""Every system of the ledger: id, work, and the sheet that says what to show.

A system stands here before it is built; its file in ``isogloss.ledger.systems`` makes it run.
"""

# id -> (title of the work, sheet)
CATALOGUE: dict[str, tuple[str, str]] = {
    "min-hashing": (
        "Topic Discovery in Massive Text Corpora Based on Min-Hashing",
        "topics-and-segmentation",
    ),
    "ctx-docnade": (
        "textTOvec: Deep Contextualized Neural Autoregressive Topic Models of Language",
        "topics-and-segmentation",
    ),
    "bat": (
        "Neural Topic Modeling with Bidirectional Adversarial Training (BAT, Gaussian-BAT)",
        "topics-and-segmentation",
    ),
    "segment-topics": (
        "From Documents to Segments: A Contextual Reformulation for Topic Assignment (SBTA)",
        "topics-and-segmentation",
    ),
    "density-tree": (
        "Semantic Tree Inference on Text Corpora using a Nested Density Approach",
        "topics-and-segmentation",
    ),
    "topic-word-mixing": (
        "When Numbers Tell Half the Story: Human-Metric Alignment in Topic Model Evaluation "
        "(TWM; LDA, NMF, Top2Vec, BERTopic, CFMF, CFMF-emb)",
        "topics-and-segmentation",
    ),
    "social-structure": (
        "Let There Be Claws: An Early Social Network Analysis of AI Agents on Moltbook",
        "topics-and-segmentation",
    ),
    "cequel": (
        "Cequel: Cost-Effective Querying of Large Language Models for Text Clustering",
        "topics-and-segmentation",
    ),
    "conceptual-rating": (
        "Simulating Meaning, Nevermore! Introducing ICR",
        "topics-and-segmentation",
    ),
    "local-context": (
        "Topic Segmentation Model Focusing on Local Context",
        "topics-and-segmentation",
    ),
    "coherence-segmentation": (
        "Improving Long Document Topic Segmentation Models With Enhanced Coherence Modeling "
        "(TSSP, CSSL)",
        "topics-and-segmentation",
    ),
    "topical-change": (
        "Structural Text Segmentation of Legal Documents",
        "topics-and-segmentation",
    ),
    "luxical": ("Luxical: High-Speed Lexical-Dense Text Embeddings", "encoders-and-training"),
    "kalm-v2": ("KaLM-Embedding-V2", "encoders-and-training"),
    "nv-embed": ("NV-Embed", "encoders-and-training"),
    "causal2vec": (
        "Causal2Vec: Improving Decoder-only LLMs as Versatile Embedding Models",
        "encoders-and-training",
    ),
    "dupmae": ("RetroMAE v2: Duplex Masked Auto-Encoder", "encoders-and-training"),
    "qzhou": ("QZhou-Embedding", "encoders-and-training"),
    "lg-anna": ("LG-ANNA-Embedding", "encoders-and-training"),
    "nemotron-embed": ("Llama-Embed-Nemotron-8B", "encoders-and-training"),
    "peg": (
        "Towards Robust Text Retrieval with Progressive Learning (PEG)",
        "encoders-and-training",
    ),
    "matryoshka-2d": ("2D Matryoshka Sentence Embeddings", "encoders-and-training"),
    "multi-layer-pooling": (
        "Pooling And Attention: What Are Effective Designs For LLM-Based Embedding Models?",
        "encoders-and-training",
    ),
    "embed-filter": (
        "Your UnEmbedding Matrix is Secretly a Feature Lens for Text Embeddings",
        "encoders-and-training",
    ),
    "self-positioning": (
        "Improving General Text Embedding Model: Task Conflict and Data Imbalance through "
        "Model Merging",
        "encoders-and-training",
    ),
    "mixture-of-experts": (
        "Contrastive Learning and Mixture of Experts Enables Precise Vector Embeddings",
        "encoders-and-training",
    ),
    "tokenizer-surgery": (
        "Adapting Multilingual Embedding Models to Turkish via Cross-Lingual Tokenizer "
        "Surgery and Offline Distillation",
        "encoders-and-training",
    ),
    "nli-sts": ("L3Cube-MahaSBERT and HindSBERT", "encoders-and-training"),
    "definition-embeddings": ("DefSent+", "encoders-and-training"),
    "distilled-pairs": (
        "Scalable Attentive Sentence-Pair Modeling via Distilled Sentence Embedding (DSE)",
        "encoders-and-training",
    ),
    "retrieval-pretraining": (
        "Pre-training Tasks for Embedding-based Large-scale Retrieval (ICT, BFS, WLP)",
        "encoders-and-training",
    ),
    "e2rank": (
        "E2Rank: Your Text Embedding can Also be an Effective and Efficient Listwise Reranker",
        "encoders-and-training",
    ),
    "long-context": (
        "LongEmbed: Extending Embedding Models for Long Context Retrieval",
        "retrieval-and-benchmarks",
    ),
    "situated-chunks": (
        "SitEmb-v1.5: Improved Context-Aware Dense Retrieval",
        "retrieval-and-benchmarks",
    ),
    "drift-compensation": ("Query Drift Compensation", "retrieval-and-benchmarks"),
    "limit": (
        "On the Theoretical Limitations of Embedding-Based Retrieval",
        "retrieval-and-benchmarks",
    ),
    "filtered-search": (
        "Benchmarking Filtered Approximate Nearest Neighbor Search Algorithms on "
        "Transformer-based Embedding Vectors",
        "retrieval-and-benchmarks",
    ),
    "mmteb": ("MMTEB: Massive Multilingual Text Embedding Benchmark", "retrieval-and-benchmarks"),
    "static-hungarian": (
        "A Comparative Analysis of Static Word Embeddings for Hungarian",
        "words-knowledge-analysis",
    ),
    "static-turkish": (
        "A Comprehensive Analysis of Static Word Embeddings for Turkish",
        "words-knowledge-analysis",
    ),
    "contextual-or-static": ("BERT or FastText? (Marathi)", "words-knowledge-analysis"),
    "binary-paragraph-vectors": (
        "Vector representations of text data in deep learning (Binary PV)",
        "words-knowledge-analysis",
    ),
    "sense-skipgram": (
        "Vector representations of text data in deep learning (Disambiguated Skip-gram)",
        "words-knowledge-analysis",
    ),
    "word-document-nn": (
        "Word and Document Embeddings based on Neural Network Approaches (RCNN; character + word)",
        "words-knowledge-analysis",
    ),
    "compass-alignment": (
        "Compass-aligned Distributional Embeddings (CADE)",
        "words-knowledge-analysis",
    ),
    "concept-senses": (
        "Meaning at the Planck scale? Contextualized word embeddings",
        "words-knowledge-analysis",
    ),
    "intersectional-bias": (
        "Assessing Social and Intersectional Biases in Contextualized Word Representations",
        "words-knowledge-analysis",
    ),
    "causal-concepts": (
        "CausaLM: Causal Model Explanation Through Counterfactual Language Models",
        "words-knowledge-analysis",
    ),
    "record-progression": ("AD-BERT: progression from clinical notes", "words-knowledge-analysis"),
    "hate-speech": ("Hate Speech detection in the Bengali language", "words-knowledge-analysis"),
    "local-dimension": (
        "Less is More: Local Intrinsic Dimensions of Contextual Language Models",
        "words-knowledge-analysis",
    ),
    "phrase-to-node": (
        "Text2Node: a Cross-Domain System for Mapping Arbitrary Phrases to a Taxonomy",
        "words-knowledge-analysis",
    ),
    "knowledge-infusion": (
        "Integration of Domain Knowledge using Medical Knowledge Graph Deep Learning for "
        "Cancer Phenotyping",
        "words-knowledge-analysis",
    ),
    "data-text-matching": ("Unsupervised Matching of Data and Text", "words-knowledge-analysis"),
    "explicit-semantics": (
        "SESA: Supervised Explicit Semantic Analysis",
        "words-knowledge-analysis",
    ),
    "aspect-embeddings": (
        "Specialized Document Embeddings for Aspect-based Similarity of Research Papers",
        "words-knowledge-analysis",
    ),
    "recursive-composition": (
        "Augmenting Transformers with Recursively Composed Multi-grained Representations (ReCAT)",
        "words-knowledge-analysis",
    ),
    "code-embeddings": (
        "Learning and Evaluating Contextual Embedding of Source Code (CuBERT)",
        "words-knowledge-analysis",
    ),
    "joint-image-text": (
        "IMAGINATOR: Pre-Trained Image+Text Joint Embeddings",
        "words-knowledge-analysis",
    ),
    "context-regularization": (
        "CoRe: Context-Regularized Text Embedding Learning for Text-to-Image Personalization",
        "words-knowledge-analysis",
    ),
}
