// Nearest rows by dot product over 8-bit codes, the rows' own cells, and a second 8 bits for the
// few that matter. Only integers are summed in the first pass, so every processor gives the same.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "cell_sieve.h"
#include "query_products.h"
#include "code_query.h"
#include "code_rows.h"

namespace nb = nanobind;

namespace {

constexpr int64_t kBlock = 256;      // rows scored at a time
constexpr int64_t kCheckRows = 64;   // rows between two looks at the k-th best
constexpr int kBatch = 8;            // cells fetched together
constexpr int64_t kFetched = 48;     // rows of the next cell fetched at most
constexpr int64_t kFirstCells = 2048; // cells looked at together at first
constexpr int64_t kFirstSifted = 512; // the same where cells are larger, because they are sifted
constexpr int64_t kSiftedRows = 256;  // rows sifted between two looks at the k-th best

class CodeScan {
   public:
    CodeScan(Codes codes, Codes fine, Floats scales, Floats errors, Longs starts, Codes centres,
             Floats centre_scales, Longs group_starts, Codes groups, Floats group_scales,
             Longs order, int64_t dim)
        : codes_(codes), fine_(fine), scales_(scales), errors_(errors), starts_(starts),
          centres_(centres), centre_scales_(centre_scales), group_starts_(group_starts),
          groups_(groups), group_scales_(group_scales), order_(order), n_(codes.shape(0)),
          width_(codes.shape(1)), cells_(centres.shape(0)), dim_(dim) {
        const auto rows = static_cast<size_t>(n_), cells = static_cast<size_t>(cells_);
        const size_t group_count = groups.shape(0);
        if (width_ % 64 || dim < 1 || dim > width_ || fine.shape(0) != rows ||
            static_cast<int64_t>(fine.shape(1)) != width_ || scales.shape(0) != rows ||
            errors.shape(0) != rows || starts.shape(0) != cells + 1 || cells < 1 ||
            static_cast<int64_t>(centres.shape(1)) != width_ || centre_scales.shape(0) != cells ||
            group_count < 1 || group_starts.shape(0) != group_count + 1 ||
            static_cast<int64_t>(groups.shape(1)) != width_ ||
            group_scales.shape(0) != group_count || order.shape(0) != rows || n_ > INT32_MAX)
            throw nb::value_error("CodeScan: shapes do not fit");
        check_starts(starts, n_);
        check_starts(group_starts, cells_);
    }

    // Signs of the rows, by cells in tiles of 32: cells are then sifted before rows are scored.
    void use_signs(Tiles tiles, Floats along, Floats factors) {
        sieve_ = std::make_unique<CellSieve>(tiles, along, factors, starts_, width_);
    }

    // Rows that pass (slots by cell, and as bits by tile; none: all). Without `reach` every one of
    // them, with rigorous bounds. With it cells, nearest first, until the next one's centre scores
    // less than the k-th best row by more than reach[2 * level][(score - first) / step]; groups
    // likewise, by reach[2 * level + 1]. The level is 0 where rows pass as often near the query as
    // elsewhere, and one higher for each time that they pass twice as often elsewhere.
    // Rows (as `order` names them) and scores are written, best first, equal scores by row: the k
    // best and, as far as there is room, whatever 16 bits cannot tell from the k-th.
    nb::tuple search(Floats query, int64_t k, nb::object slots, nb::object slot_starts,
                     nb::object bits, nb::object reach, float first, float step, LongsOut rows,
                     FloatsOut scores) const {
        if (static_cast<int64_t>(query.shape(0)) != dim_ || k < 1 ||
            rows.shape(0) != scores.shape(0))
            throw nb::value_error("CodeScan.search: the query does not fit, or k is below 1");
        Subset subset{nullptr, nullptr, starts_.data(), n_};
        Slots list;
        Bits passing;
        Longs list_starts;
        if (!slots.is_none()) {
            list = nb::cast<Slots>(slots);
            list_starts = nb::cast<Longs>(slot_starts);
            if (static_cast<int64_t>(list_starts.shape(0)) != cells_ + 1 ||
                list_starts(cells_) != static_cast<int64_t>(list.shape(0)))
                throw nb::value_error("CodeScan.search: the subset does not fit");
            subset = {list.data(), nullptr, list_starts.data(),
                      static_cast<int64_t>(list.shape(0))};
            if (sieve_) {
                passing = nb::cast<Bits>(bits);
                if (static_cast<int64_t>(passing.shape(0)) != sieve_->tiles())
                    throw nb::value_error("CodeScan.search: the bits of the subset do not fit");
                subset.bits = passing.data();
            }
        }
        Reach limits{nullptr, 0, 0, first, step};
        Table table;
        if (!reach.is_none()) {
            table = nb::cast<Table>(reach);
            if (!table.shape(0) || table.shape(0) % 2 || !table.shape(1) || !(step > 0))
                throw nb::value_error("CodeScan.search: the table of reaches does not fit");
            limits.table = table.data();
            limits.levels = static_cast<int>(table.shape(0) / 2);
            limits.size = static_cast<int64_t>(table.shape(1));
        }
        Seen seen;
        std::vector<std::pair<float, int64_t>> found;
        {
            nb::gil_scoped_release unlocked;
            k = std::min(k, subset.count);
            if (k > 0) {
                const Query asked(query.data(), dim_, width_);
                Best best(static_cast<size_t>(k));
                if (limits.table)
                    walk(asked, best, subset, limits, k, seen);
                else
                    scan_all(asked, best, subset, seen);
                found = refine(asked, best, k);
                std::sort(found.begin(), found.end(), [](const auto &a, const auto &b) {
                    return a.first > b.first || (a.first == b.first && a.second < b.second);
                });
            }
        }
        const size_t count = std::min<size_t>(found.size(), rows.shape(0));
        for (size_t i = 0; i < count; ++i) {
            scores(i) = found[i].first;
            rows(i) = found[i].second;
        }
        return nb::make_tuple(count, seen.rows, seen.cells);
    }

    int64_t rows() const { return n_; }

   private:
    void scan_all(const Query &query, Best &best, const Subset &subset, Seen &seen) const {
        // Rigorous: an error can at worst point along the query.
        if (subset.slots)
            scan(query, best, subset.slots, 0, subset.count, -1.0f);
        else
            scan(query, best, nullptr, 0, n_, -1.0f);
        seen.rows = subset.count;
        seen.cells = cells_;
    }

    void walk(const Query &query, Best &best, const Subset &subset, const Reach &reach, int64_t k,
              Seen &seen) const {
        const std::vector<Near> groups = ranked_groups(query);
        std::vector<Near> cells;
        std::vector<int32_t> sums;
        std::unique_ptr<CellSieve::Asked> sifting;
        if (sieve_) sifting = sieve_->ask(query.exact.data(), dim_);
        size_t next = 0;
        int64_t wanted = sieve_ ? kFirstSifted : kFirstCells;
        while (next < groups.size()) {
            // A stretch of groups: all whose cells could still matter, or the next few.
            const float least = limit(best, subset, reach, k, seen, true);
            if (groups[next].score() < least) return;
            cells.clear();
            for (; next < groups.size() && static_cast<int64_t>(cells.size()) < wanted &&
                   groups[next].score() >= least; ++next)
                add_cells(query, groups[next].number(), sums, cells);
            wanted *= 2;
            walk_cells(query, best, subset, reach, k, cells, sifting.get(), seen);
        }
    }

    std::vector<Near> ranked_groups(const Query &query) const {
        const auto count = static_cast<int64_t>(group_scales_.shape(0));
        std::vector<int32_t> sums(count);
        products(groups_.data(), count, query, sums.data());
        std::vector<Near> order;
        order.reserve(count);
        for (int64_t group = 0; group < count; ++group)
            if (group_starts_(group) < group_starts_(group + 1))
                order.emplace_back(sums[group] * (query.scale * group_scales_(group)), group);
        std::sort(order.begin(), order.end(), std::greater<Near>());
        return order;
    }

    void add_cells(const Query &query, int64_t group, std::vector<int32_t> &sums,
                   std::vector<Near> &cells) const {
        const int64_t first = group_starts_(group), last = group_starts_(group + 1);
        sums.resize(last - first);
        products(centres_.data() + first * width_, last - first, query, sums.data());
        for (int64_t cell = first; cell < last; ++cell)
            cells.emplace_back(sums[cell - first] * (query.scale * centre_scales_(cell)), cell);
    }

    // Cells of one stretch, nearest first. Few are visited, so a heap serves better than sorting.
    void walk_cells(const Query &query, Best &best, const Subset &subset, const Reach &reach,
                    int64_t k, std::vector<Near> &cells, CellSieve::Asked *sifting, Seen &seen) const {
        // Likely: errors point anywhere, so four standard deviations of their product will do.
        const float spread = 4.0f / std::sqrt(static_cast<float>(dim_));
        std::make_heap(cells.begin(), cells.end());
        int64_t checked = -kCheckRows;
        float least = kNothing;
        while (!cells.empty()) {
            if (seen.rows - checked >= kCheckRows / 2) {
                checked = seen.rows;
                least = limit(best, subset, reach, k, seen, false);
            }
            if (cells.front().score() < least) return;
            // A few cells at a time, all their rows asked for before the first is scored. Until
            // there are k, nothing can be left out by its signs, so that few are best.
            const int64_t most = sifting && best.least() > kNothing ? kSiftedRows : kCheckRows;
            Near batch[kBatch];
            int taken = 0;
            for (int64_t rows = 0; taken < kBatch && rows < most && !cells.empty();) {
                if (cells.front().score() < least) break;
                const float score = cells.front().score();
                const int64_t cell = cells.front().number();
                std::pop_heap(cells.begin(), cells.end());
                cells.pop_back();
                const int64_t own = starts_(cell + 1) - starts_(cell);
                const int64_t passing = subset.starts[cell + 1] - subset.starts[cell];
                seen.among += own;
                seen.among_score += static_cast<double>(own) * score;
                seen.passing_score += static_cast<double>(passing) * score;
                if (!passing) continue;
                if (sifting)
                    sieve_->fetch(cell);
                else
                    fetch(subset, cell);
                rows += passing;
                batch[taken++] = Near(score, cell);
            }
            if (sifting && !cells.empty()) sieve_->fetch(cells.front().number());
            for (int i = 0; i < taken; ++i) {
                const int64_t cell = batch[i].number();
                const int64_t first = subset.starts[cell], last = subset.starts[cell + 1];
                const int64_t own = starts_(cell), rows = starts_(cell + 1) - own;
                if (sifting)
                    sieve_->sift(*sifting, batch[i], subset.bits, own, rows, best.least(), codes_);
                else if (last - first == rows)
                    scan(query, best, nullptr, own, own + rows, spread);
                else if (2 * (last - first) >= rows && rows <= kBlock)
                    scan_most(query, best, subset.slots, first, last, own, rows, spread);
                else
                    scan(query, best, subset.slots, first, last, spread);
                seen.rows += last - first;
                ++seen.cells;
            }
            if (sifting) {
                scan(query, best, sifting->slots.data(), 0,
                     static_cast<int64_t>(sifting->slots.size()), spread);
                sifting->slots.clear();
            }
        }
    }

    // The least score of a centre whose cell (or group) is still worth a look.
    float limit(const Best &best, const Subset &subset, const Reach &reach, int64_t k,
                const Seen &seen, bool group) const {
        if (seen.rows < k) return kNothing;
        const float kth = best.kth();
        int level = 0;
        if (subset.slots && seen.among < n_) {
            // Cells count by how far their centres score above the limit: near ones hold most of
            // the rows that would be among the best if everything passed.
            const double edge = kth - reach.at(kth, 0, false);
            const double here = std::max(1e-9, seen.passing_score - edge * seen.rows) /
                                std::max(1e-6, seen.among_score - edge * seen.among);
            const double elsewhere = (subset.count - seen.rows) / (n_ - seen.among);
            while (level + 1 < reach.levels && elsewhere > here * std::ldexp(1.19, level)) ++level;
        }
        return kth - reach.at(kth, level, group);
    }

    static void check_starts(const Longs &starts, int64_t total) {
        const size_t last = starts.shape(0) - 1;
        bool good = starts(0) == 0 && starts(last) == total;
        for (size_t i = 0; i < last; ++i) good = good && starts(i) <= starts(i + 1);
        if (!good) throw nb::value_error("CodeScan: cells do not cover the rows");
    }

    // Ask for the rows of a cell before they are needed.
    void fetch(const Subset &subset, int64_t cell) const {
        const int64_t first = subset.starts[cell];
        const int64_t last = std::min(subset.starts[cell + 1], first + kFetched);
        for (int64_t i = first; i < last; ++i) {
            const int8_t *row = codes_.data() + (subset.slots ? subset.slots[i] : i) * width_;
            for (int64_t j = 0; j < width_; j += 64) __builtin_prefetch(row + j, 0, 2);
        }
    }

    void products(const int8_t *codes, int64_t rows, const Query &query, int32_t *out) const {
#ifdef ISOGLOSS_X86
        if (has_vnni()) return dots_vnni(codes, rows, width_, query.codes.data(), query.shift, out);
#endif
        dots_plain(codes, rows, width_, query.codes.data(), out);
    }

    void gathered(const int32_t *slots, int64_t rows, const Query &query, int32_t *out) const {
#ifdef ISOGLOSS_X86
        if (has_vnni())
            return gathered_vnni(codes_.data(), slots, rows, width_, query.codes.data(),
                                 query.shift, out);
#endif
        gathered_plain(codes_.data(), slots, rows, width_, query.codes.data(), out);
    }

    // Entries first..last of `slots`, or, without it, those rows.
    void scan(const Query &query, Best &best, const int32_t *slots, int64_t first, int64_t last,
              float spread) const {
        int32_t sums[kBlock];
        for (int64_t block = first; block < last; block += kBlock) {
            const int64_t rows = std::min(kBlock, last - block);
            if (slots)
                gathered(slots + block, rows, query, sums);
            else
                products(codes_.data() + block * width_, rows, query, sums);
            for (int64_t i = 0; i < rows; ++i)
                consider(query, best, slots ? slots[block + i] : block + i, sums[i], spread);
        }
    }

    // Where most rows of a cell pass, all are scored side by side, which is quicker than one by one.
    void scan_most(const Query &query, Best &best, const int32_t *slots, int64_t first,
                   int64_t last, int64_t own, int64_t rows, float spread) const {
        int32_t sums[kBlock];
        products(codes_.data() + own * width_, rows, query, sums);
        for (int64_t i = first; i < last; ++i)
            consider(query, best, slots[i], sums[slots[i] - own], spread);
    }

    void consider(const Query &query, Best &best, int64_t slot, int32_t sum, float spread) const {
        const float score = sum * (query.scale * scales_.data()[slot]);
        const float slack = slack_of(errors_.data()[slot], query.error, spread);
        if (score + slack >= best.least()) best.add(score, slack, static_cast<int32_t>(slot));
    }

    static float slack_of(float row, float query, float spread) {
        const float worst = row + query * (1.0f + row) + 2e-6f;
        return spread < 0 ? worst : spread * std::sqrt(row * row + query * query);
    }

    // Score again with all 16 bits; whatever could still belong to the k best is given.
    std::vector<std::pair<float, int64_t>> refine(const Query &query, Best &best, int64_t k) const {
        std::vector<std::pair<float, int64_t>> found;
        float error = 0;
        const float root = std::sqrt(static_cast<float>(dim_));
        const std::vector<Candidate> &rest = best.rest();
        for (const Candidate &one : rest)
            for (int64_t j = 0; j < width_; j += 64)
                __builtin_prefetch(fine_.data() + one.slot * width_ + j, 0, 2);
        for (const Candidate &one : rest) {
            const int64_t place = one.slot * width_;
            const float unit = scales_(one.slot) / 254.0f;
            found.emplace_back(
                unit * fine_dot(codes_.data() + place, fine_.data() + place, query.exact.data(),
                                width_),
                order_(one.slot));
            error = std::max(error, unit * root * 0.51f + 1e-6f);
        }
        if (static_cast<int64_t>(found.size()) <= k) return found;
        std::nth_element(found.begin(), found.begin() + (k - 1), found.end(),
                         [](const auto &a, const auto &b) { return a.first > b.first; });
        const float least = found[k - 1].first - 2 * error;
        found.erase(std::remove_if(found.begin(), found.end(),
                                   [least](const auto &one) { return one.first < least; }),
                    found.end());
        return found;
    }

    Codes codes_, fine_;
    Floats scales_, errors_;
    Longs starts_;
    Codes centres_;
    Floats centre_scales_;
    Longs group_starts_;
    Codes groups_;
    Floats group_scales_;
    Longs order_;
    int64_t n_, width_, cells_, dim_;
    std::unique_ptr<CellSieve> sieve_;  // none in indexes of the first version
};

}  // namespace

void bind_code_scan(nb::module_ &m) {
    nb::class_<CodeScan>(m, "CodeScan")
        .def(nb::init<Codes, Codes, Floats, Floats, Longs, Codes, Floats, Longs, Codes, Floats,
                      Longs, int64_t>(),
             nb::arg("codes"), nb::arg("fine"), nb::arg("scales"), nb::arg("errors"),
             nb::arg("starts"), nb::arg("centres"), nb::arg("centre_scales"),
             nb::arg("group_starts"), nb::arg("groups"), nb::arg("group_scales"),
             nb::arg("order"), nb::arg("dim"))
        .def("search", &CodeScan::search, nb::arg("query"), nb::arg("k"), nb::arg("slots").none(),
             nb::arg("slot_starts").none(), nb::arg("bits").none(),
             nb::arg("reach").none(), nb::arg("first"),
             nb::arg("step"), nb::arg("rows"), nb::arg("scores"))
        .def("use_signs", &CodeScan::use_signs, nb::arg("tiles"), nb::arg("along"),
             nb::arg("factors"))
        .def_prop_ro("rows", &CodeScan::rows);
    m.def("sift_tiles", &sift_tiles, nb::arg("tiles"), nb::arg("along"), nb::arg("factors"),
          nb::arg("query"), nb::arg("centre"), nb::arg("slack"), nb::arg("least"), nb::arg("way"),
          nb::arg("kept"));
    m.def("rotate_rows", &rotate_rows, nb::arg("rows"), nb::arg("out"));
    m.def("encode_signs", &encode_signs, nb::arg("rows"), nb::arg("centres"), nb::arg("cells"),
          nb::arg("signs"), nb::arg("along"), nb::arg("factors"));
    m.def("encode_rows", &encode_rows, nb::arg("rows"), nb::arg("codes"), nb::arg("fine"),
          nb::arg("scales"), nb::arg("errors"));
}
