// The small network of the lexical encoder: x @ skip + relu(x @ inner + bias) @ outer, unit rows.
//
// The dense layers are sums of 8-bit codes, exact. In the outer one each sum runs over its terms in
// order, and multiplications and additions stay apart. So a row has the same bits in any batch and
// on every processor. Hidden numbers that are zero are left out: they would add zeros.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "coded_layer.h"

namespace network {

constexpr size_t kLanes = 16, kWide = 6;  // columns summed together; such columns side by side
constexpr size_t kChunk = 192;            // rows whose hidden numbers are held at a time

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

// Sums of the inner layer as numbers behind the bias: appends those above zero, and their places, to
// the lists of their rows. Rows and lists are `stride` apart. What is no number stays, as in a sum.
ISOGLOSS_CLONES void append_active(const int32_t *sums, size_t rows, const float *row_step,
                                   const float *step, const float *bias, size_t first,
                                   size_t stride, uint32_t *index, float *value, uint32_t *count) {
    for (size_t i = 0; i < rows; ++i, sums += codes::kKeys, index += stride, value += stride) {
        uint32_t many = count[i];
        for (size_t j = 0; j < codes::kKeys; j += kLanes) {
            float now[kLanes];
            for (size_t c = 0; c < kLanes; ++c)
                now[c] = static_cast<float>(sums[j + c]) * row_step[i] * step[j + c] + bias[j + c];
            for (size_t c = 0; c < kLanes; ++c) {
                index[many] = static_cast<uint32_t>(first + j + c);
                value[many] = now[c];
                many += !(now[c] <= 0.0f);
            }
        }
        count[i] = many;
    }
}

// The first `width` sums of the skip layer as numbers.
ISOGLOSS_CLONES void place_sums(const int32_t *sums, size_t rows, size_t width,
                                const float *row_step, const float *step, float *out,
                                size_t stride) {
    for (size_t i = 0; i < rows; ++i, sums += codes::kKeys, out += stride)
        for (size_t j = 0; j < width; ++j)
            out[j] = static_cast<float>(sums[j]) * row_step[i] * step[j];
}

// Adds the outer layer's part of 96 columns, the first `width` of which count, to rows: the sums of
// its rows for the active hidden numbers, whose lists are `stride` apart.
ISOGLOSS_CLONES void add_active(const uint32_t *index, const float *value, const uint32_t *count,
                                size_t stride, size_t rows, const float *wide, size_t width,
                                float *out, size_t dim) {
    for (size_t i = 0; i < rows; ++i, index += stride, value += stride, out += dim) {
        Lanes sum[kWide];
        for (size_t c = 0; c < kWide; ++c) sum[c] = Lanes{};
        for (size_t k = 0; k < count[i]; ++k) {
            const float *row = wide + size_t(index[k]) * kWide * kLanes;
            for (size_t c = 0; c < kWide; ++c) {
                Lanes column;
                __builtin_memcpy(&column, row + c * kLanes, sizeof(column));
                sum[c] += value[k] * column;
            }
        }
        float sums[kWide * kLanes];
        __builtin_memcpy(sums, sum, sizeof(sum));
        for (size_t j = 0; j < width; ++j) out[j] += sums[j];
    }
}

// Sum of squares in the order of NumPy's pairwise sum, so that unit rows are those of unit_rows.
inline double square_sum(const float *x, size_t n) {
    if (n < 8) {
        double sum = 0.0;
        for (size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * x[i];
        return sum;
    }
    if (n > 128) {
        const size_t half = n / 2 - n / 2 % 8;
        return square_sum(x, half) + square_sum(x + half, n - half);
    }
    double r[8];
    for (size_t k = 0; k < 8; ++k) r[k] = static_cast<double>(x[k]) * x[k];
    size_t i = 8;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; ++k) r[k] += static_cast<double>(x[i + k]) * x[i + k];
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; ++i) sum += static_cast<double>(x[i]) * x[i];
    return sum;
}

ISOGLOSS_CLONES void divide(float *x, size_t n, double by) {
    for (size_t j = 0; j < n; ++j) x[j] = static_cast<float>(static_cast<double>(x[j]) / by);
}

// Weights of the dense layers are codes, with what one whole number of each column is.
struct Layers {
    size_t width, hidden, dim;
    const int8_t *skip, *inner;             // (width, dim), (width, hidden)
    const float *skip_step, *inner_step;    // (dim), (hidden)
    const float *bias, *outer;              // (hidden), (hidden, dim)
};

class Network {
  public:
    Network(const Layers &from, const codes::Kernel &kernel)
        : kernel_(kernel), skip_(from.skip, from.skip_step, from.width, from.dim),
          inner_(from.inner, from.inner_step, from.width, from.hidden), hidden_(from.hidden),
          stride_(inner_.panels() * codes::kPanel), bias_(stride_, 0.0f),
          wide_count_((from.dim + kSpan - 1) / kSpan), outer_(wide_count_ * hidden_ * kSpan, 0.0f) {
        std::copy_n(from.bias, hidden_, bias_.data());
        for (size_t q = 0; q < wide_count_; ++q) {
            const size_t first = q * kSpan, columns = std::min(kSpan, from.dim - first);
            for (size_t k = 0; k < hidden_; ++k)
                std::copy_n(from.outer + k * from.dim + first, columns,
                            outer_.data() + (q * hidden_ + k) * kSpan);
        }
    }

    size_t width() const { return inner_.rows(); }
    size_t dim() const { return skip_.columns(); }

    // Vectors of rows of sums, of length 1 if asked; zeros for a row of zeros.
    void vectors(const float *sums, size_t rows, float *out, bool unit) const {
        Held held(std::min(rows, kChunk), *this);
        for (size_t first = 0; first < rows; first += kChunk)
            chunk(sums + first * width(), std::min(kChunk, rows - first), out + first * dim(), unit,
                  held);
    }

  private:
    static constexpr size_t kSpan = kWide * kLanes;

    const codes::Kernel &kernel_;
    CodedLayer skip_, inner_;
    size_t hidden_, stride_;
    std::vector<float> bias_;
    size_t wide_count_;
    std::vector<float> outer_;  // blocks of 96 columns, row by row

    // Room for a chunk: the hidden numbers of each row that are not zero, by rising index.
    struct Held {
        CodedRows codes;
        std::unique_ptr<int32_t[]> products;
        std::unique_ptr<uint32_t[]> index;
        std::unique_ptr<float[]> value;
        std::vector<uint32_t> count;

        Held(size_t rows, const Network &made)
            : codes(rows, made.width()),
              products(new int32_t[std::max(made.inner_.panels(), made.skip_.panels()) *
                                   codes::kPanel]),
              index(new uint32_t[rows * made.stride_]), value(new float[rows * made.stride_]),
              count(rows) {}
    };

    void chunk(const float *x, size_t rows, float *out, bool unit, Held &held) const {
        held.codes.set(x, rows, width());
        std::fill(held.count.begin(), held.count.end(), 0);
        multiply(kernel_, inner_, held.codes, rows, held.products.get(),
                 [&](size_t row, size_t many, size_t column, const int32_t *sums) {
                     append_active(sums, many, held.codes.step(row), inner_.step() + column,
                                   bias_.data() + column, column, stride_,
                                   held.index.get() + row * stride_,
                                   held.value.get() + row * stride_, held.count.data() + row);
                 });
        multiply(kernel_, skip_, held.codes, rows, held.products.get(),
                 [&](size_t row, size_t many, size_t column, const int32_t *sums) {
                     if (column < dim())
                         place_sums(sums, many, std::min<size_t>(codes::kKeys, dim() - column),
                                    held.codes.step(row), skip_.step() + column,
                                    out + row * dim() + column, dim());
                 });
        for (size_t q = 0; q < wide_count_; ++q)
            add_active(held.index.get(), held.value.get(), held.count.data(), stride_, rows,
                       outer_.data() + q * hidden_ * kSpan, std::min(kSpan, dim() - q * kSpan),
                       out + q * kSpan, dim());
        for (size_t i = 0; i < rows; ++i) finish(held.codes.largest(i), out + i * dim(), unit);
    }

    void finish(float largest, float *vector, bool unit) const {
        if (largest == 0.0f) {
            std::fill_n(vector, dim(), 0.0f);
        } else if (!std::isfinite(largest)) {
            std::fill_n(vector, dim(), std::numeric_limits<float>::quiet_NaN());
        } else if (unit) {
            const double length = std::sqrt(square_sum(vector, dim()));
            if (length != 0.0) divide(vector, dim(), length);
        }
    }
};

}  // namespace network
