// A weighted graph as the community kernel holds it, and sums of edges by label.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace communities {

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
    // Asks for the edges of a node before they are needed.
    void fetch(int32_t v) const {
        const auto *last = reinterpret_cast<const char *>(end(v));
        for (auto at = reinterpret_cast<const char *>(begin(v)); at < last; at += 64)
            __builtin_prefetch(at);
    }
};

using Labels = std::vector<int32_t>;

// Sums of edge weight from one node to each community, cleared in time proportional to its degree.
// Weights are above 0, so a sum of 0 is one that was not touched.
class Links {
   public:
    explicit Links(size_t n) : sum_(n, 0.0), touched_(n + 1) {}
    // The edges of v to nodes that `takes` lets pass, summed by label.
    template <typename Takes>
    void add(const Graph &graph, int32_t v, const Labels &labels, Takes takes) {
        const int32_t *label = labels.data();  // members would be read again after every store
        double *sum = sum_.data();
        int32_t *touched = touched_.data();
        size_t count = count_;
        for (const Edge *e = graph.begin(v), *last = graph.end(v); e != last; ++e) {
            if (!takes(e->target)) continue;
            const int32_t community = label[e->target];
            touched[count] = community;
            count += sum[community] == 0.0;
            sum[community] += e->weight;
        }
        count_ = count;
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

inline Labels identity(int32_t n) {
    Labels labels(n);
    std::iota(labels.begin(), labels.end(), 0);
    return labels;
}

// Renumbers communities by first appearance; gives their number.
inline int32_t renumber(Labels &labels) {
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

}  // namespace communities
