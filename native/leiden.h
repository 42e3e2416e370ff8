// The Leiden method for modularity with a resolution.
// V. Traag, L. Waltman, N. J. van Eck, From Louvain to Leiden, Scientific Reports 9, 2019.
// Written from the paper. Refinement takes the best merge (its limit of no randomness).
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "community_graph.h"

namespace communities {

// Moves must gain more than this share of the total weight, so that rounding cannot make a cycle.
constexpr double kLeastGain = 1e-12;

// What a move asks of a community, side by side in memory. The weight of a node's edges to it is
// summed in two parts, in turn: a sum that was stored just now can be added to only cycles later.
struct Community {
    double link[2] = {0.0, 0.0};
    double mass = 0.0;
    int32_t members = 0, seen = 0;
};

// Sums the weight of v's edges to each community; gives how many these are.
inline size_t link_communities(const Graph &graph, int32_t v, const int32_t *label, Community *community,
                        int32_t *touched) {
    const Edge *e = graph.begin(v), *last = graph.end(v);
    size_t count = 0;
    const auto add = [&](const Edge &edge, int part) {
        const int32_t c = label[edge.target];
        touched[count] = c;
        count += !community[c].seen;
        community[c].seen = 1;
        community[c].link[part] += edge.weight;
    };
    for (; last - e >= 2; e += 2) {
        add(e[0], 0);
        add(e[1], 1);
    }
    if (e != last) add(*e, 0);
    return count;
}

// Moves single nodes to the neighbouring community that gains most, until no node gains.
inline bool move_nodes(const Graph &graph, double scale, double least, Random &random, Labels &labels) {
    const int32_t n = graph.size();
    std::vector<Community> community(n);
    for (int32_t v = 0; v < n; ++v) {
        community[labels[v]].mass += graph.mass[v];
        ++community[labels[v]].members;
    }
    Labels empty;
    for (int32_t c = n - 1; c >= 0; --c)
        if (community[c].members == 0) empty.push_back(c);

    Labels queue = identity(n), touched(static_cast<size_t>(n) + 1);
    random.shuffle(queue);
    size_t room = 1;  // the queue is a ring, with a place more than nodes
    while (room <= queue.size()) room *= 2;
    queue.resize(room, 0);
    Labels queued(n, 1);
    bool moved = false;
    size_t head = 0, waiting = static_cast<size_t>(n);
    while (waiting > 0) {
        const int32_t v = queue[head];
        head = (head + 1) & (room - 1);
        --waiting;
        queued[v] = 0;
        graph.fetch(queue[head]);
        const int32_t home = labels[v];
        const double own = graph.mass[v], pull = scale * own;
        const size_t count =
            link_communities(graph, v, labels.data(), community.data(), touched.data());
        const double stay = (community[home].link[0] + community[home].link[1]) -
                            pull * (community[home].mass - own);
        double best = stay;
        int32_t choice = home;
        for (size_t i = 0; i < count; ++i) {
            const int32_t c = touched[i];
            Community &one = community[c];
            const double gain = (one.link[0] + one.link[1]) - pull * one.mass;
            one.link[0] = one.link[1] = 0.0;
            one.seen = 0;
            if (c != home && (gain > best || (gain == best && choice != home && c < choice))) {
                best = gain;
                choice = c;
            }
        }
        if (best < 0.0 && community[home].members > 1 && !empty.empty()) {  // better off alone
            best = 0.0;
            choice = empty.back();
        }
        if (choice == home || best - stay <= least) continue;
        if (community[choice].members == 0) empty.pop_back();
        community[home].mass -= own;
        if (--community[home].members == 0) {
            community[home].mass = 0.0;
            empty.push_back(home);
        }
        community[choice].mass += own;
        ++community[choice].members;
        labels[v] = choice;
        moved = true;
        // Without branches: which neighbours stand elsewhere is hard to foretell.
        int32_t *ring = queue.data(), *waits = queued.data();
        const int32_t *label = labels.data();
        size_t count_waiting = waiting;
        for (const Edge *e = graph.begin(v), *last = graph.end(v); e != last; ++e) {
            const int32_t u = e->target;
            const int32_t fresh = (waits[u] == 0) & (label[u] != choice);
            ring[(head + count_waiting) & (room - 1)] = u;
            waits[u] |= fresh;
            count_waiting += static_cast<size_t>(fresh);
        }
        waiting = count_waiting;
    }
    return moved;
}

// Splits every community into well connected parts by merging single nodes inside it.
inline Labels refine(const Graph &graph, double scale, double least, Random &random,
              const Labels &labels) {
    const int32_t n = graph.size();
    std::vector<double> whole(n, 0.0);
    for (int32_t v = 0; v < n; ++v) whole[labels[v]] += graph.mass[v];
    Labels parts = identity(n);
    std::vector<double> mass = graph.mass;   // of each part
    std::vector<double> outward(n, 0.0);     // weight from each part to the rest of its community
    std::vector<int32_t> members(n, 1);
    for (int32_t v = 0; v < n; ++v) {
        const int32_t own = labels[v];
        double sum = 0.0;  // without branches: which neighbours belong here is hard to foretell
        for (const Edge *e = graph.begin(v); e != graph.end(v); ++e)
            sum += labels[e->target] == own ? e->weight : 0.0F;
        outward[v] = sum;
    }

    Labels order = identity(n);
    random.shuffle(order);
    Links links(n);
    for (int32_t i = 0; i < n; ++i) {
        const int32_t v = order[i];
        if (i + 1 < n) graph.fetch(order[i + 1]);
        const double own = graph.mass[v];
        if (members[parts[v]] > 1) continue;
        if (outward[v] < scale * own * (whole[labels[v]] - own)) continue;
        const int32_t *label = labels.data(), home = labels[v];
        links.add(graph, v, parts, [label, home](int32_t u) { return label[u] == home; });
        double best = least;
        int32_t choice = parts[v];
        for (int32_t c : links) {
            if (c == parts[v]) continue;
            if (outward[c] < scale * mass[c] * (whole[labels[v]] - mass[c])) continue;
            const double gain = links[c] - scale * own * mass[c];
            if (gain > best || (gain == best && choice != parts[v] && c < choice)) {
                best = gain;
                choice = c;
            }
        }
        if (choice != parts[v]) {
            const int32_t old = parts[v];
            outward[choice] += outward[v] - 2.0 * links[choice];
            mass[choice] += own;
            ++members[choice];
            members[old] = 0;
            mass[old] = 0.0;
            outward[old] = 0.0;
            parts[v] = choice;
        }
        links.clear();
    }
    return parts;
}

// Makes every part a node; edges between two parts are summed, those inside only stay in the mass.
inline Graph aggregate(const Graph &graph, const Labels &parts, int32_t count) {
    const int32_t n = graph.size();
    Graph coarse;
    coarse.mass.assign(count, 0.0);
    std::vector<int32_t> first(static_cast<size_t>(count) + 1, 0);
    for (int32_t v = 0; v < n; ++v) {
        coarse.mass[parts[v]] += graph.mass[v];
        ++first[parts[v] + 1];
    }
    for (int32_t c = 0; c < count; ++c) first[c + 1] += first[c];
    Labels member(n);
    std::vector<int32_t> place(first.begin(), first.end() - 1);
    for (int32_t v = 0; v < n; ++v) member[place[parts[v]]++] = v;

    Links links(count);
    coarse.start.push_back(0);
    for (int32_t c = 0; c < count; ++c) {
        for (int32_t i = first[c]; i < first[c + 1]; ++i) {
            const int32_t v = member[i];
            if (i + 1 < n) graph.fetch(member[i + 1]);
            const int32_t *part = parts.data();
            links.add(graph, v, parts, [part, c](int32_t u) { return part[u] != c; });
        }
        for (int32_t d : links) {
            const float weight = static_cast<float>(links[d]);
            if (weight > 0.0F) coarse.edge.push_back({d, weight});
        }
        coarse.start.push_back(static_cast<int64_t>(coarse.edge.size()));
        links.clear();
    }
    return coarse;
}

// One pass of the method: move, refine, aggregate, until moving changes nothing.
inline bool leiden_pass(const Graph &base, double scale, double least, Random &random, Labels &labels) {
    const Graph *graph = &base;
    Graph held;
    Labels current = labels;                 // community of each node of `graph`
    Labels node_of = identity(base.size());  // node of `graph` that holds each node of `base`
    bool changed = false;
    while (true) {
        const bool moved = move_nodes(*graph, scale, least, random, current);
        changed = changed || moved;
        renumber(current);
        Labels parts = refine(*graph, scale, least, random, current);
        const int32_t count = renumber(parts);
        if (count == graph->size()) break;  // nothing to merge
        Labels coarse(count);
        for (int32_t v = 0; v < graph->size(); ++v) coarse[parts[v]] = current[v];
        held = aggregate(*graph, parts, count);
        graph = &held;
        current = std::move(coarse);
        for (int32_t &node : node_of) node = parts[node];
    }
    for (int32_t v = 0; v < base.size(); ++v) labels[v] = current[node_of[v]];
    renumber(labels);
    return changed;
}

}  // namespace communities
