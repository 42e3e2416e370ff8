// The small network of the lexical encoder: x @ skip + relu(x @ inner + bias) @ outer, unit rows.
//
// Each sum runs over its terms in order, and multiplications and additions stay apart, so that a
// row has the same bits in any batch and in all clones. Hidden numbers that are zero are left out:
// they would add zeros.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ISOGLOSS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ISOGLOSS_CLONES
#endif

namespace network {

constexpr size_t kLanes = 16, kWide = 4;  // columns of a panel; panels side by side
constexpr size_t kRows = 6;               // rows of a tile, which share a panel's loads
constexpr size_t kChunk = 192;            // rows whose hidden numbers are held at a time
constexpr size_t kBlock = 128;            // hidden numbers whose part of a panel fits the L1 cache

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

// A matrix in panels of 16 columns, row by row; the last panel is filled up with zeros.
struct Panels {
    size_t rows, columns, count;
    std::vector<float> data;

    Panels(const float *from, size_t rows_, size_t columns_)
        : rows(rows_), columns(columns_), count((columns_ + kLanes - 1) / kLanes),
          data(count * rows_ * kLanes, 0.0f) {
        for (size_t p = 0; p < count; ++p) {
            const size_t first = p * kLanes, width = std::min(kLanes, columns - first);
            for (size_t k = 0; k < rows; ++k)
                std::copy_n(from + k * columns + first, width, at(p) + k * kLanes);
        }
    }

    float *at(size_t panel) { return data.data() + panel * rows * kLanes; }
    const float *at(size_t panel) const { return data.data() + panel * rows * kLanes; }
};

// One panel times a tile of rows.
ISOGLOSS_CLONES void tile_products(const float *x, const float *panel, size_t depth, float *out) {
    Lanes sum[kRows];
    for (size_t i = 0; i < kRows; ++i) sum[i] = Lanes{};  // an initializer would become a memset
    for (size_t k = 0; k < depth; ++k) {
        Lanes column;
        __builtin_memcpy(&column, panel + k * kLanes, sizeof(column));
        for (size_t i = 0; i < kRows; ++i) sum[i] += x[i * depth + k] * column;
    }
    __builtin_memcpy(out, sum, sizeof(sum));
}

// Panels side by side times one row.
ISOGLOSS_CLONES void row_products(const float *x, const float *panel, size_t depth, size_t panels,
                                  float *out) {
    for (size_t p = 0; p < panels; p += kWide) {
        Lanes sum[kWide];
        for (size_t c = 0; c < kWide; ++c) sum[c] = Lanes{};
        const size_t stride = depth * kLanes;
        const float *first = panel + p * stride;
        const size_t wide = panels - p < kWide ? panels - p : kWide;
        if (wide == kWide) {
            for (size_t k = 0; k < depth; ++k)
                for (size_t c = 0; c < kWide; ++c) {
                    Lanes column;
                    __builtin_memcpy(&column, first + c * stride + k * kLanes, sizeof(column));
                    sum[c] += x[k] * column;
                }
        } else {
            for (size_t c = 0; c < wide; ++c)
                for (size_t k = 0; k < depth; ++k) {
                    Lanes column;
                    __builtin_memcpy(&column, first + c * stride + k * kLanes, sizeof(column));
                    sum[c] += x[k] * column;
                }
        }
        __builtin_memcpy(out + p * kLanes, sum, wide * sizeof(Lanes));
    }
}

// Adds rows of the outer layer, 64 columns of them, for the active hidden numbers of a block: those
// of row i stand from split[0] to split[1] behind i * hidden, and the next row's `stride` further.
ISOGLOSS_CLONES void add_active(const uint32_t *index, const float *value, const uint32_t *split,
                                size_t stride, size_t hidden, size_t rows, const float *wide,
                                float *out) {
    for (size_t i = 0; i < rows; ++i, split += stride, out += kWide * kLanes) {
        Lanes sum[kWide];
        __builtin_memcpy(sum, out, sizeof(sum));
        for (size_t k = i * hidden + split[0]; k < i * hidden + split[1]; ++k) {
            const float *row = wide + size_t(index[k]) * kWide * kLanes;
            for (size_t c = 0; c < kWide; ++c) {
                Lanes column;
                __builtin_memcpy(&column, row + c * kLanes, sizeof(column));
                sum[c] += value[k] * column;
            }
        }
        __builtin_memcpy(out, sum, sizeof(sum));
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

class Network {
  public:
    Network(const float *skip, const float *inner, const float *bias, const float *outer,
            size_t width, size_t hidden, size_t dim)
        : skip_(skip, width, dim), inner_(inner, width, hidden), hidden_(hidden),
          bias_(inner_.count * kLanes, 0.0f), wide_count_((dim + kSpan - 1) / kSpan),
          outer_(wide_count_ * hidden * kSpan, 0.0f) {
        std::copy_n(bias, hidden, bias_.data());
        for (size_t q = 0; q < wide_count_; ++q) {
            const size_t first = q * kSpan, columns = std::min(kSpan, dim - first);
            for (size_t k = 0; k < hidden; ++k)
                std::copy_n(outer + k * dim + first, columns,
                            outer_.data() + (q * hidden + k) * kSpan);
        }
    }

    size_t width() const { return inner_.rows; }
    size_t dim() const { return skip_.columns; }

    // Vectors of rows of sums, of length 1 if asked; zeros for a row of zeros.
    void vectors(const float *sums, size_t rows, float *out, bool unit) const {
        Held held(std::min(rows, kChunk), *this);
        for (size_t first = 0; first < rows; first += kChunk)
            chunk(sums + first * width(), std::min(kChunk, rows - first), out + first * dim(), unit,
                  held);
    }

  private:
    static constexpr size_t kSpan = kWide * kLanes;

    Panels skip_, inner_;
    size_t hidden_;
    std::vector<float> bias_;
    size_t wide_count_;
    std::vector<float> outer_;  // blocks of 64 columns, row by row

    // Room for a chunk: the hidden numbers of each row that are not zero, by rising index.
    struct Held {
        std::unique_ptr<uint32_t[]> index;
        std::unique_ptr<float[]> value, products, sums;
        std::vector<size_t> count;
        std::vector<uint32_t> splits;  // of a row: where each block of hidden numbers begins

        Held(size_t rows, const Network &made)
            : index(new uint32_t[rows * made.hidden_ + kLanes]),
              value(new float[rows * made.hidden_ + kLanes]),
              products(new float[kLanes * std::max(made.inner_.count, made.skip_.count)]),
              sums(new float[rows * kSpan]), count(rows), splits(rows * (made.blocks() + 1)) {}
    };

    size_t blocks() const { return (hidden_ + kBlock - 1) / kBlock; }

    void chunk(const float *x, size_t rows, float *out, bool unit, Held &held) const {
        std::fill(held.count.begin(), held.count.end(), 0);
        product(inner_, x, rows, held.products.get(),
                [&](size_t row, size_t column, const float *sum) { append(held, row, column, sum); });
        for (size_t i = 0; i < rows; ++i)
            held.splits[i * (blocks() + 1) + blocks()] = static_cast<uint32_t>(held.count[i]);
        product(skip_, x, rows, held.products.get(),
                [&](size_t row, size_t column, const float *sum) {
                    std::copy_n(sum, std::min(kLanes, dim() - column), out + row * dim() + column);
                });
        for (size_t q = 0; q < wide_count_; ++q) {
            const float *wide = outer_.data() + q * hidden_ * kSpan;
            std::fill_n(held.sums.get(), rows * kSpan, 0.0f);
            for (size_t b = 0; b < blocks(); ++b)
                add_active(held.index.get(), held.value.get(), held.splits.data() + b, blocks() + 1,
                           hidden_, rows, wide, held.sums.get());
            const size_t columns = std::min(kSpan, dim() - q * kSpan);
            for (size_t i = 0; i < rows; ++i)
                for (size_t j = 0; j < columns; ++j)
                    out[i * dim() + q * kSpan + j] += held.sums[i * kSpan + j];
        }
        for (size_t i = 0; i < rows; ++i) finish(x + i * width(), out + i * dim(), unit);
    }

    // Gives each row's 16 sums of each panel, by rising column.
    template <typename Give>
    static void product(const Panels &panels, const float *x, size_t rows, float *whole,
                        const Give &give) {
        const size_t depth = panels.rows, tiled = rows - rows % kRows;
        float out[kRows * kLanes];
        for (size_t p = 0; p < panels.count && tiled; ++p)
            for (size_t i = 0; i < tiled; i += kRows) {
                tile_products(x + i * depth, panels.at(p), depth, out);
                for (size_t k = 0; k < kRows; ++k) give(i + k, p * kLanes, out + k * kLanes);
            }
        for (size_t i = tiled; i < rows; ++i) {
            row_products(x + i * depth, panels.at(0), depth, panels.count, whole);
            for (size_t p = 0; p < panels.count; ++p) give(i, p * kLanes, whole + p * kLanes);
        }
    }

    void append(Held &held, size_t row, size_t column, const float *sum) const {
        const size_t columns = std::min(kLanes, hidden_ - column);
        uint32_t *index = held.index.get() + row * hidden_;
        float *value = held.value.get() + row * hidden_;
        size_t count = held.count[row];
        if (column % kBlock == 0)
            held.splits[row * (blocks() + 1) + column / kBlock] = static_cast<uint32_t>(count);
        for (size_t j = 0; j < columns; ++j) {
            const float now = sum[j] + bias_[column + j];
            index[count] = static_cast<uint32_t>(column + j);
            value[count] = now;
            count += !(now <= 0.0f);  // what is no number stays, as it did in the sum
        }
        held.count[row] = count;
    }

    void finish(const float *sums, float *vector, bool unit) const {
        if (std::all_of(sums, sums + width(), [](float x) { return x == 0.0f; }))
            std::fill_n(vector, dim(), 0.0f);
        else if (unit) {
            const double length = std::sqrt(square_sum(vector, dim()));
            if (length != 0.0) divide(vector, dim(), length);
        }
    }
};

}  // namespace network
