// Rows of the lexical encoder's table: their weighted sums, and their products with a text's vector.
#pragma once
#include <cstddef>
#include <cstdint>

#include "clones.h"

namespace rows {

struct Feature {
    int32_t number;
    float weight;
};

typedef float Lanes __attribute__((vector_size(64)));
typedef int32_t Fours __attribute__((vector_size(64)));

// Sums weighted rows: features in order, 64 columns at a time. Multiplication and addition stay
// apart in all clones, so that they give the same bits. Four columns lie in each 32-bit number, and
// shifts take them out: column 4 l + b is lane l of sum b.
ISOGLOSS_CLONES inline void sum_rows(const Feature *found, size_t count, const int8_t *table,
                                     size_t width, float *out) {
    constexpr size_t kAhead = 16;  // rows
    for (size_t j = 0; j < width; j += 64) {
        const size_t columns = width - j < 64 ? width - j : 64;
        Lanes first = {}, second = {}, third = {}, fourth = {};
        for (size_t i = 0; i < count; ++i) {
            if (j == 0 && i + kAhead < count) {
                const int8_t *next = table + static_cast<size_t>(found[i + kAhead].number) * width;
                for (size_t at = 0; at < width; at += 64) __builtin_prefetch(next + at);
                __builtin_prefetch(next + width - 1);
            }
            const int8_t *row = table + static_cast<size_t>(found[i].number) * width + j;
            const float weight = found[i].weight;
            Fours four = {};
            if (columns == 64)
                __builtin_memcpy(&four, row, 64);
            else
                __builtin_memcpy(&four, row, columns);
            first += weight * __builtin_convertvector(four << 24 >> 24, Lanes);
            second += weight * __builtin_convertvector(four << 16 >> 24, Lanes);
            third += weight * __builtin_convertvector(four << 8 >> 24, Lanes);
            fourth += weight * __builtin_convertvector(four >> 24, Lanes);
        }
        float sums[4][16];
        __builtin_memcpy(sums[0], &first, 64);
        __builtin_memcpy(sums[1], &second, 64);
        __builtin_memcpy(sums[2], &third, 64);
        __builtin_memcpy(sums[3], &fourth, 64);
        for (size_t c = 0; c < columns; ++c) out[j + c] = sums[c & 3][c >> 2];
    }
}

// Products of rows with one of 8-bit codes that was widened: whole numbers, exact.
ISOGLOSS_CLONES inline void row_products(const int8_t *const *row, size_t count, size_t width,
                                         const int16_t *with, int32_t *out) {
    for (size_t i = 0; i < count; ++i) {
        int32_t sum = 0;
        for (size_t j = 0; j < width; ++j) sum += static_cast<int16_t>(row[i][j]) * with[j];
        out[i] = sum;
    }
}

constexpr int kMostAmount = 127 * 128 + 127;
constexpr size_t kMostRows = 1024;  // whose sums fit 32 bits, with amounts at their most

// Sums of rows times whole amounts, exact: high and low seven bits of the amounts of four rows lie
// side by side in each number. `groups` such fours; out is (width).
using Sum = void (*)(const int8_t *const *row, const uint32_t *high, const uint32_t *low,
                     size_t groups, size_t width, int32_t *out);

// What goes with the kernel of that name (code_products.h).
Sum sum_for(const char *kernel);

}  // namespace rows
