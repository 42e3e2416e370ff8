"""Measure whether the tree over the leaves brings together what belongs together.

    python benchmarks/topic_tree.py --data DIR --encoder minilm

Corpora with coarse classes above the fine ones: 20 Newsgroups (comp, rec, sci, talk, misc,
religion), CLINC150 (its ten domains), and ten corpora in one (1,500 texts of each). Leaves are
those of the engine; three linkages join them, in turns over the same leaves: Ward over their unit
centroids (the engine's), average linkage of the graph (node pair sampling), average linkage of
cosines. "Purity": of two passages of one coarse class, the share of that class in the smallest
group that holds both, expected over all such pairs. NMI and ARI with the coarse classes where the
tree is cut into as many groups. "Largest" is the share of the largest of these groups. The last
columns are of the condensed tree of the engine: roots, the share of the largest, mean depth.
"""

import argparse
from pathlib import Path

import numpy as np

from topic_peers import read

ALL = (
    "sample", "bbc_news", "clinc150", "banking77", "trec_questions", "agnews_test",
    "reuters21578", "shorttext_stackoverflow", "shorttext_searchsnippets", "shorttext_biomedical",
)  # fmt: skip
EACH = 1500
RELIGION = ("alt.atheism", "soc.religion", "talk.religion")
# The ten domains of CLINC150, as its authors give them (Larson et al. 2019).
DOMAINS = {
    "banking": "freeze_account routing pin_change bill_due pay_bill account_blocked interest_rate "
    "min_payment bill_balance transfer order_checks balance spending_history transactions "
    "report_fraud",
    "credit cards": "replacement_card_duration expiration_date damaged_card improve_credit_score "
    "report_lost_card card_declined credit_limit_change apr redeem_rewards credit_limit "
    "rewards_balance application_status credit_score new_card international_fees",
    "kitchen": "food_last confirm_reservation how_busy ingredients_list calories nutrition_info "
    "recipe restaurant_reviews restaurant_reservation meal_suggestion restaurant_suggestion "
    "cancel_reservation ingredient_substitution cook_time accept_reservations",
    "home": "what_song play_music todo_list_update reminder reminder_update calendar_update "
    "order_status update_playlist shopping_list calendar next_song order todo_list "
    "shopping_list_update smart_home",
    "auto": "current_location oil_change_when oil_change_how uber traffic tire_pressure "
    "schedule_maintenance gas mpg distance directions last_maintenance gas_type tire_change "
    "jump_start",
    "travel": "plug_type travel_notification translate flight_status international_visa timezone "
    "exchange_rate travel_suggestion travel_alert vaccines lost_luggage book_flight book_hotel "
    "carry_on car_rental",
    "utility": "weather alarm date find_phone share_location timer make_call calculator definition "
    "measurement_conversion flip_coin spelling time roll_dice text",
    "work": "pto_request_status next_holiday insurance_change insurance meeting_schedule payday "
    "taxes income rollover_401k pto_balance pto_request w2 schedule_meeting direct_deposit "
    "pto_used",
    "small talk": "who_made_you meaning_of_life who_do_you_work_for do_you_have_pets "
    "what_are_your_hobbies fun_fact what_is_your_name where_are_you_from goodbye thank_you "
    "greeting tell_joke are_you_a_bot how_old_are_you what_can_i_ask_you",
    "meta": "change_speed user_name whisper_mode yes change_volume no change_language repeat "
    "change_accent cancel sync_device change_user_name change_ai_name reset_settings maybe",
}
INTENT = {intent: domain for domain, intents in DOMAINS.items() for intent in intents.split()}


def coarse(name, label):
    """Give the coarse class of a label; empty for none."""
    if name == "clinc150":
        return INTENT.get(label, "")
    return "religion" if label.startswith(RELIGION) else label.split(".")[0]


def corpus(data, name, encoder, cache):
    """Give texts, vectors and coarse classes."""
    if name != "ten":
        texts, vectors, labels = read(data, name, encoder, "", cache)
        return texts, vectors, np.array([coarse(name, label) for label in labels])
    texts, vectors, classes = [], [], []
    for one in ALL:
        some, rows, _ = read(data, one, encoder, "", cache)
        drawn = np.random.default_rng(1).permutation(len(some))[:EACH]
        texts += [some[i] for i in drawn]
        vectors.append(rows[drawn])
        classes += [one] * len(drawn)
    return texts, np.vstack(vectors), np.array(classes)


def linkages(model, vectors, counts):
    """Give the merges of leaves by each linkage, as pairs of node numbers."""
    from scipy.cluster.hierarchy import linkage

    from isogloss.topics.communities import contract, row_sums
    from isogloss.topics.graph import neighbour_graphs
    from isogloss.topics.hierarchy import merge_heights, ward_merges
    from isogloss.topics.target import complete_joins

    labels = model.labels_
    k = int(labels.max()) + 1
    sums = np.zeros((k, vectors.shape[1]))
    np.add.at(sums, labels[labels >= 0], vectors[labels >= 0])
    unit = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    drawn = np.flatnonzero(labels >= 0)
    drawn = drawn[np.sort(np.random.default_rng(0).permutation(len(drawn))[:6000])]
    words = model._words.transform(counts[drawn])
    graph, _ = neighbour_graphs(
        vectors[drawn], words, neighbours=model.neighbours, lexical_weight=model.lexical_weight,
        even_edges=True,
    )  # fmt: skip
    strengths = row_sums(graph)
    mass = np.bincount(labels[drawn], weights=strengths, minlength=k)
    merged = merge_heights(
        contract(graph, labels[drawn], k).toarray(), mass, float(strengths.sum())
    )
    node, pairs = list(range(k)), []
    for a, b, _ in complete_joins(merged, sums):
        pairs.append((node[a], node[b]))
        node[a] = k + len(pairs) - 1
    apart = np.maximum(1 - unit @ unit.T, 0)[np.triu_indices(k, 1)]
    return {
        "**Ward, unit centroids**": [(a, b) for a, b, _ in ward_merges(unit, sizes)],
        "graph, average": pairs,
        "cosines, average": [(int(a), int(b)) for a, b, _, _ in linkage(apart, "average")],
    }


def purity(merges, table):
    """Give the expected purity of the smallest group with two passages of one class."""
    held = [row.astype(float) for row in table]
    good = sum((row * (row - 1) / 2 * row / max(row.sum(), 1)).sum() for row in held)
    pairs = sum((row * (row - 1) / 2).sum() for row in held)
    for a, b in merges:
        both = held[a] + held[b]
        across = held[a] * held[b]
        good += (across * both / max(both.sum(), 1)).sum()
        pairs += across.sum()
        held.append(both)
    return good / pairs


def cut(merges, k, groups):
    """Give the group of each leaf where so many are left."""
    members = {i: [i] for i in range(k)}
    for step, (a, b) in enumerate(merges[: max(0, k - groups)]):
        members[k + step] = members.pop(a) + members.pop(b)
    home = np.zeros(k, dtype=int)
    for number, leaves in enumerate(members.values()):
        home[leaves] = number
    return home


def main():
    """Measure and print."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    from isogloss.text import Vocabulary
    from isogloss.topics.graph import knows_other_texts
    from isogloss.topics.model import TopicModel

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", default="sample,newsgroups20,clinc150,ten")
    parser.add_argument("--encoder", default="minilm", help="minilm (ready vectors), or a spec")
    parser.add_argument("--cache", type=Path, default=Path("build/vectors"))
    options = parser.parse_args()
    print("| corpus | leaves, classes | linkage | purity | NMI | ARI | largest "
          "| roots | largest | depth |")  # fmt: skip
    print("|---" * 10 + "|")
    for name in options.corpora.split(","):
        texts, vectors, classes = corpus(options.data, name, options.encoder, options.cache)
        counts = Vocabulary.fit([texts], stop_words="auto").counts(texts)
        even = knows_other_texts(options.encoder)
        model = TopicModel(even_edges=even, random_state=0).fit(vectors, counts)
        labels, tree = model.labels_, model.tree_
        used = (labels >= 0) & (classes != "")
        _, number = np.unique(classes[used], return_inverse=True)
        k, groups = int(labels.max()) + 1, int(number.max()) + 1
        table = np.zeros((k, groups))
        np.add.at(table, (labels[used], number), 1)
        roots = [topic.size for topic in tree.roots]
        depth = float(np.average(tree.depth[:k], weights=tree.size[:k]))
        shape = f"{len(roots)} | {max(roots) / sum(roots):.2f} | {depth:.1f}"
        for linkage, merges in linkages(model, vectors, counts).items():
            group = cut(merges, k, groups)[labels[used]]
            print(
                f"| {name} | {k}, {groups} | {linkage} | {purity(merges, table):.3f} "
                f"| {normalized_mutual_info_score(number, group):.3f} "
                f"| {adjusted_rand_score(number, group):.3f} "
                f"| {np.bincount(group).max() / len(group):.2f} | {shape} |",
                flush=True,
            )
            shape = " | | "


if __name__ == "__main__":
    main()
