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

struct Graph {
    std::vector<int64_t> start;   // (n + 1)
    std::vector<int32_t> target;  // neighbours, no loops
    std::vector<double> weight;
    std::vector<double> mass;  // strength of each node, loops counted twice
    int32_t size() const { return static_cast<int32_t>(mass.size()); }
};

using Labels = std::vector<int32_t>;

// Sums of edge weight from one node to each community, cleared in time proportional to its degree.
class Links {
   public:
    explicit Links(size_t n) : sum_(n, 0.0), seen_(n, 0) {}
    void add(int32_t community, double weight) {
        if (!seen_[community]) {
            seen_[community] = 1;
            touched_.push_back(community);
        }
        sum_[community] += weight;
    }
    double operator[](int32_t community) const { return sum_[community]; }
    const Labels &touched() const { return touched_; }
    void clear() {
        for (int32_t community : touched_) {
            sum_[community] = 0.0;
            seen_[community] = 0;
        }
        touched_.clear();
    }

   private:
    std::vector<double> sum_;
    std::vector<char> seen_;
    Labels touched_;
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
        for (int64_t e = graph.start[v]; e < graph.start[v + 1]; ++e)
            links.add(labels[graph.target[e]], graph.weight[e]);
        const double stay = links[home] - scale * own * (mass[home] - own);
        double best = stay;
        int32_t choice = home;
        for (int32_t c : links.touched()) {
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
        for (int64_t e = graph.start[v]; e < graph.start[v + 1]; ++e) {
            const int32_t u = graph.target[e];
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
        for (int64_t e = graph.start[v]; e < graph.start[v + 1]; ++e)
            if (labels[graph.target[e]] == labels[v]) outward[v] += graph.weight[e];

    Labels order = identity(n);
    random.shuffle(order);
    Links links(n);
    for (int32_t v : order) {
        const double own = graph.mass[v];
        if (members[parts[v]] > 1) continue;
        if (outward[v] < scale * own * (whole[labels[v]] - own)) continue;
        for (int64_t e = graph.start[v]; e < graph.start[v + 1]; ++e)
            if (labels[graph.target[e]] == labels[v])
                links.add(parts[graph.target[e]], graph.weight[e]);
        double best = least;
        int32_t choice = parts[v];
        for (int32_t c : links.touched()) {
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
            for (int64_t e = graph.start[v]; e < graph.start[v + 1]; ++e)
                if (parts[graph.target[e]] != c) links.add(parts[graph.target[e]], graph.weight[e]);
        }
        for (int32_t d : links.touched()) {
            coarse.target.push_back(d);
            coarse.weight.push_back(links[d]);
        }
        coarse.start.push_back(static_cast<int64_t>(coarse.target.size()));
        links.clear();
    }
    return coarse;
}

// One pass of the method: move, refine, aggregate, until moving changes nothing.
bool leiden_pass(const Graph &base, double scale, double least, Random &random, Labels &labels) {
    Graph graph = base;
    Labels current = labels;                 // community of each node of `graph`
    Labels node_of = identity(base.size());  // node of `graph` that holds each node of `base`
    bool changed = false;
    while (true) {
        const bool moved = move_nodes(graph, scale, least, random, current);
        changed = changed || moved;
        renumber(current);
        Labels parts = refine(graph, scale, least, random, current);
        const int32_t count = renumber(parts);
        if (count == graph.size()) break;  // nothing to merge
        Labels coarse(count);
        for (int32_t v = 0; v < graph.size(); ++v) coarse[parts[v]] = current[v];
        graph = aggregate(graph, parts, count);
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
using Output = nb::ndarray<int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// `labels` holds the first partition (any numbers from 0 to n - 1) and receives the last one.
int64_t leiden(Starts start, Targets target, Weights weight, Weights mass, double resolution,
               uint64_t seed, int32_t passes, Output labels) {
    const size_t n = mass.shape(0), edges = target.shape(0);
    if (start.shape(0) != n + 1 || labels.shape(0) != n || weight.shape(0) != edges)
        throw nb::value_error("leiden: shapes of start, target, weight, mass and labels differ");
    if (start.data()[0] != 0 || start.data()[n] != static_cast<int64_t>(edges))
        throw nb::value_error("leiden: start does not span the edges");
    for (size_t v = 0; v < n; ++v)
        if (start.data()[v] > start.data()[v + 1] || labels.data()[v] < 0 ||
            static_cast<size_t>(labels.data()[v]) >= n)
            throw nb::value_error("leiden: start must not fall, labels must be in 0..n-1");
    for (size_t e = 0; e < edges; ++e)
        if (target.data()[e] < 0 || static_cast<size_t>(target.data()[e]) >= n)
            throw nb::value_error("leiden: a target is no node");
    nb::gil_scoped_release unlocked;
    Graph graph;
    graph.mass.assign(mass.data(), mass.data() + n);
    graph.start.push_back(0);
    double total = 0.0;
    for (size_t v = 0; v < n; ++v) {
        total += graph.mass[v];
        for (int64_t e = start.data()[v]; e < start.data()[v + 1]; ++e) {
            if (target.data()[e] == static_cast<int32_t>(v)) continue;
            graph.target.push_back(target.data()[e]);
            graph.weight.push_back(weight.data()[e]);
        }
        graph.start.push_back(static_cast<int64_t>(graph.target.size()));
    }
    Labels result(labels.data(), labels.data() + n);
    const double scale = total > 0.0 ? resolution / total : 0.0;
    Random random(seed);
    for (int32_t pass = 0; n > 0 && (passes < 0 || pass < passes); ++pass)
        if (!leiden_pass(graph, scale, kLeastGain * total, random, result)) break;
    const int32_t count = renumber(result);
    std::copy(result.begin(), result.end(), labels.data());
    return count;
}

}  // namespace

void bind_communities(nb::module_ &m) {
    m.def("leiden", &leiden, nb::arg("start"), nb::arg("target"), nb::arg("weight"),
          nb::arg("mass"), nb::arg("resolution"), nb::arg("seed"), nb::arg("passes"),
          nb::arg("labels").noconvert(),
          "Communities of a symmetric graph by modularity; `labels` is the start and the result.");
}
