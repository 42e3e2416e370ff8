// A query as codes, and the best rows that it has found so far.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

struct Candidate {
    float score, slack;
    int32_t slot;
};

struct Query {
    std::vector<int8_t> codes;
    std::vector<float> exact;
    float scale = 0, error = 0;
    int32_t shift = 0;  // 128 times the sum of the codes

    Query(const float *q, int64_t dim, int64_t width) : codes(width, 0), exact(width, 0.0f) {
        float largest = 0;
        for (int64_t j = 0; j < dim; ++j) largest = std::max(largest, std::fabs(q[j]));
        scale = largest / 127.0f;
        double wrong = 0;
        int32_t sum = 0;
        for (int64_t j = 0; j < dim; ++j) {
            exact[j] = q[j];
            if (scale > 0) codes[j] = static_cast<int8_t>(std::lrint(q[j] / scale));
            const double off = static_cast<double>(q[j]) - static_cast<double>(scale) * codes[j];
            wrong += off * off;
            sum += codes[j];
        }
        error = static_cast<float>(std::sqrt(wrong)) * 1.0001f;
        shift = 128 * sum;
    }
};

// The best rows seen so far, and all that may still be among them given the slack of their scores.
class Best {
   public:
    explicit Best(size_t k) : k_(k) {}

    float least() const { return least_; }  // below it no row can be among the k best
    float kth() const { return heap_.size() < k_ ? kNothing : heap_.top(); }

    void add(float score, float slack, int32_t slot) {
        candidates_.push_back({score, slack, slot});
        const float low = score - slack;
        if (heap_.size() < k_) {
            heap_.push(low);
        } else if (low > heap_.top()) {
            heap_.pop();
            heap_.push(low);
        } else {
            return;
        }
        if (heap_.size() == k_) least_ = heap_.top();
        if (candidates_.size() > 1024 + 4 * k_ && candidates_.size() > 2 * kept_) drop();
    }

    std::vector<Candidate> &rest() {
        drop();
        return candidates_;
    }

   private:
    void drop() {
        const float least = least_;
        candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                         [least](const Candidate &one) {
                                             return one.score + one.slack < least;
                                         }),
                          candidates_.end());
        kept_ = candidates_.size();
    }

    size_t k_, kept_ = 0;
    float least_ = kNothing;
    std::priority_queue<float, std::vector<float>, std::greater<float>> heap_;
    std::vector<Candidate> candidates_;
};

// The rows that pass a filter.
struct Subset {
    const int32_t *slots;    // null: all
    const uint32_t *bits;    // of each tile, where there are signs
    const int64_t *starts;   // of each cell, in `slots` or among the rows
    int64_t count;
};

// How far below the k-th best a centre may score.
struct Reach {
    const float *table;
    int levels;
    int64_t size;
    float first, step;

    float at(float score, int level, bool group) const {
        const float place = (score - first) / step;
        const int64_t column =
            place > 0 ? std::min(size - 1, static_cast<int64_t>(place)) : 0;
        return table[(2 * level + group) * size + column];
    }
};

struct Seen {
    int64_t rows = 0, cells = 0;
    // Rows of the cells seen, passing or not; these and those that pass times centre scores.
    double among = 0, among_score = 0, passing_score = 0;
};

// A score and a number in one integer, which is larger for the nearer and, among equals, for the
// lower number: one comparison, which the processor need not guess.
class Near {
   public:
    Near() = default;
    Near(float score, int64_t number) {
        uint32_t bits;
        score += 0.0f;  // no negative zero, which would come after zero
        std::memcpy(&bits, &score, sizeof(bits));
        bits ^= bits >> 31 ? 0xFFFFFFFFu : 0x80000000u;
        key_ = static_cast<uint64_t>(bits) << 32 | (0xFFFFFFFFu - static_cast<uint32_t>(number));
    }

    float score() const {
        auto bits = static_cast<uint32_t>(key_ >> 32);
        bits ^= bits >> 31 ? 0x80000000u : 0xFFFFFFFFu;
        float score;
        std::memcpy(&score, &bits, sizeof(score));
        return score;
    }
    int64_t number() const { return 0xFFFFFFFFu - static_cast<uint32_t>(key_); }
    bool operator<(const Near &other) const { return key_ < other.key_; }
    bool operator>(const Near &other) const { return key_ > other.key_; }

   private:
    uint64_t key_ = 0;
};

}  // namespace
