// Communities of a weighted graph: the Leiden method for modularity with a resolution.
// V. Traag, L. Waltman, N. J. van Eck, From Louvain to Leiden, Scientific Reports 9, 2019.
// Written from the paper. Refinement takes the best merge (its limit of no randomness).
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace nb = nanobind;

namespace {

// Moves must gain more than this share of the total weight, so that rounding cannot make a cycle.
constexpr double kLeastGain = 1e-12;

class Random {  // splitmix64
   public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    void shuffle(std::vector<int32_t> &values) {
        for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[next() % i]);
    }

   private:
    uint64_t state_;
};

struct Edge {
    int32_t target;
    float weight;
};

struct Graph {
    std::vector<int64_t> start;  // (n + 1)
    std::vector<Edge> edge;      // no loops, no weights of 0
    std::vector<double> mass;    // strength of each node, loops counted twice
    double inside = 0.0;         // weight of the loops that were left out, both directions
    int32_t size() const { return static_cast<int32_t>(mass.size()); }
    const Edge *begin(int32_t v) const { return edge.data() + start[v]; }
    const Edge *end(int32_t v) const { return edge.data() + start[v + 1]; }
};

using Labels = std::vector<int32_t>;

// Sums of edge weight from one node to each community, cleared in time proportional to its degree.
// Weights are above 0, so a sum of 0 is one that was not touched.
class Links {
   public:
    explicit Links(size_t n) : sum_(n, 0.0), touched_(n + 1) {}
    void add(int32_t community, double weight) {
        touched_[count_] = community;
        count_ += sum_[community] == 0.0;
        sum_[community] += weight;
    }
    double operator[](int32_t community) const { return sum_[community]; }
    const int32_t *begin() const { return touched_.data(); }
    const int32_t *end() const { return touched_.data() + count_; }
    void clear() {
        for (int32_t community : *this) sum_[community] = 0.0;
        count_ = 0;
    }

   private:
    std::vector<double> sum_;
    Labels touched_;  // one place more than communities: `add` writes before it counts
    size_t count_ = 0;
};

Labels identity(int32_t n) {
    Labels labels(n);
    std::iota(labels.begin(), labels.end(), 0);
    return labels;
}

// Renumbers communities by first appearance; gives their number.
int32_t renumber(Labels &labels) {
    int32_t highest = -1;
    for (int32_t label : labels) highest = std::max(highest, label);
    Labels fresh(static_cast<size_t>(highest) + 1, -1);
    int32_t count = 0;
    for (int32_t &label : labels) {
        if (fresh[label] < 0) fresh[label] = count++;
        label = fresh[label];
    }
    return count;
}

// Moves single nodes to the neighbouring community that gains most, until no node gains.
bool move_nodes(const Graph &graph, double scale, double least, Random &random, Labels &labels) {
    const int32_t n = graph.size();
    std::vector<double> mass(n, 0.0);
    std::vector<int32_t> members(n, 0);
    for (int32_t v = 0; v < n; ++v) {
        mass[labels[v]] += graph.mass[v];
        ++members[labels[v]];
    }
    Labels empty;
    for (int32_t c = n - 1; c >= 0; --c)
        if (members[c] == 0) empty.push_back(c);

    Labels queue = identity(n);
    random.shuffle(queue);
    std::vector<char> queued(n, 1);
    Links links(n);
    bool moved = false;
    size_t head = 0, waiting = static_cast<size_t>(n);
    while (waiting > 0) {
        const int32_t v = queue[head];
        head = head + 1 == queue.size() ? 0 : head + 1;
        --waiting;
        queued[v] = 0;
        const int32_t home = labels[v];
        const double own = graph.mass[v];
        for (const Edge *e = graph.begin(v); e != graph.end(v); ++e)
            links.add(labels[e->target], e->weight);
        const double stay = links[home] - scale * own * (mass[home] - own);
        double best = stay;
        int32_t choice = home;
        for (int32_t c : links) {
            if (c == home) continue;
            const double gain = links[c] - scale * own * mass[c];
            if (gain > best || (gain == best && choice != home && c < choice)) {
                best = gain;
                choice = c;
            }
        }
        if (best < 0.0 && members[home] > 1 && !empty.empty()) {  // better off alone
            best = 0.0;
            choice = empty.back();
        }
        links.clear();
        if (choice == home || best - stay <= least) continue;
        if (members[choice] == 0) empty.pop_back();
        mass[home] -= own;
        if (--members[home] == 0) {
            mass[home] = 0.0;
            empty.push_back(home);
        }
        mass[choice] += own;
        ++members[choice];
        labels[v] = choice;
        moved = true;
        for (const Edge *e = graph.begin(v); e != graph.end(v); ++e) {
            const int32_t u = e->target;
            if (queued[u] || labels[u] == choice) continue;
            queued[u] = 1;
            queue[(head + waiting) % queue.size()] = u;
            ++waiting;
        }
    }
    return moved;
}

// Splits every community into well connected parts by merging single nodes inside it.
Labels refine(const Graph &graph, double scale, double least, Random &random,
              const Labels &labels) {
    const int32_t n = graph.size();
    std::vector<double> whole(n, 0.0);
    for (int32_t v = 0; v < n; ++v) whole[labels[v]] += graph.mass[v];
    Labels parts = identity(n);
    std::vector<double> mass = graph.mass;   // of each part
    std::vector<double> outward(n, 0.0);     // weight from each part to the rest of its community
    std::vector<int32_t> members(n, 1);
    for (int32_t v = 0; v < n; ++v)
        for (const Edge *e = graph.begin(v); e != graph.end(v); ++e)
            if (labels[e->target] == labels[v]) outward[v] += e->weight;

    Labels order = identity(n);
    random.shuffle(order);
    Links links(n);
    for (int32_t v : order) {
        const double own = graph.mass[v];
        if (members[parts[v]] > 1) continue;
        if (outward[v] < scale * own * (whole[labels[v]] - own)) continue;
        for (const Edge *e = graph.begin(v); e != graph.end(v); ++e)
            if (labels[e->target] == labels[v])
                links.add(parts[e->target], e->weight);
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
Graph aggregate(const Graph &graph, const Labels &parts, int32_t count) {
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
            for (const Edge *e = graph.begin(v); e != graph.end(v); ++e)
                if (parts[e->target] != c) links.add(parts[e->target], e->weight);
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
bool leiden_pass(const Graph &base, double scale, double least, Random &random, Labels &labels) {
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

using Starts = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Targets = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Weights = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Partition = nb::ndarray<int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// A graph that is read once and then cut many times.
class CommunityGraph {
   public:
    CommunityGraph(Starts start, Targets target, Weights weight, Weights mass) {
        const size_t n = mass.shape(0), edges = target.shape(0);
        if (start.shape(0) != n + 1 || weight.shape(0) != edges)
            throw nb::value_error("CommunityGraph: shapes of start, target, weight, mass differ");
        if (start.data()[0] != 0 || start.data()[n] != static_cast<int64_t>(edges))
            throw nb::value_error("CommunityGraph: start does not span the edges");
        for (size_t v = 0; v < n; ++v)
            if (start.data()[v] > start.data()[v + 1])
                throw nb::value_error("CommunityGraph: start must not fall");
        for (size_t e = 0; e < edges; ++e)
            if (target.data()[e] < 0 || static_cast<size_t>(target.data()[e]) >= n)
                throw nb::value_error("CommunityGraph: a target is no node");
        graph_.mass.assign(mass.data(), mass.data() + n);
        graph_.edge.reserve(edges);
        graph_.start.reserve(n + 1);
        graph_.start.push_back(0);
        for (size_t v = 0; v < n; ++v) {
            for (int64_t e = start.data()[v]; e < start.data()[v + 1]; ++e) {
                const float size = static_cast<float>(weight.data()[e]);
                if (target.data()[e] == static_cast<int32_t>(v))
                    graph_.inside += size;
                else if (size > 0.0F)
                    graph_.edge.push_back({target.data()[e], size});
            }
            graph_.start.push_back(static_cast<int64_t>(graph_.edge.size()));
        }
    }

    int64_t nodes() const { return graph_.size(); }
    int64_t edges() const { return static_cast<int64_t>(graph_.edge.size()); }

    // `labels` holds the first partition (any numbers from 0 to n - 1) and receives the last one.
    int64_t leiden(double resolution, uint64_t seed, int32_t passes, Partition labels) const {
        Labels result = checked(labels);
        nb::gil_scoped_release unlocked;
        double total = 0.0;
        for (double mass : graph_.mass) total += mass;
        const double scale = total > 0.0 ? resolution / total : 0.0;
        Random random(seed);
        for (int32_t pass = 0; !result.empty() && (passes < 0 || pass < passes); ++pass)
            if (!leiden_pass(graph_, scale, kLeastGain * total, random, result)) break;
        const int32_t count = renumber(result);
        std::copy(result.begin(), result.end(), labels.data());
        return count;
    }

    // Share of the edge weight that joins nodes of one community; 1 without edges.
    double share(Partition labels) const {
        const Labels parts = checked(labels);
        nb::gil_scoped_release unlocked;
        double inside = graph_.inside, total = graph_.inside;
        for (int32_t v = 0; v < graph_.size(); ++v)
            for (const Edge *e = graph_.begin(v); e != graph_.end(v); ++e) {
                total += e->weight;
                inside += parts[e->target] == parts[v] ? e->weight : 0.0F;
            }
        return total > 0.0 ? inside / total : 1.0;
    }

    // Adds 1 to every edge whose ends are together.
    void vote(Partition labels, Partition votes) const {
        const Labels parts = checked(labels);
        if (votes.shape(0) != graph_.edge.size())
            throw nb::value_error("CommunityGraph: not one vote an edge");
        nb::gil_scoped_release unlocked;
        for (int32_t v = 0; v < graph_.size(); ++v)
            for (int64_t e = graph_.start[v]; e < graph_.start[v + 1]; ++e)
                votes.data()[e] += parts[graph_.edge[e].target] == parts[v];
    }

    // The same nodes with the edges of `least` votes or more.
    CommunityGraph agreed(Partition votes, int32_t least) const {
        if (votes.shape(0) != graph_.edge.size())
            throw nb::value_error("CommunityGraph: not one vote an edge");
        Graph kept;
        kept.mass = graph_.mass;
        kept.inside = graph_.inside;
        kept.start.push_back(0);
        for (int32_t v = 0; v < graph_.size(); ++v) {
            for (int64_t e = graph_.start[v]; e < graph_.start[v + 1]; ++e)
                if (votes.data()[e] >= least) kept.edge.push_back(graph_.edge[e]);
            kept.start.push_back(static_cast<int64_t>(kept.edge.size()));
        }
        return CommunityGraph(std::move(kept));
    }

    // The same nodes with the edges of `least` votes or more, weighed by their share of `runs`;
    // the strength of a node is what is left of it.
    CommunityGraph weighed(Partition votes, int32_t least, int32_t runs) const {
        if (votes.shape(0) != graph_.edge.size() || runs < 1)
            throw nb::value_error("CommunityGraph: not one vote an edge, or no run");
        Graph kept;
        kept.inside = 0.0;
        kept.start.push_back(0);
        for (int32_t v = 0; v < graph_.size(); ++v) {
            double strength = 0.0;
            for (int64_t e = graph_.start[v]; e < graph_.start[v + 1]; ++e) {
                const int32_t held = votes.data()[e];
                if (held < least || held <= 0) continue;
                const float share = static_cast<float>(held) / static_cast<float>(runs);
                kept.edge.push_back({graph_.edge[e].target, graph_.edge[e].weight * share});
                strength += kept.edge.back().weight;
            }
            kept.mass.push_back(strength);
            kept.start.push_back(static_cast<int64_t>(kept.edge.size()));
        }
        return CommunityGraph(std::move(kept));
    }

   private:
    explicit CommunityGraph(Graph graph) : graph_(std::move(graph)) {}

    Labels checked(const Partition &labels) const {
        if (labels.shape(0) != graph_.mass.size())
            throw nb::value_error("CommunityGraph: not one label a node");
        for (size_t v = 0; v < labels.shape(0); ++v)
            if (labels.data()[v] < 0 || labels.data()[v] >= graph_.size())
                throw nb::value_error("CommunityGraph: labels must be in 0..n-1");
        return Labels(labels.data(), labels.data() + labels.shape(0));
    }

    Graph graph_;
};

}  // namespace

void bind_communities(nb::module_ &m) {
    nb::class_<CommunityGraph>(m, "CommunityGraph", "A symmetric graph, to be cut by modularity.")
        .def(nb::init<Starts, Targets, Weights, Weights>(), nb::arg("start"), nb::arg("target"),
             nb::arg("weight"), nb::arg("mass"))
        .def_prop_ro("nodes", &CommunityGraph::nodes)
        .def_prop_ro("edges", &CommunityGraph::edges)
        .def("leiden", &CommunityGraph::leiden, nb::arg("resolution"), nb::arg("seed"),
             nb::arg("passes"), nb::arg("labels").noconvert(),
             "Communities by the Leiden method; `labels` is the start and the result.")
        .def("share", &CommunityGraph::share, nb::arg("labels"),
             "Share of the edge weight inside communities.")
        .def("vote", &CommunityGraph::vote, nb::arg("labels"), nb::arg("votes").noconvert(),
             "Add 1 to every edge whose ends are together.")
        .def("agreed", &CommunityGraph::agreed, nb::arg("votes"), nb::arg("least"),
             "The same nodes with the edges of so many votes.")
        .def("weighed", &CommunityGraph::weighed, nb::arg("votes"), nb::arg("least"),
             nb::arg("runs"), "The same nodes with edges weighed by their share of the votes.");
}
