// A weighted graph for Python: its communities, and votes of many partitions on its edges.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "community_graph.h"
#include "leiden.h"

namespace nb = nanobind;

namespace {

using namespace communities;

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
        for (int32_t v = 0; v < graph_.size(); ++v) {
            const int32_t own = parts[v];
            double here = 0.0, all = 0.0;  // sums of a node do not wait for those of the last one
            for (const Edge *e = graph_.begin(v), *last = graph_.end(v); e != last; ++e) {
                all += e->weight;
                here += parts[e->target] == own ? e->weight : 0.0F;
            }
            inside += here;
            total += all;
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

    // The heaviest edges of every node, `count` of them and those that weigh the same as the last;
    // all count 1, and from one end does not imply from the other.
    CommunityGraph heaviest(int32_t count) const {
        if (count < 1) throw nb::value_error("CommunityGraph: not one edge a node");
        Graph kept;
        kept.mass = graph_.mass;
        kept.start.push_back(0);
        std::vector<float> most;
        for (int32_t v = 0; v < graph_.size(); ++v) {
            most.clear();
            for (const Edge *e = graph_.begin(v); e != graph_.end(v); ++e)
                most.push_back(e->weight);
            const size_t place = std::min(most.size(), static_cast<size_t>(count));
            std::partial_sort(most.begin(), most.begin() + static_cast<int64_t>(place), most.end(),
                              std::greater<float>());
            const float last = place > 0 ? most[place - 1] : 0.0F;
            for (const Edge *e = graph_.begin(v); e != graph_.end(v); ++e)
                if (e->weight >= last) kept.edge.push_back({e->target, 1.0F});
            kept.start.push_back(static_cast<int64_t>(kept.edge.size()));
        }
        return CommunityGraph(std::move(kept));
    }

    // Numbers groups of nodes that edges of `least` votes or more hold together, by first node.
    void together(Partition votes, int32_t least, Partition labels) const {
        Labels parent = identity(graph_.size());
        if (votes.shape(0) != graph_.edge.size() || labels.shape(0) != parent.size())
            throw nb::value_error("CommunityGraph: not one vote an edge, or not one label a node");
        nb::gil_scoped_release unlocked;
        const auto root = [&parent](int32_t v) {
            while (parent[v] != v) v = parent[v] = parent[parent[v]];
            return v;
        };
        for (int32_t v = 0; v < graph_.size(); ++v)
            for (int64_t e = graph_.start[v]; e < graph_.start[v + 1]; ++e) {
                if (votes.data()[e] < least) continue;
                const int32_t one = root(v), two = root(graph_.edge[e].target);
                parent[std::max(one, two)] = std::min(one, two);
            }
        Labels groups(parent.size());
        for (int32_t v = 0; v < graph_.size(); ++v) groups[v] = root(v);
        renumber(groups);
        std::copy(groups.begin(), groups.end(), labels.data());
    }

    // Makes every community a node: the weights between them, strengths summed.
    CommunityGraph contracted(Partition labels) const {
        Labels parts = checked(labels);
        nb::gil_scoped_release unlocked;
        const int32_t count = renumber(parts);
        return CommunityGraph(aggregate(graph_, parts, count));
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
        .def("heaviest", &CommunityGraph::heaviest, nb::arg("count"),
             "The same nodes with so many of the heaviest edges of each, all of weight 1.")
        .def("contracted", &CommunityGraph::contracted, nb::arg("labels"),
             "Make every community a node.")
        .def("together", &CommunityGraph::together, nb::arg("votes"), nb::arg("least"),
             nb::arg("labels").noconvert(), "Number groups held together by edges of so many votes.")
        .def("vote", &CommunityGraph::vote, nb::arg("labels"), nb::arg("votes").noconvert(),
             "Add 1 to every edge whose ends are together.")
        .def("agreed", &CommunityGraph::agreed, nb::arg("votes"), nb::arg("least"),
             "The same nodes with the edges of so many votes.")
        .def("weighed", &CommunityGraph::weighed, nb::arg("votes"), nb::arg("least"),
             nb::arg("runs"), "The same nodes with edges weighed by their share of the votes.");
}
