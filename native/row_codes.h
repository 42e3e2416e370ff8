// Rows as 8-bit codes with rigorous errors, side by side in panels.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "code_products.h"
#include "exact_dot.h"

namespace codes {

// Rows of other lengths could leave the range of float32; none at all is fine.
constexpr double kShortest = 1e-12, kLongest = 1e12;

class RowCodes {
   public:
    RowCodes(const float *rows, int64_t count, int64_t dim)
        : rows_(rows), count_(count), dim_(dim), steps_((dim + 3) / 4),
          panels_((count + kPanel - 1) / kPanel), codes_(panels_ * steps_ * 4 * kPanel, 0),
          scale((panels_ + 1) * kPanel, 1.0f), size(scale.size(), 0.0f), error(scale.size(), 0.0f),
          shift(scale.size(), 0) {}

    // Encodes rows first..last; false where one is too long or too short, or no number.
    bool encode(int64_t first, int64_t last);

    const float *row(int64_t i) const { return rows_ + i * dim_; }
    const int8_t *panel(int64_t p) const { return codes_.data() + p * steps_ * 4 * kPanel; }
    int64_t count() const { return count_; }
    int64_t dim() const { return dim_; }
    int64_t steps() const { return steps_; }
    int64_t panels() const { return panels_; }

   private:
    const float *rows_;
    int64_t count_, dim_, steps_, panels_;
    std::vector<int8_t> codes_;

   public:
    // Of each row (and as many as a panel has behind the last): the step, a bound of its length and of its codes' length, of what codes lose,
    // and 128 times the sum of its codes.
    std::vector<float> scale, size, error;
    std::vector<int32_t> shift;
};

}  // namespace codes
