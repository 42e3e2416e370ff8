// Dense layers whose weights and rows are 8-bit codes: sums are whole numbers, exact, and so the
// same on every processor.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "clones.h"
#include "code_products.h"

namespace network {

// A layer's columns side by side in panels; the last ones are filled up with zeros.
class CodedLayer {
  public:
    CodedLayer(const int8_t *from, const float *step, size_t rows, size_t columns)
        : rows_(rows), columns_(columns), steps_((rows + 3) / 4),
          panels_((columns + kSpan - 1) / kSpan * codes::kWide),
          codes_(panels_ * steps_ * 4 * codes::kPanel, 0), step_(panels_ * codes::kPanel, 0.0f) {
        std::copy_n(step, columns, step_.data());
        for (size_t k = 0; k < rows; ++k)
            for (size_t j = 0; j < columns; ++j)
                codes_[(j / codes::kPanel * steps_ + k / 4) * 4 * codes::kPanel +
                       j % codes::kPanel * 4 + k % 4] = from[k * columns + j];
    }

    size_t rows() const { return rows_; }
    size_t columns() const { return columns_; }
    size_t steps() const { return steps_; }
    size_t panels() const { return panels_; }
    const int8_t *panel(size_t p) const { return codes_.data() + p * steps_ * 4 * codes::kPanel; }
    const float *step() const { return step_.data(); }  // what one whole number of a column is

  private:
    static constexpr size_t kSpan = codes::kWide * codes::kPanel;

    size_t rows_, columns_, steps_, panels_;
    std::vector<int8_t> codes_;
    std::vector<float> step_;
};

// A row as codes: whole steps of its largest number over 127, rounded to even.
struct RowCode {
    float step = 0.0f, largest = 0.0f;  // the step is 0 where all but nothing, or no number, is there
    int32_t sum = 0, square = 0;        // of the codes, of their squares
};

ISOGLOSS_CLONES inline void code_row(const float *row, size_t n, int8_t *code, RowCode *found) {
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: floats beside it are whole numbers
    int32_t bits = 0;
    for (size_t j = 0; j < n; ++j) {
        int32_t one;
        __builtin_memcpy(&one, row + j, sizeof(one));
        bits = std::max(bits, one & 0x7fffffff);
    }
    float largest;
    __builtin_memcpy(&largest, &bits, sizeof(largest));
    *found = RowCode();
    found->largest = largest;
    if (!(largest >= 1e-30f && largest <= 3.4028235e38f)) {
        std::memset(code, 0, n);
        return;
    }
    found->step = largest / 127.0f;
    const float inverse = 127.0f / largest;
    int32_t sum = 0, square = 0;
    for (size_t j = 0; j < n; ++j) {
        const float whole = row[j] * inverse + kRound;
        int32_t number;
        __builtin_memcpy(&number, &whole, sizeof(number));
        number -= 0x4b400000;
        code[j] = static_cast<int8_t>(number);
        sum += number;
        square += number * number;
    }
    found->sum = sum;
    found->square = square;
}

// Rows of numbers as codes, in panels as the products want them.
class CodedRows {
  public:
    CodedRows(size_t most, size_t width)
        : steps_((width + 3) / 4), code_(steps_ * 4, 0),
          codes_((most + codes::kPanel - 1) / codes::kPanel * steps_ * 4 * codes::kPanel, 0),
          step_(padded(most), 0.0f), largest_(most), shift_(padded(most), 0), square_(most) {}

    void set(const float *rows, size_t count, size_t width) {
        for (size_t i = 0; i < count; ++i) {
            RowCode found;
            code_row(rows + i * width, width, code_.data(), &found);
            step_[i] = found.step;
            largest_[i] = found.largest;
            shift_[i] = 128 * found.sum;
            square_[i] = found.square;
            int8_t *to = codes_.data() + at(i);
            for (size_t g = 0; g < steps_; ++g)
                std::memcpy(to + g * 4 * codes::kPanel, code_.data() + g * 4, 4);
        }
    }

    const int8_t *row(size_t i) const { return codes_.data() + at(i); }
    const float *step(size_t i) const { return step_.data() + i; }
    float largest(size_t i) const { return largest_[i]; }  // infinite or no number where one is that
    const int32_t *shift(size_t i) const { return shift_.data() + i; }
    int32_t square(size_t i) const { return square_[i]; }  // sum of the squares of its codes

  private:
    size_t steps_;
    std::vector<int8_t> code_, codes_;
    std::vector<float> step_, largest_;
    std::vector<int32_t> shift_, square_;

    static size_t padded(size_t most) { return (most / codes::kPanel + 1) * codes::kPanel; }
    size_t at(size_t i) const {
        return i / codes::kPanel * steps_ * 4 * codes::kPanel + i % codes::kPanel * 4;
    }
};

// Gives sums of rows and 32 columns of a layer, by rising column: (first row, rows, first column,
// sums). `whole` has room for one row of all columns.
template <typename Give>
void multiply(const codes::Kernel &kernel, const CodedLayer &layer, const CodedRows &rows,
              size_t count, int32_t *whole, const Give &give) {
    constexpr size_t kRows = codes::kRows, kKeys = codes::kKeys;
    const size_t rest = count % kRows;
    // A few single rows are quicker than a tile that is mostly empty.
    const size_t tiled = rest > kRows / 2 ? count : count - rest;
    alignas(64) int32_t sums[kRows * kKeys];
    for (size_t p = 0; p < layer.panels() && tiled; p += 2)
        for (size_t i = 0; i < tiled; i += kRows) {
            kernel.eight(rows.row(i), layer.panel(p), layer.panel(p + 1), layer.steps(),
                         rows.shift(i), sums);
            give(i, std::min(kRows, count - i), p * codes::kPanel, sums);
        }
    for (size_t i = tiled; i < count; ++i) {
        kernel.one(rows.row(i), layer.panel(0), layer.panels(), layer.steps(), *rows.shift(i),
                   whole);
        for (size_t j = 0; j < layer.panels() * codes::kPanel; j += kKeys) give(i, 1, j, whole + j);
    }
}

}  // namespace network
